"""The syntax tree of code, with what rewriting needs of it: places, parents, bound names."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cached_property
from typing import Final

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
BUILT_IN: Final = frozenset(dir(builtins))


class UnsupportedError(Exception):
    """Code that would silently do otherwise than in Python.

    Args:
        line: The number of its line.
        message: What is not supported, and what to write instead.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line: int = line


class Tree:
    """The syntax tree of code.

    Args:
        text: The code.

    Attributes:
        module: The tree.
        parents: The parent of each node.
        bound: The names that are bound, in whatever scope, by anything but imports.

    Raises:
        SyntaxError: It is none of the Python that runs this.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.module: ast.Module = ast.parse(text)
        self.parents: dict[ast.AST, ast.AST] = {}
        self.bound: set[str] = set()
        self._lines = _lines(text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        for node in ast.walk(self.module):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            self.bound.update(_bound_by(node))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes whose places are known: in formatted strings not all are."""
        return [
            node
            for node in ast.walk(self.module)
            if not isinstance(node, (ast.expr, ast.stmt)) or self.is_placed(node)
        ]

    def span(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> tuple[int, int]:
        """Returns where a node is in the text."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("a node without a place")
        return (
            self._offset(node.lineno, node.col_offset),
            self._offset(node.end_lineno, node.end_col_offset),
        )

    def source(self, node: ast.expr | ast.stmt) -> str:
        """Returns the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Iterates over the parents, from the nearest to the module."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def lines_of_functions(self) -> Iterator[str]:
        """Iterates over the lines of functions and lambdas."""
        for node in ast.walk(self.module):
            if isinstance(node, _FUNCTIONS) and node.end_lineno is not None:
                yield from self._lines[node.lineno - 1 : node.end_lineno]

    def functions_of_classes(self) -> Iterator[ast.FunctionDef]:
        """Iterates over the methods that classes define."""
        for node in ast.walk(self.module):
            if isinstance(node, ast.ClassDef):
                yield from (one for one in node.body if isinstance(one, ast.FunctionDef))

    def is_builtin(self, node: ast.AST, *names: str) -> bool:
        """Returns whether a node is the name of one of some built-in functions."""
        return isinstance(node, ast.Name) and node.id in names and node.id not in self.bound

    def is_call(self, node: ast.AST | None, *names: str) -> bool:
        """Returns whether a node calls one of some built-in functions."""
        return isinstance(node, ast.Call) and self.is_builtin(node.func, *names)

    def is_value(self, node: ast.expr) -> bool:
        """Returns whether an expression is passed on: not called, compared or annotated."""
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return False
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call):
            return node is not parent.func
        if isinstance(parent, (ast.Assign, ast.Return, ast.Lambda, ast.NamedExpr, ast.keyword)):
            return True
        if isinstance(parent, ast.arguments):
            return True
        return isinstance(parent, (ast.Dict, ast.List, ast.Tuple, ast.IfExp, ast.BoolOp))

    def _offset(self, line: int, column: int) -> int:
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._starts[line - 1] + column

    def is_placed(self, node: ast.expr | ast.stmt) -> bool:
        """Returns whether the place of a node is right; before 3.12 it is a guess in f-strings."""
        if not any(isinstance(above, ast.JoinedStr) for above in self.ancestors(node)):
            return True
        if not isinstance(node, ast.expr) or isinstance(node, (ast.JoinedStr, ast.FormattedValue)):
            return False
        try:
            start, end = self.span(node)
            segment = self.text[start:end]
            found = ast.parse(f"({segment})", mode="eval").body
        except (SyntaxError, ValueError, IndexError):
            return False
        # With an equals sign the text of the expression is shown.
        is_shown = self.text[end:].lstrip()[:1] == "=" and self.text[end:].lstrip()[:2] != "=="
        return not is_shown and ast.dump(found) == ast.dump(node)


def _lines(text: str) -> list[str]:
    """Splits text into lines as the parser does."""
    lines = text.replace("\r\n", "\n\0").replace("\r", "\n").split("\n")
    found: list[str] = []
    at = 0
    for line in lines:
        size = len(line) - line.startswith("\0")
        end = at + size
        end += (
            len(text[end : end + 2]) if text[end : end + 2] == "\r\n" else len(text[end : end + 1])
        )
        found.append(text[at:end])
        at = end
    return found


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler) and node.name is not None:
        yield node.name
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name is not None:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest
