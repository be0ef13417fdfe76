"""Models of pydantic 1, also those that pydantic 2 has beside its own (``pydantic.v1``)."""

import datetime
import json
import sys
from typing import Annotated, ClassVar, List, Optional  # noqa: UP035 - such programs do so

import pytest

from assistants_client import ConfigurationError, answer_calls, tool
from assistants_client._json.codec import encode_request
from assistants_client.models.run_requests import RunRequest
from assistants_client.models.runs import FunctionCall, RequiredToolCall

if sys.version_info >= (3, 14):
    pytest.skip("pydantic 1 does not work on Python 3.14", allow_module_level=True)
pytest.importorskip("pydantic")
try:
    from pydantic import v1 as pydantic
except ImportError:
    import pydantic

DAY = datetime.date(2026, 1, 31)


class Part(pydantic.BaseModel):
    """A part."""

    on: datetime.date


class Item(pydantic.BaseModel):
    """An article."""

    sku: str = pydantic.Field(description="The article.")
    quantity: int = pydantic.Field(1, ge=1, le=10)
    parts: List[Part] = []  # noqa: UP006 - as such programs write it


class Node(pydantic.BaseModel):
    """Contains itself."""

    name: str
    below: Optional["Node"] = None


Node.update_forward_refs()


def taking(annotation, default=...):
    """A tool with one parameter, and how it reads a value of it."""

    def function(value): ...

    function.__annotations__ = {"value": annotation}
    if default is not ...:
        function.__defaults__ = (default,)
    made = tool(function)
    return made, lambda value: made.read_arguments(json.dumps({"value": value}))["value"]


def test_models_are_described_and_read_by_their_own_rules():
    """Also within lists, in each other, and in themselves."""
    for annotation, value, wanted in [
        (Item, {"sku": "a", "parts": [{"on": "2026-01-31"}]}, Item(sku="a", parts=[Part(on=DAY)])),
        (list[Item], [{"sku": "a"}], [Item(sku="a")]),
        (Item | None, None, None),
        (Node, {"name": "a", "below": {"name": "b"}}, Node(name="a", below=Node(name="b"))),
        (pydantic.conint(ge=1), 5, 5),
    ]:
        made, read = taking(annotation)
        schema = json.dumps(made.function.parameters)
        names = set(made.function.parameters["$defs"])
        used = {each.split('"')[0] for each in schema.split("#/$defs/")[1:]}
        assert used == names, annotation
        assert "definitions" not in schema
        assert read(value) == wanted


def test_what_breaks_a_model_is_named():
    """With its path."""
    for annotation, value, words in [
        (Item, {"sku": "a", "quantity": 11}, r"value\.quantity: ensure this value is less than"),
        (Item, {"sku": "a", "parts": [{}]}, r"value\.parts\[0\]\.on: field required"),
        (pydantic.conint(ge=1), 0, r"value: ensure this value is greater than or equal to 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            taking(annotation)[1](value)


def test_strict_mode_says_what_is_missing():
    """It wants to know of each field whether it may be null."""

    def order(item: Item) -> None:
        """Orders."""

    words = r"'item': .*pydantic 1 .*strict mode; .*pydantic 2"
    with pytest.raises(ConfigurationError, match=words):
        tool(order, strict=True)


def test_fields_beside_a_type_and_as_defaults():
    """Their limits are sent and kept, whatever they are called there."""
    for limits, good, bad in [
        ({"gt": 0}, 1, 0),
        ({"min_items": 2}, [1, 2], [1]),
        ({"regex": "^a"}, "ab", "b"),
    ]:
        for default in (False, True):
            field = pydantic.Field(..., **limits) if default else pydantic.Field(**limits)
            kind = list[int] if type(good) is list else type(good)
            made, read = taking(kind, field) if default else taking(Annotated[kind, field])
            assert made.function.parameters["required"] == ["value"]
            assert read(good) == good
            with pytest.raises(ValueError, match="value: "):
                read(bad)
    for field, wanted in [(pydantic.Field(5), 5), (pydantic.Field(default_factory=list), [])]:
        made, _ = taking(type(wanted), field)
        assert "required" not in made.function.parameters
        assert made.read_arguments("{}") == {"value": wanted}


def test_results_and_fields_of_requests():
    """By their own JSON form, also where they hold what that does not know."""

    class Amount(pydantic.BaseModel):
        class Config:
            arbitrary_types_allowed = True
            json_encoders: ClassVar = {datetime.date: lambda day: day.year}

        on: datetime.date
        of: object = 1

    def result() -> object:
        """Looks."""
        return {"made": [made]}

    for made in (Amount(on=DAY), Item(sku="a")):
        document = json.loads(made.json())
        call = RequiredToolCall(id="c", function=FunctionCall(name="result", arguments="{}"))
        assert json.loads(answer_calls([call], [result])[0].output) == {"made": [document]}
        request = RunRequest(assistant_id="asst_1", extra_body={"their": made})
        assert encode_request(request)["their"] == document
    np = pytest.importorskip("numpy")
    made = Amount(on=DAY, of=np.int64(3))
    output = json.loads(answer_calls([call], [result])[0].output)
    assert output == {"made": [{"on": "2026-01-31", "of": 3}]}


def test_a_model_is_a_field_of_a_request():
    """In the place of the class of the same form."""

    class Function(pydantic.BaseModel):
        name: str
        parameters: dict

    tools = [{"type": "function", "function": Function(name="f", parameters={})}]
    document = encode_request(RunRequest(assistant_id="asst_1", tools=tools))
    assert document["tools"][0]["function"] == {"name": "f", "parameters": {}}
