"""The program that the sandbox starts: runs one piece of code and writes its result.

Nothing of ours is imported, only the standard library, and what is installed beside it. The result
is untrusted, for the code shares this process and can do to it what it likes: the other side checks
it. Code is confined by the sandbox around this process, not by this program.

The request, on the standard input: a line of JSON, then the state. The result, in the file whose
descriptor the request names: a line of JSON, the new state, the files that were written. The code
prints to the standard output.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import linecache
import os
import pickle
import resource
import shutil
import signal
import sys
import traceback
import types
import warnings
from typing import Any

#: Endings of files that show that the code saves its figures itself.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf")
#: Characters of a traceback, or of a list of names, that are reported.
MAX_REPORT = 8000


def main() -> None:
    """Processes the request, and exits at once: threads of the code's do not hold it up."""
    request = json.loads(sys.stdin.buffer.readline())
    state = sys.stdin.buffer.read()
    sys.stdin = open(os.devnull)  # noqa: SIM115 (for as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    folder = request["folder"]
    if os.path.isdir(request["input_folder"]):
        shutil.copytree(request["input_folder"], folder, dirs_exist_ok=True)
    os.chdir(folder)
    set_limits(request)
    before = file_states(folder)
    variables = Variables(request["state_bytes"])
    remarks: list[str] = []
    if state and not variables.restore(state):
        remarks.append(request["afresh"])
    failure = run(request["code"], variables, request["seconds"])
    os.chdir(folder)
    if not any(path.lower().endswith(PICTURES) for path in written_since(before, folder)):
        failure = save_figures() or failure
    after = variables.dump()
    if variables.lost:
        names = ", ".join(sorted(variables.lost))
        remarks.append(f"[not kept for the next call: {names[:MAX_REPORT]}]")
    sys.stdout.flush()
    write_result(request, failure, remarks, after, written_since(before, folder))
    os._exit(0)


def set_limits(request: dict[str, Any]) -> None:
    """Sets the limits that hold for this process; there is no other one in the sandbox."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Also what stops code that never comes to handle the signal, such as one huge power.
    seconds = int(used.ru_utime + used.ru_stime + request["seconds"]) + 2
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, request["memory_bytes"]),
        (resource.RLIMIT_FSIZE, request["file_bytes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


class Variables:
    """The variables: those of the state, later those that go into the next one.

    Functions, classes and imports are stored as their source, everything else is pickled, each on
    its own: one that cannot be pickled does not take the others with it.
    """

    def __init__(self, limit: int) -> None:
        self.lost: set[str] = set()
        self._limit = limit
        self._definitions: dict[str, str] = {}
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        self.names: dict[str, Any] = vars(main)
        self.names["__builtins__"] = builtins

    def restore(self, state: bytes) -> bool:
        """Restores the variables; returns whether the state could be read."""
        try:
            definitions, variables = pickle.loads(state)
        except Exception:
            return False
        # Values need their classes, default arguments their values.
        pending = [name for name, source in definitions.items() if not self._define(name, source)]
        for name, pickled in variables.items():
            try:
                self.names[name] = pickle.loads(pickled)
            except Exception:
                self.lost.add(name)
        self.lost.update(name for name in pending if not self._define(name, definitions[name]))
        return True

    def _define(self, name: str, source: str) -> bool:
        """Runs a definition or an import again; returns whether it could be run."""
        try:
            exec(compiled(source, f"{name}.py"), self.names)
        except Exception:
            return False
        self._definitions[name] = source
        return True

    def record_definitions(self, tree: ast.Module) -> None:
        """Stores the sources of the definitions and imports of the code."""
        for node in tree.body:
            names: list[str] = []
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names = [node.name]
            elif isinstance(node, ast.Import):
                names = [one.asname or one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [
                    f"{node.module}.*" if one.name == "*" else one.asname or one.name
                    for one in node.names
                ]
            for name in names:
                self._definitions.pop(name, None)  # the last one goes last
                self._definitions[name] = ast.unparse(node)

    def dump(self) -> bytes:
        """Returns the state for the next call."""
        definitions = {
            name: source
            for name, source in self._definitions.items()
            if name.partition(".")[0] in self.names or name.endswith("*")
        }
        imported = {name.partition(".")[0] for name in definitions}
        variables: dict[str, bytes] = {}
        room = self._limit - sum(map(len, definitions.values()))
        for name, value in list(self.names.items()):
            if name.startswith("__"):
                continue
            try:
                pickled = pickle.dumps(value)
            except Exception:
                if not (isinstance(value, types.ModuleType) and name in imported):
                    self.lost.add(name)
                continue
            if len(pickled) > room:
                self.lost.add(name)
                continue
            room -= len(pickled)
            variables[name] = pickled
        return pickle.dumps((definitions, variables))


def run(code: str, variables: Variables, seconds: float) -> str | None:
    """Runs the code; returns the traceback, if it failed."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"stopped after {seconds:g} seconds")

    signal.signal(signal.SIGALRM, stop)
    try:
        tree = compile(code, "main.py", "exec", ast.PyCF_ONLY_AST)
        assert isinstance(tree, ast.Module)
        body = compiled(code, "main.py", tree)
        variables.record_definitions(tree)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            exec(body, variables.names)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:
        return traceback_of(error)
    return None


