"""Rewrites code for the built-in sandbox: the Python that this does not know, or takes amiss.

Only what is exactly right is rewritten; what would silently come out otherwise is refused. Whatever
cannot be read here is run as it is. Pure.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable
from typing import Final

from attrs import field, frozen

from assistants_client.engine.code_interpreter.monty_edits import (
    Edit,
    Lines,
    apply,
    edited_lines,
)
from assistants_client.engine.code_interpreter.monty_helpers import CORRECTS_SUMS, PREFIX
from assistants_client.engine.code_interpreter.monty_imports import Imports
from assistants_client.engine.code_interpreter.monty_rules import Rules
from assistants_client.engine.code_interpreter.monty_tree import Tree
from assistants_client.engine.code_interpreter.monty_truth import Truth

#: Characters of code above which it is run as it is.
_MOST_CHARACTERS: Final = 50_000
#: How deep expressions may be nested, by a bound from above: reading deeper ones is not safe.
_MOST_NESTED: Final = 200

#: The variable that holds the value of the last expression.
VALUE: Final = f"{PREFIX}value"


@frozen(kw_only=True)
class Rewritten:
    """Code as the sandbox is to run it.

    Attributes:
        code: The code.
        helpers: The helpers that it needs; see ``monty_helpers``.
        lines: The lines that were edited.
        kept_lines: Those of them that functions consist of, which later calls may show.
        absent: Names that were left unbound, with what they would be.
        has_value: Whether the code stores the value of its last expression.
        has_truth: Whether classes say what their truth or length is.
    """

    code: str
    helpers: frozenset[str] = frozenset()
    lines: Lines = field(factory=dict)
    kept_lines: Lines = field(factory=dict)
    absent: dict[str, str] = field(factory=dict)
    has_value: bool = False
    has_truth: bool = False


def rewritten(
    code: str, *, has_truth: bool = False, is_bound: Callable[[str], bool] = lambda _: False
) -> Rewritten:
    """Returns the code as the sandbox is to run it.

    Args:
        code: The code as written.
        has_truth: Whether classes of earlier calls say what their truth or length is.
        is_bound: Tells whether a name is bound from earlier calls.

    Raises:
        UnsupportedError: The code would silently do otherwise than in Python.
    """
    if PREFIX in code or len(code) > _MOST_CHARACTERS or not _is_flat(code):
        return Rewritten(code=code)
    try:
        tree = Tree(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return Rewritten(code=code)
    imports = Imports(tree, is_bound)
    rules = Rules(tree)
    truth = Truth(tree, is_needed=has_truth)
    value = _value_edits(tree)
    edits = [*value, *truth.edits, *imports.edits, *rules.edits]
    helpers = {*imports.helpers, *rules.helpers}
    if truth.is_needed:
        helpers.add("truth")
    if value:
        helpers.add("show")
    if "round" in code:
        helpers.add("round")
    if CORRECTS_SUMS and "sum" in code:
        helpers.add("sum")
    try:
        edited, spans = apply(code, edits)
    except ValueError:
        return Rewritten(code=code)
    lines = edited_lines(code, edited, spans)
    inside = {line.strip() for line in tree.lines_of_functions()}
    return Rewritten(
        code=edited,
        helpers=frozenset(helpers),
        lines=lines,
        kept_lines={new: old for new, old in lines.items() if old[0] in inside},
        absent=imports.absent,
        has_value=bool(value),
        has_truth=truth.is_needed,
    )


def _value_edits(tree: Tree) -> list[Edit]:
    last = tree.module.body[-1] if tree.module.body else None
    if not isinstance(last, ast.Expr) or tree.text.rstrip().endswith(";"):
        return []
    call = last.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        return []  # there is none
    start, end = tree.span(last)
    return [Edit(start, end, (f"{VALUE} = (", (start, end), ")"))]


def _is_flat(code: str) -> bool:
    """Returns whether the code can be read without a deep recursion: a bound, from its tokens."""
    depths = [0]
    total = branches = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            text = token.string
            if token.type == tokenize.NEWLINE:
                depths, total = [0], 0
            elif token.type == tokenize.OP and text in "([{":
                depths.append(1)
                total += 1
            elif token.type == tokenize.OP and text in ")]}" and len(depths) > 1:
                total -= depths.pop()
                # What follows may hang on what was closed: a call of a call.
                depths[-1] += 1
                total += 1
            elif token.type == tokenize.OP and text in (",", ";"):
                total -= depths[-1] - 1
                depths[-1] = 1
            elif token.type == tokenize.STRING and "{" in text:
                if max(map(text.count, "([{-~+*.")) > _MOST_NESTED:
                    return False
            elif token.type == tokenize.OP or text in _OPERATORS:
                depths[-1] += 1
                total += 1
                branches += text in ("elif", "lambda")  # these go deeper beyond commas
            if total > _MOST_NESTED or branches > _MOST_NESTED:
                return False
    except (tokenize.TokenError, SyntaxError, ValueError):
        return False
    return True


_OPERATORS: Final = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "else",
        "elif",
        "lambda",
        "await",
        "for",
        "yield",
        "from",
    ]
)
