"""What the client refuses before it sends, the engine refuses from others, in the same words."""

from collections.abc import Callable, Iterator

import pytest
import requests
from contract_serving import served
from databases import fresh

from assistants_client import Client, FunctionDefinition, InvalidRequestError
from assistants_client.engine import Engine

PAIRS = {str(number): "v" for number in range(17)}

CASES = [
    ("/assistants", {"model": "m", "name": "n" * 257}, "name", "256"),
    ("/assistants", {"model": "m", "metadata": PAIRS}, "metadata", "16"),
    ("/assistants", {"model": "m", "metadata": {"k": 1}}, "metadata.k", "string"),
    ("/assistants", {"model": 5}, "model", "string"),
    ("/assistants", {"model": "m", "temperature": 3}, "temperature", "2"),
    (
        "/assistants",
        {"model": "m", "tools": [{"type": "function"}]},
        "tools[0].function",
        "Missing",
    ),
    ("/assistants", {"model": "m", "tools": "code_interpreter"}, "tools", "array"),
    ("/threads", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "array"),
    ("/threads", {"metadata": {"k" * 65: "v"}}, "metadata", "64"),
]


@pytest.fixture
def base_url(clean_environment: None) -> Iterator[str]:
    """An engine behind a WSGI server."""
    with Engine(fresh("sqlite://")) as engine, served(engine) as url:
        yield url


@pytest.mark.parametrize(("path", "body", "param", "limit"), CASES, ids=[c[2] for c in CASES])
def test_both_refuse(
    base_url: str, path: str, body: dict[str, object], param: str, limit: str
) -> None:
    """Field and limit are named on both sides, and by the client before anything is sent."""
    answer = requests.post(base_url + path, json=body, timeout=10)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert limit in error["message"]

    with Client("http://127.0.0.1:9/v1") as nobody:  # nothing listens there
        create: Callable[..., object] = (
            nobody.assistants.create if path == "/assistants" else nobody.threads.create
        )
        with pytest.raises(InvalidRequestError) as caught:
            create(**body)
    assert caught.value.path == param
    assert limit in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"file_ids": []}, "file_ids"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "file_ids": []}}]},
            "tools[0].function.file_ids",
        ),
    ],
)
def test_unknown_keys(base_url: str, fields: dict[str, object], param: str) -> None:
    """A key that the protocol does not have is an error, at whatever depth."""
    answer = requests.post(f"{base_url}/assistants", json={"model": "m", **fields}, timeout=10)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["message"]) == (param, f"Unknown parameter: '{param}'.")


def test_unknown_keys_in_the_client() -> None:
    """There the constructors say so, of requests and of their pieces."""
    with Client("http://127.0.0.1:9/v1") as client, pytest.raises(TypeError, match="file_ids"):
        client.assistants.create(model="m", file_ids=[])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="file_ids"):
        FunctionDefinition(name="f", file_ids=[])  # type: ignore[call-arg]


def test_empty_ids(base_url: str) -> None:
    """An empty id is refused before it becomes another path, and finds nothing from others."""
    with Client(base_url) as client:
        with pytest.raises(InvalidRequestError, match="thread_id"):
            client.runs.list("")
        with pytest.raises(InvalidRequestError, match="assistant_id"):
            client.runs.create_thread_and_run(assistant_id="")
    path = requests.get(f"{base_url}/threads//runs", timeout=10)
    assert (path.status_code, path.json()["error"]["code"]) == (404, "unknown_url")
    body = requests.post(f"{base_url}/threads/runs", json={"assistant_id": ""}, timeout=10)
    assert body.status_code == 404
    assert body.json()["error"]["message"] == "No assistant found with id ''."
