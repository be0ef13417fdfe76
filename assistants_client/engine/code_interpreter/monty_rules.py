"""What of Python the built-in sandbox lacks or takes amiss, imports apart: rewritten or refused."""

from __future__ import annotations

import ast
import re
from typing import Final

from assistants_client.engine.code_interpreter.monty_edits import Edit, wrapped
from assistants_client.engine.code_interpreter.monty_tree import BUILT_IN, Tree

#: Methods of built-in types, which are no values in the sandbox.
_METHODS: Final = frozenset(
    "add append appendleft bit_count bit_length capitalize casefold center clear copy count decode "
    "difference discard elements encode endswith extend find format get hex index insert "
    "intersection is_integer isalnum isalpha isascii isdecimal isdigit isdisjoint isidentifier "
    "islower isnumeric isprintable isspace issubset issuperset istitle isupper items join keys "
    "ljust lower lstrip most_common partition pop popitem popleft remove removeprefix removesuffix "
    "replace reverse rfind rindex rjust rotate rpartition rsplit rstrip setdefault sort split "
    "splitlines startswith strip subtract swapcase symmetric_difference title total translate union "
    "update upper values zfill".split()  # noqa: SIM905
)
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
#: Functions of ``re`` that find more than one match.
_SEARCHES: Final = ("sub", "subn", "findall", "finditer", "split")
_TRUTH: Final = ("__bool__", "__len__")


