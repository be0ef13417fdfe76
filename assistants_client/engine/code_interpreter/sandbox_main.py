"""The program that the sandbox starts: runs one piece of code and writes its result.

Nothing of ours is imported, only the standard library, and what is installed beside it. The result
is untrusted, for the code shares this process and can do to it what it likes: the other side checks
it. Code is confined by the sandbox around this process, not by this program.

Its arguments are the descriptor of the file for the result, and the modules to import until the
request comes. The request, on the standard input: a line of JSON, the state, the files. The
result: a line of JSON, the value of the last expression, the new state, the files that were
written. The code prints to the standard output.
"""

from __future__ import annotations

import ast
import builtins
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import linecache
import os
import pickle
import resource
import select
import signal
import sys
import traceback
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import IO, Any

#: Endings of files that show a figure, where the code saves it itself.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
#: Characters of a traceback that are reported.
MAX_REPORT = 8000


def main(result: int, modules: Sequence[str]) -> None:
    """Processes the request, and exits at once: threads of the code's do not hold it up."""
    figures = Figures()
    sys.meta_path.insert(0, figures)
    import_until_asked(modules)
    asked = sys.stdin.buffer.readline()
    if not asked:
        os._exit(0)  # nothing is to be run any more
    request = json.loads(asked)
    state = sys.stdin.buffer.read(request["state"])
    folder = figures.folder = request["folder"]
    write_files(sys.stdin.buffer, request["files"], folder)
    sys.stdin = open(os.devnull)  # noqa: SIM115 (for as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    os.chdir(folder)
    set_limits(request)
    before = file_states(folder)
    variables = Variables(request["state_bytes"])
    remarks: list[str] = []
    if state and not variables.restore(state):
        remarks.append(request["afresh"])
    value, failure = run(request["code"], variables, remarks, request["seconds"])
    os.chdir(folder)
    failure = figures.save_rest() or failure
    after = variables.dump()
    sys.stdout.flush()
    header = {
        "failure": failure,
        "remarks": remarks,
        "modules": [name for name in request["modules"] if name in sys.modules],
    }
    contents = (value.encode(errors="backslashreplace")[: request["value_bytes"]], after)
    write_result(result, request, header, contents, written_since(before, folder))
    os._exit(0)


def import_until_asked(modules: Sequence[str]) -> None:
    """Imports modules that the code is likely to use, for as long as there is no request."""
    printed, sys.stdout = sys.stdout, io.StringIO()
    for name in modules:
        if select.select([0], [], [], 0)[0]:
            break
        try:
            importlib.import_module(name)
        except Exception:
            continue  # the code sees the same, if it imports it
    sys.stdout = printed


def write_files(source: IO[bytes], files: Sequence[tuple[str, int]], folder: str) -> None:
    """Writes the request's files into the folder."""
    for path, size in files:
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as target:
            room = size
            while room > 0:
                block = source.read(min(room, 1024 * 1024))
                if not block:
                    raise EOFError("the request is cut short")
                target.write(block)
                room -= len(block)


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

    Functions, classes and imports are stored as their source, everything else is pickled together,
    so that what shares an object still does. One that cannot be pickled is left out.

    Attributes:
        names: The variables by their names.
        lost: Why variables of earlier calls are not there, by their names.
    """

    def __init__(self, limit: int) -> None:
        self.lost: dict[str, str] = {}
        self._limit = limit
        self._definitions: dict[str, str] = {}
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        self.names: dict[str, Any] = vars(main)
        self.names["__builtins__"] = builtins

    def restore(self, state: bytes) -> bool:
        """Restores the variables; returns whether the state could be read."""
        try:
            definitions, names, pickled, self.lost = pickle.loads(state)
        except Exception:
            return False
        # Values need their classes, default arguments their values.
        pending = [name for name, source in definitions.items() if not self._define(name, source)]
        try:
            self.names.update(pickle.loads(pickled))
        except Exception:
            self.lost.update(dict.fromkeys(names, "it could not be made again"))
        for name in pending:
            if not self._define(name, definitions[name]):
                self.lost[name] = "it could not be made again"
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
        lost = {name: why for name, why in self.lost.items() if name not in self.names}
        values: dict[str, Any] = {}
        for name, value in list(self.names.items()):
            if name.startswith("__"):
                continue
            if isinstance(value, types.ModuleType):
                if name not in imported and sys.modules.get(value.__name__) is value:
                    definitions[name] = f"import {value.__name__} as {name}"
            elif name not in imported or not isinstance(value, (types.FunctionType, type)):
                values[name] = value
        room = self._limit - sum(map(len, definitions.values()))
        try:
            pickled = pickle.dumps(values)
        except Exception:
            pickled = b""
        if not 0 < len(pickled) <= room:
            values = self._without_what_cannot_be_kept(values, room, lost)
            pickled = pickle.dumps(values)
        return pickle.dumps((definitions, list(values), pickled, lost))

    def _without_what_cannot_be_kept(
        self, values: dict[str, Any], room: int, lost: dict[str, str]
    ) -> dict[str, Any]:
        """Returns the values that fit, and notes why the others are lost."""
        kept = {}
        for name, value in values.items():
            try:
                size = len(pickle.dumps(value))
            except Exception:
                lost[name] = f"a value of type {type(value).__name__} cannot be kept"
                continue
            if size > room:
                lost[name] = "it was too large to be kept"
                continue
            room -= size
            kept[name] = value
        return kept


def run(
    code: str, variables: Variables, remarks: list[str], seconds: float
) -> tuple[str, str | None]:
    """Runs the code; returns the value of its last expression, and the traceback if it failed."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"stopped after {seconds:g} seconds")

    signal.signal(signal.SIGALRM, stop)
    try:
        tree = compile(code, "main.py", "exec", ast.PyCF_ONLY_AST)
        assert isinstance(tree, ast.Module)
        last = expression_of(tree, code)
        body = compiled(code, "main.py", tree)
        value = None if last is None else compile(last, "main.py", "eval", dont_inherit=True)
        variables.record_definitions(tree)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            exec(body, variables.names)
            if value is not None:
                return text_of(eval(value, variables.names)), None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:
        if isinstance(error, SystemExit) and not error.code:  # a program's usual end
            return "", None
        if isinstance(error, NameError) and error.name in variables.lost:
            remarks.append(f"[{error.name} of an earlier call: {variables.lost[error.name]}]")
        return "", traceback_of(error)
    return "", None


