"""For an isolated token nothing exists but what was made with it, whatever the operation.

The tables here are checked against the routes: a new one without its row fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
from engine_store import Store
from sqlalchemy import text
from tenants import FUNCTION, NOBODYS, OPERATIONS, Tenants, filled
from werkzeug.test import TestResponse

from assistants_client.engine.http.app import IN_PROCESS
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse

Ids: TypeAlias = dict[str, str]

USER = {"role": "user", "content": "Hello"}
CHANGE = {"metadata": {"k": "v"}}
OUTPUT = {"tool_call_id": "call_1", "output": "7"}
CODE, SEARCH = {"type": "code_interpreter"}, {"type": "file_search"}

#: By the path of each POST with an id in it, and of none beside: a body that its owner may send.
BODIES: dict[str, Callable[[Ids], object]] = {
    "/assistants/<assistant_id>": lambda _: CHANGE,
    "/threads/<thread_id>": lambda _: CHANGE,
    "/threads/<thread_id>/messages": lambda _: USER,
    "/threads/<thread_id>/messages/<message_id>": lambda _: CHANGE,
    "/threads/<thread_id>/runs": lambda ids: {"assistant_id": ids["assistant_id"]},
    "/threads/<thread_id>/runs/<run_id>": lambda _: CHANGE,
    "/threads/<thread_id>/runs/<run_id>/cancel": lambda _: None,
    "/threads/<thread_id>/runs/<run_id>/submit_tool_outputs": lambda _: {"tool_outputs": [OUTPUT]},
    "/vector_stores/<vector_store_id>": lambda _: CHANGE,
    "/vector_stores/<vector_store_id>/search": lambda _: {"query": "otters"},
    "/vector_stores/<vector_store_id>/files": lambda ids: {"file_id": ids["idle_file_id"]},
    "/vector_stores/<vector_store_id>/files/<file_id>": lambda _: {"attributes": {"k": "v"}},
    "/vector_stores/<vector_store_id>/file_batches": lambda ids: {"file_ids": [ids["file_id"]]},
    "/vector_stores/<vector_store_id>/file_batches/<batch_id>/cancel": lambda _: None,
}


def _attached(ids: Ids) -> dict[str, Any]:
    return {**USER, "attachments": [{"file_id": ids["idle_file_id"], "tools": [SEARCH]}]}


def _for_code(ids: Ids) -> dict[str, Any]:
    return {**USER, "attachments": [{"file_id": ids["idle_file_id"], "tools": [CODE]}]}


def _image(ids: Ids) -> dict[str, Any]:
    part = {"type": "image_file", "image_file": {"file_id": ids["idle_file_id"]}}
    return {"role": "user", "content": [part]}


MESSAGES = (_attached, _for_code, _image)


def _resources(ids: Ids) -> list[dict[str, Any]]:
    return [
        {"code_interpreter": {"file_ids": [ids["idle_file_id"]]}},
        {"file_search": {"vector_store_ids": [ids["vector_store_id"]]}},
    ]


def _new_store(ids: Ids) -> dict[str, Any]:
    return {"file_search": {"vector_stores": [{"file_ids": [ids["idle_file_id"]]}]}}


def _whole(ids: Ids) -> list[object]:
    """Bodies of a thread and a run: what the thread names, and what the run does."""
    run = {"assistant_id": ids["own_assistant_id"], "instructions": "x"}
    threads = [{"messages": [message(ids)]} for message in MESSAGES]
    threads += [{"tool_resources": one} for one in [*_resources(ids), _new_store(ids)]]
    return [
        {"assistant_id": ids["assistant_id"], "instructions": "x"},
        {"assistant_id": ids["assistant_id"], "instructions": "x", "stream": True},
        *({**run, "thread": thread} for thread in threads),
        *({**run, "tool_resources": one} for one in _resources(ids)),
    ]


def _runs(ids: Ids) -> list[object]:
    own = {"assistant_id": ids["own_assistant_id"]}
    return [
        {"assistant_id": ids["assistant_id"]},
        {"assistant_id": ids["assistant_id"], "stream": True},
        *({**own, "additional_messages": [message(ids)]} for message in MESSAGES),
    ]


def _nothing(_: Ids) -> list[object]:
    return []


#: By the path of each POST: bodies that name objects, each in another place. Their ids are the
#: owner's, save ``own_…``, which are those of whoever asks; and so are the ids in the path.
REFERENCES: dict[str, Callable[[Ids], Sequence[object]]] = {
    "/assistants": lambda ids: [
        {"model": "m", "tool_resources": one} for one in [*_resources(ids), _new_store(ids)]
    ],
    "/assistants/<assistant_id>": lambda ids: [{"tool_resources": one} for one in _resources(ids)],
    "/threads": lambda ids: [
        *({"messages": [message(ids)]} for message in MESSAGES),
        *({"tool_resources": one} for one in [*_resources(ids), _new_store(ids)]),
    ],
    "/threads/<thread_id>": lambda ids: [{"tool_resources": one} for one in _resources(ids)],
    "/threads/runs": _whole,
    "/threads/<thread_id>/messages": lambda ids: [message(ids) for message in MESSAGES],
    "/threads/<thread_id>/messages/<message_id>": _nothing,
    "/threads/<thread_id>/runs": _runs,
    "/threads/<thread_id>/runs/<run_id>": _nothing,
    "/threads/<thread_id>/runs/<run_id>/cancel": _nothing,
    "/threads/<thread_id>/runs/<run_id>/submit_tool_outputs": _nothing,
    "/files": _nothing,
    "/vector_stores": lambda ids: [{"file_ids": [ids["idle_file_id"]]}],
    "/vector_stores/<vector_store_id>": _nothing,
    "/vector_stores/<vector_store_id>/search": _nothing,
    "/vector_stores/<vector_store_id>/files": lambda ids: [{"file_id": ids["idle_file_id"]}],
    "/vector_stores/<vector_store_id>/files/<file_id>": _nothing,
    "/vector_stores/<vector_store_id>/file_batches": lambda ids: [
        {"file_ids": [ids["idle_file_id"]]},
        {"files": [{"file_id": ids["idle_file_id"]}]},
    ],
    "/vector_stores/<vector_store_id>/file_batches/<batch_id>/cancel": _nothing,
}

WITH_IDS = [(method, path) for method, path in OPERATIONS if "<" in path]
#: What is made of objects of all kinds; their tests are at the end.
MADE_UP = ("/models", "/usage")
LISTS = [
    path
    for method, path in OPERATIONS
    if method == "GET" and "<" not in path and path not in MADE_UP
]


@pytest.fixture
def tenants(store: Store) -> Tenants:
    """Two isolated tenants, one that is not, and the owner."""
    return Tenants(store)


def test_the_tables_have_every_route() -> None:
    """An operation that is new has to be decided on here."""
    posts = {path for method, path in OPERATIONS if method == "POST"}
    assert BODIES.keys() == {path for path in posts if "<" in path}
    assert REFERENCES.keys() == posts


def told(response: TestResponse, ids: Ids) -> str:
    """A refusal, without the ids that it names."""
    words = response.text
    for value in sorted(ids.values(), key=len, reverse=True):
        words = words.replace(value, "…")
    return words


@pytest.mark.parametrize(("method", "path"), WITH_IDS)
def test_an_object_of_another_tenant_is_none(tenants: Tenants, method: str, path: str) -> None:
    """It is refused in the words of an id that nobody has, and nothing is changed by it.

    To its owner the same request is answered.
    """
    ids = tenants.world("ann")
    before = tenants.everything()
    body = BODIES[path](ids) if method == "POST" else None
    nowhere = tenants.ask("ben", method, filled(method, path, NOBODYS), body)
    for asked in ({}, {"Idempotency_Key": "k"} if method == "POST" else {}):
        theirs = tenants.ask("ben", method, filled(method, path, ids), body, **asked)
        assert (theirs.status_code, nowhere.status_code) == (404, 404)
        assert told(theirs, ids) == told(nowhere, NOBODYS)
    assert tenants.everything() == before
    assert not tenants.store.stopped
    own = tenants.ask("ann", method, filled(method, path, ids), body)
    assert own.status_code == 200, own.text
    if method == "GET" and own.is_json and own.get_json().get("object") == "list":
        assert own.get_json()["data"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_ones_own_objects(tenants: Tenants, path: str) -> None:
    """Those of others are not in them; who is not isolated finds all."""
    tenants.world("ann")
    assert tenants.ask("ben", "GET", path).get_json()["data"] == []
    theirs = tenants.ask("ann", "GET", path).get_json()["data"]
    assert theirs
    tenants.world("web")
    tenants.world("ben")
    assert tenants.ask("ann", "GET", path).get_json()["data"] == theirs
    for all_seeing in ("web", "owner"):
        found = tenants.ask(all_seeing, "GET", path).get_json()["data"]
        assert len(found) == 3 * len(theirs)


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_tenants_is_none(tenants: Tenants, path: str) -> None:
    """Neither that of an object nor that of a deleted one, which its owner may go on from."""
    kind = {"/assistants": "asst_", "/threads": "thread_", "/files": "file-"}.get(path, "vs_")
    tenants.world("ben")
    ids = tenants.world("ann")
    [cursor, *_] = [one for one in ids.values() if one.startswith(kind)]
    for is_deleted in (False, True):
        if is_deleted:
            assert tenants.ask("ann", "DELETE", f"{path}/{cursor}").status_code == 200
        for side in ("after", "before") if path != "/files" else ("after",):
            theirs = tenants.ask("ben", "GET", f"{path}?{side}={cursor}")
            nowhere = tenants.ask("ben", "GET", f"{path}?{side}=x_nobodys")
            assert (theirs.status_code, nowhere.status_code) == (400, 400)
            assert told(theirs, ids) == told(nowhere, {"": "x_nobodys"})
            assert tenants.ask("ann", "GET", f"{path}?{side}={cursor}").status_code == 200
            assert tenants.ask("web", "GET", f"{path}?{side}={cursor}").status_code == 200


@pytest.mark.parametrize("path", [path for path in REFERENCES if REFERENCES[path] is not _nothing])
def test_nothing_of_another_tenants_can_be_named(tenants: Tenants, path: str) -> None:
    """Wherever a body may name an object; its owner may."""
    theirs, own = tenants.world("ann"), tenants.world("ben")
    before = tenants.everything()
    bodies = REFERENCES[path]({**theirs, "own_assistant_id": own["assistant_id"]})
    nowhere = {**theirs, **NOBODYS, "idle_file_id": NOBODYS["file_id"]}
    unknown = REFERENCES[path]({**nowhere, "own_assistant_id": own["assistant_id"]})
    for body, none in zip(bodies, unknown, strict=True):
        refused = tenants.ask("ben", "POST", filled("POST", path, own), body)
        expected = tenants.ask("ben", "POST", filled("POST", path, own), none)
        assert (refused.status_code, expected.status_code) == (404, 404), body
        assert refused.content_type == "application/json"
        assert told(refused, theirs) == told(expected, nowhere)
    assert tenants.everything() == before
    for body in REFERENCES[path]({**theirs, "own_assistant_id": theirs["assistant_id"]}):
        with_run = path == "/threads/<thread_id>/runs"
        if with_run:
            theirs["free_thread_id"] = tenants.made("ann", "/threads", {"messages": [USER]})["id"]
        if not (isinstance(body, dict) and body.get("stream")):
            accepted = tenants.ask("ann", "POST", filled("POST", path, theirs), body)
            assert accepted.status_code == 200, accepted.text


def test_who_is_not_isolated_reaches_all(tenants: Tenants) -> None:
    """So do the owner's token and a client in the same process, which has none."""
    ids = tenants.world("ann")
    for who in ("web", "owner"):
        for method, path in WITH_IDS:
            if method == "GET":
                assert tenants.ask(who, method, filled(method, path, ids)).status_code == 200
    path = f"/threads/{ids['thread_id']}"
    here = tenants.http.get(path, environ_overrides={IN_PROCESS: True})
    assert here.status_code == 200
    assert tenants.ask("web", "DELETE", path).status_code == 200
    assert tenants.ask("ann", "GET", path).status_code == 404


