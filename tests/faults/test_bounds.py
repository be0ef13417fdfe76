"""What a client never does, and what it takes from its environment: TLS, proxies, time."""

import base64
import contextlib
import json
import re
import socket
import ssl
import struct
import threading
import time
import traceback

import pytest
import requests
from requests.adapters import HTTPAdapter
from server import QUICK, TLS, Hangup, Store, assistant, http

from assistants_client import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    Client,
    ConfigurationError,
)
from assistants_client._http.error_hints import about_tls

AUTHORITY = str(TLS / "authority.pem")


def hello(exchange):
    """Answers with an assistant."""
    exchange.json(assistant())


# --- TLS -----------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for_is_refused(listen, connect):
    """Nothing is sent, so a POST leaves no doubt; nobody tries again, and the remedy is named."""
    server = listen(hello, tls=True)
    for call in ("retrieve", "create"):
        with pytest.raises(APIConnectionError, match="issuer certificate; REQUESTS_CA") as caught:
            getattr(connect(server).assistants, call)(
                **({"model": "m"} if call == "create" else {"assistant_id": "asst_a"})
            )
        assert (caught.value.attempts, caught.value.maybe_created) == (1, False)
    assert server.exchanges == []
    assert server.connections == 2


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_ca_bundle_of_the_environment(listen, connect, monkeypatch, variable):
    """It is read once, when the client is made."""
    server = listen(hello, tls=True)
    monkeypatch.setenv(variable, AUTHORITY)
    client = connect(server)
    monkeypatch.delenv(variable)
    assert client.assistants.retrieve("asst_a").id == "asst_a"
    assert client.with_options(timeout=3).assistants.retrieve("asst_a").id == "asst_a"
    with pytest.raises(APIConnectionError):
        connect(server).assistants.retrieve("asst_a")


def test_the_bundle_is_parsed_once(listen, connect, monkeypatch, tmp_path):
    """Not for every connection: it need not even be there any more."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes((TLS / "authority.pem").read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    def script(exchange):
        hello(exchange)
        exchange.hang_up()

    server = listen(script, tls=True)
    client = connect(server)
    bundle.unlink()
    for _ in range(3):
        assert client.assistants.retrieve("asst_a").id == "asst_a"
        time.sleep(0.05)
    assert server.connections == 3


def test_the_name_in_the_certificate_counts(listen, connect, monkeypatch):
    """A trusted certificate for another name is refused."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", AUTHORITY)
    server = listen(hello, tls=True)
    with pytest.raises(APIConnectionError, match=r"127\.1'.*; is the host in the"):
        connect(f"https://127.1:{server.port}/v1").assistants.retrieve("asst_a")
    assert connect(f"https://localhost:{server.port}/v1").assistants.retrieve("asst_a")


@pytest.mark.parametrize("end", ["answers", "closes", "resets", "says nothing"])
def test_a_server_that_speaks_no_tls(connect, end):
    """The message asks for http://; nothing was sent, so a POST leaves no doubt."""
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve():
            connection, _ = plain.accept()
            with connection:
                connection.recv(65536)
                if end == "answers":
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                elif end == "resets":
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                elif end == "says nothing":
                    connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{plain.getsockname()[1]}/v1"
        with pytest.raises(APIConnectionError) as caught:
            connect(url, timeout=(0.2, 0.2)).assistants.create(model="m")
        thread.join()
    assert caught.value.maybe_created is False
    is_late = isinstance(caught.value, APITimeoutError)
    assert is_late is (end == "says nothing")
    assert is_late or "is its address http:// instead of https://?" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "said", "advice"),
    [
        (10, "certificate has expired", "is this machine's clock right?"),
        (18, "self-signed certificate", "REQUESTS_CA_BUNDLE names a file with the authorities to"),
        (64, "IP address mismatch", "is the host in the base URL right?"),
    ],
)
def test_what_helps_with_a_certificate(code, said, advice):
    """Each fault has its own remedy."""
    fault = ssl.SSLCertVerificationError()
    fault.verify_code, fault.verify_message = code, said
    assert about_tls(fault).startswith(f"{said}; {advice}")


