"""Tokens: made once, stored hashed, found again by what a request sends, revoked, counted."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from engine_store import Clock, Store, tokens
from sqlalchemy import event, update
from tenants import FUNCTION, Tenants
from werkzeug.test import Client

from assistants_client.engine.faults import Fault
from assistants_client.engine.http.app import UNREAD
from assistants_client.engine.http.token_cache import (
    FRESH_SECONDS,
    SOON_SECONDS,
    STALE_SECONDS,
    TokenCache,
)
from assistants_client.engine.services._base import Caller
from assistants_client.engine.services.tokens import PREFIX, Tokens
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.tables import metadata, runs, tokens as token_table

DAY = 24 * 60 * 60


@pytest.fixture
def stored(store: Store) -> Tokens:
    """The operations on tokens."""
    return Tokens(store.context)


@contextmanager
def reads(database: Database) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile."""
    found: list[str] = []
    with database.read() as connection:
        engine = connection.engine

    def note(*seen: Any) -> None:
        found.append(seen[2])

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def status(http: Client, token: str | None, name: str = "authorization") -> int:
    """What a request with a token is answered."""
    value = token if name == "api-key" else f"Bearer {token}"
    return http.get("/threads", headers={} if token is None else {name: value}).status_code


def test_a_token_is_stored_hashed(store: Store, stored: Tokens) -> None:
    """It is long and random, begins as all do, and stands nowhere in the database."""
    made = [stored.add("shop"), stored.add("lab", is_isolated=True)]
    assert made[0] != made[1]
    for token in made:
        assert re.fullmatch(r"ast_[\w-]{43}", token)
        with store.context.database.read() as connection:
            for table in metadata.sorted_tables:
                assert token not in str(connection.execute(table.select()).all())


def test_names_are_unique_among_those_that_hold(store: Store, stored: Tokens) -> None:
    """A revoked token's name is free again, and goes on with what the first has made."""
    http = Client(store.app())
    first = stored.add("shop", is_isolated=True)
    thread = http.post("/threads", headers={"authorization": f"Bearer {first}"}).get_json()["id"]
    with pytest.raises(Fault, match="There is a token of the name 'shop' already"):
        stored.add("shop")
    stored.revoke("shop")
    second = stored.add("shop", is_isolated=True)
    assert second != first
    found = Client(store.app()).get(
        f"/threads/{thread}", headers={"authorization": f"Bearer {second}"}
    )
    assert found.status_code == 200
    assert [token.revoked_at is None for token in stored.list()] == [False, True]


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "a\nb", "ä", "x" * 65, ".", "a/b"])
def test_a_name_that_cannot_be_one(stored: Tokens, name: str) -> None:
    """It is refused in words, and nothing is stored."""
    with pytest.raises(Fault, match="is no name for a token: letters of ASCII") as refused:
        stored.add(name)
    assert refused.value.status == 400
    assert stored.list() == []


def test_what_cannot_be_revoked_is_named(stored: Tokens) -> None:
    """One that is not there, and one that was revoked before."""
    with pytest.raises(Fault, match="No token has the name 'shop'"):
        stored.revoke("shop")
    stored.add("shop")
    stored.revoke("shop")
    with pytest.raises(Fault, match="The token 'shop' was revoked before"):
        stored.revoke("shop")


def test_from_the_first_token_on_one_is_required(store: Store, clock: Clock) -> None:
    """Both headers can have it; after the last was revoked nobody comes in any more."""
    stored = Tokens(store.context)
    assert status(Client(store.app()), None) == 200
    token = stored.add("shop")
    http = Client(store.app())
    assert [status(http, one) for one in (None, "", "wrong", token[:-1], f"{token}x")] == [401] * 5
    assert status(http, token) == status(http, token, "api-key") == 200
    stored.revoke("shop")
    http = Client(store.app())
    assert status(http, token) == status(http, None) == 401


def test_the_engines_own_token_holds_beside_them(store: Store, stored: Tokens) -> None:
    """And needs no look at the others."""
    token = stored.add("shop")
    http = Client(store.app(token="own"))
    with reads(store.context.database) as found:
        assert status(http, "own") == 200
    assert not any("FROM tokens" in statement for statement in found)
    assert status(http, token) == 200
    assert status(http, "wrong") == 401


