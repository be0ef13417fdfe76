"""Who may import whom. The rules are the three tables; the rest reads the imports with ``ast``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = "assistants_client"
ROOT = Path(__file__).parents[2]

#: Each row: a folder of the package, or a file beside the folders, and what of ours it may import.
#: Names are relative to the package; a name stands for everything below it, and the longest that
#: fits counts. The files of a folder may import each other. After "lazy:" a name may be imported
#: inside a function or for type checkers only. Every file must fall under a row: a new folder is a
#: decision, written down here.
OURS = {
    "_version": "",
    "_protocol": "",
    "_suggestions": "",
    "_public_names": "",
    "_lazy_names": "lazy:_suggestions",
    "errors": "lazy:models",
    "backoff": "",
    "_arguments": "errors _protocol",
    "models": "_lazy_names _public_names _suggestions",
    "_json": "models",
    "_http": "errors _arguments _protocol _version",
    "function_tools": "_arguments _lazy_names errors models _json",
    "_calls": "_arguments _suggestions errors models _json _http",
    "waiting": "_arguments _lazy_names errors backoff models _protocol _http lazy:function_tools "
    "lazy:_calls",
    "streaming": "_lazy_names _suggestions errors models _json _http lazy:_calls "
    "lazy:function_tools lazy:waiting",
    "resources": "_arguments _suggestions errors backoff models _http waiting _calls "
    "lazy:function_tools lazy:streaming",
    "client": "_arguments _lazy_names _suggestions errors backoff models _http waiting "
    "lazy:_calls lazy:engine lazy:function_tools lazy:resources",
    "cli": "_arguments _lazy_names _version errors models client lazy:_json lazy:engine "
    "lazy:transfer",
    # What is lost, what is found, and archives: below all that reads and writes them.
    "transfer.losses": "",
    "transfer.found": "transfer.losses",
    "transfer.archive": "errors",
    "transfer.reading": "transfer.found transfer.losses",
    # Above the engine: what was read becomes rows of its database.
    "transfer.importing": "_json errors models transfer.archive transfer.found transfer.losses "
    "transfer.reading engine.engine engine.faults engine.services engine.storage",
    # Exports by a client, and the names of all of it.
    "transfer": "_arguments _calls _http.response_bodies _lazy_names client errors models "
    "transfer.archive transfer.losses lazy:transfer.found lazy:transfer.importing "
    "lazy:transfer.reading",
    "__main__": "cli",
    "testing": "_lazy_names _protocol errors backoff _http waiting client engine",
    # The package's own file: names for type checkers, imported when they are asked for.
    "": "_lazy_names _public_names _version lazy:_arguments lazy:_calls lazy:_http lazy:_json "
    "lazy:backoff lazy:client lazy:errors lazy:function_tools lazy:models lazy:resources "
    "lazy:streaming lazy:waiting",
    # The engine shares models and codec with the client; that sharing is the protocol.
    "engine.faults": "_protocol",
    "engine.ids": "",
    "engine._moved": "",
    "engine.language_models": "_arguments _http _json _lazy_names errors",
    "engine.code_interpreter": "errors",
    "engine.code_interpreter.sandbox_main": "",  # nothing else is there where it runs
    "engine.search.document_reader": "",  # a program of its own
    "engine.search": "_arguments _http errors models engine.faults "
    "engine.language_models engine.search.document_reader engine.search.word_forms",
    # The words of the index, which its storage is made of.
    "engine.search.word_stems": "",
    "engine.search.word_forms": "engine.search.word_stems",
    "engine.domain": "_json models engine.faults engine.ids engine.language_models engine.search",
    "engine.events": "_http _json models engine.faults",
    "engine.observability": "_version errors models engine.language_models",
    "engine.storage": "_json errors models engine.domain engine.faults engine.ids "
    "engine.search.word_forms",
    "engine.services": "_json _protocol models engine.domain engine.events engine.faults "
    "engine.ids engine.language_models engine.search engine.storage",
    "engine.services.worker_side": "_json models engine.code_interpreter engine.domain "
    "engine.events engine.language_models engine.observability engine.search engine.services "
    "engine.storage",
    "engine.worker": "_json models engine.code_interpreter engine.domain engine.events "
    "engine.faults engine.ids engine.language_models engine.observability engine.search "
    "engine.services.worker_side",
    # Beside the engine, for it is imported only where runs are processed by tasks.
    "engine.worker.celery_tasks": "",
    "engine.worker.celery_consumer": "engine.worker.celery_tasks",
    "engine.http": "_json _protocol errors models engine.domain engine.events engine.faults "
    "engine.ids engine.observability engine.services engine.storage",
    # The parts made into one engine, and the variables that describe it.
    "engine": "_arguments errors engine._moved engine.code_interpreter engine.events "
    "engine.faults engine.http engine.ids engine.language_models engine.observability "
    "engine.search engine.services engine.storage engine.worker",
    "engine.serving": "_json models engine.engine engine.environment engine.executors "
    "engine.faults engine.http engine.ids engine.language_models engine.worker",
    "engine.wsgi": "engine.engine engine.observability",
    "engine.gunicorn": "",
}

#: Folders whose files do not import each other, save through the ones named.
NO_SIDEWAYS = {
    "resources": "_signatures _waits files",
    "engine.services": "_base _answers _contents _history _leases _old_items _references _stores "
    "_resources _passages _run_queue _thread_search _usage _vectors _words _search _write "
    "worker_side.claims",
}

#: Each row: a library, and the modules of ours that may import it. A library without a row is not
#: a dependency. The standard library is free.
THEIRS = {
    "attrs": "_calls models backoff _json _http function_tools waiting streaming resources client "
    "transfer engine testing",
    "cattrs": "_json.codec lazy:_json.fields",
    "requests": "_http engine.http.in_process_adapter testing.connections lazy:client "
    "lazy:_calls lazy:engine.language_models",
    "urllib3": "_http engine.http.in_process_adapter testing.connections",
    "sqlalchemy": "engine.storage engine.services lazy:engine.http.post_requests "
    "lazy:transfer.importing",
    "pytest": "testing.plugin",
    "werkzeug": "engine.http",
    "celery": "engine.worker.celery_tasks engine.worker.celery_consumer",
    "kombu": "engine.worker.celery_consumer lazy:engine.relays",
    "waitress": "engine.serving.waitress_server engine.serving.waitress_request",
    "pydantic_monty": "engine.code_interpreter",
    "charset_normalizer": "lazy:engine.search.document_reader",
    "pypdf": "lazy:engine.search.document_reader",
    "prometheus_client": "lazy:engine.observability.metrics lazy:engine.gunicorn",
    "opentelemetry": "lazy:engine.observability",
    "psycopg": "lazy:engine.events.postgres_relay",
    "redis": "lazy:engine.events.redis_relay lazy:engine.relays",
    # Names for type checkers; nothing of it exists at run time.
    "_typeshed": "lazy:engine lazy:testing.connections",
}

#: What the standard library of newer Pythons has beside that of the oldest.
NEWER_LIBRARY = frozenset({"annotationlib"})

LINES_PER_FILE = 500


@frozen
class Import:
    """One imported module or name, dotted; ``lazy`` when importing the file does not load it."""

    name: str
    lazy: bool
    line: int


def modules(root: Path) -> dict[str, Path]:
    """The package's files by module name, relative to the package; the package itself is ""."""
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root / PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(source: str, package: str) -> Iterator[Import]:
    """All imports of a file; ``package`` is what a leading dot stands for."""

    def walk(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, lazy, child.lineno)
            elif isinstance(child, ast.ImportFrom):
                base = child.module or ""
                if child.level:
                    above = package.split(".")[: len(package.split(".")) - child.level + 1]
                    base = ".".join([*above, base] if base else above)
                for alias in child.names:
                    yield Import(f"{base}.{alias.name}", lazy, child.lineno)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                for inner in child.body:
                    yield from walk(ast.Module([inner], []), lazy=True)
                for inner in child.orelse:
                    yield from walk(ast.Module([inner], []), lazy=lazy)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, lazy=lazy or inside)

    return walk(ast.parse(source), lazy=False)


