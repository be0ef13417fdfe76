"""What a server attaches to its answers goes back to it, unchanged, and to nobody else."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from fake_server import Answer, FakeServer
from served_process import Served
from server_answers import (
    call,
    call_item,
    calls,
    chunk,
    document,
    items,
    message_item,
    says,
    sse,
    thought_item,
)
from sqlalchemy import NullPool, create_engine, func, select

from assistants_client import Client, Run, ToolOutput
from assistants_client.engine import ChatCompletions, Engine, Responses
from assistants_client.engine.storage.tables import model_states

FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
ROUNDS = 20
SIGNATURE = "EjQKMgEM/+=\u00e9"


def signed(number: int) -> dict[str, Any]:
    """What a server attaches to a turn, beside its call: as odd as JSON allows."""
    return {
        "reasoning_content": f"Thought {number}: \u201cOslo\u201d \U0001f600\n\ttab",
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": f"step {number}", "signature": "s=="},
            {"type": "reasoning.encrypted", "index": 1, "data": "gAAA", "extra": [1.5, None, {}]},
        ],
    }


def extra(number: int) -> dict[str, Any]:
    """What it attaches to the call itself."""
    return {"extra_content": {"google": {"thought_signature": f"{SIGNATURE}{number}", "n": 1e-7}}}


def thinker(body: dict[str, Any], _: int) -> Answer:
    """Calls a function twenty times, thinking, and refuses to go on where a thought is missing."""
    turns = [turn for turn in body["messages"] if turn.get("tool_calls")]
    for number, turn in enumerate(turns):
        kept = {name: turn.get(name) for name in signed(number)}
        [made] = turn["tool_calls"]
        if json.dumps(kept) != json.dumps(signed(number)):
            return document({"error": {"message": f"turn {number} has {kept}"}}, 400)
        if json.dumps(made.get("extra_content")) != json.dumps(extra(number)["extra_content"]):
            return document({"error": {"message": f"call {number} is {made}"}}, 400)
    if len(turns) == ROUNDS:
        return says("It is 17.")
    number, args = len(turns), '{"city": "Oslo"}'
    thought = signed(number)
    words = thought["reasoning_content"]
    first, second = thought["reasoning_details"]
    return sse(
        chunk(role="assistant", content=None, reasoning_content=words[:5]),
        chunk(reasoning_content=words[5:], reasoning_details=[{**first, "text": "step "}]),
        chunk(reasoning_details=[{"type": first["type"], "index": 0, "text": str(number)}]),
        chunk(reasoning_details=[second]),
        chunk(tool_calls=[call("get_weather", args[:4], f"c{number}", **extra(number))]),
        chunk(tool_calls=[call(None, args[4:], None)]),
        chunk("tool_calls"),
    )


def submit(client: Client, run: Run) -> Run:
    """The run after its functions were answered."""
    given = [ToolOutput(tool_call_id=made.id, output="17") for made in run.tool_calls]
    return client.runs.submit_tool_outputs(run.thread_id, run.id, given)


def begun(client: Client) -> Run:
    """A run that may call a function."""
    assistant = client.assistants.create(model="m", tools=[FUNCTION])
    thread = client.threads.create(messages=[{"role": "user", "content": "How warm is it?"}])
    return client.runs.create(thread.id, assistant_id=assistant.id)


def test_twenty_rounds_each_by_another_engine(tmp_path: Path) -> None:
    """What goes back is what came, to the letter, though nobody remembers but the database."""
    url = fresh(f"sqlite:///{tmp_path / 'a.db'}")
    run_id, thread_id, rounds, status = "", "", 0, ""
    with FakeServer(thinker) as server:
        while status not in ("completed", "failed"):
            model = ChatCompletions(server.url)
            with closing(model), Client(engine=Engine(url, model=model)) as client:
                if run_id:
                    run = submit(client, client.runs.retrieve(thread_id, run_id))
                else:
                    run = begun(client)
                    run_id, thread_id = run.id, run.thread_id
                run = client.wait_for_run(run, check=False)
                status, rounds = run.status, rounds + 1
        assert (status, run.last_error, rounds) == ("completed", None, ROUNDS + 1)


def test_rounds_between_which_the_server_is_killed(tmp_path: Path) -> None:
    """``kill -9`` while a function is due loses nothing of what its call came with."""
    database = fresh(str(tmp_path / "a.db"))
    with FakeServer(thinker) as server:
        options = ("--database", database, "--model-url", server.url)
        run: Run | None = None
        for kills in range(4):
            served = Served(tmp_path, *options)
            try:
                with Client(served.base_url, api_key="k") as client:
                    run = client.wait_for_run(run or begun(client))
                    for _ in range(3 if kills < 3 else ROUNDS):
                        if run.status == "requires_action":
                            run = client.wait_for_run(submit(client, run), check=False)
            finally:
                served.kill()
        assert run is not None
        assert (run.status, run.last_error) == ("completed", None)
        assert len(server.requests) == ROUNDS + 1


def test_calls_that_got_another_id() -> None:
    """Two calls of one id: what belongs to each goes back with it."""
    pieces = [call("get_weather", "{}", "same", n, **extra(n)) for n in (0, 1)]
    with FakeServer(lambda body, n: calls(*pieces) if n == 1 else says()) as server:
        with (
            closing(ChatCompletions(server.url)) as model,
            Client(engine=Engine("sqlite://", model=model)) as client,
        ):
            run = submit(client, client.wait_for_run(begun(client)))
            assert client.wait_for_run(run).status == "completed"
        [turn] = [m for m in server.bodies[1]["messages"] if m.get("tool_calls")]
        first, second = turn["tool_calls"]
        assert first["id"] != second["id"]
        assert [c["extra_content"] for c in (first, second)] == [
            extra(n)["extra_content"] for n in (0, 1)
        ]


@pytest.mark.parametrize("moves", ["server", "model"])
def test_another_model_is_not_given_it(tmp_path: Path, moves: str) -> None:
    """Neither another model of the same server nor another server; the run goes on without."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    answer = calls(call("get_weather", "{}", **extra(0)), **signed(0))
    with (
        FakeServer(lambda body, n: answer if n == 1 else says()) as first,
        FakeServer(lambda body, n: says()) as second,
    ):
        with Client(engine=Engine(url, model=ChatCompletions(first.url))) as client:
            run = client.wait_for_run(begun(client))
        made = (
            ChatCompletions(second.url)
            if moves == "server"
            else (ChatCompletions(first.url, model="other"))
        )
        with closing(made), Client(engine=Engine(url, model=made)) as client:
            run = client.wait_for_run(submit(client, client.runs.retrieve(run.thread_id, run.id)))
        body = (second if moves == "server" else first).bodies[-1]
        [turn] = [m for m in body["messages"] if m.get("tool_calls")]
        assert set(turn) == {"role", "tool_calls"}
        assert set(turn["tool_calls"][0]) == {"id", "type", "function"}


