"""What one ``assistants serve`` bears: first words under load, and open streams. Asserts nothing.

    python tests/benchmarks/bench_serving.py [USERS [STREAMS]]

Users who ask at the same moment wait for a model that thinks two seconds before its first word:
printed is the ratio to what the model itself needs, asked by as many at once. Then streams are
opened that all stay open, and the server's memory is read (Linux alone). The model and the server
are processes of their own; users are threads of this one, and share the machine's cores with both.
"""

import asyncio
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
THINKS = 2.0  # seconds before the first word
PIECES, PAUSE = 20, 0.05
#: A question with this word is answered by one word, and by the rest when its time has come.
LONG, LASTS = "long", 90.0
GOAL_RATIO, GOAL_MB = 1.2, 400
PATIENCE = 300


# --- the model, another process -------------------------------------------------------------------


async def model():
    """Answers each request of the chat-completions API, word by word."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=2000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def answer(reader, writer):
    """One connection; it is closed after its answer."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])
        asked = await reader.readexactly(size)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Connection: close\r\n\r\n")
        await asyncio.sleep(THINKS)
        for number in range(PIECES):
            delta = {"choices": [{"index": 0, "delta": {"content": f"word{number} "}}]}
            writer.write(f"data: {json.dumps(delta)}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(LASTS / PIECES if LONG.encode() in asked else PAUSE)
        writer.write(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


# --- who asks -------------------------------------------------------------------------------------


def post(port, path, document, timeout=PATIENCE):
    """A connection and its response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    body = json.dumps(document)
    connection.request("POST", f"/v1{path}", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    return connection, response


def first_word(response, mark):
    """Reads until the line that holds the first word."""
    for line in response:
        if mark in line:
            return
    raise AssertionError("no word came")


def ask_model(port, barrier):
    """Seconds to the model's own first word."""
    barrier.wait()
    begun = time.monotonic()
    connection, response = post(port, "/chat/completions", {"messages": [], "stream": True})
    first_word(response, b"word0")
    took = time.monotonic() - begun
    response.read()
    connection.close()
    return took


def ask(port, assistant, barrier, question="short"):
    """Seconds to the first word that the engine tells."""
    thread = {"messages": [{"role": "user", "content": question}]}
    asked = {"assistant_id": assistant, "stream": True, "thread": thread}
    barrier.wait()
    begun = time.monotonic()
    connection, response = post(port, "/threads/runs", asked)
    first_word(response, b"word0")
    took = time.monotonic() - begun
    response.read()
    connection.close()
    return took


def at_once(users, act):
    """What all of them see who act at the same moment."""
    barrier, seen = threading.Barrier(users), []
    threads = [threading.Thread(target=lambda: seen.append(act(barrier))) for _ in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == users, f"{users - len(seen)} of {users} got no word"
    return sorted(seen)


def told(seconds):
    """Minimum, median, the worst of a hundred, maximum, for people."""
    worst = seconds[int(len(seconds) * 0.99)]
    return (
        f"min {seconds[0]:.2f}  p50 {statistics.median(seconds):.2f}  p99 {worst:.2f}  "
        f"max {seconds[-1]:.2f} s"
    )


def memory(pid, name="VmRSS"):
    """In MB."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def cpu(pid):
    """Seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_streams(pid, port, assistant, number):
    """Opens streams that stay open, and tells what they cost the server."""
    thread = {"messages": [{"role": "user", "content": LONG}]}
    asked = {"assistant_id": assistant, "stream": True, "thread": thread}
    opened, begun, before = [], time.monotonic(), memory(pid)
    for _ in range(number):
        opened.append(post(port, "/threads/runs", asked))
    took = time.monotonic() - begun
    for _, response in opened:
        response.readline()
    time.sleep(THINKS + 1)
    used, begun = cpu(pid), time.monotonic()
    calls = []
    for _ in range(20):
        at = time.monotonic()
        post(port, "/threads", {})[0].close()
        calls.append(time.monotonic() - at)
        time.sleep(0.25)
    share = (cpu(pid) - used) / (time.monotonic() - begun)
    threads = re.search(r"Threads:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]
    print(f"{number} streams opened in {took:.1f} s; memory {before:.0f} -> {memory(pid):.0f} MB, "
          f"at most {memory(pid, 'VmHWM'):.0f} (goal: below {GOAL_MB}); {threads} threads; "
          f"{share:.0%} of a core; another call meanwhile: {told(sorted(calls))}")  # fmt: skip
    for connection, response in opened:
        response.close()
        connection.close()


def started(command, pattern, **more):
    """A process, and what it says first."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, found[1]
    raise AssertionError(f"{command} does not serve")


def serve(model_port, folder, workers):
    """The server on a free port."""
    command = [sys.executable, "-m", "assistants_client", "serve", "--port", "0"]
    command += ["--model-url", f"http://127.0.0.1:{model_port}/v1", "--model", "m"]
    command += [] if workers is None else ["--workers", str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process, port = started(
        command,
        r"base_url = http://127\.0\.0\.1:(\d+)/v1",
        cwd=folder,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    connection, response = post(int(port), "/assistants", {"model": "m"})
    assistant = json.loads(response.read())["id"]
    connection.close()
    return process, int(port), assistant


def main(users=100, streams=1000):
    """Both figures."""
    model_process, model_port = started([sys.executable, __file__, "model"], r"(\d+)")
    try:
        own = at_once(users, lambda barrier: ask_model(int(model_port), barrier))
        print(f"the model alone, {users} at once: {told(own)}")
        for workers in (None, users, 0):
            with tempfile.TemporaryDirectory() as folder:
                process, port, assistant = serve(model_port, folder, workers or None)
                try:
                    if workers == 0:
                        open_streams(process.pid, port, assistant, streams)
                        continue
                    at_once(1, lambda barrier: ask(port, assistant, barrier))  # noqa: B023
                    seen = at_once(users, lambda barrier: ask(port, assistant, barrier))  # noqa: B023
                    ratio = statistics.median(seen) / statistics.median(own)
                    print(
                        f"{users} users, {workers or 'default'} workers: {told(seen)}; "
                        f"{ratio:.2f} x the model's own at the median (goal: {GOAL_RATIO})"
                    )
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(60)
    finally:
        model_process.kill()
        model_process.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["model"]:
        asyncio.run(model())
    else:
        main(*map(int, sys.argv[1:]))