def compiled(source: str, name: str, tree: ast.Module | None = None) -> types.CodeType:
    """Compiles the source, so that tracebacks show its lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source if tree is None else tree, name, "exec", dont_inherit=True)


def traceback_of(error: BaseException) -> str:
    """Returns the traceback, without the lines of this program."""
    report = traceback.TracebackException.from_exception(error)
    lines = [frame for frame in report.stack if frame.filename != __file__]
    report.stack = traceback.StackSummary.from_list(lines)
    text = "".join(report.format()).rstrip("\n")
    half = MAX_REPORT // 2
    return text if len(text) <= MAX_REPORT else f"{text[:half]}\n[…]\n{text[-half:]}"


def save_figures() -> str | None:
    """Saves the open figures of matplotlib; returns the traceback, if that failed."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return None
    try:
        number = 1
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            while os.path.exists(f"figure-{number}.png"):
                number += 1
            figure.savefig(f"figure-{number}.png")
        pyplot.close("all")
    except Exception as error:
        return traceback_of(error)
    return None


def file_states(folder: str) -> dict[str, tuple[int, int]]:
    """Returns the time of change, in nanoseconds, and the size of each file, by its path."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path) and not os.path.islink(path):
                stat = os.stat(path)
                found[os.path.relpath(path, folder)] = (stat.st_mtime_ns, stat.st_size)
    return found


def written_since(before: dict[str, tuple[int, int]], folder: str) -> list[str]:
    """Returns the paths of the files that are not as they were."""
    after = file_states(folder)
    return sorted(path for path, state in after.items() if before.get(path) != state)


def write_result(
    request: dict[str, Any],
    failure: str | None,
    remarks: list[str],
    state: bytes,
    written: list[str],
) -> None:
    """Writes the result: the header, the state and the written files."""
    files: list[tuple[str, int]] = []
    left_out: list[str] = []
    room = request["written_bytes"]
    for path in written:
        size = os.path.getsize(path)
        if size > room or len(files) == request["most_files"]:
            left_out.append(path)
            continue
        room -= size
        files.append((path, size))
    if left_out:
        remarks.append(f"[files too large or too many: {', '.join(left_out[:10])}]")
    header = {"failure": failure, "remarks": remarks, "state": len(state), "files": files}
    number = request["result"]
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_SET)
    with open(number, "wb", closefd=False) as target:
        target.write(json.dumps(header).encode() + b"\n" + state)
        for path, size in files:
            with open(path, "rb") as source:
                target.write(source.read(size).ljust(size, b"\0"))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
    main()
