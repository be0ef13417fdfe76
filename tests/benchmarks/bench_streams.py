"""What a stream costs: this client beside its peers, in one run. Prints ratios; asserts nothing.

    python tests/benchmarks/bench_streams.py

Peers are plain ``requests`` with ``iter_lines`` and ``json``, and ``openai`` where it can be
imported; set ``PEERS_PYTHON`` to an interpreter that has it (and requests, attrs and cattrs) to run
all of it there. Absolute times are the machine's; only the ratios of one run say something. CPU
times are the process's own, the server is another process.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

DELTAS = 20_000
ROUNDS = 3
GOAL = 0.09
#: Events of a stream that pauses between them, and for how long, in seconds.
PAUSES, PAUSE = 40, 0.02
FRAMINGS = ("named", "crlf", "wrapped")


def event(name, document, framing="named"):
    """One event's bytes."""
    if framing == "wrapped":
        return f"data: {json.dumps({'event': name, 'data': document})}\n\n".encode()
    end = "\r\n" if framing == "crlf" else "\n"
    return f"event: {name}{end}data: {json.dumps(document)}{end}{end}".encode()


def run(status):
    """A run's document."""
    return {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": status}


def delta(text, annotations=None):
    """A piece of text."""
    inner = {"value": text} if annotations is None else {"value": text, "annotations": annotations}
    return {
        "id": "msg_abc123",
        "object": "thread.message.delta",
        "delta": {"content": [{"index": 0, "type": "text", "text": inner}]},
    }


def body(framing, count):
    """The events of a stream of deltas, one in twenty with an annotation."""
    begun = {"id": "msg_abc123", "object": "thread.message", "status": "in_progress", "content": []}
    parts = [
        event("thread.run.created", run("queued"), framing),
        event("thread.message.created", begun, framing),
    ]
    for number in range(count):
        marks = None
        if number % 20 == 0:
            mark = {"index": number // 20, "type": "file_citation", "text": "[1]"}
            file = {"file_id": "file_1"}
            marks = [
                {**mark, "start_index": number, "end_index": number + 3, "file_citation": file}
            ]
        parts.append(event("thread.message.delta", delta(f" word{number}", marks), framing))
    parts.append(event("thread.run.completed", run("completed"), framing))
    parts.append(b"event: done\ndata: [DONE]\n\n")
    return parts


# --- the server, another process ------------------------------------------------------------------


def serve():
    """Answers each request with the stream that its thread's id names."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    bodies = {}

    def answer(connection):
        with connection:
            lines = connection.makefile("rb")
            request = lines.readline()
            size = 0
            while (line := lines.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    size = int(line.partition(b":")[2])
            lines.read(size)
            name = request.split(b"/threads/")[1].split(b"/")[0].decode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            if name.startswith("pause"):
                pausing(connection, head, is_chunked="chunked" in name)
                return
            framing, _, count = name.partition("-")
            if name not in bodies:
                bodies[name] = framed(body(framing, int(count)))
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + bodies[name])

    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def framed(parts):
    """A chunk per event, as servers send them."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def pausing(connection, head, *, is_chunked):
    """Each event's text is the time at which it was sent."""
    connection.sendall(
        head + (b"Transfer-Encoding: chunked" if is_chunked else b"Connection: close") + b"\r\n\r\n"
    )

    def send(content):
        if is_chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        connection.sendall(content)

    send(event("thread.run.created", run("queued")))
    for _ in range(PAUSES):
        time.sleep(PAUSE)
        send(event("thread.message.delta", delta(str(time.monotonic()))))
    send(event("thread.run.completed", run("completed")) + b"event: done\ndata: [DONE]\n\n")
    if is_chunked:
        connection.sendall(b"0\r\n\r\n")


# --- who reads ------------------------------------------------------------------------------------


def our_reader(url):
    """This client."""
    from assistants_client import Client

    client = Client(url)

    def read(name):
        for one in client.runs.stream(name, assistant_id="asst_1"):
            text = getattr(one, "text", None)
            if text:
                yield text

    return read


def plain_reader(url):
    """requests, its lines, and json."""
    import requests

    session = requests.Session()

    def read(name):
        with session.post(f"{url}/threads/{name}/runs", json={}, stream=True) as response:
            for line in response.iter_lines():
                if line.startswith(b"data: {"):
                    document = json.loads(line[6:])
                    document = document.get("data", document)
                    if document.get("object") == "thread.message.delta":
                        yield document["delta"]["content"][0]["text"]["value"]

    return read


def openai_reader(url):
    """The stream of openai, without its handler."""
    import openai

    warnings.simplefilter("ignore", DeprecationWarning)
    client = openai.OpenAI(base_url=url, api_key="none")

    def read(name):
        made = client.beta.threads.runs.create(name, assistant_id="asst_1", stream=True)
        for one in made:
            if one.event == "thread.message.delta":
                yield one.data.delta.content[0].text.value

    return read


def readers(url):
    """Those that can be imported, by name."""
    found = {}
    for name, make in (("ours", our_reader), ("plain", plain_reader), ("openai", openai_reader)):
        try:
            found[name] = make(url)
        except ImportError as error:
            print(f"without {name}: {error}")
    return found


def costs(found, framing):
    """Median CPU microseconds of an event for each reader, interleaved."""
    taken = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, read in found.items():
            begun = time.process_time()
            count = sum(1 for _ in read(f"{framing}-{DELTAS}"))
            if count == DELTAS:  # else it does not read this framing
                taken[name].append((time.process_time() - begun) / DELTAS * 1e6)
    return {name: statistics.median(times) for name, times in taken.items() if times}


def delays(read, framing):
    """Milliseconds until each event of a stream that pauses was seen."""
    return [(time.monotonic() - float(text)) * 1e3 for text in read(f"pause_{framing}")]


def quarters(read):
    """CPU microseconds of a delta in each quarter of a stream."""
    times, begun = [], time.process_time()
    for number, _ in enumerate(read(f"named-{DELTAS}"), start=1):
        if number % (DELTAS // 4) == 0:
            now = time.process_time()
            times.append((now - begun) / (DELTAS // 4) * 1e6)
            begun = now
    return times


def main():
    """Prints all of it."""
    server = subprocess.Popen(
        [sys.executable, __file__, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        found = readers(url)
        print(f"CPU µs an event, {DELTAS} deltas, one in twenty with an annotation")
        for framing in FRAMINGS:
            cost = costs(found, framing)
            text = ", ".join(f"{name} {value:.1f}" for name, value in cost.items())
            ratios = ", ".join(
                f"÷ {name} {cost['ours'] / cost[name]:.3f}" for name in cost if name != "ours"
            )
            print(f"  {framing:8} {text}; {ratios} (goal ÷ openai {GOAL})")
        text = ", ".join(f"{value:.1f}" for value in quarters(found["ours"]))
        print(f"CPU µs of a delta in each quarter of the stream: {text}")
        print(f"ms until an event is seen, {PAUSES} events: median, worst")
        for framing in ("chunked", "close"):
            for name, read in found.items():
                late = delays(read, framing)
                print(f"  {framing:8} {name:8} {statistics.median(late):.2f} {max(late):.2f}")
    finally:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    peers = os.environ.get("PEERS_PYTHON")
    if "serve" in sys.argv:
        serve()
    elif peers and not os.environ.get("PEERS_PYTHON_RUNS"):
        env = {**os.environ, "PEERS_PYTHON_RUNS": "1"}
        sys.exit(subprocess.run([peers, __file__], env=env, check=False).returncode)
    else:
        main()