def below(name: str, top: str) -> bool:
    """Whether a dotted name is ``top`` or stands below it."""
    return name == top or name.startswith(f"{top}.")


def permitted(name: str, row: str, *, lazy: bool) -> bool:
    """Whether a row of a table lets a name be imported."""
    return any(
        below(name, entry.removeprefix("lazy:")) and (lazy or not entry.startswith("lazy:"))
        for entry in row.split()
    )


def row_of(module: str) -> str | None:
    """The row of the table that a module falls under."""
    fits = [row for row in OURS if row == module or (row and below(module, row))]
    return max(fits, key=len, default=None)


def violations(root: Path) -> list[str]:
    """One line per import that the tables do not permit."""
    files = modules(root)
    found = []
    for module, path in files.items():
        row = row_of(module)
        if row is None:
            found.append(f"{module}: has no row in OURS")
            continue
        is_package = path.name == "__init__.py"
        parent = module if is_package else module.rpartition(".")[0]
        for one in imports(path.read_text("utf-8"), f"{PACKAGE}.{parent}".rstrip(".")):
            top = one.name.partition(".")[0]
            if top == PACKAGE:
                name = one.name.removeprefix(PACKAGE).removeprefix(".")
                while name not in files:  # a class or function: the file that holds it counts
                    name = name.rpartition(".")[0]
                allowed = row_of(name) == row or permitted(name, OURS[row], lazy=one.lazy)
                folder = next((f for f in NO_SIDEWAYS if below(parent, f) and below(name, f)), None)
                if folder and folder not in {module, name}:
                    shared = [f"{folder}.{file}" for file in NO_SIDEWAYS[folder].split()]
                    allowed = allowed and name in [module, *shared]
                if is_package and below(name, module):
                    allowed = True  # a front door shows what is behind it
            elif top in sys.stdlib_module_names | NEWER_LIBRARY:
                continue
            else:
                allowed = permitted(module, THEIRS.get(top, ""), lazy=one.lazy)
            if not allowed:
                found.append(f"{module or PACKAGE}:{one.line}: may not import {one.name}")
    return found


