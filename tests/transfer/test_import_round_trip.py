"""Out of an engine, into another and out again: the same bytes, whatever happens meanwhile."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from databases import fresh
from import_kit import conversations, opened, texts_of, thing
from thorough import amount

from assistants_client import Client
from assistants_client.transfer import ImportSummary, export, import_files

Import: TypeAlias = Callable[..., ImportSummary]


def exported(url: str, archive: Path) -> bytes:
    """The bytes of an archive of a database, once the files of its stores are read."""
    with opened(url) as engine, Client(engine=engine) as client:
        for store in client.vector_stores.list():
            _wait(client, store.id)
        export(client, archive)
    return archive.read_bytes()


def _wait(client: Client, store_id: str) -> None:
    until = time.monotonic() + 30
    while client.vector_stores.retrieve(store_id).status != "completed":
        assert time.monotonic() < until
        time.sleep(0.01)


def _ask(client: Client, assistant_id: str, question: str) -> None:
    """A question in a thread of its own, and its answer."""
    client.ask(client.threads.create().id, question, assistant_id=assistant_id)


@pytest.fixture
def archive(url: str, tmp_path: Path, imported: Import) -> Path:
    """An archive with all kinds of objects."""
    (tmp_path / "bytes").mkdir()
    found = conversations(tmp_path / "bytes", threads=12, messages=9)
    imported(found, files=tmp_path / "bytes")
    path = tmp_path / "first.ndjson"
    exported(url, path)
    return path


def files_of(archive: Path) -> dict[str, bytes]:
    """The bytes beside an archive."""
    folder = archive.with_name(f"{archive.name}.files")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_comes_out_goes_in_and_comes_out_the_same(archive: Path, tmp_path: Path) -> None:
    """Messages with attachments and annotations, runs, steps, stores, and files with bytes."""
    other = fresh(f"sqlite:///{tmp_path / 'other.db'}")
    summary = import_files([archive], other)
    assert dict(summary.losses) == {}
    assert str(summary).splitlines()[0] == "12 threads, 108 messages."
    second = tmp_path / "second.ndjson"
    assert exported(other, second) == archive.read_bytes()
    assert files_of(second) == files_of(archive)
    assert set(files_of(second)) == {"file-0", "file-1"}


def test_an_archive_is_there_already_where_it_comes_from(url: str, archive: Path) -> None:
    """Also what the engine itself has written, or changed since."""
    with opened(url, "An answer.") as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        _ask(client, assistant.id, "A question?")
    whole = exported(url, archive)
    summary = import_files([archive], url)
    assert {outcome for _, outcome in summary.outcomes} == {"same"}
    assert exported(url, archive) == whole


def test_killed_at_any_moment_and_run_again_it_comes_to_the_same(
    archive: Path, tmp_path: Path
) -> None:
    """The process gets no chance to clean up."""
    chance = random.Random(7)
    command = [sys.executable, "-m", "assistants_client", "import", str(archive), "--database"]
    started = time.monotonic()
    subprocess.run([*command, fresh(f"sqlite:///{tmp_path / 'timed.db'}")], check=True)
    seconds = time.monotonic() - started
    other = fresh(f"sqlite:///{tmp_path / 'killed.db'}")
    for _ in range(amount(4, 50)):
        process = subprocess.Popen([*command, other])
        try:
            process.wait(chance.uniform(seconds / 4, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    subprocess.run([*command, other], check=True)
    second = tmp_path / "second.ndjson"
    assert exported(other, second) == archive.read_bytes()
    assert files_of(second) == files_of(archive)


def test_a_server_goes_on_meanwhile(url: str, archive: Path, tmp_path: Path) -> None:
    """Threads that are made and answered while another process imports are all there."""
    other = fresh(f"sqlite:///{tmp_path / 'served.db'}")
    with opened(other, *["Fine."] * 100) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m")
        command = [sys.executable, "-m", "assistants_client", "import", str(archive), "--database"]
        process = subprocess.Popen([*command, other])
        asked = 0
        while process.poll() is None and asked < 100:
            _ask(client, assistant.id, f"Question {asked}?")
            asked += 1
        assert process.wait(60) == 0
        own = [one for one in client.threads.list() if not one.metadata.get("n")]
        assert len(own) == asked
        assert all(len(list(client.messages.list(one.id))) == 2 for one in own)
    assert len(texts_of(other, "thread_0003")) == 9


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times as many messages in one thread take no more of it."""
    peaks = []
    for count in (2_000, 20_000):
        path = tmp_path / f"{count}.ndjson"
        with path.open("w", encoding="utf-8") as file:
            for n in range(count):
                file.write(
                    f'{{"object":"thread.message","id":"msg_{n}","thread_id":"thread_1",'
                    f'"created_at":{1_700_000_000 + n},"role":"user","content":[{{"type":"text",'
                    f'"text":{{"value":"{"Words, " * 40}","annotations":[]}}}}]}}\n'
                )
        url = fresh(f"sqlite:///{tmp_path / f'{count}.db'}")
        program = (
            "import sys; from assistants_client.transfer import import_files; "
            "import_files(sys.argv[1:2], sys.argv[2]); "
            "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(path), url],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < 150
    assert peaks[1] - peaks[0] < 40


def test_runs_of_a_page_newest_first_stand_as_they_were_made(
    url: str, imported: Import, tmp_path: Path
) -> None:
    """Also within one second; one that names no assistant comes out the same elsewhere."""
    runs = [
        {"id": f"run_{n}", "object": "thread.run", "created_at": 1_700_000_000 + (n > 0)}
        for n in (2, 1, 0)
    ]
    imported(
        [
            thing("thread", {"id": "thread_1", "created_at": 1_700_000_000}, "thread_1"),
            *(thing("run", {**run, "status": "completed"}, "thread_1") for run in runs),
        ]
    )
    with opened(url) as engine, Client(engine=engine) as client:
        found = [run.id for run in client.runs.list("thread_1", order="asc")]
    assert found == ["run_0", "run_1", "run_2"]
    first = exported(url, tmp_path / "first.ndjson")
    other = fresh(f"sqlite:///{tmp_path / 'other.db'}")
    import_files([tmp_path / "first.ndjson"], other)
    assert exported(other, tmp_path / "second.ndjson") == first
