"""A stream is cut anywhere: it never ends as if the run were over, and no text is lost."""

import os

import pytest
from stream_kit import (
    RECORDINGS,
    CallsInMemory,
    check_whole,
    chunked,
    close_delimited,
    follow,
    sse,
    stream_in_memory,
    text_of,
)
from thorough import amount

from assistants_client import APIResponseError, StreamInterruptedError
from assistants_client._http import response_bodies
from assistants_client._json.codec import decode
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run

FRAMINGS = {"chunked": chunked, "close": close_delimited}
#: One offset in so many. STREAMS_EVERY_OFFSET=1 takes every one over a socket, which takes minutes.
IN_MEMORY = amount(31, 1)
OVER_SOCKET = 1 if os.environ.get("STREAMS_EVERY_OFFSET") else amount(149, 37)

each_recording = pytest.mark.parametrize("name", RECORDINGS)
each_framing = pytest.mark.parametrize("framing", FRAMINGS)


def in_memory(recording, bodies, *, breaks, resume):
    """A stream whose requests are answered with these bytes; a cut one ``breaks`` or just ends."""
    requests = []

    def blocks(body):
        yield body
        if breaks:
            raise APIResponseError("cut short")

    def known(part):
        return recording.known(len(requests) - 1)[part]

    messages = {m["id"]: decode(Message, m) for m in recording.messages}

    class Calls(CallsInMemory):
        def next_blocks(self):
            requests.append(1)
            return blocks(bodies[len(requests) - 1])

        def poll(self, thread_id, run_id):
            return decode(Run, known(0)), {}

        def steps(self, run):
            return [decode(RunStep, step) for step in known(1)]

        def message(self, run, message_id):
            return messages[message_id]

        def messages(self, run):
            return [decode(Message, m) for m in known(2)]

    return stream_in_memory(Calls(), resume=resume)


def cuts(recording):
    """Each request's number and each place within its stream, save where the run is over."""
    for leg, events in enumerate(recording.legs):
        body = recording.body(leg, done=False)
        for offset in range(0, len(body) - len("\n\n"), IN_MEMORY):
            yield leg, offset, body
        assert body.endswith(sse(*events[-1]))


def whole_events(body, offset, *, breaks):
    """How many events came whole; at the end of a stream the last may lack its empty line."""
    return body[: offset if breaks else offset + len("\n\n")].count(b"\n\n")


@each_recording
@pytest.mark.parametrize("breaks", [True, False])
def test_cut_anywhere_and_resumed(name, breaks):
    """Wherever a request's stream is cut, the run's end and all its text arrive, once."""
    recording = RECORDINGS[name]
    for leg, offset, body in cuts(recording):
        bodies = [recording.body(n) for n in range(len(recording.legs))]
        bodies[leg] = body[:offset]
        stream = in_memory(recording, bodies, breaks=breaks, resume=True)
        events, error = follow(stream)
        if leg == 0 and not whole_events(body, offset, breaks=breaks):
            assert isinstance(error, StreamInterruptedError)
            assert error.run is None
            assert error.events == events == []
        else:
            assert error is None
            check_whole(stream, events, recording)


@each_recording
def test_cut_anywhere_and_not_resumed(name):
    """Without resuming, every cut raises, with everything that came before it."""
    recording = RECORDINGS[name]
    for leg, offset, body in cuts(recording):
        breaks = bool(offset % 2)
        bodies = [recording.body(n) for n in range(len(recording.legs))]
        bodies[leg] = body[:offset]
        stream = in_memory(recording, bodies, breaks=breaks, resume=False)
        events, error = follow(stream)
        assert isinstance(error, StreamInterruptedError)
        assert error.events == events
        assert error.run == stream.run
        assert recording.text.startswith(text_of(events))
        earlier = sum(map(len, recording.legs[:leg]))
        assert len(events) == earlier + whole_events(body, offset, breaks=breaks)


def test_chunks_cut_anywhere_read_alike_in_both_ways(server, client, monkeypatch):
    """With or without urllib3's own ``read1``, the same events come, and the same error."""
    recording = RECORDINGS["plain"]
    body = b"".join(sse(*event) for event in recording.legs[0][:4])
    answer = chunked(body)
    begin = answer.index(b"\r\n\r\n") + len("\r\n\r\n")
    for offset in [*range(begin, len(answer), 23), len(answer)]:
        outcomes = []
        for of_socket in (response_bodies._of_socket, lambda _: None):
            monkeypatch.setattr(response_bodies, "_of_socket", of_socket)
            server.scripts = [answer[:offset]]
            stream = client.runs.stream("thread_1", assistant_id="asst_1", resume=False)
            events, error = follow(stream)
            outcomes.append((events, type(error), str(error), type(error.__cause__)))
        monkeypatch.undo()
        assert outcomes[0] == outcomes[1]


@each_recording
@each_framing
@pytest.mark.parametrize("resume", [True, False], ids=["resumed", "not_resumed"])
def test_the_connection_is_cut(server, client, name, framing, resume):
    """Over a socket too, a cut stream is made good, or raises."""
    recording = RECORDINGS[name]
    frame = FRAMINGS[framing]
    for leg in range(len(recording.legs)):
        answer = frame(recording.body(leg, done=False))
        begin = answer.index(b"\r\n\r\n") + len("\r\n\r\n")
        # Past the last event's data there is nothing left to lose.
        end = answer.rindex(b"}")
        for offset in range(begin + len(framing), end, OVER_SOCKET):
            server.knows(recording)
            server.scripts = [
                answer[:offset] if n == leg else frame(recording.body(n))
                for n in range(len(recording.legs))
            ]
            stream = client.runs.stream("thread_1", assistant_id="asst_1", resume=resume)
            events, error = follow(stream)
            if resume and events:
                assert error is None
                check_whole(stream, events, recording)
            else:
                assert isinstance(error, StreamInterruptedError)
                assert error.events == events
                assert recording.text.startswith(text_of(events))


def test_a_cut_within_the_head_is_no_stream(server, client):
    """An answer that has no head raises as any request that is not answered."""
    server.scripts = [b"HTTP/1.1 200 OK\r\nContent-Ty"]
    events, error = follow(client.runs.stream("thread_1", assistant_id="asst_1"))
    assert events == []
    assert error is not None
