"""Who may import whom. The rules are the three tables; the rest reads the imports with ``ast``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = "assistants_client"
ROOT = Path(__file__).parents[2]

#: Each row: a module, and the modules of ours that it may import. Names are relative to the
#: package; a name stands for everything below it, and the longest that fits counts. After "lazy:"
#: a name may be imported inside a function or for type checkers only. "self" is the module's own
#: folder. Every file must fall under a row: a new layer is a decision, written down here.
OURS = {
    "_version": "",
    "models": "self _habits lazy:_display",
    # How objects look in a notebook, and waits while they last.
    "_display": "models",
    "_progress": "models",
    # What is said to who types what other clients have.
    "_habits": "",
    "errors": "lazy:models",
    "backoff": "models",
    "_deadline": "",
    "_codec": "models _quick _values",
    "_quick": "_values",
    "_values": "",
    "_strict_json": "",
    # The transport's files: what is checked, repeated, sent as a form and over which connections,
    # and how it went wrong.
    "_checks": "errors _id_kinds",
    "_credentials": "errors",
    "_retry": "_checks",
    "_multipart": "errors",
    "_connections": "errors",
    "_advice": "",
    "_refusals": "errors _advice _retry",
    "_event_loop": "",
    # What both sides of the wire call by one name.
    "_headers": "",
    "_id_kinds": "",
    "_transport": "_version errors _codec models _checks _connections _event_loop _headers _retry "
    "_refusals",
    "_pagination": "models errors _codec _transport lazy:_display",
    "_pace": "errors",
    "waiting": "models errors backoff _deadline _headers _pace",
    "_many_waits": "models errors backoff _deadline _pace waiting",
    # Functions as tools: text in, text out; types to schemas; the decorator; answering calls.
    "_docstrings": "",
    "_json_text": "models _codec",
    "_shapes": "_json_text",
    "_annotations": "_docstrings _shapes",
    "function_tools": "models errors _docstrings _shapes _annotations _strict_json",
    "_journal": "models errors",
    "_tool_calls": "models errors _journal _json_text function_tools",
    # Streams, from bytes to typed events to what they make up.
    "_sse": "",
    "_events": "models errors _codec _sse",
    "_snapshots": "models _codec",
    "_following": "models errors _codec _sse _events _snapshots",
    "streaming": "models errors _following _habits",
    "_call_forms": "_habits",
    "resources._base": "models errors backoff _checks _codec _habits _transport _pagination "
    "_multipart _following",
    "resources": "resources._base _call_forms models errors backoff _checks _codec _transport "
    "_pagination _multipart _following streaming",
    "_resources": "_habits lazy:_transport lazy:resources",
    "_connect": "errors _checks _credentials _retry _transport lazy:engine",
    "_run_waits": "models errors backoff waiting _checks _habits _many_waits _pace _progress "
    "_resources function_tools _tool_calls",
    "client": "_version models errors backoff _checks _codec _connect _credentials _habits "
    "_multipart _pace _retry _run_waits _transport _pagination waiting resources lazy:engine",
    "_later": "lazy:_habits",
    "": "_later _version lazy:errors lazy:backoff lazy:_multipart lazy:_pagination lazy:_retry "
    "lazy:client lazy:models lazy:streaming lazy:function_tools lazy:_tool_calls lazy:_checks "
    "lazy:_credentials lazy:_many_waits lazy:_transport lazy:resources",
    # The command.
    "cli": "_version _checks errors lazy:_chat lazy:client lazy:engine",
    "_chat": "models errors client",
    "__main__": "cli",
    # Doubles for the tests of others; pytest loads the plugin in each of their test runs.
    "testing": "_later lazy:testing",
    "testing.clock": "errors",
    "testing.faults": "errors",
    "testing.scripted_model": "errors engine testing.clock",
    "testing.connections": "_connect _headers _transport engine testing.clock testing.faults",
    "testing.doubles": "_pace backoff client engine waiting testing",
    "testing.plugin": "lazy:client lazy:testing",
    # The engine shares models and codec with the client; that sharing is the protocol.
    "engine.adapter": "engine _transport errors",
    "engine.language_models": "self models errors _checks _codec _connections _deadline _sse "
    "_strict_json _transport",
    "engine.services": "engine models _codec _headers",
    "engine.embeddings": "engine.embedding_answers engine.vectors errors _deadline _transport "
    "engine.language_models.error_words",
    "engine.embedding_answers": "engine.vectors",
    "engine.vectors": "",
    "engine.chunking": "",
    "engine.document_reader": "self engine.chunking",  # a program of its own
    "engine.code_interpreter.inside": "",  # likewise, and nothing else is there where it runs
    "engine.streams": "engine models _codec _sse",
    "engine": "self models errors _codec _headers _id_kinds _strict_json",
}

#: Folders whose files do not import each other, save through the ones named.
NO_SIDEWAYS = {
    "resources": "_base",
    "engine.services": "_base _answers _contents _history _stores _resources _passages _vectors "
    "_words _search _pieces",
}

#: Each row: a library, and the modules of ours that may import it. A library without a row is not
#: a dependency. The standard library is free.
THEIRS = {
    "attrs": "models _display _many_waits backoff _codec _retry _transport _pagination waiting "
    "_following resources client engine testing _json_text _shapes _annotations "
    "function_tools _tool_calls _quick",
    "cattrs": "_codec",
    "requests": "_connections _refusals _transport engine.adapter testing.connections "
    "lazy:_advice lazy:client lazy:_connect lazy:engine.language_models",
    "urllib3": "_connections _refusals _retry _transport engine.adapter testing.connections",
    "sqlalchemy": "engine.tables engine.database engine.paging engine.services lazy:engine.posts",
    "pytest": "testing.plugin",
    "werkzeug": "engine.app engine.routes engine.uploads engine.adapter",
    "waitress": "engine.http_server",
    "pydantic_monty": "engine.code_interpreter",
    "charset_normalizer": "lazy:engine.document_reader",
    "pypdf": "lazy:engine.document_reader",
    # Names for type checkers; nothing of it exists at run time.
    "_typeshed": "lazy:engine lazy:testing.connections",
}

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


def permitted(name: str, row: str, *, lazy: bool, own: str) -> bool:
    """Whether a row of a table lets a name be imported."""
    for entry in row.split():
        top = own if entry == "self" else entry.removeprefix("lazy:")
        if below(name, top) and (lazy or not entry.startswith("lazy:")):
            return True
    return False


def violations(root: Path) -> list[str]:
    """One line per import that the tables do not permit."""
    files = modules(root)
    found = []
    for module, path in files.items():
        row = max((r for r in OURS if r == module or (r and below(module, r))), key=len, default="")
        if row == "" != module:
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
                allowed = permitted(name, OURS[row], lazy=one.lazy, own=row)
                folder = next((f for f in NO_SIDEWAYS if below(parent, f) and below(name, f)), None)
                if folder and folder not in {module, name}:
                    shared = [f"{folder}.{file}" for file in NO_SIDEWAYS[folder].split()]
                    allowed = name in [module, *shared]
                if is_package and below(name, module):
                    allowed = True  # a front door shows what is behind it
            elif top in sys.stdlib_module_names:
                continue
            else:
                entries = THEIRS.get(top, "").split()
                allowed = any(
                    below(module, entry.removeprefix("lazy:"))
                    and (one.lazy or not entry.startswith("lazy:"))
                    for entry in entries
                )
            if not allowed:
                found.append(f"{module or PACKAGE}:{one.line}: may not import {one.name}")
    return found


def test_every_import_is_permitted() -> None:
    """No file of the package imports what the tables do not let it import."""
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("models/planted.py", "from assistants_client.client import Client"),
        ("models/planted.py", "import cattrs"),
        ("models/planted.py", "import numpy"),
        ("errors.py", "from assistants_client.models.runs import Run"),
        ("client.py", "from assistants_client.engine import Engine"),
        ("client.py", "import requests"),
        ("waiting.py", "def f():\n    from assistants_client import engine"),
        ("resources/runs.py", "from assistants_client.resources.threads import Threads"),
        ("resources/runs.py", "from . import threads"),
        ("resources/runs.py", "from .threads import Threads"),
        ("resources/runs.py", "if TYPE_CHECKING:\n    import requests"),
        ("engine/services/runs.py", "from assistants_client.engine.services import threads"),
        ("engine/lifecycle.py", "from assistants_client.client import Client"),
        ("engine/lifecycle.py", "import sqlalchemy.orm"),
        ("engine/services/runs.py", "from werkzeug.wrappers import Request"),
        ("novelty.py", ""),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, module: str, source: str) -> None:
    """Each rule can fail: a file that breaks it is reported, and it alone."""
    for name in ["resources/threads", "engine/services/threads", "models/runs", "client", module]:
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
        ("client.py", "def f():\n    from assistants_client.engine import Engine"),
        ("client.py", "if TYPE_CHECKING:\n    from requests import Session"),
        ("resources/__init__.py", "from assistants_client.resources.threads import Threads"),
        ("engine/services/runs.py", "from sqlalchemy import select"),
    ],
)
def test_what_is_permitted_is_not_reported(tmp_path: Path, module: str, source: str) -> None:
    """The exceptions that the tables name hold."""
    for name in ["resources/threads", "engine/__init__", "models/runs", "client", module]:
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


def test_no_file_is_too_long() -> None:
    """Every file of the package can be held in mind."""
    lengths = {
        module: len(path.read_text("utf-8").splitlines()) for module, path in modules(ROOT).items()
    }

    assert {m: length for m, length in lengths.items() if length > LINES_PER_FILE} == {}
