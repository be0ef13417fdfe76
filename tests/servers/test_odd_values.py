"""Values that servers in the field answer and the protocol does not have; each reads sensibly."""

import pytest

from assistants_client import (
    Assistant,
    File,
    LastError,
    Message,
    NotFoundError,
    Run,
    RunFailedError,
    RunStep,
    Thread,
    VectorStore,
    VectorStoreFile,
)
from assistants_client._json.codec import decode, encode

ANSWERS = [Assistant, File, Message, Run, RunStep, Thread, VectorStore, VectorStoreFile]
WITH_METADATA = [Assistant, Message, Run, RunStep, Thread, VectorStore]


def only(**fields):
    """A run with these fields, read from a document."""
    return decode(Run, {"id": "run_1", **fields})


@pytest.mark.parametrize("cls", ANSWERS)
def test_times_as_floats_become_whole_seconds(cls):
    """A time keeps its declared type, whatever the server writes it as."""
    made = decode(cls, {"id": "x", "created_at": 1795368809.0})

    assert made.created_at == 1795368809
    assert type(made.created_at) is int
    assert not made.extra


def test_times_as_floats_in_nullable_fields_become_whole_seconds():
    """Also where the field may be null, and where a fraction of a second is given."""
    run = only(started_at=1795368809.0, completed_at=1795368810.75, expires_at=float("inf"))

    assert (run.started_at, run.completed_at, run.expires_at) == (1795368809, 1795368810, None)
    assert {type(run.started_at), type(run.completed_at)} == {int}
    assert run.extra == {"expires_at": float("inf")}


def test_an_iso_time_in_a_nested_object_does_no_harm(client, server):
    """A cancelled run that comes with its steps, whose times are texts, can be read."""
    steps = [{"id": "cuid1", "created_at": "2026-11-22T10:00:00.000Z", "status": "cancelled"}]
    server.answers(
        "POST",
        "/threads/t/runs/r/cancel",
        {"id": "r", "thread_id": "t", "status": "cancelled", "run_steps": steps},
    )

    run = client.runs.cancel("t", "r")

    assert run.status == "cancelled"
    assert run.extra["run_steps"] == steps


def test_an_iso_time_in_a_time_field_is_kept_as_it_came():
    """Not passed off as a number, and not lost."""
    step = decode(RunStep, {"id": "s", "created_at": "2026-11-22T10:00:00.000Z"})

    assert step.created_at == 0
    assert step.extra == {"created_at": "2026-11-22T10:00:00.000Z"}


@pytest.mark.parametrize(
    "name",
    [
        "65f1c0ffee0123456789abcd",
        "clv0a1b2c3d4e5f6g7h8",
        "asst_0c9e3a52-1111-4222-8333-944455556666",
        "7",
    ],
)
def test_ids_of_any_form_are_taken(client, server, name):
    """No prefix is looked for, in answers or in arguments."""
    server.answers("GET", f"/assistants/{name}", {"id": name})

    assert client.assistants.retrieve(name).id == name


def test_nullable_keys_may_be_absent():
    """A run that came with half of its keys is a run."""
    run = only(object="thread.run", thread_id="t", status="completed", model="m")

    assert run.is_final
    assert run.tool_calls == []
    assert run.last_error is run.usage is run.required_action is run.expires_at is None


@pytest.mark.parametrize("cls", WITH_METADATA)
@pytest.mark.parametrize("document", [{}, {"metadata": None}])
def test_metadata_null_or_absent_is_empty(cls, document):
    """It can be looked into without asking first."""
    assert decode(cls, {"id": "x", **document}).metadata == {}


@pytest.mark.parametrize("cls", WITH_METADATA)
@pytest.mark.parametrize("beside", [{}, {"metadata": None}])
def test_metadata_under_the_key_metadata_(cls, beside):
    """It is read, and written back under its right name."""
    made = decode(cls, {"id": "x", "metadata_": {"a": "b"}, **beside})

    assert made.metadata == {"a": "b"}
    assert not made.extra
    assert encode(made)["metadata"] == {"a": "b"}
    assert "metadata_" not in encode(made)


def test_metadata_wins_over_metadata_():
    """Where both are given, the protocol's own key holds."""
    made = decode(Thread, {"id": "x", "metadata_": {"a": "b"}, "metadata": {"c": "d"}})

    assert made.metadata == {"c": "d"}
    assert made.extra == {"metadata_": {"a": "b"}}


