"""What calls cost: this client beside its peers, in one run. Prints ratios; asserts nothing.

    python tests/benchmarks/bench_client.py

Peers are plain ``requests`` with ``json``, and ``openai`` where it can be imported; set
``PEERS_PYTHON`` to an interpreter that has it (and requests, attrs and cattrs) to run all of it
there. Absolute times are the machine's; only the ratios of one run say something. CPU times are
the process's own, the server is another process.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(HERE))

ROUNDS = 9
#: What each work may cost, as a part of openai's and of plain requests' cost.
GOALS = {
    "import and construct": (0.20, None),
    "... first run retrieved": (0.16, None),
    "retrieve a run": (0.40, 1.0),
    "create a message": (0.42, 1.0),
    "decode 100 messages": (0.16, 2.0),
    "fetch 100 messages": (0.22, None),
    "32 threads, a call": (1 / 3, None),
    "new TLS connection": (0.8, None),
}


def cpu(work, count):
    """CPU seconds of this process for one of ``count`` calls."""
    begun = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - begun) / count


def wall_of_threads(work, threads, each):
    """Wall seconds for one of all calls, made by many threads at once."""

    def many(_):
        for _ in range(each):
            work()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(many, range(threads)))  # warm
        begun = time.perf_counter()
        list(pool.map(many, range(threads)))
    return (time.perf_counter() - begun) / (threads * each)


def compared(works, measure, rounds=ROUNDS):
    """Medians by peer; their rounds take turns, so that all see the same machine."""
    for work in works.values():
        measure(work)
    times = {peer: [] for peer in works}
    for _ in range(rounds):
        for peer, work in works.items():
            times[peer].append(measure(work))
    return {peer: statistics.median(values) for peer, values in times.items()}


def ours(url, secure):
    """This client's works."""
    from canned_server import PAGE

    from assistants_client import Client
    from assistants_client._json.codec import decode
    from assistants_client.models.lists import Page
    from assistants_client.models.messages import Message

    client = Client(url, api_key="k")
    text = json.dumps(PAGE)

    # One client for all: a new connection is what a long-lived program makes now and then.
    tls = Client(secure, api_key="k")

    def tls_call():
        tls.close()
        tls.runs.retrieve("thread_abc123", "run_abc123")

    return {
        "retrieve a run": lambda: client.runs.retrieve("thread_abc123", "run_abc123"),
        "create a message": lambda: client.messages.create(
            "thread_abc123", role="user", content="Solve 3x + 11 = 14"
        ),
        "decode 100 messages": lambda: decode(Page[Message], json.loads(text)),
        "fetch 100 messages": lambda: list(client.messages.list("thread_abc123", limit=100)),
        "new TLS connection": tls_call,
    }


def plain(url, secure):
    """The same with requests and json alone."""
    import requests
    from canned_server import PAGE
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.headers["Authorization"] = "Bearer k"
    session.mount("http://", HTTPAdapter(pool_maxsize=100))
    text = json.dumps(PAGE)
    thread = f"{url}/threads/thread_abc123"
    content = {"role": "user", "content": "Solve 3x + 11 = 14"}
    tls = requests.Session()

    def tls_call():
        tls.close()
        tls.get(f"{secure}/threads/thread_abc123/runs/run_abc123").json()

    return {
        "retrieve a run": lambda: session.get(f"{thread}/runs/run_abc123", timeout=60).json(),
        "create a message": lambda: session.post(
            f"{thread}/messages", json=content, timeout=60
        ).json(),
        "decode 100 messages": lambda: json.loads(text),
        "fetch 100 messages": lambda: session.get(f"{thread}/messages?limit=100").json()["data"],
        "new TLS connection": tls_call,
    }


