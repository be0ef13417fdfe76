"""Fields of requests that programs fill with numbers of numpy, days, ids and the like."""

import datetime
import decimal
import enum
import uuid

import pytest

from assistants_client import Client, InvalidRequestError, RunRequest
from assistants_client._json.codec import InvalidValueError, encode_request
from assistants_client.models.vector_stores import VectorStoreRequest


class Kind(enum.Enum):
    """What there may be."""

    A = "a"


class Odd:
    """Has no JSON form."""


def sent(**fields):
    """What a run's fields are sent as."""
    document = encode_request(RunRequest(assistant_id="asst_1", **fields))
    del document["assistant_id"]
    return document


def test_values_are_sent_by_their_json_form():
    """Then the rules of the field hold: decimals are numbers where it takes some, else text."""
    metadata = {
        "id": uuid.UUID(int=1),
        "day": datetime.date(2026, 1, 31),
        "kind": Kind.A,
        "price": decimal.Decimal("1.20"),
    }
    assert sent(temperature=decimal.Decimal("0.5"), metadata=metadata, instructions=Kind.A) == {
        "temperature": 0.5,
        "metadata": {
            "id": "00000000-0000-0000-0000-000000000001",
            "day": "2026-01-31",
            "kind": "a",
            "price": "1.20",
        },
        "instructions": "a",
    }


def test_numbers_of_numpy_and_columns_of_pandas():
    """A column is a list, whatever its labels."""
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    fields = {
        "max_prompt_tokens": np.int64(300),
        "temperature": np.float32(0.5),
        "top_p": np.float64(0.5),
        "parallel_tool_calls": np.bool_(True),
        "instructions": np.str_("Hi"),
        "extra_body": {"seed": np.int64(3), "of": np.array([1])},
    }
    document = sent(**fields)
    assert document.pop("seed") == 3
    assert document.pop("of") == [1]
    assert document == {
        "max_prompt_tokens": 300,
        "temperature": 0.5,
        "top_p": 0.5,
        "parallel_tool_calls": True,
        "instructions": "Hi",
    }
    assert all(type(one) in {int, float, bool, str} for one in document.values())
    for ids in (np.array(["file_1"]), pd.Series(["file_1"], index=[7])):
        assert encode_request(VectorStoreRequest(file_ids=ids)) == {"file_ids": ["file_1"]}
    with pytest.raises(InvalidValueError, match="'max_prompt_tokens': 0 is below"):
        sent(max_prompt_tokens=np.int64(0))
    with pytest.raises(InvalidValueError, match=r"'metadata\.n': expected a string, got an int"):
        sent(metadata={"n": np.int64(3)})


def test_what_has_no_form_is_named():
    """With its field, also where a server may take anything."""
    with pytest.raises(InvalidValueError, match="'instructions': expected a string, got Odd"):
        sent(instructions=Odd())
    function = {"name": "f", "parameters": {"a": [{"b": Odd()}]}}
    with Client("http://127.0.0.1:9/v1", retries=0) as client:
        for path, fields in [
            (r"of\[0\]", {"extra_body": {"of": [Odd()]}}),
            (
                r"tools\[0\]\.function\.parameters\.a\[0\]\.b",
                {"tools": [{"type": "function", "function": function}]},
            ),
        ]:
            with pytest.raises(InvalidRequestError, match=f"not JSON: {path}: Object of type Odd"):
                client.runs.create("thread_1", assistant_id="asst_1", **fields)
        endless: list[object] = []
        endless.append(endless)
        with pytest.raises(InvalidRequestError, match="contains itself"):
            client.runs.create("thread_1", assistant_id="asst_1", extra_body={"of": endless})