def test_a_bundle_that_is_not_there(monkeypatch, tmp_path):
    """It is a fault of the set-up, told when the client is made."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        Client("https://server.test/v1")
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(broken))
    with pytest.raises(ConfigurationError, match=r"broken\.pem"):
        Client("https://server.test/v1")


def test_a_folder_of_certificates(listen, connect, monkeypatch, tmp_path):
    """OpenSSL's other form."""
    (tmp_path / "a.pem").write_bytes((TLS / "authority.pem").read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    # Without OpenSSL's hashed names nothing in it is found, but it is no error either.
    with pytest.raises(APIConnectionError, match="TLS"):
        connect(listen(hello, tls=True)).assistants.retrieve("asst_a")


@pytest.mark.parametrize("end", ["reset", "hang_up"])
def test_a_post_over_tls_that_breaks_is_in_doubt(listen, connect, monkeypatch, end):
    """An error of TLS after the request was sent does not mean that it was not."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", AUTHORITY)

    def cut(exchange, act):
        act()
        getattr(exchange, end)()

    def rubbish(exchange, act):
        act()
        with socket.socket(fileno=exchange._socket.detach()) as bare:
            bare.sendall(b"\x17\x03\x03\x00\x05hello")  # a record that no key has made
            with contextlib.suppress(OSError):
                bare.recv(1)
        raise Hangup

    for fault in (cut, rubbish):
        store = Store(fault)
        with pytest.raises(APIConnectionError) as caught:
            connect(listen(store, tls=True)).assistants.create(model="m")
        assert caught.value.maybe_created
        assert len(store.created) == 1


# --- proxies -------------------------------------------------------------------------------------


class Proxy:
    """A tiny proxy: forwards plain requests, and tunnels for CONNECT. Keeps the request heads."""

    def __init__(self, refusal=b""):
        self.heads = []
        self._refusal = refusal
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near):
        with contextlib.suppress(OSError), near:
            text = b""
            while b"\r\n\r\n" not in text:
                text += near.recv(65536)
            self.heads.append(text.decode())
            if self._refusal:
                near.sendall(self._refusal)
                return
            host, port = re.search(r"(?:CONNECT |http://)([\w.]+):(\d+)", text.decode()).groups()
            with socket.create_connection((host, int(port))) as far:
                self._open.append(far)
                if text.startswith(b"CONNECT"):
                    near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    far.sendall(text.replace(f"http://{host}:{port}".encode(), b"", 1))
                back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
                back.start()
                self._pump(near, far)
                back.join()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        """Ends all connections."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def proxy():
    """Starts proxies."""
    made = []

    def start(**options):
        made.append(Proxy(**options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"])
def test_a_proxy_of_the_environment(listen, connect, proxy, monkeypatch, name):
    """Calls go through it, with its password; the key does not go to it in a tunnel."""
    through = proxy()
    tls = "s" in name.lower()
    monkeypatch.setenv(name, f"http://me:pass@{through.host}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", AUTHORITY)
    server = listen(hello, tls=tls)
    client = connect(server)
    for _ in range(2):
        assert client.assistants.retrieve("asst_a").id == "asst_a"
    assert len(through.heads) == 1  # one connection for both
    [head] = through.heads
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:pass').decode()}" in head
    assert ("key-of-the-test" in head) is not tls
    assert "proxy-authorization" not in server.exchanges[0].headers or not tls


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "127.0.0.0/8"])
def test_no_proxy(listen, connect, proxy, monkeypatch, exception):
    """Exceptions from the proxy are honoured."""
    through = proxy()
    monkeypatch.setenv("HTTP_PROXY", f"http://{through.host}")
    monkeypatch.setenv("NO_PROXY", exception)
    assert connect(listen(hello)).assistants.retrieve("asst_a").id == "asst_a"
    assert through.heads == []


def test_the_environment_is_read_when_the_client_is_made(listen, connect, proxy, monkeypatch):
    """Not for every call, and not for a copy."""
    server = listen(hello)
    client = connect(server)
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy().host}")
    client.assistants.retrieve("asst_a")
    client.with_options(timeout=3).assistants.retrieve("asst_a")
    assert server.connections == 1


