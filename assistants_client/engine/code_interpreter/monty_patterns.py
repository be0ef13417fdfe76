"""Regular expressions: what the built-in sandbox matches or replaces otherwise."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from assistants_client.engine.code_interpreter.monty_edits import Edit, wrapped
from assistants_client.engine.code_interpreter.monty_tree import Tree

#: Functions of ``re`` that find more than one match.
_SEARCHES: Final = ("sub", "subn", "findall", "finditer", "split")
#: The flag with which a pattern's ``^`` matches at each line.
_OF_LINES: Final = frozenset(["M", "MULTILINE", "flags"])


class Patterns:
    """The edits that calls of ``re`` and methods of patterns need.

    Args:
        tree: The code.
        modules: What names of modules stand for.

    Attributes:
        edits: The edits.
        helpers: What the edited code needs; see ``monty_helpers``.
    """

    def __init__(self, tree: Tree, modules: Mapping[str, str]) -> None:
        self.edits: list[Edit] = []
        self.helpers: set[str] = set()
        self._tree = tree
        self._modules = modules
        self._from_re = {
            one.asname or one.name: one.name
            for node in tree.nodes
            if isinstance(node, ast.ImportFrom) and node.module == "re"
            for one in node.names
        }
        if "*" in self._from_re:
            self._from_re |= {name: name for name in (*_SEARCHES, "compile")}
        self._compiled = {
            name
            for node in tree.nodes
            if self._compiles(getattr(node, "value", None))
            for name in _stored(node)
        }
        for node in tree.nodes:
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute) and node.attr == "sub" and tree.is_value(node):
                self._substituting(node)

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SEARCHES:
            if self._is_re(node.func.value):
                self._check_pattern(node, node.func.attr)
            else:
                self._check_compiled(node, node.func)
            if node.func.attr == "sub":
                self._substitution(node, node.func)
        elif isinstance(node.func, ast.Name) and self._from_re.get(node.func.id) in _SEARCHES:
            self._check_pattern(node, self._from_re[node.func.id])

    def _substitution(self, node: ast.Call, method: ast.Attribute) -> None:
        place = 1 if self._is_re(method.value) else 0
        given = [*node.args[place : place + 1]]
        given += [keyword.value for keyword in node.keywords if keyword.arg == "repl"]
        is_plain = (
            len(given) == 1
            and isinstance(given[0], ast.Constant)
            and isinstance(given[0].value, (str, bytes))
            and "\\" not in str(given[0].value)
        )
        if is_plain and not any(isinstance(one, ast.Starred) for one in node.args):
            return
        self._substituting(method)

    def _substituting(self, method: ast.Attribute) -> None:
        start, end = self._tree.span(method)
        of = self._tree.span(method.value)
        self.helpers.add("re")
        breaks = "\n" * self._tree.text.count("\n", of[1], end)
        self.edits.append(Edit(start, end, ("_sandbox_sub(", of, f"{breaks})")))

    def _is_re(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and self._modules.get(node.id) == "re"

    def _compiles(self, node: ast.AST | None) -> bool:
        """Returns whether an expression compiles a pattern."""
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute):
            return node.func.attr == "compile" and self._is_re(node.func.value)
        return isinstance(node.func, ast.Name) and self._from_re.get(node.func.id) == "compile"

    def _check_pattern(self, node: ast.Call, name: str) -> None:
        """Has a pattern checked that may match the empty string right after a match."""
        patterns = [*node.args[:1]]
        patterns += [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]
        if not patterns or isinstance(patterns[0], ast.Starred):
            return
        pattern = patterns[0]
        repl = node.args[1] if name == "sub" and len(node.args) > 1 else None
        if isinstance(repl, ast.Constant) and repl.value == "":
            return  # then it makes no difference
        if isinstance(pattern, ast.Constant) and not set(str(pattern.value)) & set("*?|{"):
            return  # nothing in it can be left out
        others = [*node.args[1:], *(one.value for one in node.keywords if one.arg != "pattern")]
        names = {
            one.attr if isinstance(one, ast.Attribute) else one.id
            for other in others
            for one in ast.walk(other)
            if isinstance(one, (ast.Attribute, ast.Name))
        }
        has_lines = bool(names & _OF_LINES)
        self.helpers.add("patterns")
        self.edits.append(
            wrapped(*self._tree.span(pattern), "_sandbox_pattern(", ", True)" if has_lines else ")")
        )

    def _check_compiled(self, node: ast.Call, method: ast.Attribute) -> None:
        """Has the pattern checked whose method is called."""
        owner, name = method.value, method.attr
        repl = node.args[0] if name == "sub" and node.args else None
        if isinstance(repl, ast.Constant) and repl.value == "":
            return
        stored = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
        is_pattern = self._compiles(owner) or stored in self._compiled
        # No built-in type but a pattern has these methods.
        if is_pattern or name in ("findall", "finditer", "sub"):
            self.helpers.add("patterns")
            self.edits.append(wrapped(*self._tree.span(owner), "_sandbox_pattern(", ")"))


def _stored(node: ast.AST) -> set[str]:
    """Returns the names of variables and attributes to which something is assigned."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        targets = [node.target]
    return {
        target.attr if isinstance(target, ast.Attribute) else target.id
        for target in targets
        if isinstance(target, (ast.Attribute, ast.Name))
    }
