"""The decoder: the HTML standard's rules case by case, any cutting, and bounds."""

import itertools
import re
import time

import pytest
from hypothesis import given, strategies as st
from stream_kit import RECORDINGS, decode_stream

from assistants_client._http.sse import (
    EventTooLargeError,
    ServerSentEvent,
    SseDecoder,
    encode_event,
)


def decoded(*blocks):
    """The events of a whole stream, as (event, data, id)."""
    return [tuple(event[:3]) for event in decode_stream(blocks)]


STANDARD = {
    "name_and_data": (b"event: a\ndata: b\n\n", [("a", "b", "")]),
    "data_alone": (b"data: b\n\n", [("", "b", "")]),
    "crlf": (b"event: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", [("a", "b", ""), ("", "c", "")]),
    "cr": (b"event: a\rdata: b\r\rdata: c\r\r", [("a", "b", ""), ("", "c", "")]),
    "line_ends_mixed": (
        b"data: a\r\ndata: b\rdata: c\n\r\n\ndata: d\n\r",
        [("", "a\nb\nc", ""), ("", "d", "")],
    ),
    "cr_before_crlf": (b"data: a\r\r\ndata: b\r\n\r", [("", "a", ""), ("", "b", "")]),
    "byte_order_mark": (b"\xef\xbb\xbfdata: a\n\n", [("", "a", "")]),
    "one_byte_order_mark_only": (
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [("", "b", "")],
    ),
    "byte_order_mark_later": (b"data: \xef\xbb\xbfa\n\n", [("", "\ufeffa", "")]),
    "comment": (b": ping\n\n: ping - 12:00\ndata: a\n:\n\n", [("", "a", "")]),
    "several_data_lines": (b"data: a\ndata: b\ndata:\ndata: c\n\n", [("", "a\nb\n\nc", "")]),
    "the_standard_s_stock_example": (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [("", "YHOO\n+2\n10", "")],
    ),
    "the_standard_s_empty_example": (
        b"data\n\ndata\ndata\n\ndata:",
        [("", "", ""), ("", "\n", ""), ("", "", "")],
    ),
    "one_leading_space": (
        b"data:a\n\ndata: a\n\ndata:  a\n\n",
        [("", "a", ""), ("", "a", ""), ("", " a", "")],
    ),
    "colons_in_the_value": (b"data: a: b:c\n\n", [("", "a: b:c", "")]),
    "field_without_colon": (b"event: a\nevent\ndata: b\n\n", [("", "b", "")]),
    "field_names_are_exact": (
        b"Data: a\n data: b\ndata : c\ndatas: d\ndata: e\n\n",
        [("", "e", "")],
    ),
    "unknown_field": (b"foo: bar\ndata: a\n\n", [("", "a", "")]),
    "retry": (b"retry: 100\n\nretry: x\ndata: a\n\n", [("", "a", "")]),
    "last_name_counts": (b"event: a\nevent: b\ndata: c\n\n", [("b", "c", "")]),
    "name_is_of_one_event": (b"event: a\ndata: b\n\ndata: c\n\n", [("a", "b", ""), ("", "c", "")]),
    "name_without_data": (b"event: a\n\ndata: b\n\n", [("", "b", "")]),
    "id_stays": (
        b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
        [("", "a", "1"), ("", "b", "1"), ("", "c", "")],
    ),
    "id_without_data": (b"id: 1\n\ndata: a\n\n", [("", "a", "1")]),
    "id_with_nul": (b"id: 1\nid: 2\0\ndata: a\n\n", [("", "a", "1")]),
    "nul_elsewhere": (b"data: a\0b\n\n", [("", "a\0b", "")]),
    "other_line_separators": (
        "data: a\u2028b\u0085c\x0bd\n\n".encode(),
        [("", "a\u2028b\u0085c\x0bd", "")],
    ),
    "invalid_utf8": (b"data: a\xff\xc3\n\ndata: b\n\n", [("", "a\ufffd\ufffd", ""), ("", "b", "")]),
    "empty_lines": (b"\n\n\n\ndata: a\n\n\n\n\n", [("", "a", "")]),
    "nothing": (b"", []),
    # Not as the standard has it: servers leave the last empty line out.
    "no_empty_line_at_the_end": (
        b"data: a\n\nevent: b\ndata: c\n",
        [("", "a", ""), ("b", "c", "")],
    ),
    "no_line_end_at_the_end": (b"data: a\n\nevent: b\ndata: c", [("", "a", ""), ("b", "c", "")]),
}


