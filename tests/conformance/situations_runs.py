"""How runs and their steps come to each of their states, looked at over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance_kit import Gate, Json, World
from situations_objects import FINE_SEARCH, FUNCTION, INTERPRETER, SEARCH, page_facts

from assistants_client.engine import (
    CODE_INTERPRETER,
    FILE_SEARCH,
    Finish,
    LanguageModelError,
    Script,
    TokenUsage,
    call,
)

USAGE = TokenUsage(prompt_tokens=40, completion_tokens=12, cached_tokens=0, reasoning_tokens=0)
CALL = [call("get_weather", city="Paris"), USAGE]
TEXT: list[Script] = [["Hello there.", USAGE]]
#: By a model that does not tell its tokens apart.
ROUGH: list[Script] = [["Hello there.", TokenUsage(prompt_tokens=40, completion_tokens=12)]]
FAILING: list[Script] = [LanguageModelError("Slow down.", code="rate_limit_exceeded")]
CUT: list[Script] = [["Once upon a time", USAGE, Finish(reason="length")]]
FUNCTIONS: list[Script] = [CALL, ["It is warm.", USAGE]]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
RIVER = b"The mill stands by the river. It grinds corn for the whole valley."


def code(source: str, answer: str = "Done.") -> list[Script]:
    """A run of code, and an answer."""
    return [[call(CODE_INTERPRETER, code=source), USAGE], [answer, USAGE]]


CITING: list[Script] = [
    [call(FILE_SEARCH, query="mill river"), USAGE],
    ["It stands by the river【0:0†river.txt】.", USAGE],
]
LOGS = code("print('drawn')")
SILENT = code("x = 6 * 7")
IMAGE = code(f"x = open('/mnt/data/a.png', 'wb').write({PNG!r})")


def held(world: World, *before: Script) -> tuple[Json, str, Gate]:
    """A run whose model has said something and waits."""
    gate = Gate()
    run, path = world.run([[*before, gate, "Hello."]])
    gate.reached()
    return run, path, gate


def with_store(world: World, *tools: object, legs: list[Script]) -> str:
    """The id of an assistant whose store holds one file."""
    store = world.send("POST", "/vector_stores", {"file_ids": [world.file("river.txt", RIVER)]})
    path = f"/vector_stores/{store['id']}"
    world.until(path, "completed")
    resources = {"file_search": {"vector_store_ids": [store["id"]]}}
    assistant: str = world.assistant(legs, tools=tools, tool_resources=resources)["id"]
    return assistant


def _created(world: World, *tools: object, **fields: Any) -> Json:
    run, path = world.run(TEXT, *tools, **fields)
    world.until(path, "completed")
    return run


def created(*tools: object, **fields: Any) -> Callable[[World], Json]:
    """The run that the request to make it is answered with."""
    return lambda world: _created(world, *tools, **fields)


def _with_file(world: World) -> Json:
    resources = {"code_interpreter": {"file_ids": [world.file()]}}
    fields = {"tools": [INTERPRETER], "tool_resources": resources}
    body = {"assistant_id": world.assistant(TEXT, **fields)["id"]}
    return world.send("POST", f"{world.thread()}/runs", body)


def _in_progress(world: World) -> Json:
    _, path, gate = held(world)
    try:
        return world.until(path, "in_progress")
    finally:
        gate.open()


def ended(legs: list[Script], status: str, *tools: object, **fields: Any) -> Any:
    """The run as it is retrieved when it has that status."""
    return lambda world: world.until(world.run(legs, *tools, **fields)[1], status)


def _completed_late(world: World) -> Json:
    run, path, gate = held(world)
    world.clock.skip(3)
    gate.open()
    done = world.until(path, "completed")
    return {
        "created_at is kept": done["created_at"] == run["created_at"],
        "completed_at is later": done["completed_at"] >= done["created_at"] + 3,
        "expires_at - created_at, queued": run["expires_at"] - run["created_at"],
    }


def _cancel(world: World) -> Json:
    def both() -> Json:
        _, path, gate = held(world)
        answer = world.send("POST", f"{path}/cancel")
        gate.open()
        return {"answer": answer, "then": world.until(path, "cancelled"), "path": path}

    made: Json = world.once("a cancelled run", both)
    return made


def _second_leg(world: World) -> Json:
    """Functions over REST: each answer of the run on its way through both legs."""

    def both() -> Json:
        gate = Gate()
        _, path = world.run([CALL, [gate, "It is warm.", USAGE]], FUNCTION)
        waiting = world.until(path, "requires_action")
        [asked] = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
        open_step = world.send("GET", f"{path}/steps")["data"][0]
        world.clock.skip(3)
        outputs = {"tool_outputs": [{"tool_call_id": asked["id"], "output": "warm"}]}
        queued = world.send("POST", f"{path}/submit_tool_outputs", outputs)
        gate.reached()
        going = world.until(path, "in_progress")
        gate.open()
        done = world.until(path, "completed")
        return {
            "requires_action": waiting,
            "queued again": queued,
            "in_progress again": going,
            "completed": done,
            "open step": open_step,
            "queued with the old started_at": queued["started_at"] == waiting["started_at"],
            "in_progress with a new started_at": going["started_at"] > waiting["started_at"],
            "expires_at unchanged": going["expires_at"] == waiting["expires_at"],
            "usage is the sum of both legs": done["usage"]["total_tokens"] == 2 * 52,
        }

    made: Json = world.once("a run of two legs", both)
    return made


def _leg(name: str) -> Callable[[World], object]:
    return lambda world: _second_leg(world)[name]


def _runs(world: World) -> Json:
    thread, assistant = world.thread(), world.assistant(TEXT)["id"]
    made = []
    for _ in range(3):
        run = world.send("POST", f"{thread}/runs", {"assistant_id": assistant})
        world.until(f"{thread}/runs/{run['id']}", "completed")
        made.append(run["id"])
    return page_facts(world, f"{thread}/runs", lambda run: run["id"], made)


def _steps(world: World) -> Json:
    _, path = world.run([*CODE_TWICE, "Done."], INTERPRETER)
    world.until(path, "completed")
    found = world.send("GET", f"{path}/steps?order=asc")["data"]
    return page_facts(world, f"{path}/steps", lambda step: step["id"], [s["id"] for s in found])


CODE_TWICE: list[Script] = [call(CODE_INTERPRETER, code=f"x = {n}") for n in (1, 2)]


def step(legs: list[Script], place: int, status: str = "completed", *tools: object) -> Any:
    """One of a run's steps, by its place from the oldest on."""

    def make(world: World) -> Json:
        _, path = world.run(legs, *tools)
        world.until(path, status)
        step: Json = world.send("GET", f"{path}/steps?order=asc")["data"][place]
        return step

    return make


