"""Truth and length of classes that say what theirs is, which the built-in sandbox ignores."""

from __future__ import annotations

import ast
from typing import Final

from assistants_client.engine.code_interpreter.monty_edits import Edit, wrapped
from assistants_client.engine.code_interpreter.monty_tree import Tree, UnsupportedError

_METHODS: Final = ("__bool__", "__len__")
#: Built-in functions that return bools.
_TESTS: Final = ("isinstance", "bool", "any", "all", "callable", "hasattr")


class Truth:
    """The edits that tests of truth need, beside such classes.

    Args:
        tree: The code.
        is_needed: Whether earlier calls have such classes.

    Attributes:
        edits: The edits.
        is_needed: Whether there are such classes.

    Raises:
        UnsupportedError: The code would silently do otherwise than in Python.
    """

    def __init__(self, tree: Tree, *, is_needed: bool) -> None:
        self.edits: list[Edit] = []
        self._tree = tree
        self.is_needed: bool = is_needed or any(
            method.name in _METHODS for method in tree.functions_of_classes()
        )
        if self.is_needed:
            for node in tree.nodes:
                self._look_at(node)

    def _look_at(self, node: ast.AST) -> None:
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            self._truth(node.test)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                self._truth(test)
        elif isinstance(node, ast.match_case) and node.guard is not None:
            self._truth(node.guard)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._truth(node.operand)
        elif self._tree.is_call(node, "bool"):
            assert isinstance(node, ast.Call)
            for one in node.args:
                self._truth(one)
        elif isinstance(node, ast.BoolOp):
            if not self._is_test(node) and not all(map(_is_bool, node.values[:-1])):
                raise UnsupportedError(
                    node.lineno,
                    "beside classes with __bool__ or __len__, and/or take bool values only; "
                    "use len(x) == 0, or a conditional expression",
                )
        elif self._tree.is_call(node, "any", "all", "filter"):
            assert isinstance(node, ast.Call)
            self._truths_of(node)

    def _truth(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self._truth(value)
        elif not _is_bool(node) and self._tree.is_placed(node):
            self.edits.append(wrapped(*self._tree.span(node), "_sandbox_truth(", ")"))

    def _truths_of(self, node: ast.Call) -> None:
        if not node.args:
            return
        first = node.args[0]
        if self._tree.is_call(node, "filter"):
            if isinstance(first, ast.Constant):
                raise UnsupportedError(
                    node.lineno, "filter(None, …) beside classes with __bool__ or __len__"
                )
        elif isinstance(first, (ast.GeneratorExp, ast.ListComp)):
            self._truth(first.elt)
        else:
            self.edits.append(wrapped(*self._tree.span(first), "_sandbox_truths(", ")"))

    def _is_test(self, node: ast.expr) -> bool:
        child: ast.AST = node
        for above in self._tree.ancestors(node):
            if isinstance(above, (ast.If, ast.While, ast.IfExp, ast.Assert)):
                return child is above.test
            if isinstance(above, ast.comprehension):
                return child in above.ifs
            if not isinstance(above, ast.BoolOp):
                return isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not)
            child = above
        return False


def _is_bool(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        return all(map(_is_bool, node.values))
    return (
        isinstance(node, (ast.Compare, ast.Constant))
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _TESTS
        )
    )