class UnsupportedError(Exception):
    """Code that would silently do otherwise than in Python.

    Args:
        line: The number of its line.
        message: What is not supported, and what to write instead.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line: int = line


class Rules:
    """The edits that expressions need.

    Args:
        tree: The code.
        has_truth: Whether classes of earlier calls say what their truth or length is.

    Attributes:
        edits: The edits.
        helpers: What the edited code needs; see ``monty_helpers``.
        has_truth: Whether any classes say so.

    Raises:
        UnsupportedError: The code would silently do otherwise than in Python.
    """

    def __init__(self, tree: Tree, *, has_truth: bool) -> None:
        self.edits: list[Edit] = []
        self.helpers: set[str] = set()
        self._tree = tree
        self.has_truth: bool = has_truth or any(
            node.name in _TRUTH for node in tree.functions_of_classes()
        )
        if self.has_truth:
            self.helpers.add("truth")
        self._noisy = self._functions_that_print()
        self._modules = {
            one.asname or one.name: one.name
            for node in tree.nodes()
            if isinstance(node, ast.Import)
            for one in node.names
        }
        for method in tree.functions_of_classes():
            if method.name in _UNCALLED:
                raise UnsupportedError(
                    method.lineno, f"methods named {method.name} are not called here"
                )
        for node in tree.nodes():
            self._look_at(node)

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
        if self.has_truth:
            self._truths(node)

    # Methods as values

    def _method_as_value(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load) or not self._is_value(node):
            return
        start, end = self._tree.span(node)
        of = self._tree.span(node.value)
        module = isinstance(node.value, ast.Name) and self._modules.get(node.value.id)
        if module == "re" and node.attr == "sub":
            self.helpers.add("re")
            self.edits.append(Edit(start, end, ("_sandbox_re_sub",)))
        elif node.attr in _METHODS and not module:
            self.helpers.add("method")
            call = f", '{node.attr}', lambda o, *a, **k: o.{node.attr}(*a, **k))"
            breaks = "\n" * self._tree.text.count("\n", of[1], end)
            self.edits.append(Edit(start, end, ("_sandbox_method(", of, breaks + call)))

    def _is_value(self, node: ast.expr) -> bool:
        """Returns whether an expression is passed on: not called, compared, matched or annotated."""
        parent = self._tree.parents.get(node)
        if isinstance(parent, ast.Call):
            return node is not parent.func
        if isinstance(parent, (ast.Assign, ast.Return, ast.Lambda, ast.NamedExpr, ast.keyword)):
            return True
        if isinstance(parent, ast.arguments):
            return True
        return isinstance(parent, (ast.Dict, ast.List, ast.Tuple, ast.IfExp, ast.BoolOp))

    # Calls

    def _call(self, node: ast.Call) -> None:
        tree = self._tree
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SEARCHES:
            self._check_pattern(node, node.func)
            if node.func.attr == "sub":
                self._substitution(node, node.func)
        elif tree.is_call(node, *_LAZY):
            self._check_noise(node, node.args[:1])
            if not self._is_taken(node):
                start, end = tree.span(node)
                self.edits.append(wrapped(start, end, f"{self._iter()}(", ")"))
        elif tree.is_call(node, "next", "any", "all") and node.args:
            first = node.args[0]
            if isinstance(first, ast.GeneratorExp) and self._is_searched(node, first):
                self._search(node, first)

    def _substitution(self, node: ast.Call, method: ast.Attribute) -> None:
        of_module = isinstance(method.value, ast.Name) and (
            self._modules.get(method.value.id) == "re"
        )
        place = 1 if of_module else 0
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
        start, end = self._tree.span(method)
        of = self._tree.span(method.value)
        self.helpers.add("re")
        breaks = "\n" * self._tree.text.count("\n", of[1], end)
        self.edits.append(Edit(start, end, ("_sandbox_sub(", of, f"{breaks})")))

    def _check_pattern(self, node: ast.Call, method: ast.Attribute) -> None:
        """Refuses what may match the empty string right after a match, which is not found there."""
        is_of_module = isinstance(method.value, ast.Name) and (
            self._modules.get(method.value.id) == "re"
        )
        given = [one.value for one in node.args if isinstance(one, ast.Constant)]
        if not is_of_module or not node.args or given[:1] == [""] or not given:
            return
        pattern = given[0]
        is_removing = method.attr == "sub" and given[1:2] == [""]
        if (
            isinstance(node.args[0], ast.Constant)
            and isinstance(pattern, str)
            and not pattern.startswith("^")
            and not is_removing
            and _may_be_empty(pattern)
        ):
            raise UnsupportedError(
                node.lineno,
                f"a pattern that matches the empty string, as {pattern!r}, is matched otherwise "
                "here: let it match one character at least",
            )

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
                for bound in (target.slice.lower, target.slice.upper, target.slice.step):
                    parts.append("slice(" if bound is target.slice.lower else ", ")
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
        if isinstance(parent, ast.Call) and self._tree.is_call(parent, "next", "any", "all"):
            if node is parent.args[0] and self._is_searched(parent, node):
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
                return parent.func.attr in _TAKING_METHODS
            return tree.is_call(parent, *_TAKING)
        if isinstance(parent, (ast.For, ast.comprehension)):
            return node is parent.iter
        if isinstance(parent, ast.Assign):
            return all(isinstance(target, (ast.Tuple, ast.List)) for target in parent.targets)
        return isinstance(parent, ast.Starred)

    def _is_searched(self, call: ast.Call, node: ast.GeneratorExp) -> bool:
        """Returns whether a search has to end at the first item found, and can be rewritten."""
        first = node.generators[0]
        target = first.target
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        text = self._tree.source(node)
        is_next = self._tree.is_call(call, "next")
        return (
            len(node.generators) == 1
            and not first.is_async
            and not call.keywords
            and len(call.args) <= (2 if is_next else 1)
            and not any(isinstance(one, ast.Starred) for one in call.args)
            and all(isinstance(name, ast.Name) for name in names)
            and "#" not in text
            and not any(
                isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom))
                for one in ast.walk(call)
            )
            and (is_next or self._is_noisy([node.elt, *first.ifs]))
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

    def _functions_that_print(self) -> set[str]:
        calls = {
            name: {
                one.func.id
                for one in ast.walk(function)
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
            }
            for name, function in self._tree.functions.items()
        }
        noisy = {"print"}
        while added := {name for name, called in calls.items() if called & noisy} - noisy:
            noisy |= added
        return noisy

    def _is_noisy(self, nodes: list[ast.expr]) -> bool:
        return any(
            isinstance(one, ast.Name) and one.id in self._noisy
            for node in nodes
            for one in ast.walk(node)
        )

    def _check_noise(self, node: ast.expr, nodes: list[ast.expr]) -> None:
        if not self._is_noisy(nodes):
            return
        parent = self._tree.parents.get(node)
        is_whole = self._tree.is_call(parent, *_TAKING_ALL) or isinstance(parent, ast.Starred)
        if not is_whole:
            raise UnsupportedError(
                node.lineno,
                "map and generator expressions are evaluated at once here: what they call prints "
                "too early; use a for statement",
            )

    # Truth

    def _truths(self, node: ast.AST) -> None:
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
            and node.func.id in ("isinstance", "bool", "any", "all", "callable", "hasattr")
            and node.func.id in BUILT_IN
        )
    )


def _may_be_empty(pattern: str) -> bool:
    """Returns whether a pattern matches the empty string among others."""
    try:
        return re.compile(pattern).match("") is not None and not re.fullmatch(
            r"(\(\?[=!<].*\)|\\b|\$)+", pattern, re.DOTALL
        )
    except (re.error, RecursionError, OverflowError):
        return False


def _check_keys(node: ast.Dict) -> None:
    kinds: dict[object, type] = {}
    for key in node.keys:
        if isinstance(key, ast.Constant) and isinstance(key.value, (bool, int, float, complex)):
            if kinds.setdefault(key.value, type(key.value)) is not type(key.value):
                raise UnsupportedError(
                    node.lineno, "keys of a dict that are equal but of other types, as 1 and True"
                )
