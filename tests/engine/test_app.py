"""The HTTP face: routes, the key, JSON, error bodies, headers; and the adapter that calls it."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from engine_store import Store
from werkzeug.test import Client, TestResponse

from assistants_client.engine.faults import Fault
from assistants_client.engine.http import app as app_module
from assistants_client.engine.http.in_process_adapter import EngineAdapter
from assistants_client.engine.http.responses import refusing
from assistants_client.engine.services.assistants import Assistants
from assistants_client.errors import ConfigurationError


def error(response: TestResponse, status: int) -> dict[str, Any]:
    """The documented body of a refusal."""
    assert response.status_code == status
    assert response.content_type == "application/json"
    body = response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    detail: dict[str, Any] = body["error"]
    return detail


@pytest.fixture
def http(store: Store) -> Client:
    """A client of the application."""
    return Client(store.app())


def run_path(store: Store) -> str:
    """The path of a queued run."""
    run = store.new_run()
    return f"/threads/{run.thread_id}/runs/{run.id}"


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_every_operation_is_served(http: Client, prefix: str) -> None:
    """A walk over all routes, with and without the version before them."""
    function = {"type": "function", "function": {"name": "f"}}
    a = http.post(f"{prefix}/assistants", json={"model": "m", "tools": [function]}).get_json()
    paths = [f"/assistants/{a['id']}", "/assistants"]
    t = http.post(f"{prefix}/threads").get_json()
    thread = f"/threads/{t['id']}"
    body = {"role": "user", "content": "x"}
    m = http.post(f"{prefix}{thread}/messages", json=body).get_json()
    r = http.post(f"{prefix}{thread}/runs", json={"assistant_id": a["id"]}).get_json()
    run = f"{thread}/runs/{r['id']}"
    message = f"{thread}/messages/{m['id']}"
    paths += [thread, f"{thread}/messages", message, f"{thread}/runs", run, f"{run}/steps"]
    for path in paths:
        response = http.get(f"{prefix}{path}")
        assert response.status_code == 200
        assert response.headers["x-request-id"].startswith("req_")
        assert response.get_json()["object"]
    for path in (paths[0], thread, message, run):
        changed = http.post(f"{prefix}{path}", json={"metadata": {"k": "v"}}).get_json()
        assert changed["metadata"] == {"k": "v"}
    assert http.get(f"{prefix}{run}/steps/step_x").status_code == 404
    response = http.post(f"{prefix}{run}/submit_tool_outputs", json={"tool_outputs": []})
    assert "do not accept" in error(response, 400)["message"]
    assert http.post(f"{prefix}{run}/cancel").get_json()["status"] == "cancelling"
    both = http.post(f"{prefix}/threads/runs", json={"assistant_id": a["id"], "instructions": "x"})
    assert both.get_json()["status"] == "queued"
    listed = http.get(f"{prefix}{thread}/messages?run_id=run_x").get_json()
    assert listed == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    for path in (message, paths[0], thread):
        assert http.delete(f"{prefix}{path}").get_json()["deleted"] is True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/x", 404),
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1x/assistants", 404),
        ("GET", "/v1/v1/assistants", 404),
        ("GET", "/v1/assistants//", 404),
        ("PATCH", "/v1/assistants", 405),
        ("DELETE", "/v1/threads/t/runs/r", 405),
    ],
)
def test_other_paths_and_methods(http: Client, method: str, path: str, status: int) -> None:
    """They are refused with the documented body, which names both."""
    response = http.open(path, method=method)
    detail = error(response, status)
    assert method in detail["message"]
    assert path in detail["message"]
    if status == 404:
        assert detail["message"].startswith(f"Invalid URL ({method} {path}). ")
    else:
        assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("base", ["/v1/", "//v1//", "/openai/v1/"])
def test_a_base_url_that_ends_with_a_slash(http: Client, base: str) -> None:
    """The two slashes that a client makes of it are one."""
    assert http.get(f"{base}/assistants").get_json()["object"] == "list"


def test_an_id_of_no_kind_is_just_not_found(http: Client) -> None:
    """Whatever stands in the path, a 404 says what was looked for."""
    for odd in ("a1", "%00", "..%2f..", "%F0%9F%98%80", "x" * 5000):
        detail = error(http.get(f"/v1/assistants/{odd}"), 404)
        assert detail["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "param", "prefix"),
    [
        ("assistants/thread_1", "assistant_id", "asst_"),
        ("threads/asst_1/messages", "thread_id", "thread_"),
        ("threads/{thread}/messages/run_1", "message_id", "msg_"),
        ("threads/{thread}/runs/msg_1", "run_id", "run_"),
        ("files/vs_1", "file_id", "file-"),
        ("vector_stores/vsfb_1", "vector_store_id", "vs_"),
        ("vector_stores/{store}/file_batches/vs_1", "batch_id", "vsfb_"),
        ("vector_stores/{store}/files/vs_1", "file_id", "file-"),
    ],
)
def test_an_id_of_another_kind_is_refused(http: Client, path: str, param: str, prefix: str) -> None:
    """It is told to be of the wrong kind, with the name of its place and what it should be."""
    made = {
        "thread": http.post("/v1/threads").get_json()["id"],
        "store": http.post("/v1/vector_stores", json={}).get_json()["id"],
    }
    detail = error(http.get(f"/v1/{path.format(**made)}"), 400)
    assert (detail["param"], detail["code"]) == (param, "invalid_value")
    assert detail["message"].endswith(f"Expected an ID that begins with '{prefix}'.")


@pytest.mark.parametrize(("levels", "status"), [(98, 200), (100, 400), (300, 400)])
def test_a_body_of_very_many_levels_is_refused(http: Client, levels: int, status: int) -> None:
    """It is no fault of the server's; what has fewer levels is taken, and can be read again."""
    parameters = '{"a": ' * (levels - 3) + "1" + "}" * (levels - 3)
    function = f'{{"type": "function", "function": {{"name": "f", "parameters": {parameters}}}}}'
    made = http.post("/v1/assistants", data=f'{{"model": "m", "tools": [{function}]}}')
    assert made.status_code == status
    if status == 400:
        assert error(made, 400)["code"] == "invalid_json"
    assert http.get("/v1/assistants").status_code == 200
    filters = '{"type": "and", "filters": [' * levels + "]}" * levels
    store = http.post("/v1/vector_stores", json={}).get_json()["id"]
    searched = http.post(
        f"/v1/vector_stores/{store}/search", data=f'{{"query": "q", "filters": {filters}}}'
    )
    error(searched, 400)


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'{"model": NaN}', "invalid_json"),
        (b'{"model": "m", "tools": [{"maximum": 1e400}]}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"a": ' + b"1" * 5000 + b"}", "invalid_json"),
        (b"[]", "invalid_type"),
        (b"null", "invalid_type"),
        (b'"text"', "invalid_type"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(http: Client, body: bytes, code: str) -> None:
    """Broken, cut, deep, huge or of another shape: a 400, never a 500."""
    response = http.post("/v1/assistants", data=body, content_type="application/json")
    assert error(response, 400)["code"] in {code, "unknown_parameter"}


@pytest.mark.parametrize(
    ("document", "param", "code"),
    [
        ({}, "model", "missing_required_parameter"),
        ({"model": "m", "file_ids": []}, "file_ids", "unknown_parameter"),
        ({"model": 5}, "model", "invalid_type"),
        ({"model": "m", "name": "x" * 257}, "name", "string_above_max_length"),
        ({"model": "m", "metadata": []}, "metadata", "invalid_type"),
        (
            {"model": "m", "metadata": {str(n): "" for n in range(17)}},
            "metadata",
            "object_above_max_properties",
        ),
        ({"model": "m", "tools": [{"type": "magic"}]}, "tools[0].type", "invalid_value"),
    ],
)
def test_an_invalid_request_names_its_field(
    http: Client, document: dict[str, Any], param: str, code: str
) -> None:
    """The path, the code and the words are the codec's."""
    detail = error(http.post("/v1/assistants", json=document), 400)
    assert (detail["param"], detail["code"]) == (param, code)
    assert param in detail["message"]
    if code == "unknown_parameter":
        assert detail["message"] == "Unknown parameter: 'file_ids'."


def test_a_body_that_is_too_large_is_refused(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its announced length, or by its real one where none is announced."""
    monkeypatch.setattr(app_module, "MAX_BODY", 100)
    document = {"role": "user", "content": "x" * 200}
    assert error(http.post("/v1/threads", json=document), 413)["code"] == "request_too_large"
    response = http.post(
        "/v1/threads",
        input_stream=io.BytesIO(json.dumps(document).encode()),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert error(response, 413)["code"] == "request_too_large"


def test_a_body_that_was_cut_short_is_refused(http: Client) -> None:
    """A caller that hangs up in the middle of its body changes nothing."""
    response = http.post("/v1/threads", data=b"{}", environ_overrides={"CONTENT_LENGTH": "100"})
    error(response, 400)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/plain", "application/json; charset=utf-8"]
)
def test_content_types_are_taken_as_they_come(
    http: Client, store: Store, content_type: str | None
) -> None:
    """A body is JSON whatever it is called, and calls without one may carry the header."""
    headers = {} if content_type is None else {"content-type": content_type}
    run = run_path(store)
    assert http.post(f"{run}/cancel", headers=headers).status_code == 200
    thread = run.split("/")[2]
    assert http.delete(f"/threads/{thread}", headers=headers).status_code == 200
    assert http.post("/threads", headers=headers).status_code == 200
    assert http.post("/threads", headers=headers, data=b" ").status_code == 200
    made = http.post("/assistants", headers=headers, data=b'{"model": "m"}')
    assert made.status_code == 200


@pytest.mark.parametrize("operation", ["runs", "thread_run", "submit"])
def test_no_stream_is_asked_for(http: Client, store: Store, operation: str) -> None:
    """``stream`` is a boolean or null; false and null are as left out."""
    run = store.new_run()
    body: dict[str, Any] = {"assistant_id": run.assistant_id, "instructions": "x"}
    path = "/threads/runs"
    if operation == "runs":
        path = f"/threads/{store.new_thread()}/runs"
    elif operation == "submit":
        path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
        body = {"tool_outputs": []}
    for odd in ("yes", 1, 0):
        detail = error(http.post(path, json={**body, "stream": odd}), 400)
        assert (detail["param"], detail["code"]) == ("stream", "invalid_type")
    for harmless in (False, None):
        response = http.post(path, json={**body, "stream": harmless})
        if operation == "submit":
            assert "do not accept" in error(response, 400)["message"]
        elif operation == "thread_run" or harmless is False:
            assert response.status_code == 200


def test_what_can_be_included_is_checked(http: Client, store: Store) -> None:
    """The one documented value is taken, another is refused."""
    run = run_path(store)
    value = "step_details.tool_calls[*].file_search.results[*].content"
    assert http.get(f"{run}/steps", query_string={"include[]": value}).status_code == 200
    for path in (f"{run}/steps", f"{run}/steps/step_x"):
        detail = error(http.get(path, query_string={"include[]": "all"}), 400)
        assert detail["param"] == "include[]"
    detail = error(http.get(f"{run}/steps", query_string={"limit": "1000"}), 400)
    assert detail["param"] == "limit"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_api_key"),
        ("Basic c2VjcmV0", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer wrong", "invalid_api_key"),
        ("Bearer s\xe9cret", "invalid_api_key"),
    ],
)
def test_a_token_is_asked_for(store: Store, header: str | None, code: str) -> None:
    """Where one is set nothing is served without it, and no answer repeats what was sent."""
    http = Client(store.app(token="sécret ✓"))
    headers = {} if header is None else {"authorization": header}
    for path in ("/v1/assistants", "/v1/nowhere"):
        response = http.get(path, headers=headers)
        assert error(response, 401)["code"] == code
        assert "cret" not in response.get_data(as_text=True).replace("secret", "")
        assert response.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'


def test_the_right_token_opens(store: Store) -> None:
    """The scheme is read in any case."""
    http = Client(store.app(token="secret"))
    for header in ("Bearer secret", "bearer secret "):
        assert http.get("/v1/assistants", headers={"authorization": header}).status_code == 200


@pytest.mark.parametrize("token", [None, "secret"])
def test_every_response_has_the_headers_of_loggers(store: Store, token: str | None) -> None:
    """Also refusals, and responses before there is an engine; all name one organization."""
    http, refused = Client(store.app(token=token)), Client(refusing(Fault(503, "Not now.")))
    answers = [http.get("/assistants"), http.post("/threads"), http.get("/no"), refused.get("/")]
    for response in answers:
        assert re.fullmatch("req_[0-9a-f]{32}", response.headers["x-request-id"])
        assert response.headers["openai-processing-ms"].isdigit()
        assert response.headers["openai-version"] == "2020-10-01"
        assert response.headers["openai-organization"] == "assistants-engine"
    assert len({response.headers["x-request-id"] for response in answers}) == 4


def test_an_unexpected_error_is_logged_and_not_shown(
    http: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is the documented 500; the log has the traceback under the same request id."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(Assistants, "list", fail)
    with caplog.at_level(logging.ERROR):
        response = http.get("/v1/assistants")
    detail = error(response, 500)
    assert detail["type"] == "server_error"
    assert "secret" not in detail["message"]
    request_id = response.headers["x-request-id"]
    assert request_id in detail["message"]
    assert request_id in caplog.text
    assert "a secret detail" in caplog.text


@pytest.mark.parametrize(
    ("age", "milliseconds"), [(0, "20"), (0.1, "20"), (1, "100"), (5, "500"), (60, "1000")]
)
def test_an_unfinished_run_says_when_to_look_again(
    http: Client, store: Store, age: float, milliseconds: str
) -> None:
    """The hint grows with the run's age; a finished run has none."""
    path = run_path(store)
    store.clock.move(age)
    assert http.get(path).headers["assistants-poll-after-ms"] == milliseconds
    assert http.post(f"{path}/cancel").headers["assistants-poll-after-ms"] == milliseconds
    assert "assistants-poll-after-ms" not in http.get(path).headers


def test_no_hint_has_the_name_that_other_clients_keep(http: Client, store: Store) -> None:
    """The official Python client would ask as often as the first answer said, to a run's end."""
    path = run_path(store)
    for agent in ("OpenAI/Python 3.57.0", "OpenAI/JS 6.49.0", "assistants-client"):
        headers = {"user-agent": agent, "x-stainless-poll-helper": "true"}
        assert "openai-poll-after-ms" not in http.get(path, headers=headers).headers


# --- the adapter --------------------------------------------------------------------------------


@pytest.fixture
def session(store: Store) -> Iterator[requests.Session]:
    """A session whose requests end in the application, which asks others for a token."""
    with requests.Session() as made:
        made.mount("http://engine", EngineAdapter(store.app(token="secret")))
        yield made


def test_the_adapter_is_like_a_server(session: requests.Session) -> None:
    """Bodies of any form, queries, headers, encoded paths: as over the network, without a key."""
    made = session.post("http://engine/v1/assistants", json={"model": "ü"})
    assert (made.status_code, made.reason, made.json()["model"]) == (200, "OK", "ü")
    assert made.headers["X-Request-Id"].startswith("req_")
    assert made.url == "http://engine/v1/assistants"
    text = '{"model": "ü"}'
    for body in (text, text.encode(), io.BytesIO(text.encode()), iter([b'{"model":', b' "m"}'])):
        assert session.post("http://engine/assistants", data=body).status_code == 200
    got = session.get("http://engine/v1/assistants", params={"limit": "2", "order": "asc"})
    assert len(got.json()["data"]) == 2
    missing = session.get("http://engine/v1/assistants/%C3%BC%2F")
    assert missing.status_code == 404
    assert missing.encoding == "utf-8"


def test_the_adapter_streams_what_the_application_yields() -> None:
    """Each piece can be read as soon as it is there; closing closes the application's iterable."""
    events: list[str] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            for piece in (b"a", b"", b"bc"):
                events.append(f"made {piece!r}")
                yield piece

        def close(self) -> None:
            events.append("closed")

    def application(environ: object, start_response: Any) -> Pieces:
        start_response("200 OK", [("content-type", "text/event-stream")])
        return Pieces()

    with requests.Session() as session:
        session.mount("http://engine", EngineAdapter(application))
        with session.get("http://engine/", stream=True) as response:
            assert events == []
            assert response.raw.read(1) == b"a"
            assert events == ["made b'a'"]
            assert response.raw.read() == b"bc"
        assert events[-1] == "closed"


def test_what_cannot_be_served_at_all_is_raised() -> None:
    """A database that cannot be opened is the caller's to know, not a broken answer."""

    def application(environ: object, start_response: object) -> Any:
        raise ConfigurationError("no database")

    with requests.Session() as session:
        session.mount("http://engine", EngineAdapter(application))
        with pytest.raises(ConfigurationError, match="no database"):
            session.get("http://engine/")


def test_an_empty_tool_resources_of_a_run_is_taken(store: Store) -> None:
    """Azure's clients send it with every run that has tools; naming something there is refused."""
    client = Client(store.app())
    made = client.post("/v1/assistants", json={"model": "m", "instructions": "x"})
    assistant = made.get_json()["id"]
    thread = client.post("/v1/threads").get_json()["id"]
    asked: dict[str, Any] = {"assistant_id": assistant, "tool_resources": {"file_search": {}}}

    refused = client.post(f"/v1/threads/{thread}/runs", json=asked)
    taken = client.post(f"/v1/threads/{thread}/runs", json={**asked, "tool_resources": {}})

    assert refused.get_json()["error"]["code"] == "unknown_parameter"
    assert taken.status_code == 200


@pytest.mark.parametrize("value", ["", "done"])
def test_a_filter_of_store_files_is_one_of_their_statuses(http: Client, value: str) -> None:
    """Anything else is refused, emptiness too."""
    made = http.post("/v1/vector_stores", json={}).get_json()["id"]

    refused = http.get(f"/v1/vector_stores/{made}/files?filter={value}")

    assert error(refused, 400)["param"] == "filter"