def test_a_proxy_that_refuses_a_tunnel(listen, connect, proxy, monkeypatch):
    """The server got nothing: tried again, and no doubt; the proxy's password stays out of it."""
    through = proxy(refusal=b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pa55word@{through.host}")
    server = listen(hello, tls=True)
    with pytest.raises(APIConnectionError, match="it answered 407 ") as caught:
        connect(server).assistants.create(model="m")
    assert (caught.value.attempts, caught.value.maybe_created) == (3, False)
    assert server.connections == 0
    assert "pa55word" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_is_not_there(connect, monkeypatch):
    """The same, and the message says which it is, whence it came and how it is gone around."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"me:pa55word@127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
        with pytest.raises(APIConnectionError) as caught:
            connect("http://server.test/v1").assistants.create(model="m")
    assert str(caught.value) == (
        f"POST /assistants: the proxy {address.partition('@')[2]} did not connect to server.test: "
        "it cannot be reached (the environment names this proxy, in HTTP_PROXY or ALL_PROXY; "
        "NO_PROXY=server.test goes around it) (3 attempts)"
    )
    assert (caught.value.attempts, caught.value.maybe_created) == (3, False)
    assert "pa55word" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_without_an_address(connect, monkeypatch):
    """What is wrong is told, and nothing was sent."""
    monkeypatch.setenv("HTTP_PROXY", "http://")
    with pytest.raises(APIError, match="proxy") as caught:
        connect("http://server.test/v1").assistants.create(model="m")
    assert caught.value.maybe_created is False


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("localhost:3128", "'localhost:3128': it has to begin with http://"),
        ("me:pa55word@proxy.test:3128", "'proxy.test:3128': it has to begin with http://"),
        ("ftp://proxy.test", "'ftp://proxy.test': 'ftp' is not http or https"),
        ('"http://proxy.test"', "'\"http' is not http or https"),
        (" http://proxy.test", "' http' is not http or https"),
        ("http://proxy.test:port", "'http://proxy.test:port': it has to have the form"),
        ("http://proxy.test:99999", "its port is not from 1 to 65535"),
        ("http://[::1", "it has to have the form http://host:port"),
        ("http://me:pa55word@proxy.test:x", "'proxy.test:x': it has to have the form"),
        ("http://me:pa55word#/@proxy.test", "'proxy.test': in its user name and password, / ?"),
    ],
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_one_is_blamed(connect, monkeypatch, name, value, reason):
    """The variable is named with what is wrong in it, and not the server; nothing was sent."""
    monkeypatch.setenv(name, value)
    for session in (None, requests.Session()):
        with pytest.raises(APIConnectionError) as caught:
            connect("http://server.test/v1", session=session).assistants.create(model="m")
        text = str(caught.value)
        assert f"no connection to server.test: {name} in the environment names no proxy" in text
        assert reason in text
        assert "NO_PROXY=server.test goes around it" in text
        assert "pa55word" not in "".join(traceback.format_exception(caught.value))
        assert not caught.value.maybe_created


def test_a_proxy_of_the_session_that_cannot_be_one(connect):
    """No variable is blamed for it, nor the server."""
    session = requests.Session()
    session.proxies = {"http": "http://proxy.test:99999"}
    with pytest.raises(APIConnectionError, match="that of the session's proxy or of a redirect"):
        connect("http://server.test/v1", session=session).assistants.create(model="m")


def test_a_name_that_is_not_found(connect, monkeypatch):
    """It is no server that does not run."""

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(APIConnectionError) as caught:
        connect("http://nope.invalid/v1").assistants.create(model="m")
    assert str(caught.value) == (
        "POST /assistants: no connection to nope.invalid: its name was not found (Name or service "
        "not known); is the base URL right, and the network there? (3 attempts)"
    )


def test_a_proxy_that_breaks_off_leaves_a_doubt(listen, connect, proxy, monkeypatch):
    """What it had passed on by then nobody knows: a POST is not repeated."""
    through = proxy()
    monkeypatch.setenv("HTTP_PROXY", f"http://{through.host}")

    def cut(exchange, act):
        act()
        exchange.reset()

    store = Store(cut)
    with pytest.raises(APIConnectionError) as caught:
        connect(listen(store)).assistants.create(model="m")
    assert caught.value.maybe_created
    assert len(store.created) == 1


# --- what is not sent ----------------------------------------------------------------------------


def test_netrc_is_ignored(listen, connect, monkeypatch, tmp_path):
    """A password for the host in ~/.netrc neither replaces the key nor is sent without one."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = listen(hello)
    with requests.Session() as session:
        for options in ({}, {"api_key": None}, {"session": session}):
            connect(server, **options).assistants.retrieve("asst_a")
    assert [one.headers.get("authorization") for one in server.exchanges] == [
        "Bearer key-of-the-test",
        None,
        "Bearer key-of-the-test",
    ]


def test_cookies_are_not_sent_back(listen, connect):
    """Neither after an answer nor after a refusal or a redirect."""
    statuses = ["200 OK", "400 No", "302 Found", "200 OK", "200 OK"]

    def script(exchange):
        status = statuses[len(server.exchanges) - 1]
        cookie = ("Set-Cookie: a=b; Path=/", "Location: /v1/assistants/asst_b")
        exchange.send(http(json.dumps(assistant()).encode(), *cookie, status=status))

    server = listen(script)
    client = connect(server)
    for _ in statuses:
        with contextlib.suppress(APIStatusError):
            client.assistants.retrieve("asst_a")
    assert len(server.exchanges) == len(statuses)
    assert all("cookie" not in one.headers for one in server.exchanges)


def test_the_body_of_a_redirect_is_not_waited_for(listen, connect):
    """It may be long, or never end; where it leads is told, without a query."""

    def script(exchange):
        location = "Location: http://elsewhere.test/v1?token=secret"
        exchange.send(http(b"", location, status="302 Found")[:-4] + b"\r\nX-Y: z\r\n\r\n")

    with pytest.raises(APIStatusError, match=r"redirect to elsewhere\.test;") as caught:
        connect(listen(script)).assistants.retrieve("asst_a")
    assert "secret" not in str(caught.value)

    def endless(exchange):
        exchange.send(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 999999999\r\n\r\n")
        exchange.stall()

    begun = time.monotonic()
    with pytest.raises(APIStatusError):
        connect(listen(endless), timeout=(1, 60)).assistants.retrieve("asst_a")
    assert time.monotonic() - begun < 10


# --- time ----------------------------------------------------------------------------------------


def test_time_to_connect_and_time_to_read_are_two(listen, connect):
    """A short one for the connection does not shorten the wait for the answer, nor the reverse."""

    def slow(exchange):
        time.sleep(0.3)
        hello(exchange)

    server = listen(slow)
    assert connect(server, timeout=(0.1, 5)).assistants.retrieve("asst_a").id == "asst_a"
    with pytest.raises(APITimeoutError, match="no response"):
        connect(server, timeout=(5, 0.1), retries=0).assistants.retrieve("asst_a")


def test_time_to_connect(connect):
    """A host whose queue is full answers no handshake."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        begun = time.monotonic()
        with pytest.raises(APITimeoutError, match="no connection") as caught:
            connect(
                f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeout=(0.2, 60)
            ).assistants.create(model="m")
        assert 0.6 <= time.monotonic() - begun < 10
        assert (caught.value.attempts, caught.value.maybe_created) == (3, False)
        for one in waiting:
            one.close()


@pytest.mark.parametrize("timeout", [float("inf"), (float("inf"), 5), (5, float("inf")), 5, 0.5])
def test_timeouts_that_make_sense(listen, connect, timeout):
    """Seconds, a pair of them, and an endless wait, which must be spelled out."""
    assert connect(listen(hello), timeout=timeout).assistants.retrieve("asst_a").id == "asst_a"


@pytest.mark.parametrize(
    "timeout", [None, 0, -1, float("nan"), "5", True, (5,), (5, None), (1, 2, 3), [5, 5]]
)
def test_timeouts_that_make_none(timeout):
    """None would be an endless wait by oversight."""
    with pytest.raises(ConfigurationError, match="timeout"):
        Client("http://server.test/v1", timeout=timeout)


def test_http_adapter_send_is_requests_own(connect):
    """Programs are tested with fakes in its place, such as those of ``responses``."""
    session = connect("http://server.test/v1")._transport._session
    adapter = session.get_adapter("http://server.test/v1")
    assert isinstance(adapter, HTTPAdapter)
    assert type(adapter).send is HTTPAdapter.send
    assert adapter.max_retries.policy == QUICK
