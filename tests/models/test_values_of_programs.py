"""Fields of requests that programs fill with numbers of numpy, days, ids and the like."""

import datetime
import decimal
import enum
import uuid

import pytest

from assistants_client import Client, ConfigurationError, InvalidRequestError, RunRequest
from assistants_client._json.codec import InvalidValueError, encode_request
from assistants_client.models.vector_stores import VectorStoreRequest
from assistants_client.waiting.deadlines import Deadline
from assistants_client.waiting.waiter import Time


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


def test_what_can_be_read_once_is_no_list():
    """Sent again, it would be an empty one."""
    for field in ("tools", "additional_messages"):
        for iterator in ((one for one in ()), iter([]), map(str, [])):
            with pytest.raises(
                InvalidValueError, match=f"'{field}': .* which can be read once only; give a list"
            ):
                sent(**{field: iterator})


def test_what_is_no_list_and_could_be_one():
    """A set has no order, and a list that is fetched none yet."""
    with Client("http://127.0.0.1:9/v1", retries=0) as client:
        for value, name in [({"x"}, "set"), (client.messages.list("thread_1"), "LazyList")]:
            with pytest.raises(InvalidValueError, match=f"got {name}; give a list"):
                sent(additional_messages=value)


def test_numbers_of_other_packages_are_arguments():
    """Seconds, counts and delays may be of numpy, or decimals; they become Python's own."""
    np = pytest.importorskip("numpy")
    ours = {"timeout": np.float32(5), "retries": np.int64(1), "backoff": decimal.Decimal("0.5")}
    with Client("http://127.0.0.1:9/v1", **ours, max_polls_per_second=np.int32(5)) as client:
        assert client._transport.options.retries.attempts == 2
        assert client.with_options(timeout=(np.int64(5), decimal.Decimal(6)))
        assert client.threads.list(limit=np.int64(5), page_size=np.uint8(5))._limit == 5
        assert client.wait_for_runs([], timeout=np.float32(1), stalled_after=np.int8(1))
        for wrong in (np.bool_(True), np.float64("nan"), np.int64(-1), "1", True):
            with pytest.raises(ConfigurationError, match=r"^timeout: "):
                client.wait_for_runs([], timeout=wrong)
    deadline = Deadline("it", np.float32(0.1), Time(lambda: 1e9, lambda _: None))
    assert type(deadline.timeout) is float
    assert deadline.left() == pytest.approx(0.1)


def test_a_generator_that_was_read_is_no_empty_list():
    """Tools and runs are not lost without a word."""

    def tools():
        yield lambda: None

    read = tools()
    list(read)
    with Client("http://127.0.0.1:9/v1", retries=0) as client:
        for name, call in [
            ("tools", lambda: client.ask("thread_1", "?", assistant_id="asst_1", tools=read)),
            (
                "tools",
                lambda: client.wait_for_run(thread_id="thread_1", run_id="run_1", tools=read),
            ),
            ("runs", lambda: client.wait_for_runs(read)),
        ]:
            with pytest.raises(ConfigurationError, match=f"^{name}: this generator was read"):
                call()
        assert list(client.wait_for_runs(run for run in ())) == []


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