def openai(url, secure):
    """The same with openai, or nothing where it is not installed."""
    try:
        from openai import DefaultHttpxClient, OpenAI
        from openai._models import construct_type
        from openai.pagination import SyncCursorPage
        from openai.types.beta.threads import Message
    except ImportError:
        return {}
    import ssl
    import warnings

    from canned_server import PAGE

    warnings.simplefilter("ignore", DeprecationWarning)
    threads = OpenAI(base_url=url, api_key="k").beta.threads
    text = json.dumps(PAGE)

    trusted = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])

    def tls_call():
        # It cannot drop a connection; its context is shared, as it would be in a long-lived client.
        with DefaultHttpxClient(verify=trusted) as http:
            client = OpenAI(base_url=secure, api_key="k", http_client=http)
            client.beta.threads.runs.retrieve("run_abc123", thread_id="thread_abc123")

    return {
        "retrieve a run": lambda: threads.runs.retrieve("run_abc123", thread_id="thread_abc123"),
        "create a message": lambda: threads.messages.create(
            "thread_abc123", role="user", content="Solve 3x + 11 = 14"
        ),
        "decode 100 messages": lambda: construct_type(
            type_=SyncCursorPage[Message], value=json.loads(text)
        ),
        "fetch 100 messages": lambda: list(threads.messages.list("thread_abc123", limit=100)),
        "new TLS connection": tls_call,
    }


CONSTRUCT = {
    "ours": "import assistants_client as a; c = a.Client({url!r}, api_key='k')",
    "plain": "import requests; s = requests.Session()",
    "openai": "import openai; c = openai.OpenAI(base_url={url!r}, api_key='k')",
}
RETRIEVE = {
    "ours": "; c.runs.retrieve('thread_abc123', 'run_abc123')",
    "plain": "; s.get({url!r} + '/threads/thread_abc123/runs/run_abc123').json()",
    "openai": "; c.beta.threads.runs.retrieve('run_abc123', thread_id='thread_abc123')",
}


def programs(then, url, peers):
    """Wall seconds of fresh interpreters that import, construct, and do some more."""
    with tempfile.TemporaryDirectory() as compiled:
        # Compiled files for all alike: an installer leaves them behind, a checkout may have none.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def wall(program):
            begun = time.perf_counter()
            command = [sys.executable, "-W", "ignore", "-c", program]
            subprocess.run(command, check=True, cwd=ROOT, env=environment)
            return time.perf_counter() - begun

        works = {peer: (CONSTRUCT[peer] + then.get(peer, "")).format(url=url) for peer in peers}
        times = compared(works, wall, rounds=5)
        idle = statistics.median(wall("pass") for _ in range(5))
    return {peer: time - idle for peer, time in times.items()}


def row(name, times):
    """One line: absolute times, ratios, goals."""
    own = times["ours"]
    cells = [f"{name:23}", f"{own * 1e6:10.0f} us"]
    for peer, goal in zip(("openai", "plain"), GOALS[name], strict=True):
        if peer in times:
            ratio = own / times[peer]
            aim = f"(goal {goal:.2f}{'' if ratio <= goal else ' MISSED'})" if goal else ""
            cells.append(f"{ratio:6.2f} of {peer} {aim:20}")
    print("  ".join(cells), flush=True)


def main():
    """Runs and prints everything."""
    os.environ["REQUESTS_CA_BUNDLE"] = str(HERE.parent / "faults" / "tls" / "authority.pem")
    with subprocess.Popen(
        [sys.executable, str(HERE / "canned_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        ports = server.stdout.readline().split()
        url, secure = f"http://127.0.0.1:{ports[0]}/v1", f"https://127.0.0.1:{ports[1]}/v1"
        peers = {"ours": ours(url, secure), "plain": plain(url, secure)}
        if theirs := openai(url, secure):
            peers["openai"] = theirs
        row("import and construct", programs({}, url, peers))
        row("... first run retrieved", programs(RETRIEVE, url, peers))
        counts = {"retrieve a run": 300, "create a message": 300, "new TLS connection": 20}
        for name in peers["ours"]:
            works = {peer: works[name] for peer, works in peers.items()}
            row(name, compared(works, partial(cpu, count=counts.get(name, 20))))
        works = {peer: works["retrieve a run"] for peer, works in peers.items()}
        row("32 threads, a call", compared(works, lambda work: wall_of_threads(work, 32, 20), 5))
        server.stdin.close()
    if "openai" not in peers:
        print("openai is not installed here: set PEERS_PYTHON to an interpreter that has it")


if __name__ == "__main__":
    other = os.environ.pop("PEERS_PYTHON", "")
    if other:
        sys.exit(subprocess.call([other, *sys.argv]))
    main()
