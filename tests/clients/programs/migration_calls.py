"""The tables of ``examples/migration.rst``, and whether the calls in them are real.

Used twice: tests import it to read the tables and to look our calls up; as a program, run by an
interpreter that has the clients of OpenAI and of Azure, it looks theirs up. Nothing is called.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

MIGRATION = Path(__file__).parents[3] / "examples" / "migration.rst"

#: What a name stands for that nothing is known of.
ANYTHING: Any = object()


def cells(source: str, column: str) -> list[str]:
    """The code in all cells below a header, of all tables that have it.

    Column by name: the other clients' names, or ``assistants-client``.
    """
    from docutils import nodes
    from docutils.core import publish_doctree

    document = publish_doctree(source, settings_overrides={"halt_level": 1, "report_level": 1})
    found = []
    for table in document.findall(nodes.table):
        rows = [list(row.findall(nodes.entry)) for row in table.findall(nodes.row)]
        names = [entry.astext() for entry in rows[0]]
        if column in names:
            place = names.index(column)
            for row in rows[1:]:
                codes = [code.astext() for code in row[place].findall(nodes.literal)]
                found += [" ".join(code.split()) for code in codes]  # as on one line
    return found


class Calls:
    """Looks calls up by attribute and signature.

    Args:
        names: What the names in them stand for. A class stands for any object of it.
        request: A class whose objects may be given instead of all keywords.

    Attributes:
        seen: The dotted names of all that was looked up, without what stands in brackets.
    """

    def __init__(self, names: Mapping[str, Any], request: type | None = None) -> None:
        self.seen: set[str] = set()
        self._names = names
        self._request = request

    def problem(self, code: str) -> str | None:
        """What is wrong with an expression, if anything is."""
        try:
            tree = ast.parse(code, mode="eval").body
            root = dotted(tree).partition(".")[0]
            if root not in self._names and not hasattr(builtins, root):
                return f"{root!r} is no name"
            self._value(tree)
        except (AttributeError, TypeError, SyntaxError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _value(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, getattr(builtins, node.id, ANYTHING))
        if isinstance(node, ast.Attribute):
            self.seen.add(dotted(node))
            return _attribute(self._value(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._result(node)
        for child in ast.iter_child_nodes(node):
            self._value(child)
        return ANYTHING

    def _result(self, node: ast.Call) -> Any:
        function = self._value(node.func)
        given = [self._value(one) for one in node.args]
        named = {str(one.arg): self._value(one.value) for one in node.keywords}
        if function is ANYTHING or getattr(function, "__module__", "") == "builtins":
            return ANYTHING
        signature = inspect.signature(function)
        declared = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        signature = signature.replace(parameters=declared)
        if inspect.isfunction(function) and isinstance(self._value(node.func.value), type):
            given.insert(0, ANYTHING)  # the object that the class stands for
        if self._request and given and _is_a(given[-1], self._request):
            signature.bind_partial(*given[:-1], **named)
        else:
            signature.bind(*given, **named)
        if isinstance(function, type):
            return function
        [result] = re.findall(r"\A[\w.]*", str(signature.return_annotation))
        cls = self._names.get(result.rpartition(".")[2], ANYTHING)
        objects = [one for one in self._names.values() if type(one) is cls]
        return objects[0] if objects else cls


def _is_a(value: Any, cls: type) -> bool:
    return isinstance(value, type) and issubclass(value, cls)


def dotted(node: ast.AST) -> str:
    """An expression without what stands in brackets: ``client.threads.create``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript):
        return dotted(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def _attribute(owner: Any, name: str) -> Any:
    declared = any(
        name in getattr(cls, "__annotations__", {}) for cls in getattr(owner, "__mro__", ())
    )
    if owner is ANYTHING or (declared and not hasattr(owner, name)):
        return ANYTHING
    return getattr(owner, name)


def methods(owner: Any, path: str) -> Iterator[str]:
    """The dotted names of an object's public methods."""
    for name in dir(owner):
        if not name.startswith(("_", "with_")) and inspect.ismethod(getattr(owner, name)):
            yield f"{path}.{name}"


def of_openai() -> tuple[dict[str, Any], set[str]]:
    """The names on the side of the official client, and the methods that the tables should have."""
    import openai
    from openai.pagination import SyncCursorPage
    from openai.types.beta.threads import Message, Run

    client = openai.OpenAI(api_key="k")
    names = {
        **{name: getattr(openai, name) for name in openai.__all__},
        "AssistantEventHandler": openai.AssistantEventHandler,
        "AzureOpenAI": openai.AzureOpenAI,
        "openai": openai,
        "client": client,
        "stream": openai.AssistantEventHandler,
        "run": Run,
        "message": Message,
        "page": SyncCursorPage,
    }
    threads, stores = client.beta.threads, client.vector_stores
    expected = {
        *methods(client.beta.assistants, "client.beta.assistants"),
        *methods(threads, "client.beta.threads"),
        *methods(threads.messages, "client.beta.threads.messages"),
        *methods(threads.runs, "client.beta.threads.runs"),
        *methods(threads.runs.steps, "client.beta.threads.runs.steps"),
        *methods(client.files, "client.files"),
        *methods(stores, "client.vector_stores"),
        *methods(stores.files, "client.vector_stores.files"),
        *methods(stores.file_batches, "client.vector_stores.file_batches"),
    }
    return names, expected


def of_azure() -> tuple[dict[str, Any], set[str]]:
    """The same on the side of Azure's client."""
    from azure.ai.agents import AgentsClient, models
    from azure.core import exceptions
    from azure.core.credentials import AzureKeyCredential

    agents = AgentsClient(endpoint="https://agents.test", credential=AzureKeyCredential("k"))
    names = {
        **vars(exceptions),
        "agents": agents,
        "run": models.ThreadRun,
        "AgentsClient": AgentsClient,
        "AgentEventHandler": models.AgentEventHandler,
    }
    groups = ["threads", "messages", "runs", "run_steps", "files", "vector_stores"]
    groups += ["vector_store_files", "vector_store_file_batches"]
    expected = set(methods(agents, "agents"))
    for group in groups:
        expected |= set(methods(getattr(agents, group), f"agents.{group}"))
    return names, expected


def main() -> None:
    """Prints what is wrong with the calls of a client, and which of its methods are not there."""
    names, expected = {"openai": of_openai, "azure": of_azure}[sys.argv[1]]()
    calls = Calls(names)
    wrong = {code: problem for code in json.loads(sys.argv[2]) if (problem := calls.problem(code))}
    print(json.dumps({"wrong": wrong, "missing": sorted(expected - calls.seen)}))


if __name__ == "__main__":
    main()
