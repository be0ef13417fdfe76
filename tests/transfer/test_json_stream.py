"""JSON that comes in pieces gives the same values however it is cut, and however large it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st

from assistants_client.transfer.reading import json_stream
from assistants_client.transfer.reading.json_stream import JsonReader, LongArray, LongObject


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces of this size."""
    return (text[at : at + size] for at in range(0, len(text), size))


def walked(node: Any) -> Any:
    """The value that a node is, with what is long in it walked to its end."""
    if isinstance(node, LongArray):
        return [walked(one) for one in node]
    if isinstance(node, LongObject):
        return {name: walked(one) for name, one in node}
    return node


def values(text: str, size: int) -> tuple[list[Any], JsonReader]:
    """The values of a text, and what the reader says afterwards."""
    reader = JsonReader(pieces(text, size))
    return [walked(one) for one in reader.values()], reader


DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "content", "a b", "messages", "é"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(
    documents=st.lists(DOCUMENTS, min_size=1, max_size=4),
    size=st.integers(1, 40),
    whole=st.sampled_from([1, 30, 1000]),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_values_do_not_depend_on_the_cuts(
    documents: list[Any], size: int, whole: int, indent: int | None, ascii_only: bool
) -> None:
    """Nor on how much of them is read whole."""
    text = "\n".join(json.dumps(one, indent=indent, ensure_ascii=ascii_only) for one in documents)
    before = json_stream.WHOLE
    json_stream.WHOLE = whole  # type: ignore[misc]  # smaller than any test could fill
    try:
        found, reader = values(text, size)
    finally:
        json_stream.WHOLE = before  # type: ignore[misc]  # as above
    assert found == documents
    assert reader.failure is None


@given(document=st.lists(DOCUMENTS, min_size=1, max_size=4), data=st.data())
def test_a_text_that_was_cut_is_known(document: list[Any], data: st.DataObject) -> None:
    """Its end is missing, and the elements that are whole are there."""
    text = json.dumps(document)
    found, reader = values(text[: data.draw(st.integers(1, len(text) - 1))], 7)

    assert reader.is_truncated
    [start] = found
    assert document[: max(len(start) - 1, 0)] == start[:-1]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_are_counted(size: int) -> None:
    """The line is that of the value that was read last."""
    reader = JsonReader(pieces('{"a": 1}\n\n[2,\n3]\n"x"', size))

    assert [(reader.line, value) for value in reader.values()] == [
        (1, {"a": 1}),
        (3, [2, 3]),
        (5, "x"),
    ]


@pytest.mark.parametrize("name", ["content", "mapping", "metadata"])
def test_what_belongs_to_one_object_is_not_taken_apart(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """However long it is; only past a limit of its own is it refused."""
    monkeypatch.setattr(json_stream, "WHOLE", 10)
    text = json.dumps({name: ["x" * 50], "data": ["y" * 50]})

    [found] = [
        [(key, isinstance(value, LongArray), walked(value)) for key, value in node]
        for node in JsonReader(pieces(text, 5)).values()
    ]

    assert found == [(name, False, ["x" * 50]), ("data", True, ["y" * 50])]
    monkeypatch.setattr(json_stream, "MOST", 20)
    reader = JsonReader(pieces(text, 5))
    assert [walked(one) for one in reader.values()] == [{}]
    assert reader.failure == "a value has more than 20 characters"


@pytest.mark.parametrize(
    "text",
    ['{"a" 1, "b": 2} more text', "{1: 2}   more text", '{"a": nope, "b": 1}'],
)
def test_what_is_no_json_is_no_truncation(text: str) -> None:
    """The failure says what was expected."""
    _, reader = values(text, 100)

    assert reader.failure
    assert not reader.is_truncated