@pytest.mark.parametrize("value", ["text", ["a"], {"a": 5}])
def test_metadata_that_is_none_stays_in_extra(value):
    """Under either key, what cannot be metadata is kept as it came."""
    assert decode(Thread, {"id": "x", "metadata_": value}).extra == {"metadata_": value}
    assert decode(Thread, {"id": "x", "metadata": value}).extra == {"metadata": value}


def test_metadata_null_under_the_key_metadata_is_empty():
    """A null there is not worth keeping."""
    made = decode(Thread, {"id": "x", "metadata_": None})

    assert made.metadata == {}
    assert not made.extra


@pytest.mark.parametrize("cls", [Assistant, Run])
@pytest.mark.parametrize("document", [{}, {"tools": None}])
def test_tools_null_or_absent_are_none(cls, document):
    """An empty list, to be looped over."""
    assert decode(cls, {"id": "x", **document}).tools == []


@pytest.mark.parametrize("document", [{}, {"attachments": None}])
def test_attachments_null_or_absent_are_none(document):
    """An empty list, to be looped over."""
    assert decode(Message, {"id": "x", **document}).attachments == []


def test_a_message_without_status_has_none(client, server):
    """Without a status from the server there is none: the message may have been cut short."""
    text = [{"type": "text", "text": {"value": "Hello", "annotations": None}}]
    server.answers(
        "GET", "/threads/t/messages/m", {"id": "m", "role": "assistant", "content": text}
    )

    message = client.messages.retrieve("t", "m")

    assert (message.status, message.text, message.citations) == (None, "Hello", [])
    assert "status" not in repr(message) + message._repr_html_()
    assert message.completed_at is message.incomplete_at is message.incomplete_details is None


@pytest.mark.parametrize("document", [{}, {"parallel_tool_calls": None}])
def test_parallel_tool_calls_may_be_missing(document):
    """Then nothing is claimed about it."""
    assert only(**document).parallel_tool_calls is None


@pytest.mark.parametrize("document", [{}, {"usage": None}])
def test_a_completed_run_may_lack_its_usage(document):
    """Then nothing is claimed about it."""
    assert only(status="completed", **document).usage is None


@pytest.mark.parametrize("cls", [Run, RunStep, VectorStoreFile])
def test_a_last_error_that_is_a_text_is_its_message(cls):
    """What went wrong is where a person looks for it."""
    made = decode(cls, {"id": "x", "last_error": "the model is gone"})

    assert made.last_error == LastError(message="the model is gone")
    assert not made.extra


@pytest.mark.parametrize(
    ("last_error", "words"),
    [
        ("the model is gone", "is failed: the model is gone"),
        ({"message": "the model is gone"}, "is failed: the model is gone"),
        ({"code": "server_error", "message": "gone"}, "is failed: server_error: gone"),
        ({"code": "server_error"}, "is failed: server_error"),
        ({}, "run r on thread t is failed"),
        (None, "run r on thread t is failed"),
    ],
)
def test_a_last_error_without_code_makes_a_readable_error(client, last_error, words):
    """The exception says what there is to say, without empty places."""
    run = decode(Run, {"id": "r", "thread_id": "t", "status": "failed", "last_error": last_error})

    with pytest.raises(RunFailedError) as caught:
        client.wait_for_run(run)

    assert str(caught.value).endswith(words)


def test_a_quota_failure_reported_as_server_error_shows_the_text(client):
    """The provider's words, pasted into the message, reach the person who has to pay."""
    text = "Error code: 429 - {'error': {'message': 'You exceeded your current quota'}}"
    run = only(status="failed", last_error={"code": "server_error", "message": text})

    with pytest.raises(RunFailedError, match="You exceeded your current quota"):
        client.wait_for_run(run)


def test_an_empty_required_action_is_none():
    """After the outputs were taken nothing is required any more."""
    run = only(status="queued", required_action={})

    assert run.required_action is None
    assert run.tool_calls == []


def test_an_output_that_is_there_already_is_kept_beside_the_call():
    """A pending call that comes with an output is a pending call."""
    function = {"name": "f", "arguments": "{}", "output": "{}"}
    action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [{"id": "c", "function": function}]},
    }

    (call,) = only(status="requires_action", required_action=action).tool_calls

    assert (call.id, call.type, call.function.name) == ("c", "function", "f")
    assert call.function.extra == {"output": "{}"}


def test_a_step_with_expires_at_and_message_id():
    """The run's expiry under the step's, and no ``expired_at``: the step has not expired."""
    step = decode(
        RunStep, {"id": "s", "expires_at": 1795369409.0, "message_id": None, "status": "completed"}
    )

    assert step.expired_at is None
    assert step.usage is None
    assert step.expires_at == 1795369409
    assert step.extra == {"message_id": None}