def expression_of(tree: ast.Module, code: str) -> ast.Expression | None:
    """Takes the last expression out of the code, if its value is to be shown, as in a notebook."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or code.rstrip().endswith(";"):
        return None
    tree.body.pop()
    return ast.Expression(last.value)


def text_of(value: object) -> str:
    """Returns what a notebook shows of a value; nothing of figures, which are shown as such."""
    some: Any = value
    if isinstance(value, (list, tuple)) or type(value).__module__ == "numpy":
        some = next(iter(getattr(some, "flat", some)), None)  # of an array of any shape
    if value is None or type(some).__module__.partition(".")[0] == "matplotlib":
        return ""
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        # Wide tables are not broken into pieces.
        with pandas.option_context("display.expand_frame_repr", False):
            return repr(value)
    return repr(value)


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


class Figures(importlib.abc.MetaPathFinder):
    """Shows figures as a notebook does: each once, at ``show`` or at the end, as a picture.

    It waits for the import of pyplot, and replaces two of its functions there.
    """

    def __init__(self) -> None:
        self.folder = "."
        #: Those that the code saved as pictures of its own.
        self._saved: weakref.WeakSet[Any] = weakref.WeakSet()
        #: Those that were shown, with the pictures of them.
        self._pictures: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._last: Any = None
        self._pyplot: Any = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Finds pyplot where it is, and takes part in its import."""
        if fullname != "matplotlib.pyplot" or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        found = importlib.util.find_spec(fullname)
        if found is not None and found.loader is not None:
            execute = found.loader.exec_module

            def exec_module(module: types.ModuleType) -> None:
                execute(module)
                self._take_part(module)

            found.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one
        return found

    def _take_part(self, pyplot: Any) -> None:
        canvases: Any = importlib.import_module("matplotlib.backend_bases").FigureCanvasBase
        print_figure = canvases.print_figure

        def noting(canvas: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
            done = print_figure(canvas, filename, *args, **kwargs)
            if isinstance(filename, (str, os.PathLike)):
                self._note(canvas.figure, os.fspath(filename))
            return done

        canvases.print_figure = noting
        self._pyplot = pyplot
        savefig: Callable[..., Any] = pyplot.savefig

        def savefig_of_the_last(*args: Any, **kwargs: Any) -> Any:
            """Saves the current figure, or the one that was shown last."""
            if pyplot.get_fignums() or self._last is None:
                return savefig(*args, **kwargs)
            return self._last.savefig(*args, **kwargs)

        def show(*_: object, **__: object) -> None:
            """Shows all open figures, and closes them."""
            self._show()

        pyplot.savefig = savefig_of_the_last
        pyplot.show = show

    def _note(self, figure: Any, path: str) -> None:
        """Notes that the code saved a figure; a picture that we made of it is of no use then."""
        if os.path.splitext(path)[1].lower() in ("", *PICTURES):
            self._saved.add(figure)
            shown = self._pictures.pop(figure, None)
            if shown is not None and os.path.realpath(path) != shown:
                os.unlink(shown)

    def _show(self) -> None:
        pyplot, number = self._pyplot, 1
        if pyplot.get_fignums():
            self._last = pyplot.gcf()
        for figure in [pyplot.figure(one) for one in pyplot.get_fignums()]:
            if figure in self._saved:
                continue
            while os.path.exists(path := os.path.join(self.folder, f"figure-{number}.png")):
                number += 1
            figure.savefig(path)
            self._saved.discard(figure)
            self._pictures[figure] = os.path.realpath(path)
        pyplot.close("all")

    def save_rest(self) -> str | None:
        """Shows the figures that are still open; returns the traceback, if that failed."""
        if self._pyplot is not None:
            try:
                self._show()
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
    result: int,
    request: dict[str, Any],
    header: dict[str, Any],
    contents: tuple[bytes, bytes],
    written: list[str],
) -> None:
    """Writes the result: the header, the value and the state, and the written files."""
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
        header["remarks"].append(f"[files too large or too many: {', '.join(left_out[:10])}]")
    value, state = contents
    header = {**header, "value": len(value), "state": len(state), "files": files}
    os.ftruncate(result, 0)
    os.lseek(result, 0, os.SEEK_SET)
    with open(result, "wb", closefd=False) as target:
        target.write(json.dumps(header).encode() + b"\n" + value + state)
        for path, size in files:
            with open(path, "rb") as source:
                target.write(source.read(size).ljust(size, b"\0"))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
    main(int(sys.argv[1]), sys.argv[2:])