def test_it_is_shown_to_nobody_and_deleted_with_the_step(tmp_path: Path) -> None:
    """No object and no event of the protocol holds it, and no row outlives its thread."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    kept, counting = (
        create_engine(url, poolclass=NullPool),
        select(func.count()).select_from(model_states),
    )
    with (
        FakeServer(thinker) as server,
        closing(ChatCompletions(server.url)) as model,
        Client(engine=Engine(url, model=model)) as client,
    ):
        assistant = client.assistants.create(model="m", tools=[FUNCTION])
        thread = client.threads.create(messages=[{"role": "user", "content": "?"}])
        with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
            shown = str([repr(event) + str(getattr(event, "raw", "")) for event in stream])
            run = stream.run
        assert run is not None
        steps = list(client.run_steps.list(thread.id, run.id))
        shown += str([(repr(step), dict(step.extra), step.reasoning) for step in steps])
        assert "Thought" not in shown
        assert "thought_signature" not in shown
        assert len(steps) == 1
        with kept.connect() as connection:
            assert connection.execute(counting).scalar() == 1
        client.runs.cancel(thread.id, run.id)
        client.threads.delete(thread.id)
        with kept.connect() as connection:
            assert connection.execute(counting).scalar() == 0


def test_reasoning_items_go_back_where_they_stood() -> None:
    """The Responses API: thoughts, messages with their phase, and calls, in the order of old."""
    output = [
        thought_item("rs_1", "first"),
        message_item("I look.", "msg_1", phase="commentary"),
        thought_item("rs_2", "second"),
        call_item(id="fc_1", call_id="call_1"),
        call_item(id="fc_2", call_id="call_2"),
    ]

    def answer(body: dict[str, Any], number: int) -> Answer:
        return items(*output) if number == 1 else items(message_item("17.", phase="final_answer"))

    with FakeServer(answer) as server, closing(Responses(server.url)) as model:
        with Client(engine=Engine("sqlite://", model=model)) as client:
            run = submit(client, client.wait_for_run(begun(client)))
            assert client.wait_for_run(run).status == "completed"
            client.messages.create(run.thread_id, "And tomorrow?")
            client.wait_for_run(client.runs.create(run.thread_id, assistant_id=run.assistant_id))
        assert server.bodies[0]["include"] == ["reasoning.encrypted_content"]
        assert server.bodies[0]["store"] is False
        said = [i for i in server.bodies[1]["input"] if i.get("role") != "user"]
        assert [said[0], said[2]] == [output[0], output[2]]
        assert (said[1]["content"], said[1]["phase"]) == ("I look.", "commentary")
        assert [i.get("call_id") for i in said[3:]] == ["call_1", "call_2"] * 2
        later = [i for i in server.bodies[2]["input"] if i.get("role") == "assistant"]
        assert [(i["content"], i["phase"]) for i in later] == [
            ("I look.", "commentary"),
            ("17.", "final_answer"),
        ]
