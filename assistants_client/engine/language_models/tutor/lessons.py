"""Writes the tutor's lessons: a program that solves a problem, and the explanation in words.

Pure functions from a problem, and what the program printed, to text. No conversation and no deltas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction

from assistants_client.engine.language_models.tutor.algebra import (
    InexactError,
    Linear,
    MathError,
    Negation,
    Node,
    Number,
    Operation,
    Root,
    approximate,
    exact,
)
from assistants_client.engine.language_models.tutor.equations import Arithmetic, Equation

_EQUATION_PROGRAM = """\
# {comment}
from math import gcd

# Each side as  factor * {unknown} + number{scaled}
left_factor, left_number = {a}, {b}
right_factor, right_number = {c}, {d}

# Collect {unknown} on the left and the numbers on the right.
coefficient = left_factor - right_factor
constant = right_number - left_number

if coefficient == 0:
    print("infinitely many solutions" if constant == 0 else "no solution")
else:
    # Divide by the coefficient, in lowest terms.
    divisor = gcd(constant, coefficient) * (1 if coefficient > 0 else -1)
    numerator, denominator = constant // divisor, coefficient // divisor
    if denominator == 1:
        print(f"{unknown} = {{numerator}}")
    else:
        print(f"{unknown} = {{numerator}}/{{denominator}}")
        print(f"about {{numerator / denominator}}")
"""

_RATIONAL = '''\
from math import gcd, isqrt


class Rational:
    """A fraction in lowest terms, so that nothing is rounded."""

    def __init__(self, numerator, denominator=1):
        if denominator == 0:
            raise ZeroDivisionError("division by zero")
        divisor = gcd(numerator, denominator) * (1 if denominator > 0 else -1)
        self.numerator = numerator // divisor
        self.denominator = denominator // divisor

    def __neg__(self):
        return Rational(-self.numerator, self.denominator)

    def __add__(self, other):
        numerator = self.numerator * other.denominator + other.numerator * self.denominator
        return Rational(numerator, self.denominator * other.denominator)

    def __sub__(self, other):
        return self + -other

    def __mul__(self, other):
        return Rational(self.numerator * other.numerator, self.denominator * other.denominator)

    def __truediv__(self, other):
        return Rational(self.numerator * other.denominator, self.denominator * other.numerator)

    def __pow__(self, other):
        power = other.numerator
        if power < 0:
            return Rational(self.denominator**-power, self.numerator**-power)
        return Rational(self.numerator**power, self.denominator**power)


def sqrt(value):
    return Rational(isqrt(value.numerator), isqrt(value.denominator))


'''

_RATIONAL_PRINT = """\
if result.denominator == 1:
    print(result.numerator)
else:
    print(f"{result.numerator}/{result.denominator}")
    print(f"about {result.numerator / result.denominator}")
