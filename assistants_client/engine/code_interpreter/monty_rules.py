"""Expressions that the built-in sandbox does not know or takes amiss: rewritten or refused.

The sandbox evaluates ``map``, ``filter``, ``zip``, ``enumerate``, ``reversed`` and generator
expressions at once, and has lists of their items. Three questions are asked of each:

- Is it *taken*, used up there and then, by a call, a loop or an unpacking? If not, an iterator is
  made of its list, which can be used once.
- Does it *print*? Then it prints too early, unless what takes it takes all of it before anything
  else happens, as ``sum`` and ``join`` do; otherwise it is refused.
- Is it *searched*, by ``next``, ``any`` or ``all``, which stop at the first item found? Then the
  search is rewritten as a loop: for ``next`` always, for the others where a call in it may do
  more than give a value.

What a loop over one of these changes is in ``monty_loops``, regular expressions are in
``monty_patterns``.
"""

from __future__ import annotations

import ast
from typing import Final

from assistants_client.engine.code_interpreter.monty_calls import Calls
from assistants_client.engine.code_interpreter.monty_edits import Edit, wrapped
from assistants_client.engine.code_interpreter.monty_loops import Loops
from assistants_client.engine.code_interpreter.monty_patterns import Patterns
from assistants_client.engine.code_interpreter.monty_tree import Tree, UnsupportedError

#: Methods of built-in types, which are no values in the sandbox.
_METHOD_NAMES: Final = """
    add append appendleft bit_count bit_length capitalize casefold center clear copy count
    decode difference discard elements encode endswith extend find format get hex index insert
    intersection is_integer isalnum isalpha isascii isdecimal isdigit isdisjoint isidentifier
    islower isnumeric isprintable isspace issubset issuperset istitle isupper items join keys
    ljust lower lstrip most_common partition pop popitem popleft remove removeprefix
    removesuffix replace reverse rfind rindex rjust rotate rpartition rsplit rstrip setdefault
    sort split splitlines startswith strip subtract swapcase symmetric_difference title total
    translate union update upper values zfill
"""
_METHODS: Final = frozenset(_METHOD_NAMES.split())
#: Built-in functions whose results can be used once, while the sandbox makes lists of them.
_LAZY: Final = ("map", "filter", "zip", "enumerate", "reversed")
#: What takes all of an iterable before anything else happens.
_TAKING_ALL: Final = ("sum", "list", "tuple", "set", "frozenset", "dict", "max", "min", "sorted")
_TAKING: Final = (*_TAKING_ALL, "any", "all", "enumerate", "zip", "map", "filter")
_TAKING_METHODS: Final = frozenset(
    ["join", "extend", "update", "union", "intersection", "writelines", "fromkeys"]
)
#: Methods of classes that the sandbox does not call, and says nothing.
_UNCALLED: Final = frozenset(
    ["__ne__", "__setattr__", "__getattribute__", "__getattr__", "__new__", "__delattr__"]
)


