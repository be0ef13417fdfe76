"""An event is there as soon as the server has sent it, and each costs the same."""

import json
import statistics
import time

import pytest
from stream_kit import PLAIN, SSE_HEAD, CallsInMemory, run, sse, stream_in_memory, text_delta
from thorough import amount

from assistants_client.models.events import Done

#: A server's event is seen within this many seconds, long before the next is sent.
AT_ONCE = 0.005
PAUSE = 0.02
DELTAS = amount(8_000, 20_000)


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_an_event_is_seen_at_once(server, client, framing):
    """The server sends an event and pauses, again and again; nothing waits for a block to fill."""
    sent = []

    def script(connection):
        kind = b"Transfer-Encoding: chunked" if framing == "chunked" else b"Connection: close"
        connection.sendall(SSE_HEAD + kind + b"\r\n\r\n")
        for event in PLAIN.legs[0]:
            time.sleep(PAUSE)
            body = sse(*event)
            if framing == "chunked":
                body = b"%x\r\n%b\r\n" % (len(body), body)
            sent.append(time.perf_counter())
            connection.sendall(body)

    def lateness():
        sent.clear()
        server.scripts = [script]
        *events, done = (
            (event, time.perf_counter())
            for event in client.runs.stream("thread_1", assistant_id="asst_1")
        )
        assert done[0] == Done()
        # Each beside its own sending: one that waits for the next to come would be late.
        return [seen - at for (_, seen), at in zip(events, sent, strict=True)]

    # The machine may be busy; a reader that holds events back is late each time.
    assert min(statistics.median(lateness()) for _ in range(3)) < AT_ONCE


def deltas(count):
    """A stream's bytes with so many deltas, one in twenty with an annotation."""
    yield sse("thread.run.in_progress", run("in_progress"))
    for number in range(count):
        more = {}
        if number % 20 == 0:
            mark = {"index": number // 20, "type": "file_citation", "text": "[1]"}
            more["annotations"] = [{**mark, "file_citation": {"file_id": "file_1"}}]
        yield sse("thread.message.delta", text_delta(1, f"word {number} ", **more))
    yield sse("thread.run.completed", run("completed"))


def test_a_delta_costs_the_same_at_the_start_and_at_the_end():
    """Thousands of deltas: the last quarter takes no more than about as long as the first."""
    content = b"".join(deltas(DELTAS))

    class Calls(CallsInMemory):
        def next_blocks(self):
            return (content[i : i + 65536] for i in range(0, len(content), 65536))

    def quarters():
        stream = stream_in_memory(Calls())
        next(stream)
        times = []
        for _ in range(4):
            began = time.process_time()
            for _ in range(DELTAS // 4):
                next(stream)
            times.append(time.process_time() - began)
        assert [type(event).__name__ for event in stream] == ["RunCompleted", "Done"]
        [made] = stream.messages
        assert len(made.text) == sum(len(f"word {n} ") for n in range(DELTAS))
        assert len(made.citations) == DELTAS // 20
        return times[-1] / times[0]

    # Were each delta merged into a dump of the whole, this would be about seven.
    assert min(quarters() for _ in range(3)) < 2.5


def test_a_long_text_said_again_is_not_compared_each_time():
    """A call whose id comes with every piece is not joined anew for each of them."""
    from assistants_client.models.run_steps import RunStep
    from assistants_client.streaming.snapshots import Snapshots

    def seconds(count):
        piece = {"index": 0, "id": "c", "type": "function", "function": {"arguments": '"abcdefg"'}}
        change = {"step_details": {"type": "tool_calls", "tool_calls": [piece]}}
        snapshots = Snapshots(RunStep)
        began = time.process_time()
        for _ in range(count):
            snapshots.add("step_1", json.loads(json.dumps(change)))
        return time.process_time() - began

    assert min(seconds(20_000) for _ in range(2)) < 12 * min(seconds(5_000) for _ in range(2))
