"""``@tool`` and ``as_tools``: what can be a tool, how it behaves, and what is sent of it."""

# ruff: noqa: D102, D103  # what is undocumented here is so on purpose

import asyncio
import copy
import functools
import inspect
import pickle
from typing import Any

import pytest

from assistants_client import (
    AssistantRequest,
    CodeInterpreterTool,
    ConfigurationError,
    FunctionDefinition,
    FunctionTool,
    RunRequest,
    ToolFunction,
    UnknownTool,
    as_tools,
    tool,
)
from assistants_client._json.codec import encode_request


@tool
def get_weather(city: str, unit: str = "c") -> str:
    """Tells the weather."""
    return f"{city}: 20 {unit}"


class Station:
    """Something with methods."""

    def __init__(self, name: str) -> None:
        self.name = name

    @tool
    def measure(self, city: str) -> str:
        """Measures."""
        return f"{self.name} {city}"

    @tool
    def renamed(self: "Station", name: str) -> "Station":
        """Has annotations that cannot be resolved yet, and need not be."""
        return Station(name)

    @staticmethod
    @tool
    def convert(degrees: float) -> float:
        return degrees * 2

    @classmethod
    def known(cls, city: str) -> str:
        return f"{cls.__name__} {city}"

    def plain(self, city: str) -> str:
        """Is not decorated."""
        return f"{self.name} {city}"

    def __call__(self, city: str) -> str:
        """Is an object that can be called."""
        return f"{self.name} {city}"


def undecorated(city: str) -> str:
    """Is not decorated."""
    return city


def test_a_tool_is_still_the_function():
    """It is called as before, and looks as before."""
    assert get_weather("Oslo") == "Oslo: 20 c"
    assert get_weather(city="Oslo", unit="f") == "Oslo: 20 f"
    assert get_weather.__name__ == "get_weather"
    assert get_weather.__qualname__ == "get_weather"
    assert get_weather.__module__ == __name__
    assert get_weather.__doc__ == "Tells the weather."
    assert list(inspect.signature(get_weather).parameters) == ["city", "unit"]
    assert inspect.unwrap(get_weather) is get_weather.__wrapped__
    with pytest.raises(TypeError, match="town"):
        get_weather(town="Oslo")


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(assistant_id="asst_1", tools=[get_weather]),
        AssistantRequest(model="m", tools=[get_weather]),
    ],
    ids=["run", "assistant"],
)
def test_what_is_sent_of_a_tool(request_):
    """Exactly its type and its definition."""
    assert encode_request(request_)["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "Tells the weather.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "unit": {"type": "string", "default": "c"},
                    },
                    "required": ["city"],
                    "additionalProperties": False,
                },
            },
        }
    ]


def test_a_tool_can_be_told_its_name_description_and_strictness():
    """What is given wins over what the function says."""

    @tool(name="weather-now", description="It rains.", strict=True)
    def function(city: str) -> str:
        """Tells the weather."""
        return city

    assert encode_request(RunRequest(assistant_id="a", tools=[function]))["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather-now",
                "description": "It rains.",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                    "additionalProperties": False,
                },
                "strict": True,
            },
        }
    ]
    assert function("Oslo") == "Oslo"


def test_a_function_that_says_nothing_is_sent_without_a_description():
    """And without parameters it still says so."""

    def nothing(): ...

    assert encode_request(RunRequest(assistant_id="a", tools=[tool(nothing)]))["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "nothing",
                "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
            },
        }
    ]


def test_repr_is_short():
    """Name and parameters, no schema."""
    assert repr(get_weather) == "<tool get_weather(city, unit)>"


def test_a_tool_is_a_key_and_equals_itself_only():
    """Like the function it is."""
    other = tool(get_weather)

    assert {get_weather: 1}[get_weather] == 1
    assert other != get_weather
    assert other.function == get_weather.function
    assert other.__wrapped__ is get_weather.__wrapped__


def test_a_tool_is_pickled_by_name():
    """As functions are; one that cannot be imported cannot be pickled."""

    @tool
    def local(): ...

    assert pickle.loads(pickle.dumps(get_weather)) is get_weather
    assert copy.deepcopy([get_weather]) == [get_weather]
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local)


def test_a_method_knows_its_object():
    """Decorated in the class, it is bound as methods are."""
    station = Station("A")

    assert station.measure("Oslo") == "A Oslo"
    assert Station.measure(station, "Oslo") == "A Oslo"
    assert isinstance(station.measure, ToolFunction)
    assert list(station.measure.function.parameters["properties"]) == ["city"]
    assert list(inspect.signature(station.measure).parameters) == ["city"]
    assert station.measure.read_arguments('{"city": "Oslo"}') == {"city": "Oslo"}
    assert list(station.renamed.function.parameters["properties"]) == ["name"]
    assert station.renamed("B").name == "B"
    assert as_tools([station.measure]) != as_tools([Station("B").measure])


def test_a_method_without_its_object_is_refused():
    """The message says what to give instead."""
    with pytest.raises(
        ConfigurationError, match=r"tools\[0\]: Station\.measure is a method.*thing"
    ):
        as_tools([Station.measure])


def test_other_methods():
    """Bound methods, static methods and class methods are functions like others."""
    station = Station("A")

    assert station.convert(2) == Station.convert(2) == 4
    assert Station.convert.function.name == "convert"
    assert tool(station.plain)("Oslo") == "A Oslo"
    assert tool(station.plain).function.description == "Is not decorated."
    assert list(tool(station.plain).function.parameters["properties"]) == ["city"]
    assert tool(Station.known)("Oslo") == "Station Oslo"
    assert tool(station, name="station")("Oslo") == "A Oslo"
    assert tool(station, name="station").function.description == "Is an object that can be called."


