"""Contents of messages: parts, annotations and their offsets, data within texts."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from assistants_client.transfer.importing.contents import Contents

PNG = b"\x89PNG" + bytes(range(256)) * 16
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def made_of(content: object, **options: Any) -> tuple[list[dict[str, Any]], list[str], Contents]:
    """The parts, the codes of losses, and the rest."""
    codes: list[str] = []
    contents = Contents(lambda code, *_: codes.append(code), **options)
    return contents.parts(content), codes, contents


def text(value: object, *annotations: object) -> dict[str, Any]:
    """A part of text."""
    return {"type": "text", "text": {"value": value, "annotations": list(annotations)}}


def mark(words: str, start: object, end: object) -> dict[str, Any]:
    """A citation."""
    citation = {"type": "file_citation", "text": words, "file_citation": {"file_id": "file-1"}}
    return {**citation, "start_index": start, "end_index": end}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, []),
        ([], []),
        ("Hello", [text("Hello")]),
        (["Hello", None], [text("Hello")]),
        ([{"type": "text", "text": "Hello"}], [text("Hello")]),
        ([text(None)], [text("")]),
        ([{"type": "refusal", "refusal": "No."}], [{"type": "refusal", "refusal": "No."}]),
        ([{"type": "thinking", "x": 1}], [{"type": "thinking", "x": 1}]),
    ],
)
def test_parts_without_loss(content: object, expected: object) -> None:
    """What has a meaning in the protocol has it here."""
    assert made_of(content)[:2] == (expected, [])


@pytest.mark.parametrize(
    "content",
    [
        5,
        [5],
        [{"text": "no type"}],
        [{"type": "image_file", "image_file": {}}],
        [{"type": "image_url", "image_url": None}],
    ],
)
def test_parts_that_mean_nothing_are_dropped(content: object) -> None:
    """Each is reported."""
    assert made_of(content)[:2] == ([], ["part_dropped"])


def test_annotations_that_fit_are_kept() -> None:
    """Offsets count characters; without any, or without a text of its own, nothing contradicts."""
    words = "\U0001f9a6 see [0]"
    kept = [mark("[0]", 6, 9), mark("", 3, 3), mark("[0]", None, None)]
    parts, codes, contents = made_of([text(words, *kept)])
    assert (parts, codes) == ([text(words, *kept)], [])
    assert contents.named == [("file-1", "citation_without_file")] * 3


@pytest.mark.parametrize(
    ("start", "end"), [(7, 10), (9, 12), (-3, 2), (3, 1), ("6", "9"), (6, None), (6.0, 9.0)]
)
def test_annotations_that_do_not_fit_are_dropped_and_the_text_stays(
    start: object, end: object
) -> None:
    """Such as offsets in UTF-16 or in bytes, or behind a text that was changed."""
    words = "\U0001f9a6 see [0]"
    parts, codes, _ = made_of([text(words, mark("[0]", start, end), 7)])
    assert (parts, codes) == ([text(words)], ["annotation_dropped"] * 2)


def test_links_are_kept_and_noted() -> None:
    """Nothing is fetched, wherever it leads."""
    links = [
        {"type": "image_url", "image_url": {"url": "http://localhost:1/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": "https://example.com/b.png"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    parts, codes, _ = made_of(links)
    assert codes == ["link_not_fetched"] * 2
    assert parts[1]["image_url"] == {"url": "https://example.com/b.png"}
    assert [parts[0], parts[2]] == [links[0], links[2]]


def test_long_data_within_a_text_becomes_a_file_and_a_link() -> None:
    """Marks behind it move along; short data stays where it is."""
    words = f"Before ![plot]({URL}) [0] and data:image/png;base64,AAAA"
    start = words.index("[0]")
    parts, codes, contents = made_of([text(words, mark("[0]", start, start + 3))])
    [file] = contents.made
    assert (file.content, codes) == (PNG, [])
    link = f"sandbox:/mnt/data/{file.filename}"
    value = parts[0]["text"]["value"]
    assert value == f"Before ![plot]({link}) [0] and data:image/png;base64,AAAA"
    cited, path = parts[0]["text"]["annotations"]
    assert value[cited["start_index"] : cited["end_index"]] == "[0]"
    assert value[path["start_index"] : path["end_index"]] == link
    assert path["file_path"] == {"file_id": file.id}
    assert set(cited) == set(mark("", 0, 0))


@pytest.mark.parametrize("url", [URL.replace(";base64", ""), URL[:-3] + "=A=="])
def test_data_that_cannot_be_read_stays_in_its_text(url: str) -> None:
    """It is the text of somebody."""
    parts, codes, contents = made_of(url)
    assert (parts, codes, contents.made) == ([text(url)], [], [])


def test_an_archive_keeps_data_in_texts() -> None:
    """It is to come out again as it came in."""
    assert made_of(URL, takes_data=False)[0] == [text(URL)]
