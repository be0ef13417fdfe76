"""One client for many: threads, forked children, copies, and sessions of the user's own."""

import contextlib
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests.adapters import HTTPAdapter
from server import TLS, Store, assistant
from thorough import amount

from assistants_client import Client
from assistants_client.errors import NotFoundError

AUTHORITY = TLS / "authority.pem"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is POSIX's")


def echo(exchange):
    """Answers with the name that was asked for: an answer to another's question shows."""
    exchange.json(assistant(exchange.path.rpartition("/")[2]))


def right_answers(client, who, calls):
    """How many calls were answered, and with the right answer."""
    return sum(
        client.assistants.retrieve(f"asst_{who}_{n}").id == f"asst_{who}_{n}" for n in range(calls)
    )


def in_child(work):
    """Runs work in a forked child; answers a function that waits for its JSON result."""
    reading, writing = os.pipe()
    # Python warns of any fork beside threads; that it is safe here is what the tests show.
    pid = os.fork()
    if pid == 0:
        try:
            result = work()
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)

    def result():
        with open(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(said)

    return result


forks = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@forks
@pytest.mark.parametrize("kind", ["client", "copy", "tls", "session"])
def test_children_share_a_warmed_client(listen, connect, monkeypatch, kind):
    """4 children x 40 calls: 160 right answers, and no connection serves two processes."""
    if kind == "tls":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(AUTHORITY))
    server = listen(echo, tls=kind == "tls")
    with requests.Session() as session:
        client = connect(server, retries=0, **({"session": session} if kind == "session" else {}))
        if kind == "copy":
            client = client.with_options(timeout=7).with_options(params={"a": "b"})
        with ThreadPoolExecutor(4) as pool:  # several connections wait in the pool
            assert sum(pool.map(lambda n: right_answers(client, n, 5), range(4))) == 20

        children = [in_child(lambda who=who: right_answers(client, who, 40)) for who in range(4)]
        own = right_answers(client, "parent", 40)

        assert [child() for child in children] == [40, 40, 40, 40]
        assert own == 40
        assert right_answers(client, "parent", 1) == 1
    users = {}
    for one in server.exchanges[20:]:
        users.setdefault(one.connection, set()).add(one.path.rpartition("/")[2].split("_")[1])
    assert all(len(names) == 1 for names in users.values())
    assert len(users) >= 5


@forks
def test_grandchildren(listen, connect):
    """A child may fork again."""
    client = connect(listen(echo), retries=0)
    right_answers(client, "a", 1)

    def child():
        right_answers(client, "b", 1)
        return in_child(lambda: right_answers(client, "c", 3))() + right_answers(client, "b", 2)

    assert in_child(child)() == 5


@forks
def test_a_fork_while_others_hold_what_is_shared(listen, connect):
    """A thread of the parent's that renews a token, or counts a retry, blocks no child."""

    class Slow:
        """A credential whose server takes its time in the parent."""

        def __init__(self):
            self.asked = threading.Event()
            self.go = threading.Event()
            self.parent = os.getpid()

        def get_token(self, *_):
            self.asked.set()
            if os.getpid() == self.parent:
                self.go.wait(5)

            class Token:
                token = "t"
                expires_on = time.time() + 3600

            return Token

    credential = Slow()
    server = listen(echo)
    with Client.foundry(server.url, credential, retries=0) as client:
        thread = threading.Thread(target=right_answers, args=(client, "parent", 1))
        thread.start()
        credential.asked.wait(5)
        with client._transport._budget._lock:
            child = in_child(lambda: right_answers(client, "child", 2))
            assert child() == 2
        credential.go.set()
        thread.join()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_threads_share_a_client(listen, connect, monkeypatch, tls):
    """All of 32 threads get right answers, over at most as many connections as threads."""
    calls = amount(10, 100)
    if tls:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(AUTHORITY))
    server = listen(echo, tls=tls)
    client = connect(server, retries=0)
    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(lambda who: right_answers(client, who, calls), range(32)))
    assert results == [calls] * 32
    assert server.connections <= 32
    assert len(server.exchanges) == 32 * calls


