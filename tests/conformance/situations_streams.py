"""How streams of every sort come about, each read to its end."""

from __future__ import annotations

from collections.abc import Callable

from conformance_kit import Gate, Json, World
from situations_objects import FINE_SEARCH, FUNCTION, INTERPRETER, SEARCH
from situations_runs import CALL, CITING, CUT, FAILING, IMAGE, LOGS, SILENT, TEXT, USAGE, with_store

from assistants_client.engine import CODE_INTERPRETER, Script, call

TEXT_AND_CODE: list[Script] = [
    ["I compute.", call(CODE_INTERPRETER, code="print(6 * 7)"), USAGE],
    ["It is 42.", USAGE],
]
MANY_WORDS: list[Script] = [["Wörter, one after another.", USAGE]]


def stream(
    legs: list[Script], *tools: object, on_new_thread: bool = False
) -> Callable[[World], Json]:
    """A run's stream, on a thread that was there or with a new one."""

    def make(world: World) -> Json:
        body = {"assistant_id": world.assistant(legs, tools=tools)["id"], "stream": True}
        if on_new_thread:
            body["thread"] = {"messages": [{"role": "user", "content": "Hello"}]}
            return world.stream("/threads/runs", body)
        return world.stream(f"{world.thread()}/runs", body)

    return make


def _functions(world: World) -> Json:
    """Both legs of a run on a new thread."""

    def make() -> Json:
        gate = Gate()
        legs = [CALL, [gate, "It is ", "warm.", USAGE]]
        first = stream(legs, FUNCTION, on_new_thread=True)(world)
        run = first["last"]["thread.run.requires_action"]
        [asked] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        path = f"/threads/{run['thread_id']}/runs/{run['id']}"
        body = {
            "tool_outputs": [{"tool_call_id": asked["id"], "output": "warm"}],
            "stream": True,
        }
        world.clock.skip(3)
        gate.open()
        second = world.stream(f"{path}/submit_tool_outputs", body)
        queued = second["first"]["thread.run.queued"]
        going = second["first"]["thread.run.in_progress"]
        second["queued with the old started_at"] = queued["started_at"] == run["started_at"]
        second["in_progress with a new started_at"] = going["started_at"] > run["started_at"]
        second["expires_at unchanged"] = going["expires_at"] == run["expires_at"]
        return {"first": first, "second": second}

    made: Json = world.once("a stream of two legs", make)
    return made


def _text(world: World) -> Json:
    """With how its events are written down."""
    told = stream(MANY_WORDS)(world)
    told["non-ASCII is raw"] = "Wörter" in told["text"]
    told["JSON is compact"] = '":"' in told["text"] and '": "' not in told["text"]
    return told


def _search(tool: Json) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        body = {"assistant_id": with_store(world, tool, legs=CITING), "stream": True}
        return world.stream(f"{world.thread()}/runs", body)

    return make


def _error(world: World) -> Json:
    """A stream that cannot go on: its thread is deleted under it."""
    gate = Gate()
    thread = world.thread()
    body = {"assistant_id": world.assistant([[gate, "Late."]])["id"], "stream": True}

    def delete() -> None:
        gate.reached()
        world.send("DELETE", thread)
        gate.open()

    told = world.stream(f"{thread}/runs", body, during=delete)
    told["from the error on"] = told["order"][told["order"].index("error") :]
    return told


SITUATIONS: dict[str, Callable[[World], object]] = {
    "stream of text": _text,
    "stream of text, no token told": stream(["Hello there."]),
    "stream with a new thread": stream(TEXT, on_new_thread=True),
    "stream of functions, first leg": lambda world: _functions(world)["first"],
    "stream of functions, second leg": lambda world: _functions(world)["second"],
    "stream of code": stream(LOGS, INTERPRETER),
    "stream of code without output": stream(SILENT, INTERPRETER),
    "stream of code with an image": stream(IMAGE, INTERPRETER),
    "stream of text, code and text": stream(TEXT_AND_CODE, INTERPRETER),
    "stream of file_search": _search(SEARCH),
    "stream of file_search, set up": _search(FINE_SEARCH),
    "stream of a run that fails": stream(FAILING),
    "stream of a run that fails, new thread": stream(FAILING, on_new_thread=True),
    "stream of a run that is cut short": stream(CUT),
    "stream that ends in an error": _error,
}