@pytest.mark.parametrize("document", [{}, {"status": None, "status_details": None}])
def test_a_file_without_status_counts_as_processed(client, server, document):
    """Waiting for it ends at once."""
    server.answers("POST", "/files", {"id": "file-1", **document})

    file = client.files.upload_and_wait(b"x", filename="x.txt")

    assert file.is_processed
    assert file.status_details is None
    assert len(server.sent) == 1


def test_unknown_keys_are_kept_and_do_no_harm():
    """Keys of the server's own stay readable."""
    foreign = {
        "file_ids": [],
        "extra_body": {"x": 1},
        "additional_instructions": None,
        "stream_options": None,
        "updated_at": 1795368809.5,
        "key": "k",
        "run_steps": [],
        "thread": {},
        "stream": False,
    }

    run = only(status="queued", **foreign)

    assert run.extra == foreign
    assert encode(run).items() >= foreign.items()


def test_the_role_system_is_read_and_sent(client, server):
    """Servers that take it can be given it, as plain JSON; a known role is checked by the types."""
    server.answers("POST", "/threads/t/messages", {"id": "m", "role": "system", "content": []})

    message = client.messages.create("t", "Be brief.", role="system")

    assert message.role == "system"
    assert server.bodies == [{"role": "system", "content": "Be brief."}]


def test_a_deletion_without_object(client, server):
    """That it was deleted is what counts."""
    server.answers("DELETE", "/threads/t/messages/m", {"id": "m", "deleted": True})

    done = client.messages.delete("t", "m")

    assert (done.id, done.deleted, done.object) == ("m", True, "")


@pytest.mark.parametrize("deleted", [True, False])
def test_the_deletion_of_a_missing_thing_answered_with_200(client, server, deleted):
    """The server's word is passed on."""
    server.answers("DELETE", "/assistants/a", {"id": "a", "deleted": deleted})

    assert client.assistants.delete("a").deleted is deleted


def test_a_create_answered_with_201(client, server):
    """Any 2xx is a success."""
    server.answers("POST", "/threads", {"id": "t"}, status=201)

    assert client.threads.create().id == "t"


def test_a_run_that_is_final_when_it_is_created(client, server):
    """Waiting for it asks for nothing."""
    server.answers("POST", "/threads/t/runs", {"id": "r", "thread_id": "t", "status": "completed"})

    run = client.wait_for_run(client.runs.create("t", assistant_id="a"))

    assert run.status == "completed"
    assert len(server.sent) == 1


def test_a_completed_run_can_become_cancelled(client, server):
    """The answer to the cancellation is passed on as it is."""
    server.answers("POST", "/threads/t/runs/r/cancel", {"id": "r", "status": "cancelled"})

    assert client.runs.cancel("t", "r").status == "cancelled"


@pytest.mark.parametrize("policy", ["raise", "wait", "cancel"])
def test_a_server_without_locks_is_not_asked_for_any(client, server, policy):
    """A second run and a new message go through while a run is active, whatever the policy."""
    server.answers("POST", "/threads/t/runs", {"id": "r", "status": "queued"})
    server.answers("POST", "/threads/t/messages", {"id": "m"})

    client.runs.create("t", assistant_id="a")
    client.runs.create("t", assistant_id="a", on_active_run=policy)
    client.messages.create("t", "hi", on_active_run=policy)

    assert len(server.sent) == 3


def test_an_operation_that_the_server_lacks_is_a_404(client, server):
    """The error names the operation."""
    server.answers("POST", "/threads/runs", {"detail": "Not Found"}, status=404)

    with pytest.raises(NotFoundError, match=r"POST /threads/runs: answered 404: Not Found"):
        client.runs.create_thread_and_run(assistant_id="a")


def test_a_step_and_an_action_of_another_kind():
    """A step that thinks and a run that asks for inputs are read, and shown as they came."""
    details = {"type": "thought", "thought": {"content": "hm"}}
    step = decode(RunStep, {"id": "s", "type": "thought", "step_details": details})
    action = {"type": "submit_tool_inputs", "submit_tool_inputs": {"tool_calls": []}}
    run = only(status="requires_action", created_at=None, required_action=action)

    assert (step.type, step.tool_calls, step.step_details.raw) == ("thought", [], details)
    assert run.created_at == 0
    assert run.required_action.type == "submit_tool_inputs"
    assert run.required_action.extra == {"submit_tool_inputs": {"tool_calls": []}}
    assert run.tool_calls == []