def test_copies_use_the_same_connection(listen, connect):
    """``with_options`` opens none; closing the copy closes none."""
    server = listen(echo)
    client = connect(server)
    for _ in range(3):
        with client.with_options(timeout=9, headers={"x-y": "z"}) as copy:
            assert copy.assistants.retrieve("asst_a").id == "asst_a"
        assert client.assistants.retrieve("asst_b").id == "asst_b"
    assert server.connections == 1
    assert [one.headers.get("x-y") for one in server.exchanges] == ["z", None] * 3


def test_a_client_closes_its_connections(listen, connect):
    """Close ends them on the wire."""
    ended = threading.Event()

    def script(exchange):
        echo(exchange)
        with contextlib.suppress(Exception):
            exchange.stall()
        ended.set()

    client = connect(listen(script))
    client.assistants.retrieve("asst_a")
    assert not ended.is_set()
    client.close()
    assert ended.wait(5)


def test_a_session_of_the_users(listen, connect):
    """Its headers, authentication, adapters and hooks are honoured, and it stays open."""
    seen = []

    class Adapter(HTTPAdapter):
        closed = False

        def send(self, request, **how):
            seen.append(request.url)
            return super().send(request, **how)

        def close(self):
            self.closed = True
            super().close()

    def sign(request):
        request.headers["X-Signed"] = request.headers.get("Authorization", "")[-4:]
        return request

    server = listen(echo)
    adapter = Adapter()
    with requests.Session() as session:
        session.mount("http://", adapter)
        session.headers["X-Mine"] = "yes"
        session.auth = sign
        session.hooks["response"].append(lambda answer, **_: seen.append(answer.status_code))
        client = connect(server, session=session)
        client.with_options(timeout=3).assistants.retrieve("asst_a")
        client.close()
        assert not adapter.closed
        assert session.get(f"{server.url}/assistants/asst_b").ok
    (one, other) = server.exchanges
    assert one.headers["x-mine"] == "yes"
    assert one.headers["x-signed"] == "test"
    assert one.headers["authorization"] == "Bearer key-of-the-test"
    assert one.connection == other.connection
    assert seen == [f"{server.url}/assistants/asst_a", 200, other.server.url + other.path[3:], 200]


@pytest.mark.parametrize("who", ["hook", "adapter", "replacing_hook"])
def test_a_session_of_the_users_may_read_the_body_first(listen, connect, who):
    """What its hook or adapter has read, or put in its place, is the response."""

    class Reading(HTTPAdapter):
        def send(self, request, **how):
            response = super().send(request, **how)
            assert who != "adapter" or response.content
            return response

    def hook(response, **_):
        assert response.content
        if who == "replacing_hook" and response.ok:
            response._content = response.content.replace(b"asst_a", b"asst_z")

    with requests.Session() as session:
        session.mount("http://", Reading())
        if who != "adapter":
            session.hooks["response"].append(hook)
        client = connect(listen(echo), session=session)
        found = client.assistants.retrieve("asst_a").id
        made = connect(listen(Store()), session=session).assistants.create(model="m")
        refuse = {"error": {"message": "No such assistant", "type": "invalid_request_error"}}
        refused = connect(
            listen(lambda exchange: exchange.json(refuse, status="404 Not Found")), session=session
        )
        with pytest.raises(NotFoundError, match="No such assistant"):
            refused.assistants.retrieve("asst_b")
    assert found == ("asst_z" if who == "replacing_hook" else "asst_a")
    assert made.model == "m"


def test_a_session_of_the_users_gets_a_post_once(listen, connect):
    """A creation through it is no different."""
    store = Store()
    with requests.Session() as session:
        made = connect(listen(store), session=session).assistants.create(model="m", name="ü")
    assert made.name == "ü"
    assert len(store.created) == 1
