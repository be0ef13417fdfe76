"""``GET /models`` and ``GET /usage``: their shapes, groups, times, bounds and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from engine_http import Http
from engine_store import Clock, Store
from test_query_plans import fill, plans, read_whole
from werkzeug.test import Client as Web

from assistants_client.engine import ChatCompletions, Engine, Scripted
from assistants_client.engine.language_models.tutor import Tutor
from assistants_client.engine.services import usage

DAY = 24 * 60 * 60


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at noon of 2026-03-10."""
    return Clock(1_773_144_000.0)


@pytest.fixture
def http(tmp_path: Path, clock: Clock) -> Iterator[Http]:
    """An engine whose model says three words."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with Engine(url, Scripted(["one two three"] * 50), clock=clock) as engine:
        yield Http(engine)


def run(http: Http, model: str, user: str | None = None) -> dict[str, Any]:
    """A run that has ended."""
    assistant = http.send("POST", "/assistants", {"model": model})["id"]
    body = {
        "assistant_id": assistant,
        "thread": {
            "messages": [{"role": "user", "content": "Hello"}],
            "metadata": {} if user is None else {"user": user},
        },
    }
    made = http.send("POST", "/threads/runs", body)
    return http.wait(f"/threads/{made['thread_id']}/runs/{made['id']}")


def by(http: Http, query: str) -> dict[Any, int]:
    """The runs of each group."""
    return {one["key"]: one["runs"] for one in http.send("GET", f"/usage?{query}")["data"]}


def test_usage_adds_up(http: Http, clock: Clock) -> None:
    """Each group has what its runs report, by whatever they are grouped."""
    made = [run(http, "large", "7"), run(http, "small", "7")]
    clock.move(2 * DAY)
    made += [run(http, "large", "8"), run(http, "large")]
    tokens = made[0]["usage"]
    assert by(http, "group_by=day") == {"2026-03-12": 2, "2026-03-10": 2}
    assert by(http, "group_by=model") == {"large": 3, "small": 1}
    assert by(http, "group_by=metadata:user") == {"7": 2, "8": 1, None: 1}
    assert by(http, "group_by=metadata:shop") == {None: 4}
    assert by(http, "group_by=assistant") == {one["assistant_id"]: 1 for one in made}
    [small] = [
        one for one in http.send("GET", "/usage?group_by=model")["data"] if one["key"] == "small"
    ]
    assert small == {
        "key": "small",
        "prompt_tokens": tokens["prompt_tokens"],
        "completion_tokens": tokens["completion_tokens"],
        "total_tokens": tokens["total_tokens"],
        "runs": 1,
    }
    assert tokens["total_tokens"] > 0


def test_usage_of_a_time(http: Http, clock: Clock) -> None:
    """Days are UTC's, both of them whole; seconds are taken as they are; else the last 30 days."""
    run(http, "m")
    clock.move(5 * DAY)
    run(http, "m")
    now = int(clock())
    assert by(http, "group_by=day&since=2026-03-11") == {"2026-03-15": 1}
    assert by(http, "group_by=day&until=2026-03-10") == {"2026-03-10": 1}
    assert by(http, "since=2026-03-10&until=2026-03-15") == {"2026-03-15": 1, "2026-03-10": 1}
    assert by(http, f"since={now}") == {"2026-03-15": 1}
    assert by(http, f"until={now}&since=0") == {"2026-03-10": 1}
    clock.move(29 * DAY)
    assert by(http, "") == {"2026-03-15": 1}
    page = http.send("GET", "/usage")
    assert (page["since"], page["until"]) == (int(clock()) - 30 * DAY, None)


