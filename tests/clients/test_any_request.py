"""Any request at all, made of the published description: schemathesis against ``assistants serve``.

The description is not part of this project; ``ASSISTANTS_SPEC_DIR`` names the folder that holds it.
Where the description and the servers it describes are known to differ, ``as_served`` says so.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from clients_kit import TOKEN, database, interpreter
from model_server import model_server
from served_process import served

#: Names how many requests of each kind are made up for each operation. What a seed stands for may
#: change with the tool, and more of them may find what is new: so it is asked for.
EXAMPLES = "CLIENTS_ANY_REQUEST"
SECONDS = 600
SEED = os.environ.get("CLIENTS_SEED", "6")
#: What every answer is checked for. Data that follows the description may still be refused: ids
#: are made up, threads locked. What OPTIONS allows is left out: ``/threads/runs`` is also the path
#: of a thread of that name, and rightly allows what one takes.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "use_after_free",
    "ignored_auth",
)


#: How it says of what may be null that it must be both: something, and anything or null.
OR_NULL = {"anyOf": [{}, {"type": "null"}]}


def with_null(described: Any) -> None:
    """Lets be null what is meant to, in every part of a description."""
    if isinstance(described, dict):
        if OR_NULL in described.get("allOf", ()):
            described["anyOf"] = [s for s in described.pop("allOf") if s != OR_NULL]
            described["anyOf"].append({"type": "null"})
        described = list(described.values())
    if isinstance(described, list):
        for part in described:
            with_null(part)


def with_null_for_absence(described: Any) -> None:
    """Lets be null what need not be there, as programs write all their fields."""
    if isinstance(described, dict):
        optional = described.get("properties", {}).keys() - set(described.get("required", ()))
        for name in optional:
            one = described["properties"][name]
            described["properties"][name] = {"anyOf": [one, {"type": "null"}]}
        if all(one.keys() == {"required"} for one in described.get("oneOf", [{}])):
            del described["oneOf"]  # one of several fields was needed, which may all be null now
        described = list(described.values())
    if isinstance(described, list):
        for part in described:
            with_null_for_absence(part)


def as_served(description: dict[str, Any]) -> dict[str, Any]:
    """The description, with what it leaves out or says wrongly."""
    with_null(description)
    with_null_for_absence(description["components"]["schemas"])
    schemas, paths = description["components"]["schemas"], description["paths"]
    # A store that was given no name has none.
    schemas["VectorStoreObject"]["properties"]["name"] = {"type": ["string", "null"]}
    batch = schemas["VectorStoreFileBatchObject"]["properties"]
    batch["object"]["enum"] = ["vector_store.file_batch"]
    # A list without items has no first and no last one.
    for schema in schemas.values():
        for name in ("first_id", "last_id"):
            if schema.get("properties", {}).get(name) == {"type": "string"}:
                schema["properties"][name] = {"type": ["string", "null"]}
    # It calls a file's content, which is bytes of any kind, a string in JSON.
    content = paths["/files/{file_id}/content"]["get"]["responses"]["200"]
    content["content"] = {"*/*": {"schema": {}}}
    # Data that breaks a schema within itself is more than the tool can make up at times.
    inner = json.loads(json.dumps(schemas["CompoundFilter"]))
    inner["properties"]["filters"] = {"type": "array"}
    schemas["CompoundFilter"]["properties"]["filters"]["items"]["oneOf"][1] = inner
    # Files for evaluations can be uploaded, but the list for answers lacks them.
    schemas["OpenAIFile"]["properties"]["purpose"]["enum"].append("evals")
    # Threads are listed too, as Azure's servers do.
    listing = json.loads(json.dumps(paths["/assistants"]["get"]))
    listing["operationId"] = "listThreads"
    answer = json.loads(json.dumps(schemas["ListAssistantsResponse"]))
    answer["properties"]["data"]["items"] = {"$ref": "#/components/schemas/ThreadObject"}
    listing["responses"]["200"]["content"]["application/json"]["schema"] = answer
    paths["/threads"]["get"] = listing
    # It documents no refusals. Each has this body, all keys in it.
    refusal = {
        "description": "A refusal",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }
    for path in paths.values():
        for operation in path.values():
            operation["responses"]["4XX"] = refusal
    return description


def test_any_request_is_answered_as_documented(tmp_path: Path) -> None:
    """No 5xx; every answer and every refusal is valid; what is no valid request is refused."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")
    examples = os.environ.get(EXAMPLES)
    if not examples:
        pytest.skip(f"{EXAMPLES} is not set")
    folder = os.environ.get("ASSISTANTS_SPEC_DIR")
    if not folder:
        pytest.skip("ASSISTANTS_SPEC_DIR does not name the folder of openapi-assistants.json")
    description = json.loads(Path(folder, "openapi-assistants.json").read_text("utf-8"))
    (tmp_path / "served.json").write_text(json.dumps(as_served(description)), "utf-8")

    variables = {"ASSISTANTS_TOKEN": TOKEN, **database(tmp_path)}
    with (
        model_server() as model_url,
        served(tmp_path, "--model-url", model_url, **variables) as running,
    ):
        done = subprocess.run(
            [
                str(Path(python).with_name("schemathesis")),
                *("run", "served.json", "--url", running.base_url, "--no-color"),
                *("--header", f"Authorization: Bearer {TOKEN}"),
                *("--checks", ",".join(CHECKS), "--continue-on-failure", "--no-shrink"),
                *("--max-examples", examples, "--seed", SEED),
                *("--warnings", "off", "--generation-database", "none"),
            ],
            cwd=tmp_path,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        running.stop()

    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert "Traceback" not in running.output, running.output[-8000:]