def unused(root: Path) -> list[str]:
    """The permissions of the table that no import needs, or needs only lazily."""
    files = modules(root)
    needed: dict[str, list[tuple[str, bool]]] = {row: [] for row in OURS}
    for module, path in files.items():
        parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for one in imports(path.read_text("utf-8"), f"{PACKAGE}.{parent}".rstrip(".")):
            name = one.name.removeprefix(PACKAGE).removeprefix(".")
            while name not in files:
                name = name.rpartition(".")[0]
            needed[row_of(module) or ""].append((name, one.lazy))
    return [
        f"{row}: {entry}"
        for row, line in OURS.items()
        for entry in line.split()
        if not any(
            below(name, entry.removeprefix("lazy:")) and (entry.startswith("lazy:") or not lazy)
            for name, lazy in needed[row]
        )
    ]


def test_every_permission_is_used() -> None:
    """The table permits no more than there is."""
    assert unused(ROOT) == []


def test_every_import_is_permitted() -> None:
    """No file of the package imports what the tables do not let it import."""
    assert violations(ROOT) == []


def circles(table: Mapping[str, str]) -> list[str]:
    """The rows from which permissions, lazy ones too, lead back to where they began."""
    arrows = {row: set[str]() for row in table}
    for row, line in table.items():
        for name in line.replace("lazy:", "").split():
            arrows[row] |= {one for one in table if below(one, name)} or {row_of(name) or ""}
        arrows[row].discard(row)
    found = []
    for row in table:
        reached, new = set[str](), {row}
        while new:
            new = {other for one in new for other in arrows[one]} - reached
            reached |= new
        if row in reached:
            found.append(row)
    return found


def imports_of_files(root: Path) -> dict[str, str]:
    """By file, the files that it imports, for type checkers too. Front doors are left out."""
    files = {name: path for name, path in modules(root).items() if path.stem != "__init__"}
    found = {}
    for module, path in files.items():
        names = []
        for one in imports(path.read_text("utf-8"), f"{PACKAGE}.{module.rpartition('.')[0]}"):
            name = one.name.removeprefix(f"{PACKAGE}.")
            while name and name not in files:
                name = name.rpartition(".")[0]
            names.append(name)
        found[module] = " ".join(names)
    return found