def test_usage_of_many_groups(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with the most tokens are returned, and it says that there are more."""
    monkeypatch.setattr(usage, "MOST_GROUPS", 2)
    for user in ("1", "2", "2", "3", "3", "3"):
        run(http, "m", user)
    page = http.send("GET", "/usage?group_by=metadata:user")
    assert ([one["key"] for one in page["data"]], page["has_more"]) == (["3", "2"], True)
    assert http.send("GET", "/usage?group_by=model")["has_more"] is False


def test_an_empty_database_has_no_usage(http: Http) -> None:
    """Nor does one of which nothing is old enough."""
    for query in ("", "?group_by=model", "?group_by=metadata:user", "?since=2030-01-01"):
        assert http.send("GET", f"/usage{query}")["data"] == []


def test_what_has_not_ended_has_no_tokens(store: Store) -> None:
    """It counts as a run."""
    web = Web(store.app())
    assistant = web.post("/assistants", json={"model": "m"}).get_json()["id"]
    thread = {"messages": [{"role": "user", "content": "Hello"}]}
    web.post("/threads/runs", json={"assistant_id": assistant, "thread": thread})
    [found] = web.get("/usage?group_by=model").get_json()["data"]
    assert (found["runs"], found["total_tokens"]) == (1, 0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("group_by=user", "Invalid 'group_by': 'user' is not one of assistant, model, day and"),
        ("group_by=metadata:", "write the key behind 'metadata:', such as metadata:user"),
        ("since=yesterday", "Invalid 'since': 'yesterday' is neither a day such as 2026-03-01"),
        ("until=2026-02-30", "Invalid 'until': '2026-02-30' is neither a day"),
        ("since=999999999999999", "Invalid 'since'"),
        ("since=2026-03-02&until=2026-03-01", ""),
        ("since=2026-03-03&until=2026-03-01", "Invalid 'until': it is before 'since'"),
    ],
)
def test_what_usage_cannot_be_asked_for(store: Store, query: str, words: str) -> None:
    """It is refused in words that name the parameter."""
    response = Web(store.app()).get(f"/v1/usage?{query}")
    if not words:
        assert response.status_code == 200
        return
    assert response.status_code == 400
    assert words in response.get_json()["error"]["message"]


@pytest.mark.parametrize("group_by", ["assistant", "model", "day", "metadata:user"])
def test_usage_reads_an_index(store: Store, group_by: str) -> None:
    """And not the runs of other times, nor what is in any run."""
    store.context.database.open()
    with store.context.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            fill(connection)
    with plans(store.context.database) as explained:
        assert Web(store.app()).get(f"/usage?group_by={group_by}").status_code == 200
    assert read_whole(explained) == []
    lines = [line for one in explained.values() for line in one]
    assert any("ix_runs_usage" in line for line in lines)


def names(engine: Engine) -> list[str]:
    """The models of an engine."""
    return [one["id"] for one in Http(engine).send("GET", "/models")["data"]]


def test_models_of_the_configuration_and_of_assistants() -> None:
    """The model of every request, or those of the map; then those that assistants name."""
    with Engine("sqlite://", Tutor()) as engine:
        assert names(engine) == ["tutor"]
        for model in ("b", "a", "b"):
            Http(engine).send("POST", "/assistants", {"model": model})
        assert names(engine) == ["tutor", "a", "b"]
    base_url = "http://127.0.0.1:9/v1"
    with Engine("sqlite://", ChatCompletions(base_url, model="llama3.2")) as engine:
        assert names(engine) == ["llama3.2"]
    mapped = ChatCompletions(base_url, model_map={"gpt-4o": "llama3.2", "old": "llama3.2"})
    with Engine("sqlite://", mapped) as engine:
        assert names(engine) == ["llama3.2", "gpt-4o", "old"]
    with Engine("sqlite://", ChatCompletions(base_url)) as engine:
        assert names(engine) == []


def test_a_model_has_openais_shape(http: Http) -> None:
    """Also one with a slash in its name; what is unknown is refused as OpenAI does."""
    for name in ("gpt-4o", "meta-llama/Llama-3.1-8B"):
        http.send("POST", "/assistants", {"model": name})
        expected = {"id": name, "object": "model", "created": 0, "owned_by": "assistants-client"}
        assert http.send("GET", f"/models/{name}") == expected
        assert expected in http.send("GET", "/models")["data"]
    for unknown in ("gpt-5", "a/b"):
        response = http.session.get(f"http://engine/v1/models/{unknown}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "model_not_found"
