"""Results of tools as people with notebooks return them: numbers, arrays, tables, models."""

import collections
import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import logging
import sys
import uuid
from collections.abc import Iterator

import pytest

from assistants_client import answer_calls
from assistants_client.models.runs import FunctionCall, RequiredToolCall


def output(value):
    """What the model reads of a function that returns the value."""

    def result() -> object:
        """Looks."""
        return value

    call = RequiredToolCall(id="c", function=FunctionCall(name="result", arguments="{}"))
    return json.loads(answer_calls([call], [result])[0].output)


class Kind(enum.Enum):
    """What there may be."""

    A = "a"


DAY = datetime.date(2026, 1, 31)
ID = uuid.UUID(int=1)


@dataclasses.dataclass
class Row:
    """A line."""

    day: datetime.date
    kind: Kind


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (range(3), [0, 1, 2]),
        ({"a": 1}.values(), [1]),
        ({"b": 1, "a": 2}.keys(), ["b", "a"]),
        ({"b": 1}.items(), [["b", 1]]),
        (collections.deque([1]), [1]),
        ({DAY: {Kind.A: 1}, ID: 2}, {"2026-01-31": {"a": 1}, str(ID): 2}),
        ({Kind.A: [Row(DAY, Kind.A)]}, {"a": [{"day": "2026-01-31", "kind": "a"}]}),
        ({"mean": float("nan"), "most": float("inf")}, {"mean": None, "most": "Infinity"}),
        ({"price": decimal.Decimal("1.10")}, {"price": "1.10"}),
    ],
)
def test_values_of_the_standard_library(value, wanted):
    """Also as keys; what is no number is null, and loses nothing beside it."""
    assert output(value) == wanted


def test_iterators_are_read_once():
    """Whatever is beside them: what is no number, or keys that JSON does not have."""
    for beside, wanted in [
        ({}, {}),
        ({"n": float("nan")}, {"n": None}),
        ({DAY: 1}, {"2026-01-31": 1}),
        ({DAY: float("nan")}, {"2026-01-31": None}),
    ]:
        assert output({"of": (n for n in (1, 2)), **beside}) == {"of": [1, 2], **wanted}
        assert output([map(str, [1]), beside]) == [["1"], wanted]
    assert "yields more than 1000000 items" in output({"n": itertools.count()})["error"]
    assert "TextIOWrapper has no JSON form" in output(sys.__stdout__)["error"]


def test_a_function_that_yields_is_a_tool():
    """Its output is a list, and its errors are its own."""

    def lines(most: int) -> Iterator[str]:
        """Reads lines."""
        yield "a"
        if not most:
            raise LookupError("no such file")

    for most, wanted in [(1, ["a"]), (0, {"error": "LookupError: no such file"})]:
        arguments = json.dumps({"most": most})
        call = RequiredToolCall(id="c", function=FunctionCall(name="lines", arguments=arguments))
        assert json.loads(answer_calls([call], [lines])[0].output) == wanted


def test_numbers_and_arrays_of_numpy():
    """As what is in them, whatever their size."""
    np = pytest.importorskip("numpy")
    for value, wanted in [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        ([np.str_("a")], ["a"]),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.array(5), 5),
        ({np.int64(1): np.arange(2)}, {"1": [0, 1]}),
        (np.datetime64("2026-01-31"), "2026-01-31"),
        (np.array(["2026-01-31", "NaT"], dtype="M8[D]"), ["2026-01-31", None]),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.timedelta64("NaT"), None),
    ]:
        assert output(value) == wanted, repr(value)
    assert "complex128 has no JSON form" in output(np.complex128(1j))["error"]


def test_columns_and_tables_of_pandas():
    """Rows without labels are a list; labels are kept, and rows that share one."""
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"n": [1, 2], "price": [1.5, None]})
    for value, wanted in [
        (table, [{"n": 1, "price": 1.5}, {"n": 2, "price": None}]),
        (table["n"], [1, 2]),
        (table["n"].sum(), 3),
        (table.set_index("n"), {"1": {"price": 1.5}, "2": {"price": None}}),
        (table[table["n"] > 1]["n"], {"1": 2}),
        (pd.Series([1, 2], index=["a", "a"]), {"index": ["a", "a"], "data": [1, 2]}),
        (table.groupby("n").size().to_dict(), {"1": 1, "2": 1}),
        (pd.Timestamp("2026-01-31"), "2026-01-31T00:00:00"),
        ([pd.NaT, pd.NA, pd.Timedelta(seconds=2)], [None, None, 2.0]),
        (pd.Series(pd.to_datetime(["2026-01-31"])), ["2026-01-31T00:00:00"]),
        (pd.Series([1], index=pd.MultiIndex.from_tuples([("a", 1)])), None),
        (pd.Index(["a"]), ["a"]),
        ([pd.Period("2026-01")], ["2026-01"]),
    ]:
        assert output(value) == (wanted or {"index": [["a", 1]], "data": [1]}), repr(value)
    doubled = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert output(doubled) == {"index": [0], "columns": ["a", "a"], "data": [[1, 2]]}


def test_models_of_pydantic_and_msgspec():
    """By their own JSON form, also where they hold what those do not know."""
    pydantic = pytest.importorskip("pydantic")
    msgspec = pytest.importorskip("msgspec")
    np = pytest.importorskip("numpy")

    class Item(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        day: datetime.date
        count: np.int64

    class Order(msgspec.Struct):
        day: datetime.date
        count: object

    for made in (Item(day=DAY, count=np.int64(2)), Order(DAY, np.int64(2))):
        assert output({"of": [made]}) == {"of": [{"day": "2026-01-31", "count": 2}]}


def test_a_result_that_cannot_be_sent_is_named_in_the_log(caplog):
    """Apart from functions that fail; by its type, for the text may hold anything."""
    with caplog.at_level(logging.WARNING):
        assert "bytes has no JSON form" in output(b"x")["error"]
    assert "failed with a result, bytes, that cannot be sent" in caplog.text
