"""What type checkers know of tools. It is checked by mypy and pyright, and never run.

A line that must be an error is marked as one that is ignored: the checkers report a mark that is
not needed.
"""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import assert_type

from assistants_client import (
    AssistantRequest,
    Client,
    FunctionTool,
    JsonObject,
    RequiredToolCall,
    RunRequest,
    Tool,
    ToolError,
    ToolFunction,
    ToolOutput,
    answer_calls,
    as_tools,
    tool,
)


@tool
def get_weather(city: str, *, days: int = 1) -> list[float]:
    """Tells the weather."""
    return [float(len(city))] * days


@tool(name="renamed", description="Does it.", strict=True)
def configured(city: str) -> str:
    """Tells the weather."""
    return city


class Station:
    """Something with methods."""

    @tool
    def measure(self, city: str, days: int = 1) -> float:
        """Measures."""
        return len(city) * days

    @staticmethod
    @tool
    def convert(degrees: float) -> float:
        """Converts."""
        return degrees


def undecorated(city: str) -> str:
    """Is not decorated."""
    return city


def forgetful(call: RequiredToolCall) -> None:
    """Forgets to answer."""


def a_tool_keeps_its_signature(station: Station) -> None:
    """It returns what it returned, and takes what it took."""
    assert_type(get_weather("Oslo", days=2), list[float])
    assert_type(configured("Oslo"), str)
    assert_type(tool(undecorated)("Oslo"), str)
    assert_type(tool(undecorated, name="other")("Oslo"), str)
    assert_type(station.measure("Oslo", days=2), float)
    assert_type(station.measure(city="Oslo"), float)
    assert_type(Station.measure(station, "Oslo"), float)
    assert_type(Station.convert(2.0), float)
    assert_type(get_weather.function.name, str)
    plain: Callable[[str], str] = configured
    plain("Oslo")


def a_wrong_call_is_an_error(station: Station) -> None:
    """As it is for the function."""
    get_weather(5)  # type: ignore[arg-type]
    get_weather()  # type: ignore[call-arg]
    get_weather("Oslo", 2)  # type: ignore[call-arg]
    get_weather("Oslo", hours=2)  # type: ignore[call-arg]
    configured(city=5)  # type: ignore[arg-type]
    station.measure(5)  # type: ignore[arg-type]
    station.measure("Oslo", "Bergen")  # type: ignore[arg-type]
    tool(5)  # type: ignore[call-overload]
    tool(name=5)  # type: ignore[call-overload]


def a_tool_is_given_as_a_tool(client: Client, station: Station) -> None:
    """Wherever tools are wanted."""
    as_one: FunctionTool = get_weather
    as_any: ToolFunction[..., object] = get_weather
    client.assistants.create(model="m", tools=[get_weather, station.measure, as_one, as_any])
    client.runs.create("thread_1", assistant_id="a", tools=[get_weather])
    RunRequest(assistant_id="a", tools=[get_weather, {"type": "code_interpreter"}])
    AssistantRequest(model="m", tools=[get_weather])
    RunRequest(assistant_id="a", tools=[undecorated])
    client.runs.stream("thread_1", assistant_id="a", tools=[get_weather, undecorated])
    client.runs.submit_tool_outputs_stream("thread_1", "run_1", [], tools=[undecorated])
    client.runs.create("thread_1", assistant_id="a", tools=[5])  # type: ignore[list-item]
    AssistantRequest(model="m", tools=[undecorated])  # type: ignore[list-item]


def calls_are_answered(calls: list[RequiredToolCall], error: ToolError) -> None:
    """With functions or tools, and with options of the right types only."""
    assert_type(as_tools([get_weather, undecorated]), list[Tool | JsonObject])
    assert_type(answer_calls(calls, [get_weather, undecorated]), list[ToolOutput])
    kept: dict[str, str] = {}
    answer_calls(calls, [get_weather], journal=kept, run_id="run_1", parallel=4)
    answer_calls(calls, [get_weather], journal="journal.db", run_id="run_1")
    answer_calls(calls, [get_weather], approve=lambda call: call.function.name == "x" or "no")
    answer_calls(calls, [get_weather], on_tool_error="ignore")  # type: ignore[arg-type]
    answer_calls(calls, [get_weather], approve=forgetful)  # type: ignore[arg-type]
    assert_type(error.tool_call, RequiredToolCall | None)
