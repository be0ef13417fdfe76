"""The effects of calls in code: printing, and changing things. By names, for want of types."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from assistants_client.engine.code_interpreter.monty_tree import Tree

_Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"

#: Built-in functions that change nothing, with ``print``, which no list sees.
_PURE_NAMES: Final = """
    abs ascii bin bool bytes callable chr complex dict divmod enumerate float format frozenset
    getattr hasattr hash hex id int isinstance issubclass len list max min oct ord pow print range
    repr reversed round set slice sorted str sum tuple type zip
"""
_PURE: Final = frozenset(_PURE_NAMES.split())
#: Methods of built-in types that change nothing.
_PURE_METHODS_NAMES: Final = """
    bit_count bit_length capitalize casefold center copy count date decode difference encode
    endswith find findall format fullmatch get group groups hex index intersection is_integer
    isalnum isalpha isascii isdecimal isdigit isdisjoint isidentifier islower isnumeric isoformat
    isprintable isspace issubset issuperset istitle isupper items join keys ljust lower lstrip
    match partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip
    search split splitlines startswith strip strftime swapcase title translate union upper values
    weekday year zfill
"""
_PURE_METHODS: Final = frozenset(_PURE_METHODS_NAMES.split())
#: Methods of classes that a call of the class calls.
_MAKING: Final = frozenset(["__init__", "__post_init__"])


class Calls:
    """The effects of calls in code.

    Args:
        tree: The code.

    Attributes:
        own_methods: The names of what classes define, and of what is stored in attributes.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.own_methods: set[str] = {
            node.attr
            for node in tree.nodes
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        self._functions: list[tuple[str, _Function]] = []
        self._methods: list[tuple[str, str, _Function]] = []
        for node in ast.walk(tree.module):
            parent = tree.parents.get(node)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if isinstance(parent, ast.ClassDef):
                    self.own_methods.add(node.name)
                    self._methods.append((parent.name, node.name, node))
                else:
                    self._functions.append((node.name, node))
            elif isinstance(node, ast.Lambda) and isinstance(parent, ast.Assign):
                for target in parent.targets:
                    if isinstance(target, ast.Name):
                        self._functions.append((target.id, node))
                    elif isinstance(target, ast.Attribute):
                        self._methods.append(("", target.attr, node))
        self._printing: set[str] = {"print"}
        self._printing_methods: set[str] = set()
        while self._find_more():
            pass

    def _find_more(self) -> bool:
        before = len(self._printing) + len(self._printing_methods)
        for name, function in self._functions:
            if name not in self._printing and self.print([function]):
                self._printing.add(name)
        for of, name, function in self._methods:
            if name not in self._printing_methods and self.print([function]):
                self._printing_methods.add(name)
                if name in _MAKING:
                    self._printing.add(of)
        return len(self._printing) + len(self._printing_methods) > before

    def print(self, nodes: Iterable[ast.AST]) -> bool:
        """Returns whether code may print: it calls what does, or hands it to a call."""
        for node in _walk(nodes):
            if isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                if any(map(self.is_printing, [node.func, *given])):
                    return True
            elif any(map(self.is_printing, getattr(node, "decorator_list", []))):
                return True
        return False

    def is_printing(self, function: ast.expr) -> bool:
        """Returns whether an expression names a function that prints, or is a lambda that does."""
        if isinstance(function, ast.Name):
            return function.id in self._printing and not self._is_item(function)
        if isinstance(function, ast.Attribute):
            if function.attr == "write":
                return ast.unparse(function.value).endswith("stdout")
            return function.attr in self._printing_methods
        return isinstance(function, ast.Lambda) and self.print([function.body])

    def _is_item(self, name: ast.Name) -> bool:
        """Returns whether a name is that of the items of a comprehension around it."""
        return any(
            isinstance(target, ast.Name) and target.id == name.id
            for above in self._tree.ancestors(name)
            if isinstance(above, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
            for generator in above.generators
            for target in ast.walk(generator.target)
        )

    def are_pure(self, nodes: Iterable[ast.AST]) -> bool:
        """Returns whether all calls in code change nothing."""
        return all(self._is_pure(node) for node in _walk(nodes) if isinstance(node, ast.Call))

    def _is_pure(self, call: ast.Call) -> bool:
        if any(
            keyword.arg == "key" and not isinstance(keyword.value, ast.Lambda)
            for keyword in call.keywords
        ):
            return False
        if isinstance(call.func, ast.Attribute):
            if isinstance(call.func.value, ast.Name) and call.func.value.id == "math":
                return True
            return call.func.attr in _PURE_METHODS and call.func.attr not in self.own_methods
        return self._tree.is_builtin(call.func, *_PURE)


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)