def test_there_is_no_circle() -> None:
    """No folder's permissions lead back to it, however far around; nor do the imports of a file."""
    assert circles(OURS) == []
    assert circles({**OURS, "errors": "lazy:client"}) != []
    found = imports_of_files(ROOT)
    assert circles(found) == []
    assert circles({**found, "errors": "client.client"}) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("models/planted.py", "from assistants_client.client import Client"),
        ("models/planted.py", "import cattrs"),
        ("models/planted.py", "import numpy"),
        ("errors.py", "from assistants_client.models.runs import Run"),
        ("client/client.py", "from assistants_client.engine import Engine"),
        ("client/client.py", "import requests"),
        ("waiting/polling.py", "def f():\n    from assistants_client import engine"),
        ("_http/sse.py", "from assistants_client._json.codec import decode"),
        ("resources/runs.py", "from assistants_client.resources.threads import Threads"),
        ("resources/runs.py", "from . import threads"),
        ("resources/runs.py", "from .threads import Threads"),
        ("resources/runs.py", "if TYPE_CHECKING:\n    import requests"),
        ("engine/services/runs.py", "from assistants_client.engine.services import threads"),
        ("engine/domain/state_machine.py", "from assistants_client.client import Client"),
        ("engine/domain/state_machine.py", "import sqlalchemy.orm"),
        ("engine/services/runs.py", "from werkzeug.wrappers import Request"),
        ("novelty.py", ""),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, module: str, source: str) -> None:
    """Each rule can fail: a file that breaks it is reported, and it alone."""
    known = ["resources/threads", "engine/services/threads", "models/runs", "client/__init__"]
    for name in [*known, module]:
        path = (tmp_path / PACKAGE / name).with_suffix(".py")
        for folder in [path.parent, *path.parent.parents]:
            if folder == tmp_path:
                break
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
        path.touch()
    assert (tmp_path / PACKAGE / module).write_text(source) == len(source)

    [line] = violations(tmp_path)

    assert line.startswith(module.removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("errors.py", "if TYPE_CHECKING:\n    from assistants_client.models.runs import Run"),
        ("client/client.py", "def f():\n    from assistants_client.engine import Engine"),
        ("client/client.py", "if TYPE_CHECKING:\n    from requests import Session"),
        ("resources/__init__.py", "from assistants_client.resources.threads import Threads"),
        ("engine/services/runs.py", "from sqlalchemy import select"),
    ],
)
def test_what_is_permitted_is_not_reported(tmp_path: Path, module: str, source: str) -> None:
    """The exceptions that the tables name hold."""
    known = ["resources/threads", "engine/__init__", "models/runs", "client/__init__"]
    for name in [*known, module]:
        path = (tmp_path / PACKAGE / name).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.touch()
    (tmp_path / PACKAGE / module).write_text(source)

    assert violations(tmp_path) == []


def loaded_by(program: str) -> set[str]:
    """The modules that a program imports, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return set(done.stdout.split())


def test_importing_the_client_loads_no_engine() -> None:
    """``from assistants_client import Client`` leaves the engine and its libraries alone."""
    loaded = loaded_by(f"from {PACKAGE} import Client")

    assert f"{PACKAGE}.client" in loaded
    unwanted = (f"{PACKAGE}.engine", "sqlalchemy", "werkzeug", "pydantic_monty")
    assert [name for name in loaded if any(below(name, top) for top in unwanted)] == []


#: A program whose environment names no proxy: with one, requests is asked what it makes of it.
MAKES_A_CLIENT = f"""
import os
for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]
from {PACKAGE} import Client
client = Client("http://assistants.test/v1", api_key="k")
"""


def test_making_a_client_loads_no_http_library_and_no_models() -> None:
    """Of the libraries that a call needs, only attrs is there before the first call."""
    loaded = loaded_by(MAKES_A_CLIENT)

    assert f"{PACKAGE}.client.client" in loaded
    ours = "_calls _json models resources streaming function_tools engine waiting.polling"
    theirs = "cattrs requests urllib3 ssl socket http email json uuid difflib"
    unwanted = [*theirs.split(), *(f"{PACKAGE}.{name}" for name in ours.split())]
    assert [name for name in loaded if any(below(name, top) for top in unwanted)] == []


def test_a_first_call_loads_what_it_needs() -> None:
    """Reading a run defines the classes of runs, and none of requests, messages or streams."""
    program = """
import responses
with responses.RequestsMock() as fake:
    fake.add("GET", "http://assistants.test/v1/threads/t/runs/r", json={"id": "r", "tools": []})
    assert client.runs.retrieve("t", "r").id == "r"
"""
    loaded = loaded_by(MAKES_A_CLIENT + program)

    assert f"{PACKAGE}.models.runs" in loaded
    ours = "streaming function_tools engine waiting.polling _http.multipart"
    unwanted = [f"{PACKAGE}.{name}" for name in ours.split()]
    models = "assistants events files messages run_requests run_steps run_streams threads"
    unwanted += [f"{PACKAGE}.models.{name}" for name in models.split()]
    assert [name for name in loaded if any(below(name, top) for top in unwanted)] == []


def test_no_file_is_too_long() -> None:
    """Every file of the package can be held in mind."""
    lengths = {
        module: len(path.read_text("utf-8").splitlines()) for module, path in modules(ROOT).items()
    }

    assert {m: length for m, length in lengths.items() if length > LINES_PER_FILE} == {}