"""

_DECIMAL = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\s*")
_RESULT = re.compile(r"(-?\d+)(?:/([1-9]\d*))?\s*(?:\n|$)")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_NEGATION = 3


def program(problem: Arithmetic | Equation) -> str:
    """Returns Python that solves the problem and prints the result.

    Raises:
        MathError: It has no result, or one that is too large.
    """
    if isinstance(problem, Equation):
        return _equation_program(problem)
    comment = f"# {problem.text}\n"
    try:
        exact(problem.tree)
    except InexactError:
        approximate(problem.tree)
        return f"{comment}from math import sqrt\n\nprint({_python(problem.tree, _as_float)})\n"
    if _is_whole(problem.tree):
        return f"{comment}print({_python(problem.tree, str)})\n"
    result = f"result = {_python(problem.tree, _as_rational)}\n"
    return f"{comment}{_RATIONAL}{result}{_RATIONAL_PRINT}"


def explanation(problem: Arithmetic | Equation, printed: str | None) -> str:
    """Returns the answer in words, fit to follow a name and a comma.

    Args:
        problem: The problem.
        printed: The program's output; None when no program was run, then it is computed here.

    Raises:
        MathError: It has no result, or the program did not print one.
    """
    if isinstance(problem, Equation):
        return _solved(problem, printed)
    try:
        value: Fraction | float | None = exact(problem.tree)
    except InexactError:
        value = approximate(problem.tree)
    by = ""
    if printed is not None:
        value = _fraction(printed) if isinstance(value, Fraction) else _float(printed)
        by = " The code interpreter computed it."
    if value is None:
        raise MathError(_no_result(printed or ""))
    if isinstance(value, float):
        return f"{problem.text} is about {value}.{by}"
    about = "" if value.denominator == 1 else f", which is about {float(value)}"
    return f"{problem.text} = {value}{about}.{by}"


def _equation_program(equation: Equation) -> str:
    numbers = (
        equation.left.slope,
        equation.left.constant,
        equation.right.slope,
        equation.right.constant,
    )
    scale = math.lcm(*(number.denominator for number in numbers))
    a, b, c, d = (int(number * scale) for number in numbers)
    return _EQUATION_PROGRAM.format(
        comment=equation.text,
        unknown=equation.unknown,
        scaled=f", both sides times {scale}" if scale != 1 else "",
        a=a,
        b=b,
        c=c,
        d=d,
    )


def _solved(equation: Equation, printed: str | None) -> str:
    unknown, left, right = equation.unknown, equation.left, equation.right
    slope, constant = left.slope - right.slope, right.constant - left.constant
    steps = _steps(equation)
    ran = "" if printed is None else "The code interpreter printed "
    if printed is None and slope:
        printed = f"{unknown} = {constant / slope}"
    elif printed is None:
        printed = "no solution" if constant else "infinitely many solutions"
    result = printed.strip()
    if not slope:
        if result != ("no solution" if constant else "infinitely many solutions"):
            raise MathError(_no_result(printed))
        end = (
            f"That is never true, so there is no solution: no value of {unknown} works."
            if constant
            else f"That is always true, so there are infinitely many solutions: "
            f"every {unknown} works."
        )
        return f"{steps} {end}" + (f" {ran}{result}." if ran else "")
    name, _, number = result.partition(" = ")
    value = _fraction(number) if name == unknown else None
    if value is None:
        raise MathError(_no_result(printed))
    about = "" if value.denominator == 1 else f" (about {float(value):.10g})"
    ran = f"{ran}{unknown} = {value}{about}. " if ran else ""
    sides = left.at(value), right.at(value)
    verdict = "so it is right" if sides[0] == sides[1] else "so the result is WRONG"
    return (
        f"{steps} {ran}Check: with {unknown} = {value} the left side is {_shown(sides[0])} "
        f"and the right side is {_shown(sides[1])}, {verdict}."
    )


def _steps(equation: Equation) -> str:
    unknown, left, right = equation.unknown, equation.left, equation.right
    steps = [f"{equation.text} is solved like this."]

    def now(what: str) -> None:
        steps.append(f"{what}: {_side(left, unknown)} = {_side(right, unknown)}.")

    if f"{_side(left, unknown)}={_side(right, unknown)}".replace(" ", "") != "".join(
        equation.text.split()
    ):
        now("Simplify both sides")
    if right.slope and not left.slope:
        left, right = right, left
        now("Swap the sides")
    if right.slope:
        what = _moved(Linear(right.slope, Fraction(0)), unknown)
        left, right = (
            Linear(left.slope - right.slope, left.constant),
            Linear(Fraction(0), right.constant),
        )
        now(what)
    if left.constant and left.slope:
        what = _moved(Linear(Fraction(0), left.constant), unknown)
        left, right = (
            Linear(left.slope, Fraction(0)),
            Linear(Fraction(0), right.constant - left.constant),
        )
        now(what)
    if left.slope not in (0, 1):
        divisor = _shown(left.slope)
        right = Linear(Fraction(0), right.constant / left.slope)
        left = Linear(Fraction(1), Fraction(0))
        now(f"Divide both sides by {divisor}")
    return " ".join(steps)


def _moved(term: Linear, unknown: str) -> str:
    negative = (term.slope or term.constant) < 0
    if negative:
        return f"Add {_side(Linear(-term.slope, -term.constant), unknown)} to both sides"
    return f"Subtract {_side(term, unknown)} from both sides"


def _side(side: Linear, unknown: str) -> str:
    if not side.slope:
        return _shown(side.constant)
    size = abs(side.slope)
    number = _shown(size)
    factor = "" if size == 1 else f"({number})" if "/" in number else number
    term = f"{'-' if side.slope < 0 else ''}{factor}{unknown}"
    if not side.constant:
        return term
    return f"{term} {'-' if side.constant < 0 else '+'} {_shown(abs(side.constant))}"


def _shown(value: Fraction) -> str:
    """Returns short decimals as decimals, everything else as a fraction."""
    if value.denominator != 1 and 10_000 % value.denominator == 0:
        whole, rest = divmod(abs(value), 1)
        digits = f"{int(rest * 10_000):04}".rstrip("0")
        return f"{'-' if value < 0 else ''}{whole}.{digits}"
    return str(value)


def _fraction(text: str) -> Fraction | None:
    match = _RESULT.match(text)
    # Python refuses to read integers of thousands of digits, and no result of ours has them.
    if match is None or len(match[0]) > 1_000:
        return None
    return Fraction(int(match[1]), int(match[2] or 1))


def _float(text: str) -> float | None:
    is_one = len(text) < 50 and _DECIMAL.fullmatch(text)
    return float(text) if is_one else None


def _no_result(printed: str) -> str:
    last = printed.strip().rpartition("\n")[2][:200]
    if not last:
        return "The code interpreter printed nothing, so I have no result."
    return f"The code interpreter did not give a result but reported: {last}"


def _is_whole(node: Node) -> bool:
    """Returns whether Python's integers alone compute it exactly."""
    if isinstance(node, Number):
        return node.value.denominator == 1
    if isinstance(node, Negation):
        return _is_whole(node.operand)
    if not isinstance(node, Operation) or node.operator == "/":
        return False
    if node.operator == "^" and exact(node.right) < 0:
        return False
    return _is_whole(node.left) and _is_whole(node.right)


def _as_rational(value: Fraction) -> str:
    if value.denominator == 1:
        return f"Rational({value.numerator})"
    return f"Rational({value.numerator}, {value.denominator})"


def _as_float(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else repr(float(value))


def _python(node: Node, number: Callable[[Fraction], str], precedence: int = 0) -> str:
    """Returns the tree as Python, in parentheses when it binds less than ``precedence``."""
    if isinstance(node, Number):
        return number(node.value)
    if isinstance(node, Root):
        return f"sqrt({_python(node.operand, number)})"
    if isinstance(node, Negation):
        own, text = _NEGATION, f"-{_python(node.operand, number, _NEGATION)}"
    elif isinstance(node, Operation):
        own = _PRECEDENCE[node.operator]
        # A power is taken from the right, everything else from the left.
        outer, inner = (own + 1, own) if node.operator == "^" else (own, own + 1)
        operator = "**" if node.operator == "^" else f" {node.operator} "
        left = _python(node.left, number, outer)
        text = f"{left}{operator}{_python(node.right, number, inner)}"
    else:
        raise MathError("There is no equals sign in it.")
    return f"({text})" if own < precedence else text
