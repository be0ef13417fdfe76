"""Imports of what the built-in sandbox lacks: left out, so that the rest of the code runs.

The names stay unbound, and whatever uses one fails. So only names are left out that nothing else
binds, for that would be taken instead, and none where the code may handle the failure: of the
import, or of what uses the name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from assistants_client.engine.code_interpreter.monty_edits import Edit
from assistants_client.engine.code_interpreter.monty_modules import MODULES, STARRED
from assistants_client.engine.code_interpreter.monty_tree import BUILT_IN, Tree

_CATCHING: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_HEAPQ: Final = frozenset(
    {"heappush", "heappop", "heapreplace", "heappushpop", "heapify", "nlargest", "nsmallest"}
)


class Imports:
    """The edits that imports need.

    Args:
        tree: The code.
        is_bound: Tells whether a name is bound from earlier calls.

    Attributes:
        edits: The edits.
        helpers: What the edited code needs; see ``monty_helpers``.
        absent: The names that are left unbound, with what they would be.
    """

    def __init__(self, tree: Tree, is_bound: Callable[[str], bool]) -> None:
        self.edits: list[Edit] = []
        self.helpers: set[str] = set()
        self.absent: dict[str, str] = {}
        self._tree = tree
        self._is_bound = is_bound
        self._nodes = [
            node for node in tree.nodes if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        #: What imports bind to what is there.
        self._there = {
            name
            for node in self._nodes
            for one in node.names
            if (name := _binding(one)) and self._is_there(node, one)
        }
        for node in self._nodes:
            if not self._is_awaited(node):
                self._replace(node)

    @staticmethod
    def _is_there(node: ast.Import | ast.ImportFrom, one: ast.alias) -> bool:
        if isinstance(node, ast.Import):
            return one.name in MODULES or one.name == "heapq"
        if node.level or node.module == "__future__":
            return True
        if node.module == "heapq":
            return one.name in _HEAPQ
        return one.name in MODULES.get(node.module or "", ())

    def _is_awaited(self, node: ast.stmt) -> bool:
        """Returns whether the code may handle the failure of an import."""
        child: ast.AST = node
        in_function = False
        for above in self._tree.ancestors(node):
            if (
                isinstance(above, ast.Try)
                and child in above.body
                and any(_catches(handler, _CATCHING) for handler in above.handlers)
            ):
                return True
            in_function |= isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef))
            child = above
        return in_function and any(
            _catches(handler, {"ImportError", "ModuleNotFoundError"})
            for handler in ast.walk(self._tree.module)
            if isinstance(handler, ast.ExceptHandler) and handler.type is not None
        )

    def _replace(self, node: ast.Import | ast.ImportFrom) -> None:
        statements: list[str] = []
        absent: dict[str, str] = {}
        changed = False
        for one in node.names:
            replacement = self._replacement(node, one, absent)
            if replacement is None:  # it fails as it would
                return
            changed |= replacement != _statement(node, one)
            statements.append(replacement)
        if not changed:
            return
        self.absent.update(absent)
        start, end = self._tree.span(node)
        breaks = self._tree.text.count("\n", start, end)
        text = "; ".join(filter(None, statements)) or "pass"
        if breaks:
            text += "; (None" + "\n" * breaks + ")"
        self.edits.append(Edit(start, end, (text,)))

    def _replacement(
        self, node: ast.Import | ast.ImportFrom, one: ast.alias, absent: dict[str, str]
    ) -> str | None:
        """Returns what is to be run for one name; nothing if that is to be left out."""
        name = one.asname or one.name
        if isinstance(node, ast.ImportFrom) and one.name == "*":
            return self._of_all(node)
        helper = _helper(node, one)
        if helper is not None:
            self.helpers.add(helper[0])
            return f"{name} = {helper[1]}"
        if self._is_there(node, one):
            return _statement(node, one)
        return self._left_out(node, one, absent)

    def _left_out(
        self, node: ast.Import | ast.ImportFrom, one: ast.alias, absent: dict[str, str]
    ) -> str | None:
        """Returns what is to be run for a name that is not there."""
        name = one.asname or one.name
        if isinstance(node, ast.ImportFrom):
            absent[name] = f"{node.module}.{one.name}"
        else:
            package = one.name.partition(".")[0]
            if package in MODULES and one.asname is None:
                return f"import {package}"
            name = one.asname or package
            absent[name] = one.name
        taken = name in BUILT_IN or name in self._tree.bound or name in self._there
        return None if taken or self._is_bound(name) or self._is_tried(name) else ""

    def _is_tried(self, name: str) -> bool:
        """Returns whether the code may handle the failure of what uses a name."""
        uses = [
            node
            for node in ast.walk(self._tree.module)
            if isinstance(node, ast.Name) and node.id == name
        ]
        return any(self._is_in_try(use) or self._is_called_in_try(use) for use in uses)

    def _is_in_try(self, node: ast.AST) -> bool:
        child = node
        for above in self._tree.ancestors(node):
            if isinstance(above, ast.Try) and child in above.body and _catches_use(above):
                return True
            child = above
        return False

    def _is_called_in_try(self, node: ast.AST) -> bool:
        """Returns whether a node is in a function, and a function of the code is tried."""
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
        if not any(isinstance(above, functions) for above in self._tree.ancestors(node)):
            return False
        own = {
            one.name
            for one in ast.walk(self._tree.module)
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        } | self._tree.bound
        return any(
            (call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id) in own
            for one in ast.walk(self._tree.module)
            if isinstance(one, ast.Try) and _catches_use(one)
            for statement in one.body
            for call in ast.walk(statement)
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute))
        )

    def _of_all(self, node: ast.ImportFrom) -> str | None:
        if node.module not in STARRED or node.level:
            return None
        names = sorted(MODULES[node.module])
        if node.module == "re":
            self.helpers.add("re")
            names.remove("sub")
            return f"from re import {', '.join(names)}; sub = _sandbox_re_sub"
        return f"from {node.module} import {', '.join(names)}"


def _helper(node: ast.Import | ast.ImportFrom, one: ast.alias) -> tuple[str, str] | None:
    """Returns the helper that stands for what is imported, and its name there."""
    if isinstance(node, ast.Import):
        return ("heapq", "_sandbox_heapq") if one.name == "heapq" else None
    if node.module == "heapq" and one.name in _HEAPQ:
        return "heapq", f"_sandbox_{one.name}"
    return ("re", "_sandbox_re_sub") if (node.module, one.name) == ("re", "sub") else None


def _binding(one: ast.alias) -> str:
    return one.asname or one.name.partition(".")[0]


def _statement(node: ast.Import | ast.ImportFrom, one: ast.alias) -> str:
    alias = f" as {one.asname}" if one.asname else ""
    if isinstance(node, ast.Import):
        return f"import {one.name}{alias}"
    return f"from {'.' * node.level}{node.module or ''} import {one.name}{alias}"


def _catches(handler: ast.ExceptHandler, names: frozenset[str] | set[str]) -> bool:
    return handler.type is None or any(
        isinstance(node, ast.Name) and node.id in names for node in ast.walk(handler.type)
    )


def _catches_use(node: ast.Try) -> bool:
    """Returns whether the use of an unbound name is caught."""
    return any(
        _catches(handler, {"NameError", "Exception", "BaseException"}) for handler in node.handlers
    )
