"""``for`` statements over ``enumerate``, ``zip``, ``reversed``, ``map`` and ``filter``.

The sandbox makes lists of these, so that what the body changes is not seen, and iterators are used
up. ``enumerate`` and ``zip`` are replaced where that can matter; the others are refused where the
body changes by name what they iterate over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from assistants_client.engine.code_interpreter.monty_calls import Calls
from assistants_client.engine.code_interpreter.monty_edits import Edit
from assistants_client.engine.code_interpreter.monty_tree import Tree, UnsupportedError

_REPLACED: Final = ("enumerate", "zip")
_LAZY: Final = (*_REPLACED, "reversed", "map", "filter")
#: Built-in functions and methods of str whose results nothing else refers to.
_FRESH: Final = ("range", "sorted", "list", "tuple", "dict", "set", "frozenset", "str")
_FRESH_METHODS: Final = frozenset(["split", "rsplit", "splitlines", "copy", "most_common"])
_CHANGING_NAMES: Final = """
    add append appendleft clear difference_update discard extend extendleft insert
    intersection_update pop popitem popleft remove reverse rotate setdefault sort subtract
    symmetric_difference_update update
"""
_CHANGING: Final = frozenset(_CHANGING_NAMES.split())
#: Functions of modules that change a list they are given.
_CHANGING_FUNCTIONS_NAMES: Final = """
    heapify heappop heappush heappushpop heapreplace insort insort_left insort_right shuffle
"""
_CHANGING_FUNCTIONS: Final = frozenset(_CHANGING_FUNCTIONS_NAMES.split())


#: What a ``break`` or ``return`` leaves.
_LEFT: Final = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)


class Loops:
    """The edits that ``for`` statements need.

    Args:
        tree: The code.
        calls: What its calls do.

    Attributes:
        edits: The edits.
        helpers: What the edited code needs; see ``monty_helpers``.

    Raises:
        UnsupportedError: The code would silently do otherwise than in Python.
    """

    def __init__(self, tree: Tree, calls: Calls) -> None:
        self.edits: list[Edit] = []
        self.helpers: set[str] = set()
        self._tree = tree
        self._calls = calls
        for node in tree.nodes:
            if isinstance(node, ast.For):
                self._look_at(node, node.iter)

    def _look_at(self, loop: ast.For, node: ast.expr) -> None:
        """Looks at what is iterated over, or at a part of it."""
        if isinstance(node, ast.GeneratorExp):
            self._check(loop, "a generator expression", [one.iter for one in node.generators])
        elif self._tree.is_call(node, *_LAZY) and not self._is_fresh(node):
            assert isinstance(node, ast.Call)
            assert isinstance(node.func, ast.Name)
            name = node.func.id
            has_others = any(
                name != "enumerate" or keyword.arg != "start" for keyword in node.keywords
            )
            if name not in _REPLACED or has_others:
                self._check(loop, name, node.args)
            elif self._may_change(loop):
                self.helpers.add("loops")
                self.edits.append(Edit(*self._tree.span(node.func), (f"_sandbox_{name}",)))
            for one in node.args:
                self._look_at(loop, one)

    def _check(self, loop: ast.For, taker: str, nodes: list[ast.expr]) -> None:
        iterated = {
            ast.unparse(one)
            for one in nodes
            if isinstance(one, (ast.Name, ast.Attribute, ast.Subscript))
        }
        for node in _in_body(loop):
            changed = _changed(node)
            name = changed and ast.unparse(changed)
            if name in iterated and not self._ends_after(loop, node):
                raise UnsupportedError(
                    loop.lineno,
                    f"{taker} sees {name} here as it was before the loop, which changes it: "
                    "iterate over a copy or over the indices",
                )

    def _ends_after(self, loop: ast.For, node: ast.AST) -> bool:
        """Returns whether the loop is left in the block in which a node is."""
        while not isinstance(node, ast.stmt):
            node = self._tree.parents[node]
        above = self._tree.parents[node]
        blocks = [value for _, value in ast.iter_fields(above) if isinstance(value, list)]
        last = next(block[-1] for block in blocks if node in block)
        inner = next(one for one in self._tree.ancestors(node) if isinstance(one, _LEFT))
        return inner is loop and isinstance(last, (ast.Return, ast.Break))

    def _may_change(self, loop: ast.For) -> bool:
        """Returns whether it can matter when the items are taken."""
        if not self._calls.are_pure(loop.body):
            return True
        names = {one.id for one in ast.walk(loop.iter) if isinstance(one, ast.Name)}
        return any(
            isinstance(node, (ast.Break, ast.Return, ast.Raise, ast.With))
            or (isinstance(node, ast.Name) and node.id in names and not _is_read(node))
            or (isinstance(node, (ast.Attribute, ast.Subscript)) and not _is_read(node))
            for node in _in_body(loop)
        )

    def _is_fresh(self, node: ast.expr) -> bool:
        """Returns whether nothing but the loop can refer to what is iterated over."""
        if isinstance(node, ast.Call):
            if self._tree.is_call(node, *_LAZY):
                return all(
                    self._is_fresh(one)
                    for one in node.args
                    if not (one is node.args[0] and self._tree.is_call(node, "map", "filter"))
                )
            if isinstance(node.func, ast.Attribute):
                name = node.func.attr
                return name in _FRESH_METHODS and name not in self._calls.own_methods
            return self._tree.is_call(node, *_FRESH)
        if isinstance(node, ast.Subscript):
            return isinstance(node.slice, ast.Slice)
        return isinstance(node, (ast.Constant, ast.List, ast.Tuple, ast.ListComp, ast.JoinedStr))


def _is_read(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def _in_body(loop: ast.For) -> Iterator[ast.AST]:
    for statement in loop.body:
        yield from ast.walk(statement)


def _changed(node: ast.AST) -> ast.expr | None:
    """Returns what a node changes in place, if it does."""
    if isinstance(node, ast.Subscript) and not _is_read(node):
        return node.value
    if isinstance(node, ast.AugAssign):
        return node.target
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            return node.func.value
        name = ast.unparse(node.func).rpartition(".")[2]
        if name in _CHANGING_FUNCTIONS and node.args:
            return node.args[0]
    return None