class Rules:
    """The edits that expressions need.

    Args:
        tree: The code.

    Attributes:
        edits: The edits.
        helpers: What the edited code needs; see ``monty_helpers``.

    Raises:
        UnsupportedError: The code would silently do otherwise than in Python.
    """

    def __init__(self, tree: Tree) -> None:
        self.edits: list[Edit] = []
        self.helpers: set[str] = set()
        self._tree = tree
        self._calls = Calls(tree)
        self._modules = {
            one.asname or one.name: one.name
            for node in tree.nodes
            if isinstance(node, ast.Import)
            for one in node.names
        }
        for method in tree.functions_of_classes():
            if method.name in _UNCALLED:
                raise UnsupportedError(
                    method.lineno, f"methods named {method.name} are not called here"
                )
        for node in tree.nodes:
            self._look_at(node)
        patterns, loops = Patterns(tree, self._modules), Loops(tree, self._calls)
        # Of two edits of one range the first is the outer: what finds a pattern may be rewritten.
        self.edits = [*patterns.edits, *self.edits, *loops.edits]
        self.helpers |= patterns.helpers | loops.helpers

    def _look_at(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            self._method_as_value(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.GeneratorExp):
            self._generator(node)
        elif isinstance(node, ast.Dict):
            _check_keys(node)
        elif isinstance(node, ast.Delete):
            self._delete(node)

    # Methods as values

    def _method_as_value(self, node: ast.Attribute) -> None:
        if not self._tree.is_value(node):
            return
        start, end = self._tree.span(node)
        of = self._tree.span(node.value)
        module = isinstance(node.value, ast.Name) and self._modules.get(node.value.id)
        if node.attr in _METHODS and not module:
            self.helpers.add("method")
            call = f", '{node.attr}', lambda o, *a, **k: o.{node.attr}(*a, **k))"
            breaks = "\n" * self._tree.text.count("\n", of[1], end)
            self.edits.append(Edit(start, end, ("_sandbox_method(", of, breaks + call)))

    # Calls

    def _call(self, node: ast.Call) -> None:
        tree = self._tree
        if tree.is_call(node, *_LAZY):
            if tree.is_call(node, "map", "filter"):
                self._check_noise(node, node.args[:1])
            if not self._is_taken(node):
                start, end = tree.span(node)
                self.edits.append(wrapped(start, end, f"{self._iter()}(", ")"))
        elif tree.is_call(node, "next", "any", "all") and node.args:
            first = node.args[0]
            if isinstance(first, ast.GeneratorExp) and self._is_searched(node, first):
                self._search(node, first)

    def _iter(self) -> str:
        self.helpers.add("show")
        return "_sandbox_iter"

    def _delete(self, node: ast.Delete) -> None:
        """Rewrites the deletion of items; names stay bound in the sandbox, which refuses it."""
        if not all(isinstance(target, ast.Subscript) for target in node.targets):
            return
        parts: list[str | tuple[int, int]] = []
        start, end = self._tree.span(node)
        for target in node.targets:
            assert isinstance(target, ast.Subscript)
            parts += ["; _sandbox_delete(" if parts else "_sandbox_delete("]
            parts += [self._tree.span(target.value), ", "]
            if isinstance(target.slice, ast.Slice):
                bounds = (target.slice.lower, target.slice.upper, target.slice.step)
                for number, bound in enumerate(bounds):
                    parts.append(", " if number else "slice(")
                    parts.append("None" if bound is None else self._tree.span(bound))
                parts.append("))")
            else:
                parts += [self._tree.span(target.slice), ")"]
        if "\n" in self._tree.text[start:end]:
            return
        self.helpers.add("delete")
        self.edits.append(Edit(start, end, tuple(parts)))

    # Generators

    def _generator(self, node: ast.GeneratorExp) -> None:
        parent = self._tree.parents.get(node)
        if (
            isinstance(parent, ast.Call)
            and self._tree.is_call(parent, "next", "any", "all")
            and node is parent.args[0]
            and self._is_searched(parent, node)
        ):
            return
        self._check_noise(node, [node.elt, *(test for one in node.generators for test in one.ifs)])
        if self._is_taken(node):
            return
        start, end = self._tree.span(node)
        is_sole = isinstance(parent, ast.Call) and self._tree.span(parent)[1] == end
        before, after = ("(", ")") if is_sole else ("", "")
        self.edits.append(wrapped(start, end, f"{before}{self._iter()}(", f"){after}"))

    def _is_taken(self, node: ast.expr) -> bool:
        """Returns whether an iterable is iterated over there and then, and not kept."""
        tree, parent = self._tree, self._tree.parents.get(node)
        if isinstance(parent, ast.Call) and node in parent.args:
            if isinstance(parent.func, ast.Attribute):
                return self._is_taking_method(parent)
            return tree.is_call(parent, *_TAKING)
        if isinstance(parent, (ast.For, ast.comprehension)):
            return node is parent.iter
        if isinstance(parent, ast.Assign):
            return all(isinstance(target, (ast.Tuple, ast.List)) for target in parent.targets)
        return isinstance(parent, ast.Starred)

    def _is_taking_method(self, call: ast.Call) -> bool:
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in _TAKING_METHODS
            and call.func.attr not in self._calls.own_methods
        )

    def _is_searched(self, call: ast.Call, node: ast.GeneratorExp) -> bool:
        """Returns whether a search has to end at the first item found, and can be rewritten."""
        first = node.generators[0]
        target = first.target
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        text = self._tree.source(node)
        is_next = self._tree.is_call(call, "next")
        parts = [node.elt, *first.ifs]
        return (
            len(node.generators) == 1
            and not first.is_async
            and not call.keywords
            and len(call.args) <= (2 if is_next else 1)
            and not any(isinstance(one, ast.Starred) for one in call.args)
            and len({name.id for name in names if isinstance(name, ast.Name)}) == len(names)
            and "#" not in text
            and not any(
                isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom))
                for one in ast.walk(call)
            )
            and (is_next or not self._calls.are_pure(parts) or self._calls.print(parts))
        )

    def _search(self, call: ast.Call, node: ast.GeneratorExp) -> None:
        tree, loop = self._tree, node.generators[0]
        assert isinstance(call.func, ast.Name)
        start, end = tree.span(call)
        target = loop.target
        if isinstance(target, ast.Tuple):
            names = ", ".join(tree.source(name) for name in target.elts)
        else:
            names = tree.source(target)
        parts: list[str | tuple[int, int]] = [f"_sandbox_{call.func.id}("]
        parts += [tree.span(loop.iter), f", {isinstance(target, ast.Tuple)}, lambda {names}: ("]
        parts += [tree.span(node.elt), "), "]
        if loop.ifs:
            parts.append(f"lambda {names}: (")
            for number, test in enumerate(loop.ifs):
                parts += [" and (" if number else "(", tree.span(test), ")"]
            parts.append(")")
        else:
            parts.append("None")
        for default in call.args[1:]:
            parts += [", ", tree.span(default)]
        kept = sum(tree.text.count("\n", *part) for part in parts if not isinstance(part, str))
        parts.append("\n" * (tree.text.count("\n", start, end) - kept) + ")")
        self.helpers.add("first")
        self.edits.append(Edit(start, end, tuple(parts)))

    # Order of what is printed

    def _check_noise(self, node: ast.expr, nodes: list[ast.expr]) -> None:
        is_called = not isinstance(node, ast.GeneratorExp)
        prints = self._calls.print(nodes) or (
            is_called and any(map(self._calls.is_printing, nodes))
        )
        if prints and not self._is_taken_before_all(node):
            raise UnsupportedError(
                node.lineno,
                "map and generator expressions are evaluated at once here: what they call prints "
                "too early; use a for statement",
            )

    def _is_taken_before_all(self, node: ast.expr) -> bool:
        """Returns whether all items are taken before anything else happens."""
        parent = self._tree.parents.get(node)
        if not isinstance(parent, ast.Call):
            return isinstance(parent, (ast.Starred, ast.Assign)) and self._is_taken(node)
        if node not in parent.args:
            return False
        if self._tree.is_call(parent, "max", "min"):
            # A key is called between the items.
            return not parent.keywords or all(one.arg == "default" for one in parent.keywords)
        return self._tree.is_call(parent, *_TAKING_ALL) or self._is_taking_method(parent)


def _check_keys(node: ast.Dict) -> None:
    kinds: dict[object, type] = {}
    for key in node.keys:
        value = key.value if isinstance(key, ast.Constant) else None
        if isinstance(value, (bool, int, float, complex)) and kinds.setdefault(
            value, type(value)
        ) is not type(value):
            raise UnsupportedError(
                node.lineno, "keys of a dict that are equal but of other types, as 1 and True"
            )