def test_an_idempotency_key_is_its_tenants(tenants: Tenants) -> None:
    """Of two tenants the same request with the same key is two; of one it is one."""
    made = {}
    for who in ("ann", "ben", "web", "owner"):
        first = tenants.ask(who, "POST", "/threads", {}, Idempotency_Key="the key")
        again = tenants.ask(who, "POST", "/threads", {}, Idempotency_Key="the key")
        assert first.get_json() == again.get_json()
        made[who] = first.get_json()["id"]
    assert len(set(made.values())) == 4
    other = tenants.ask("ben", "POST", "/threads", CHANGE, Idempotency_Key="the key")
    assert other.status_code == 422


def test_what_others_add_to_a_thread_belongs_to_its_tenant(tenants: Tenants) -> None:
    """The store that an attachment makes, and files of the run, are the thread's tenant's."""
    ids, notes = tenants.world("ann"), tenants.made("web", "/files", b"By the owner.")["id"]
    path = f"/threads/{ids['free_thread_id']}"
    attached = {**USER, "attachments": [{"file_id": notes, "tools": [SEARCH]}]}
    tenants.made("web", f"{path}/messages", attached)
    run = tenants.made("web", f"{path}/runs", {"assistant_id": ids["assistant_id"]})
    image = ToolUse(tenants.store.context).store_image(
        tenants.store.runs.retrieve(run["thread_id"], run["id"]), "plot.png", b"not quite a png"
    )
    resources = tenants.ask("ann", "GET", path).get_json()["tool_resources"]
    [stored] = resources["file_search"]["vector_store_ids"]
    for found in (f"/vector_stores/{stored}", f"/vector_stores/{stored}/files/{notes}"):
        assert tenants.ask("ann", "GET", found).status_code == 200
    assert tenants.ask("ann", "GET", f"/files/{image}/content").get_data() == b"not quite a png"
    assert tenants.ask("ann", "GET", f"{path}/runs/{run['id']}").status_code == 200
    for missing in (f"/files/{notes}", f"/vector_stores/{ids['vector_store_id']}"):
        assert tenants.ask("ben", "GET", missing).status_code == 404
    assert tenants.ask("ann", "GET", f"/files/{notes}").status_code == 404