def test_a_revocation_holds_within_seconds(database: Database, stored: Tokens) -> None:
    """And so does a new token; meanwhile no request asks the database."""
    seconds = Clock(1000.0)
    cache, elsewhere = TokenCache(database, seconds), TokenCache(database, seconds)
    first = stored.add("shop")
    for one in (cache, elsewhere):
        assert one.current().find(first) == Caller("shop", is_isolated=False)
    stored.revoke("shop")
    second = stored.add("shop", is_isolated=True)
    seconds.move(FRESH_SECONDS / 2)
    with reads(database) as found:
        assert cache.current([first]).find(first) is not None
    assert found == []
    seconds.move(FRESH_SECONDS / 2)
    for one in (cache, elsewhere):
        assert one.current().find(first) is None
        assert one.current().find(second) == Caller("shop", is_isolated=True)


def test_a_new_token_is_known_at_once(database: Database, stored: Tokens) -> None:
    """Who sends one that nobody knows has them read anew, but not more often than bears it."""
    seconds = Clock(1000.0)
    cache = TokenCache(database, seconds)
    assert not cache.current().are_required
    for read in (cache.current, cache.at_hand):
        token = stored.add(f"shop-{read.__name__}")
        if read == cache.at_hand:  # the first is never mistaken for a request of the owner's
            seconds.move(SOON_SECONDS)
        known = read([token])
        assert known is not None
        assert known.find(token) is not None
    with reads(database) as found:
        for _ in range(3):
            cache.current([f"{PREFIX}nobodys"])
        seconds.move(SOON_SECONDS)
        cache.current(["of another kind"])
    assert found == []


def test_what_has_not_changed_is_not_read_again(database: Database, stored: Tokens) -> None:
    """However many tokens there are: they are counted."""
    seconds = Clock(1000.0)
    cache, token = TokenCache(database, seconds), stored.add("shop")
    assert cache.current().find(token) is not None
    seconds.move(FRESH_SECONDS)
    with reads(database) as found:
        assert cache.current().find(token) is not None
    assert len([one for one in found if "FROM tokens" in one]) == 1
    assert "hash" not in "".join(found)


def test_while_one_reads_others_go_by_what_is_known(database: Database, stored: Tokens) -> None:
    """For some seconds; then each reads for itself, so that nothing revoked goes on for long."""
    seconds = Clock(1000.0)
    cache, token = TokenCache(database, seconds), stored.add("shop")
    known = cache.current()
    seconds.move(FRESH_SECONDS)
    is_reading, go_on = threading.Event(), threading.Event()
    read = database.read

    @contextmanager
    def slow() -> Iterator[Any]:
        is_reading.set()
        assert go_on.wait(20)
        with read() as connection:
            yield connection

    database.read = slow  # type: ignore[method-assign,assignment]
    reader = threading.Thread(target=cache.current)
    reader.start()
    assert is_reading.wait(20)
    assert cache.current() is known
    assert cache.at_hand([token]) is known
    stored.revoke("shop")
    go_on.set()
    seconds.move(STALE_SECONDS - FRESH_SECONDS)
    assert cache.current().find(token) is None
    reader.join(20)


def test_a_database_out_of_reach_lets_nobody_in(store: Store, stored: Tokens) -> None:
    """Not even with a token that was good: the request is to come again."""
    token = stored.add("shop")
    http = Client(store.app())
    store.context.database.close()
    assert status(http, token) == 503
    assert Client(store.app(token="own")).get("/threads").status_code == 401


