"""How refusals, and answers whose headers are looked at, come about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance_kit import KEY, Json, World
from situations_runs import TEXT, held

MISSING = "0" * 24
NO_KEY = {"authorization": "Bearer no-such-key"}
#: A metadata value that is no text.
ODD = {"metadata": {"modified": True}}


def asked(method: str, path: str, body: object = None, **more: Any) -> Callable[[World], Json]:
    """One exchange about nothing that was made before."""
    return lambda world: world.request(method, path, body, **more)


def _on_thread(method: str, rest: str, body: object = None) -> Callable[[World], Json]:
    return lambda world: world.request(method, f"{world.thread()}{rest}", body)


def _on_completed_run(method: str, rest: str, body: object = None) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        _, path = world.run(TEXT)
        world.until(path, "completed")
        return world.request(method, path + rest, body)

    return make


def _on_run_in_progress(method: str, rest: str, body: object = None) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        _, path, gate = held(world)
        try:
            return world.request(method, path + rest, body)
        finally:
            gate.open()

    return make


def _odd_message(world: World) -> Json:
    thread = world.thread()
    [message] = world.send("GET", f"{thread}/messages")["data"]
    return world.request("POST", f"{thread}/messages/{message['id']}", ODD)


def _empty_thread(instructions: str | None) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        fields = {} if instructions is None else {"instructions": instructions}
        body = {"assistant_id": world.assistant(TEXT, **fields)["id"]}
        thread = world.send("POST", "/threads", {})["id"]
        return world.request("POST", f"/threads/{thread}/runs", body)

    return make


def _empty_thread_and_run(world: World) -> Json:
    return world.request("POST", "/threads/runs", {"assistant_id": world.assistant(TEXT)["id"]})


def _short_run(world: World) -> Json:
    body = {"assistant_id": world.assistant(TEXT)["id"], "max_completion_tokens": 16}
    return world.request("POST", f"{world.thread()}/runs", body)


def _short_prompt(world: World) -> Json:
    body = {"assistant_id": world.assistant(TEXT)["id"], "max_prompt_tokens": 256}
    return world.request("POST", f"{world.thread()}/runs", body)


def _twice(name: str) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        path = world.thread() if name == "thread" else f"/assistants/{world.assistant()['id']}"
        world.send("DELETE", path)
        return world.request("DELETE", path)

    return make


def _poll(world: World) -> Json:
    _, path, gate = held(world)
    headers = {"authorization": f"Bearer {KEY}", "x-stainless-poll-helper": "true"}
    try:
        return world.request("GET", path, headers=headers)
    finally:
        gate.open()


def _bad_purpose(world: World) -> Json:
    return world.upload("no such purpose")


def _upload_without_key(world: World) -> Json:
    return world.request(
        "POST",
        "/files",
        data={"purpose": "assistants"},
        files={"file": ("notes.txt", b"Notes.")},
        headers=NO_KEY,
    )


OUTPUTS = {"tool_outputs": [{"tool_call_id": "call_1", "output": "warm"}]}
_ASSISTANT = f"/assistants/asst_{MISSING}"
_THREAD = f"/threads/thread_{MISSING}"

SITUATIONS: dict[str, Callable[[World], object]] = {
    "a wrong key, POST threads": asked("POST", "/threads", {}, headers=NO_KEY),
    "a wrong key, GET an assistant": asked("GET", _ASSISTANT, headers=NO_KEY),
    "a wrong key, POST an assistant": asked("POST", _ASSISTANT, {}, headers=NO_KEY),
    "a wrong key, DELETE an assistant": asked("DELETE", _ASSISTANT, headers=NO_KEY),
    "a wrong key, POST files": _upload_without_key,
    "outputs for a completed run": _on_completed_run("POST", "/submit_tool_outputs", OUTPUTS),
    "outputs for a run in progress": _on_run_in_progress("POST", "/submit_tool_outputs", OUTPUTS),
    "cancel of a completed run": _on_completed_run("POST", "/cancel"),
    "update of a run in progress": _on_run_in_progress("POST", "", {"metadata": {"a": "b"}}),
    "GET a thread by an assistant's id": asked("GET", f"/threads/asst_{MISSING}"),
    "POST a thread by an assistant's id": asked("POST", f"/threads/asst_{MISSING}", {}),
    "DELETE a thread by an assistant's id": asked("DELETE", f"/threads/asst_{MISSING}"),
    "POST a thread that is not there": asked("POST", _THREAD, {"metadata": {}}),
    "DELETE a thread again": _twice("thread"),
    "DELETE an assistant again": _twice("assistant"),
    "GET a step by a wrong id": _on_completed_run("GET", "/steps/123"),
    "GET a step that is not there": _on_completed_run("GET", f"/steps/step_{MISSING}"),
    "odd metadata of a thread": _on_thread("POST", "", ODD),
    "odd metadata of a run": _on_completed_run("POST", "", ODD),
    "odd metadata of a message": _odd_message,
    "run about nothing": _empty_thread(None),
    "run about nothing on a new thread": _empty_thread_and_run,
    "run about instructions alone": _empty_thread("Say hello."),
    "run of 16 tokens": _short_run,
    "run of 256 prompt tokens": _short_prompt,
    "GET with a slash at the end": _on_thread("GET", "/runs/"),
    "POST with a slash at the end": asked("POST", "/assistants/", {"model": "m"}),
    "GET a file that is not there": asked("GET", "/files/fake_id"),
    "DELETE a file that is not there": asked("DELETE", "/files/fake_id"),
    "GET the content of no file": asked("GET", "/files/fake_id/content"),
    "file for no purpose": _bad_purpose,
    "answer to a GET": _on_thread("GET", ""),
    "answer to a POST": asked("POST", "/threads", {}),
    "answer to a poll": _poll,
}