@pytest.mark.parametrize("case", STANDARD)
@pytest.mark.parametrize("size", [10_000, 1, 2, 3])
def test_the_rules_of_event_streams(case, size):
    """Each rule holds, for a stream in one block and in small ones."""
    content, expected = STANDARD[case]
    assert decoded(*(content[i : i + size] for i in range(0, len(content), size))) == expected


def test_a_character_may_be_split():
    """Bytes of one character that come apart belong together."""
    content = "data: ä🎈\n\n".encode()
    for cut in range(len(content)):
        assert decoded(content[:cut], content[cut:]) == [("", "ä🎈", "")]


def test_no_bytes_between_the_two_of_a_line_end():
    """A block without any is not what comes after a CR."""
    assert decoded(b"data: a\r", b"", b"\ndata: b\r\n\r\n") == [("", "a\nb", "")]


def test_what_is_left_at_the_end_is_marked():
    """An event without its empty line says so: it may have been cut."""
    first, last = decode_stream([b"data: a\n\ndata: b"])
    assert first == ServerSentEvent("", "a")
    assert last == ServerSentEvent("", "b", is_complete=False)


def test_an_event_is_there_with_its_last_byte():
    """Nothing is held back: not by LF, and not by a CR that an LF may follow."""
    for end in (b"\n\n", b"\r\r", b"\r\n\r", b"\n\r"):
        decoder = SseDecoder()
        assert decoder.feed(b"data: a" + end[:-1]) == []
        assert [event.data for event in decoder.feed(end[-1:])] == ["a"]


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"data: a",
                b"data:",
                b"data",
                b"event: x",
                b"id: 1",
                b"id: \0",
                b"",
                b":c",
                b"retry: 1",
            ]
        ),
        st.binary(max_size=6),
    ).flatmap(lambda line: st.sampled_from([b"\n", b"\r", b"\r\n"]).map(lambda end: line + end)),
    max_size=20,
)


def by_the_book(content):
    """The standard's algorithm, line by line and without haste."""
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    name, data, last = "", [], ""
    events = []
    for line in [*re.split("\r\n|\n|\r", text), ""]:
        if not line:
            if data:
                events.append((name, "\n".join(data), last))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last = value
    return events


@given(st.sampled_from([b"", b"\xef\xbb\xbf"]), LINES, st.binary(max_size=5), st.data())
def test_any_stream_however_it_is_cut(mark, lines, rest, data):
    """Whole, byte by byte and cut anywhere, the events are those of the standard's algorithm."""
    content = mark + b"".join(lines) + rest
    expected = by_the_book(content)
    places = data.draw(st.lists(st.integers(0, len(content)), max_size=8).map(sorted))
    bounds = [0, *places, len(content)]
    assert decoded(content) == expected
    assert decoded(*(content[i : i + 1] for i in range(len(content)))) == expected
    assert decoded(*(content[a:b] for a, b in itertools.pairwise(bounds))) == expected


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_recordings_however_they_are_cut(name, end):
    """A recorded stream gives the same events in blocks of any size, with any line end."""
    content = RECORDINGS[name].body().replace(b"\n", end)
    expected = decoded(RECORDINGS[name].body())
    for size in (*range(1, 40), 1000, 4096):
        assert decoded(*(content[i : i + size] for i in range(0, len(content), size))) == expected


@given(
    st.text(alphabet=st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=50)
)
def test_what_is_encoded_is_decoded(data):
    """The engine's events come back as they were; a line's end within the data may be any."""
    assert decoded(encode_event("a", data)) == [("a", data, "")]


def test_an_event_that_never_ends_is_refused():
    """Neither an endless line nor endless lines are gathered without bound."""
    for piece in (b"x" * 100, b": ping\n" * 10, b"data: x\n"):
        decoder = SseDecoder(max_event_bytes=1000)
        for _ in range(1000 // len(piece) + 1):
            assert decoder.feed(piece) == []
        with pytest.raises(EventTooLargeError, match="1000 bytes"):
            decoder.feed(piece)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"], ids=["lf", "crlf"])
def test_a_large_event_in_small_pieces_costs_no_more_for_being_large(end):
    """Four times the size takes about four times as long, not sixteen times."""

    def seconds(size):
        # The CR of a first event makes the decoder look for all line ends.
        decoder = SseDecoder()
        decoder.feed(b"data: a" + end)
        piece = b"x" * 16
        began = time.process_time()
        for _ in range(size // 16):
            decoder.feed(piece)
        assert decoder.feed(end) == []
        return time.process_time() - began

    small = min(seconds(300_000) for _ in range(3))
    large = min(seconds(1_200_000) for _ in range(3))
    assert large < 10 * small