def test_who_cannot_wait_is_told_what_is_known(store: Store, stored: Tokens) -> None:
    """A server's loop asks: it reads no database, and a token that is new is known at once."""
    app = store.app(token="own")

    def admits(token: str) -> bool:
        return app.admits({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {})

    assert admits("own")
    assert not admits("")
    assert not admits("wrong")
    assert Client(app).get("/threads", headers={"api-key": "wrong"}).status_code == 401
    assert store.app(token="own").admits({"HTTP_API_KEY": stored.add("shop")})
    assert store.app().admits({}) is False
    assert Client(store.app()).get("/threads").status_code == 401


def test_a_short_request_does_not_wait_for_tokens(store: Store, stored: Tokens) -> None:
    """What is known admits it, however old; when it has come, or is long, it is not enough."""
    app = store.app()
    token = stored.add("shop")
    short = {"HTTP_API_KEY": token, "CONTENT_LENGTH": "100"}
    assert app.admits(short)  # reads them
    stored.revoke("shop")
    app._stored_tokens._monotonic = lambda: time.monotonic() + 3600
    with reads(store.context.database) as found:
        assert app.admits(short)
    assert found == []
    assert not app.admits({**short, "CONTENT_LENGTH": ""})
    assert not app.admits({**short, "CONTENT_LENGTH": "100000"})
    assert not app.admits(short)
    assert Client(app).get("/threads", headers={"api-key": token}).status_code == 401


def test_a_request_without_its_body_is_not_acted_on(store: Store, stored: Tokens) -> None:
    """A token that was made after the server refused the body is asked to send it again."""
    http = Client(store.app())
    headers = {"authorization": f"Bearer {stored.add('shop')}"}
    refused = http.post("/threads", headers=headers, environ_overrides={UNREAD: True})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "Send it again" in refused.get_json()["error"]["message"]
    assert http.get("/threads", headers=headers).get_json()["data"] == []
    large = {UNREAD: True, "CONTENT_LENGTH": str(2**40), "CONTENT_TYPE": "application/json"}
    too_large = http.post("/threads", headers=headers, environ_overrides=large)
    assert too_large.status_code == 413


def test_the_list_says_all_but_the_token(store: Store, stored: Tokens, clock: Clock) -> None:
    """In the order in which they were made, with the day of the last run."""
    tenants = Tenants(store)
    clock.move(DAY)
    _completed(tenants, "ann", tokens(5, 7))
    stored.revoke("web")
    ann, ben, web = stored.list()
    assert (ann.name, ben.name, web.name) == ("ann", "ben", "web")
    assert (ann.is_isolated, web.is_isolated) == (True, False)
    assert (ann.last_run, ben.last_run) == ("2023-11-15", None)
    assert (ann.revoked_at, web.revoked_at) == (None, int(clock()))
    assert ann.created_at == int(clock()) - DAY


def _completed(tenants: Tenants, who: str, usage: Any, status: str = "completed") -> str:
    """The thread of a run of a tenant's that ends."""
    assistant = tenants.made(who, "/assistants", {"model": "m", "tools": [FUNCTION]})["id"]
    body = {"assistant_id": assistant, "instructions": "x"}
    run = tenants.made(who, "/threads/runs", body)
    execution = Execution(tenants.store.context)
    work = execution.claim(run["id"])
    assert work is not None
    step, message = execution.begin_message(work.run)
    execution.complete_message(work.run, step, message, [], usage)
    if status != "open":
        execution.finish(work.run, status)
    thread: str = run["thread_id"]
    return thread


def test_usage_is_counted_by_name(store: Store, stored: Tokens, clock: Clock) -> None:
    """Runs by status, and tokens; what is under way too. Deleting undoes nothing."""
    tenants = Tenants(store)
    deleted = [_completed(tenants, "ann", tokens(10, 1)), _completed(tenants, "ann", tokens(20, 2))]
    _completed(tenants, "ann", tokens(40, 4), "failed")
    deleted.append(_completed(tenants, "ann", tokens(80, 8), "open"))
    _completed(tenants, "web", tokens(5, 5), "open")
    _completed(tenants, "owner", tokens(1000, 1000))
    for thread in deleted:
        assert tenants.ask("ann", "DELETE", f"/threads/{thread}").status_code == 200
    ann, ben, web = stored.usage()
    assert ann.runs == {"completed": 2, "failed": 1, "deleted": 1}
    assert (ann.prompt_tokens, ann.completion_tokens) == (150, 15)
    assert (ben.name, ben.runs, ben.prompt_tokens) == ("ben", {}, 0)
    assert (web.runs, web.prompt_tokens) == ({"in_progress": 1}, 0)
    assert stored.usage("ann") == [ann]
    with pytest.raises(Fault, match="No token has the name 'eve'"):
        stored.usage("eve")
    clock.move(DAY)
    _completed(tenants, "ann", tokens(1, 1))
    [since] = stored.usage("ann", since="2023-11-15")
    assert (since.runs, since.prompt_tokens) == ({"completed": 1}, 1)


def test_a_run_that_ends_by_itself_is_counted(store: Store, stored: Tokens, clock: Clock) -> None:
    """One that has expired, whoever finds it."""
    tenants = Tenants(store)
    assistant = tenants.made("ann", "/assistants", {"model": "m"})["id"]
    body = {"assistant_id": assistant, "instructions": "x"}
    run = tenants.made("ann", "/threads/runs", body)
    clock.move(DAY)
    tenants.ask("owner", "GET", f"/threads/{run['thread_id']}/runs/{run['id']}")
    assert stored.usage("ann")[0].runs == {"expired": 1}


def test_a_run_keeps_its_tenant(store: Store, stored: Tokens) -> None:
    """A name that no token has any more, such as in a database that was mended, ends no run."""
    tenants = Tenants(store)
    ids = tenants.world("ann")
    with store.context.database.begin() as connection:
        connection.execute(update(runs).values(tenant="eve"))
        connection.execute(token_table.delete().where(token_table.c.name == "ben"))
    assert [one.name for one in stored.usage()] == ["ann", "web", "eve"]
    path = f"/threads/{ids['thread_id']}/runs/{ids['run_id']}"
    assert tenants.ask("ann", "GET", path).status_code == 200