def test_a_worker_is_told_the_tenant(tenants: Tenants) -> None:
    """Of a run that is made, continued, or found again after a restart."""
    emitted: list[object] = []
    before = tenants.store.context.database.after_commit

    def after_commit(events: Sequence[Any]) -> None:
        emitted.extend(events)
        before(events)

    tenants.store.context.database.after_commit = after_commit
    ids = tenants.world("ann")
    run = f"/threads/{ids['thread_id']}/runs/{ids['run_id']}"
    tenants.made("web", f"{run}/submit_tool_outputs", {"tool_outputs": [OUTPUT]})
    queued = [event for event in emitted if getattr(event, "run_id", "") == ids["run_id"]]
    assert [event.tenant for event in queued if hasattr(event, "tenant")] == ["ann", "ann"]
    [orphan] = Execution(tenants.store.context).orphans()
    assert (orphan.run_id, orphan.tenant) == (ids["run_id"], "ann")


def test_waiting_runs_are_found_in_turns(tenants: Tenants) -> None:
    """Those of one tenant, however many, do not hide another's from who looks for work."""
    runs: dict[str, list[str]] = {}
    for who, number in (("ann", 4), ("owner", 2), ("ben", 1)):
        assistant = tenants.made(who, "/assistants", {"model": "m", "tools": [FUNCTION]})["id"]
        body = {"assistant_id": assistant, "instructions": "x"}
        runs[who] = [tenants.made(who, "/threads/runs", body)["id"] for _ in range(number)]
    ann, owner, ben = runs["ann"], runs["owner"], runs["ben"]
    expected = [ann[0], owner[0], ben[0], ann[1], owner[1], ann[2], ann[3]]
    assert Execution(tenants.store.context).unclaimed() == expected


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("assistants WHERE tenant = ?", "ix_assistants_of"),
        ("threads WHERE tenant = ?", "ix_threads_of"),
        ("vector_stores WHERE tenant = ?", "ix_vector_stores_of"),
        ("files WHERE is_whole = 1 AND tenant = ?", "ix_files_of"),
        ("files WHERE is_whole = 1 AND purpose = 'x' AND tenant = ?", "ix_files_of_for"),
    ],
)
def test_the_lists_of_a_tenant_have_indexes(store: Store, where: str, index: str) -> None:
    """So they cost the same, however much others have."""
    store.context.database.open()
    with store.context.database.read() as connection:
        if connection.dialect.name != "sqlite":
            names = connection.execute(text("SELECT indexname FROM pg_indexes")).scalars()
            assert index in set(names)
            return
        query = f"EXPLAIN QUERY PLAN SELECT body FROM {where} ORDER BY seq DESC LIMIT 9"
        [row] = connection.exec_driver_sql(query, ("ann",)).all()
        assert f" {index} " in row[3]
        assert row[3].startswith("SEARCH")


def test_models_in_use_are_ones_own(tenants: Tenants) -> None:
    """What the assistants of others name is in no list."""
    for who in ("ann", "web"):
        tenants.world(who)
    seen = {
        who: [one["id"] for one in tenants.ask(who, "GET", "/models").get_json()["data"]]
        for who in ("ann", "ben", "web", "owner")
    }
    ann = ["model-of-ann", "models/model-of-ann"]
    both = ["model-of-ann", "model-of-web", "models/model-of-ann", "models/model-of-web"]
    assert seen == {"ann": ann, "ben": [], "web": both, "owner": both}


@pytest.mark.parametrize("group_by", ["assistant", "model", "day", "metadata:user"])
def test_usage_is_of_ones_own_runs(tenants: Tenants, group_by: str) -> None:
    """However it is grouped; who is not isolated sees all."""
    for who in ("ann", "web"):
        tenants.world(who)
    path = f"/usage?group_by={group_by}&since=0"
    runs = {
        who: sum(one["runs"] for one in tenants.ask(who, "GET", path).get_json()["data"])
        for who in ("ann", "ben", "web", "owner")
    }
    assert runs == {"ann": 1, "ben": 0, "web": 2, "owner": 2}
