"""Reads arithmetic and linear equations out of ordinary sentences.

Pure functions only: text in, trees and linear forms out. No conversation, no prose, no Python code
for an interpreter. Everything is bounded, since the text is untrusted. What is not understood
as a whole is refused: half an equation has a wrong answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from attrs import field, frozen

from assistants_client.engine.language_models.tutor.algebra import (
    InexactError,
    Linear,
    MathError,
    Negation,
    Node,
    Number,
    Operation,
    Root,
    Unknown,
    bounded,
    linear_form,
)

#: Of a longer text only the beginning is read.
_TEXT_CHARACTERS = 4_000
_TOKENS = 200
_DEPTH = 40


@frozen
class Arithmetic:
    """A question such as ``12 * (3 + 4)``: ``text`` as written, ``tree`` as understood."""

    text: str
    tree: Node


@frozen
class Equation:
    """An equation in one unknown, each side reduced to a linear form."""

    text: str
    unknown: str
    left: Linear
    right: Linear


@frozen
class _Token:
    kind: Literal["number", "letter", "root", "function", "operator", "other"]
    text: str
    start: int = field(eq=False)
    end: int = field(eq=False)


_CHARACTERS = str.maketrans(
    {"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "⁄": "/", "∕": "/"}  # noqa: RUF001 - as people type
    | {"²": "^2", "³": "^3", "√": " sqrt ", "\n": ";", "$": " ", "=": "=", "[": "(", "]": ")"}
    | {"\u00a0": " ", "\u202f": " ", "\u2009": " "}
)
_PHRASES = tuple(
    (re.compile(rf"(?<![^\W\d_]){phrase}(?![^\W\d_])", re.IGNORECASE), meaning)
    for phrase, meaning in (
        (r"(?:the )?square root of", " sqrt "),
        (r"to the power of", "^"),
        (r"multiplied by", "*"),
        (r"divided by", "/"),
        (r"is equal to", "="),
        (r"percent", "%"),
        (r"squared", "^2"),
        (r"cubed", "^3"),
        (r"plus", "+"),
        (r"minus", "-"),
        (r"times", "*"),
        (r"equals", "="),
    )
)
_PERCENT_OF = re.compile(r"% of(?![^\W\d_])", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3}){1,99}(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<root>sqrt(?![^\W\d_]))"
    r"|(?P<function>(?:sin|cos|tan|log|ln|exp|abs|mod)(?![^\W\d_]))"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"  # noqa: RUF001 - as people type
    r"|(?P<operator>\*\*|[-+*/^%=()])"
    r"|(?P<other>[^\s])",
    re.IGNORECASE | re.ASCII,
)

#: What may touch mathematics within a sentence; anything else may change what it means.
_BEFORE = frozenset(["", *" ;:`'\"“”‘’«»>_("])  # noqa: RUF001 - as people type
_AFTER = re.compile(r"[.,;:!?`'\"“”‘’«»)_]*(?:[\s;]|$)")  # noqa: RUF001 - as people type
#: The minus of ``5! - 3``, of which the beginning was not read, or the dash of a list.
_SIGN_APART = re.compile(r"[-+] ")
#: Dates and telephone numbers, which are no exercises; with spaces around its signs one is.
_LABEL = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?/\d\d?/\d{4}|(?:\d+-){2,}\d{2,}|\d{3,4}-\d{4}")


def find_problem(text: str) -> Arithmetic | Equation | None:
    """Finds the equation in the text, else the first arithmetic; None when there is neither.

    Raises:
        MathError: There is one, but it cannot be evaluated or solved; or a second equation.
    """
    text = _normalized(text)
    runs = [run for run in _runs(_tokens(text)) if not _is_label(_written(text, run))]
    if len({_written(text, run).replace(" ", "") for run in runs if _has_equals(run)}) > 1:
        raise MathError("It has more than one equation, and I take one at a time.")
    fault: MathError | None = None
    for run in sorted(runs, key=lambda run: not _has_equals(run)):
        for tokens in _readings(run):
            try:
                return _understood(text, tokens)
            except MathError as error:
                if _is_meant(run):
                    fault = fault or error
    if fault is not None:
        raise fault
    return None


def _written(text: str, run: Sequence[_Token]) -> str:
    return text[run[0].start : run[-1].end]


def _is_label(written: str) -> bool:
    return _LABEL.fullmatch(written.strip("+() ")) is not None


def _normalized(text: str) -> str:
    if len(text) > _TEXT_CHARACTERS:
        text = text[:_TEXT_CHARACTERS] + "…"  # what touches the cut is not whole
    text = text.translate(_CHARACTERS)
    text = " ".join(text.split())
    for phrase, meaning in _PHRASES:
        text = phrase.sub(meaning, text)
    return " ".join(_PERCENT_OF.sub("% *", text.replace(" %", "%")).split())


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match["number"] is not None:
            yield _Token("number", match[0].replace(",", ""), start, end)
        elif match["root"] is not None:
            yield _Token("root", match[0], start, end)
        elif match["function"] is not None:
            yield _Token("function", match[0], start, end)
        elif match["operator"] is not None:
            yield _Token("operator", "^" if match[0] == "**" else match[0], start, end)
        elif match["word"] is None:
            yield _Token("other", match[0], start, end)
        elif len(match[0]) == 1 or (len(match[0]) == 2 and text[start - 1 : start].isdigit()):
            # ``2xy`` is a product, the ``xy`` of a sentence a word.
            for place in range(start, end):
                yield _Token("letter", text[place], place, place + 1)
        else:
            yield _Token("other", match[0], start, end)


def _runs(tokens: Iterator[_Token]) -> Iterator[list[_Token]]:
    """Yields runs of tokens that may be mathematics: an equals sign, two numbers, or a root."""
    run: list[_Token] = []
    for token in [*tokens, _Token("other", "", 0, 0)]:
        if token.kind != "other":
            run.append(token)
            continue
        numbers = _count(run, "number")
        if len(run) > numbers and numbers + _has_equals(run) + _count(run, "root") > 1:
            yield run
        run = []


def _count(run: Sequence[_Token], kind: str) -> int:
    return sum(token.kind == kind for token in run)


def _has_equals(run: Sequence[_Token]) -> bool:
    return any(token.text == "=" for token in run)


def _is_meant(run: Sequence[_Token]) -> bool:
    """Returns whether an unreadable run is an error, rather than a part of the sentence."""
    return _has_equals(run) or not _count(run, "letter")


def _readings(run: list[_Token]) -> Iterator[list[_Token]]:
    """Yields the run, then without what may belong to the sentence: brackets, a lone letter."""
    yield run
    opened, closed = (sum(token.text == bracket for token in run) for bracket in "()")
    if run[-1].text == ")" and closed > opened:
        yield run[:-1]
    if (run[0].text, run[-1].text) == ("(", ")") and _has_equals(run):
        yield run[1:-1]
    inner = run
    if run[0].kind == "letter" and _is_apart(run[0], run[1]):
        inner = inner[1:]
        yield inner
    if len(inner) > 1 and run[-1].kind == "letter" and _is_apart(run[-2], run[-1]):
        yield run[:-1]
        yield inner[:-1]


def _is_apart(first: _Token, second: _Token) -> bool:
    outer = {first.text, second.text} - {"(", ")"}
    return first.end < second.start and not outer & set("+-*/^%=")


def _understood(text: str, tokens: list[_Token]) -> Arithmetic | Equation:
    written = _written(text, tokens)
    before, after = text[: tokens[0].start][-1:], text[tokens[-1].end :]
    if before not in _BEFORE or not _AFTER.match(after) or _SIGN_APART.match(written):
        raise MathError(f"I can read only a part of it, “{_short(written)}”.")
    if len(tokens) > _TOKENS:
        raise MathError("That is too long for me.")
    letters = sorted({token.text for token in tokens if token.kind == "letter"})
    sides = _split(tokens)
    if not letters and len(sides) == 2 and not sides[1]:
        sides, written = sides[:1], written.rstrip(" =")  # ``2 + 2 =``
    if len(sides) == 1:
        return _arithmetic(written, sides[0], letters)
    if len(sides) > 2 or not all(sides):
        raise MathError(f"“{_short(written)}” is not a whole equation: one side = the other side.")
    if len(letters) > 1:
        raise MathError(
            f"It has more than one unknown ({', '.join(letters[:5])}). "
            "I can only solve linear equations in one unknown."
        )
    try:
        left, right = (linear_form(_Parser(side).parsed()) for side in sides)
    except InexactError:
        raise MathError("It contains a number that is not a fraction, so I cannot.") from None
    if not letters:
        truth = "true" if left == right else "not true"
        raise MathError(f"“{_short(written)}” is {truth}, but it has no unknown to solve for.")
    return Equation(written, letters[0], left, right)


def _split(tokens: Sequence[_Token]) -> list[list[_Token]]:
    sides: list[list[_Token]] = [[]]
    for token in tokens:
        if token.text == "=":
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _arithmetic(written: str, tokens: list[_Token], letters: Sequence[str]) -> Arithmetic:
    if letters and set(letters) <= {"x", "X"}:  # ``3 x 4``
        tokens = [
            _Token("operator", "*", token.start, token.end) if token.kind == "letter" else token
            for token in tokens
        ]
    elif letters:
        raise MathError("That is no equation: there is no equals sign in it.")
    return Arithmetic(written, _Parser(tokens).parsed())


def _short(written: str) -> str:
    return written if len(written) <= 60 else written[:59] + "…"


class _Parser:
    """A recursive descent parser; ``*``, ``/`` and an omitted sign bind alike, left to right."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def parsed(self) -> Node:
        node = self._sum()
        if self._place < len(self._tokens):
            raise MathError(f"I cannot read it from “{self._next()}” on.")
        return node

    def _next(self) -> str:
        return self._tokens[self._place].text if self._place < len(self._tokens) else ""

    def _take(self, *texts: str) -> str:
        text = self._next()
        if text not in texts:
            return ""
        self._place += 1
        return text

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("+", "-"):
            node = Operation("+" if operator == "+" else "-", node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while True:
            if operator := self._take("*", "/"):
                node = Operation("*" if operator == "*" else "/", node, self._signed())
            elif self._next() == "(" or self._is_at("letter", "root"):
                node = Operation("*", node, self._power())
            else:
                return node

    def _is_at(self, *kinds: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place].kind in kinds

    def _signed(self) -> Node:
        self._depth += 1
        if self._depth > _DEPTH:
            raise MathError("It is nested too deeply for me.")
        sign = self._take("+", "-")
        node = self._signed() if sign else self._power()
        self._depth -= 1
        return Negation(node) if sign == "-" else node

    def _power(self) -> Node:
        node = self._atom()
        while self._take("%"):
            node = Operation("/", node, Number(Fraction(100)))
        if self._take("^"):
            return Operation("^", node, self._signed())
        return node

    def _atom(self) -> Node:
        if self._place == len(self._tokens):
            raise MathError("Something is missing in it.")
        token = self._tokens[self._place]
        self._place += 1
        if token.kind == "number":
            return Number(bounded(Fraction(token.text)))
        if token.kind == "letter":
            return Unknown(token.text)
        if token.kind == "root":
            self._depth += 1
            if self._depth > _DEPTH:
                raise MathError("It is nested too deeply for me.")
            root = Root(self._atom())
            self._depth -= 1
            return root
        if token.text == "(":
            node = self._sum()
            if not self._take(")"):
                raise MathError("A closing parenthesis is missing in it.")
            return node
        raise MathError(f"I cannot read “{token.text}” there.")
