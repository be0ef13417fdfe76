"""The model program on real servers of language models, over a socket.

The example itself is run, in a process of its own, with nothing but the variables that a user sets.
"""

import base64
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from assistants_client import Client, CodeInterpreterCall, LogsOutput, Run, RunFailedError
from assistants_client.engine import ChatCompletions, Engine, Responses

ROOT = Path(__file__).parents[2]
SECONDS = 120
#: One grey pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


def run_example(source: str, folder: Path, url: str, model: str, key: str, **more: str) -> str:
    """What the program prints."""
    (folder / "program.py").write_text(source, "utf-8")
    variables = {
        "ASSISTANTS_MODEL_URL": url,
        "ASSISTANTS_MODEL": model,
        "ASSISTANTS_MODEL_KEY": key,
        "PYTHONPATH": str(ROOT),
        **more,
    }
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**variables, **kept},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def calls_in(folder: Path) -> list[CodeInterpreterCall]:
    """The code interpreter calls of the only run in the folder's database."""
    path = folder / "assistants.db"
    with closing(sqlite3.connect(path)) as database:
        ((thread_id, run_id),) = database.execute("SELECT thread_id, id FROM runs").fetchall()
    with Engine(f"sqlite:///{path}") as engine, Client(engine=engine) as client:
        steps = client.run_steps.list(thread_id, run_id, order="asc")
        return [c for step in steps for c in step.tool_calls if isinstance(c, CodeInterpreterCall)]


@pytest.mark.parametrize(
    ("problem", "api"),
    [
        (("3x + 11 = 14", "1"), "chat"),
        (("4x + 2 = 22", "5"), "chat"),
        (("4x + 2 = 22", "5"), "responses"),
    ],
)
def test_the_model_program_on_litellm(
    litellm_server: str, peer_key: str, tmp_path: Path, problem: tuple[str, str], api: str
) -> None:
    """The model asks for code, the engine runs it, and the model's answer follows the output."""
    equation, solution = problem
    source = (ROOT / "examples" / "math_tutor.py").read_text("utf-8")
    source = source.replace("3x + 11 = 14", equation)
    said = run_example(
        source, tmp_path, litellm_server, "brain", peer_key, ASSISTANTS_MODEL_API=api
    )
    assert f"x = {solution}" in said
    assert "Jane Doe" in said
    (call,) = calls_in(tmp_path)
    (output,) = call.code_interpreter.outputs
    assert isinstance(output, LogsOutput)
    assert float(output.logs) == float(solution)


def test_the_model_program_on_llama_cpp(llama_server: str, peer_key: str, tmp_path: Path) -> None:
    """llama.cpp's own server and parser: a tool call, the code's output, and an answer."""
    source = (ROOT / "examples" / "math_tutor.py").read_text("utf-8")
    said = run_example(source, tmp_path, llama_server, "tiny-table", peer_key)
    assert "x = 1" in said
    (call,) = calls_in(tmp_path)
    assert call.code_interpreter.input
    assert call.code_interpreter.outputs


def show(client: Client, text: str) -> Run:
    """A run on a thread with this text, an uploaded image and one on the web, when it ended."""
    photo = client.files.upload(PNG, purpose="vision", filename="photo.png")
    content = [
        {"type": "text", "text": text},
        {"type": "image_file", "image_file": {"file_id": photo.id, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
    ]
    thread = client.threads.create(messages=[{"role": "user", "content": content}])
    tools = [{"type": "code_interpreter"}]
    assistant = client.assistants.create(model="any", tools=tools)
    run = client.runs.create(thread.id, assistant_id=assistant.id)
    return client.wait_for_run(run, check=False)


@pytest.mark.parametrize("kind", [ChatCompletions, Responses])
def test_litellm_takes_images(
    litellm_server: str, peer_key: str, kind: type[ChatCompletions | Responses]
) -> None:
    """It reads the images in either API's form, and answers what stands beside them."""
    asked = kind(litellm_server, peer_key, model="brain")
    with Engine("sqlite://", model=asked) as engine, Client(engine=engine) as client:
        run = show(client, "4x + 2 = 22")
        assert run.status == "completed", run.last_error
        [message] = client.messages.list(run.thread_id, run_id=run.id)
        assert "x = 5" in message.text


def test_llama_cpp_takes_no_images(llama_server: str, peer_key: str) -> None:
    """Its model cannot see, and the run's error says so in the server's own words."""
    asked = ChatCompletions(llama_server, peer_key, model="tiny-table")
    with Engine("sqlite://", model=asked) as engine, Client(engine=engine) as client:
        run = show(client, "3x + 11 = 14")
        assert run.status == "failed"
        assert run.last_error is not None
        assert "did not take the images of the thread's messages" in run.last_error.message


def test_a_thread_that_outgrows_llama_cpp(llama_server: str, peer_key: str) -> None:
    """What does not fit into the model's context is left out, and the run is completed."""
    asked = ChatCompletions(llama_server, peer_key, model="tiny-table")
    with Engine("sqlite://", model=asked) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="any")
        texts = ["long " * 6000, "3x + 11 = 14"]
        thread = client.threads.create(messages=[{"role": "user", "content": t} for t in texts])
        run = client.wait_for_run(client.runs.create(thread.id, assistant_id=assistant.id))
        assert run.usage is not None
        assert run.usage.prompt_tokens < 6000
        only_long = client.threads.create(messages=[{"role": "user", "content": texts[0]}])
        with pytest.raises(RunFailedError, match=r"invalid_prompt: .*context"):
            client.wait_for_run(client.runs.create(only_long.id, assistant_id=assistant.id))


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        ("no-such-model", "sk-peer", "does not serve the model 'no-such-model' (400)"),
        ("brain", "sk-wrong", "answered 400"),
    ],
    ids=["model", "key"],
)
@pytest.mark.parametrize("kind", [ChatCompletions, Responses])
def test_a_refusal_is_told_in_the_run(
    litellm_server: str, kind: type[ChatCompletions | Responses], model: str, key: str, words: str
) -> None:
    """A wrong model name or key makes a failed run that says so, without the key."""
    asked = kind(litellm_server, key, model=model)
    with Engine("sqlite://", model=asked) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="any")
        thread = client.threads.create(messages=[{"role": "user", "content": "hello"}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        with pytest.raises(RunFailedError) as caught:
            client.wait_for_run(run)
        assert key not in str(caught.value)
        assert words in str(caught.value)
        assert client.messages.create(thread.id, "still usable").text == "still usable"