def _step_in_progress(world: World) -> Json:
    _, path, gate = held(world, "Once ")
    try:
        [step] = world.send("GET", f"{path}/steps")["data"]
        found: Json = step
        return found
    finally:
        gate.open()


def _step_retrieved(world: World) -> Json:
    _, path = world.run(TEXT)
    world.until(path, "completed")
    [step] = world.send("GET", f"{path}/steps")["data"]
    return world.send("GET", f"{path}/steps/{step['id']}")


def _search(world: World, tool: Json) -> Json:
    def make() -> Json:
        thread = world.thread()
        body = {"assistant_id": with_store(world, tool, legs=CITING)}
        run = world.send("POST", f"{thread}/runs", body)
        path = f"{thread}/runs/{run['id']}"
        world.until(path, "completed")
        query = "order=asc&include[]=step_details.tool_calls[*].file_search.results[*].content"
        steps = world.send("GET", f"{path}/steps?order=asc")["data"]
        return {
            "run": run,
            "step": steps[0],
            "with content": world.send("GET", f"{path}/steps?{query}")["data"][0],
            "message": world.send("GET", f"{thread}/messages")["data"][0],
        }

    made: Json = world.once(f"a search by {tool}", make)
    return made


def searched(name: str, tool: Json = SEARCH) -> Callable[[World], object]:
    """A part of a run that has searched."""
    return lambda world: _search(world, tool)[name]


def _message(legs: list[Script], *tools: object, status: str = "completed") -> Any:
    def make(world: World) -> Json:
        _, path = world.run(legs, *tools)
        world.until(path, status)
        thread = path.partition("/runs/")[0]
        found: Json = world.send("GET", f"{thread}/messages")["data"][0]
        return found

    return make


def _after_failure(world: World) -> Json:
    _, path = world.run(FAILING)
    world.until(path, "failed")
    thread = path.partition("/runs/")[0]
    return {
        "steps": world.send("GET", f"{path}/steps"),
        "roles": [one["role"] for one in world.send("GET", f"{thread}/messages")["data"]],
    }


SITUATIONS: dict[str, Callable[[World], object]] = {
    "run, queued": created(),
    "run, in_progress": _in_progress,
    "run, requires_action": _leg("requires_action"),
    "run, queued again": _leg("queued again"),
    "run, in_progress again": _leg("in_progress again"),
    "run, completed": ended(TEXT, "completed"),
    "run, completed after functions": _leg("completed"),
    "run, completed, no details told": ended(ROUGH, "completed"),
    "run, completed, no token told": ended(["Hello."], "completed"),
    "run, failed": ended(FAILING, "failed"),
    "run, incomplete": ended(CUT, "incomplete"),
    "run, cancelling": lambda world: _cancel(world)["answer"],
    "run, cancelled": lambda world: _cancel(world)["then"],
    "run, from queued to completed": _completed_late,
    "run, through two legs": _second_leg,
    "run, short": created(max_completion_tokens=300, max_prompt_tokens=300),
    "run with instructions": created(instructions="Be brief."),
    "run answering in json": created(response_format={"type": "json_object"}),
    "run with code_interpreter": created(INTERPRETER),
    "run with code_interpreter and a file": _with_file,
    "run with a function": created(FUNCTION),
    "run with file_search": searched("run"),
    "run with file_search, set up": searched("run", FINE_SEARCH),
    "run, failed: what is left": _after_failure,
    "runs, listed": _runs,
    "step of a message, in_progress": _step_in_progress,
    "step of a message, completed": step(TEXT, 0),
    "step of a message, retrieved": _step_retrieved,
    "step of a message, no details told": step(ROUGH, 0),
    "step of a message, no token told": step(["Hello."], 0),
    "step of a function, waiting": _leg("open step"),
    "step of code, no output": step(SILENT, 0, "completed", INTERPRETER),
    "step of code, logs": step(LOGS, 0, "completed", INTERPRETER),
    "step of code, an image": step(IMAGE, 0, "completed", INTERPRETER),
    "step of code, a last expression": step(code("6 * 7"), 0, "completed", INTERPRETER),
    "step of file_search": searched("step"),
    "step of file_search, with content": searched("with content"),
    "step of file_search, set up": searched("step", FINE_SEARCH),
    "steps, listed": _steps,
    "message of a run": _message(TEXT),
    "message of a run, cut short": _message(CUT, status="incomplete"),
    "message of a run, citing": searched("message"),
}