def test_a_tool_that_is_no_method_is_not_bound_to_where_it_hangs():
    """A tool in a class's attribute stays what it is."""

    class Holder:
        weather = get_weather

    assert Holder().weather is get_weather


def test_a_partial_hides_what_it_fixes():
    """The model is asked for the rest."""
    fixed = tool(functools.partial(undecorated_pair, unit="f"))
    first = tool(functools.partial(undecorated_pair, "Oslo"))

    assert fixed.function.name == "undecorated_pair"
    assert list(fixed.function.parameters["properties"]) == ["city"]
    assert fixed(city="Oslo") == ("Oslo", "f")
    assert list(first.function.parameters["properties"]) == ["unit"]
    assert first(unit="c") == ("Oslo", "c")
    assert first.__name__ == "undecorated_pair"
    assert copy.deepcopy(first) is first


def undecorated_pair(city: str, unit: str) -> tuple[str, str]:
    """Returns both."""
    return city, unit


def test_a_wrapped_function_is_what_it_wraps():
    """Decorators that use functools.wraps are looked through."""

    @functools.wraps(undecorated)
    def wrapper(*args: Any, **kwargs: Any) -> str:
        return undecorated(*args, **kwargs) + "!"

    assert tool(wrapper)(city="Oslo") == "Oslo!"
    assert tool(wrapper).function.parameters["properties"] == {"city": {"type": "string"}}


def test_a_lambda_needs_a_name():
    """With one it will do."""
    with pytest.raises(
        ConfigurationError, match=r"a lambda .* has no name; give it one with name="
    ):
        tool(lambda: 1)
    assert tool(lambda: 1, name="one")() == 1


async def answers_later(city: str) -> str:
    """Is async."""
    return city


async def answers_in_parts(city: str):
    """Is async, and a generator."""
    yield city


class Later:
    """An object whose call is async."""

    async def __call__(self, city: str) -> str:
        return city


@pytest.mark.parametrize("function", [answers_later, answers_in_parts, Later()])
def test_async_functions_are_refused(function):
    """The message says what to do."""
    with pytest.raises(ConfigurationError, match=r"async, and this client blocks.*asyncio\.run"):
        tool(function, name="later")


def test_an_async_function_works_as_the_message_says():
    """Wrapped in one that runs it to its end."""

    @tool
    def now(city: str) -> str:
        return asyncio.run(answers_later(city))

    assert now("Oslo") == "Oslo"


def any_number(*cities: str): ...
def any_names(**cities: str): ...
def by_position(city: str, /): ...
def unannotated(city: str, unit): ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (any_number, "function any_number cannot be a tool: parameter 'cities' takes any number"),
        (any_names, "function any_names cannot be a tool: parameter 'cities' takes any number"),
        (by_position, "parameter 'city' is positional only"),
        (unannotated, "parameter 'unit' has no annotation"),
        (lambda city: city, "a lambda"),
        (Station("A"), "has no name; give it one with name="),
        (Station, "is not a function"),
        ("get_weather", "is not a function"),
        (staticmethod(undecorated), "@staticmethod above @tool"),
        (classmethod(undecorated), "tool(Class.method)"),
        (getattr, "function getattr cannot be a tool"),
        (max, "function max cannot be a tool"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(function, words):
    """At decoration, and the message says why."""
    with pytest.raises(ConfigurationError) as caught:
        tool(function)

    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "ü", "x" * 65])
def test_a_name_that_the_protocol_does_not_allow_is_refused(name):
    """Before a server says so."""
    with pytest.raises(ConfigurationError, match="1 to 64 letters"):
        tool(undecorated, name=name)


def test_as_tools_makes_tools_of_functions_and_leaves_the_rest():
    """Whatever may be given as a tool is taken."""
    plain = FunctionTool(function=FunctionDefinition(name="plain"))
    given = [
        get_weather,
        undecorated,
        plain,
        CodeInterpreterTool(),
        {"type": "file_search"},
        {"type": "function", "function": {"name": "other"}},
        UnknownTool(type="odd", raw={"type": "odd"}),
    ]

    made = as_tools(given)

    assert made[0] is get_weather
    assert isinstance(made[1], ToolFunction)
    assert made[1].function.name == "undecorated"
    assert made[2:] == given[2:]
    assert as_tools(iter(())) == []


@pytest.mark.parametrize(
    "other",
    [
        tool(undecorated, name="get_weather"),
        FunctionTool(function=FunctionDefinition(name="get_weather")),
        {"type": "function", "function": {"name": "get_weather"}},
    ],
    ids=["tool", "plain", "json"],
)
def test_two_tools_of_one_name_are_refused(other):
    """The model could not tell them apart."""
    with pytest.raises(
        ConfigurationError, match=r"tools\[1\]: .* another tool called 'get_weather'"
    ):
        as_tools([get_weather, other])


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ([5], r"tools\[0\]: 5 is neither a tool nor a function"),
        ("get_weather", "is not a list of tools"),
        ({"type": "code_interpreter"}, "is not a list of tools"),
        (get_weather, "is not a list of tools"),
    ],
)
def test_what_is_no_list_of_tools_is_refused(tools, words):
    """With its place in the list."""
    with pytest.raises(ConfigurationError, match=words):
        as_tools(tools)
