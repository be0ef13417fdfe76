"""Exact arithmetic with numbers and linear forms.

Pure functions on trees and fractions only: no text is read here. Everything is bounded, since the
expressions are untrusted: the size of numbers here, the depth of trees where they are made.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal, TypeAlias

from attrs import frozen

#: About 210 decimal digits: more than anyone reads, and always within the range of a float.
_BITS = 700

Operator: TypeAlias = Literal["+", "-", "*", "/", "^"]


class MathError(Exception):
    """An expression that cannot be evaluated. The message is a sentence for its author."""


class InexactError(Exception):
    """The value is not a fraction, such as the square root of 2."""


@frozen
class Number:
    """A number as written, exactly: ``0.15`` is 3/20."""

    value: Fraction


@frozen
class Unknown:
    """The letter to solve for."""

    name: str


@frozen
class Negation:
    """The negation of an operand."""

    operand: Node


@frozen
class Root:
    """The square root of an operand."""

    operand: Node


@frozen
class Operation:
    """Two operands with an operator between them."""

    operator: Operator
    left: Node
    right: Node


Node: TypeAlias = "Number | Unknown | Negation | Root | Operation"


@frozen
class Linear:
    """``slope`` times the unknown, plus ``constant``."""

    slope: Fraction
    constant: Fraction

    def at(self, value: Fraction) -> Fraction:
        """Returns the value when the unknown is ``value``."""
        return self.slope * value + self.constant


def exact(node: Node) -> Fraction:
    """Returns the value of arithmetic.

    Raises:
        InexactError: It is not a fraction.
        MathError: It has no value, or one that is too large.
    """
    return linear_form(node).constant


def approximate(node: Node) -> float:
    """Returns the value of arithmetic as a float.

    Raises:
        MathError: It has no real value, or one that is too large.
    """
    try:
        value = _float(node)
    except ZeroDivisionError:
        raise MathError("That divides by zero, which has no result.") from None
    except OverflowError:
        raise MathError("The result is too large to write out.") from None
    except ValueError:
        raise MathError("That has no real result.") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise MathError("That has no real result.")
    return value


def bounded(value: Fraction) -> Fraction:
    """Returns the value itself, if it is within the bound.

    Raises:
        MathError: It is too large.
    """
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _BITS:
        raise MathError("The numbers become too large to write out.")
    return value


_ZERO = Fraction(0)
_NOT_LINEAR = "It is not linear, and I can only solve linear equations in one unknown."


def linear_form(node: Node) -> Linear:
    """Returns the tree as a linear form of its unknown.

    Raises:
        InexactError: A number in it is not a fraction.
        MathError: It is not linear, has no value, or becomes too large.
    """
    if isinstance(node, Number):
        return Linear(_ZERO, node.value)
    if isinstance(node, Unknown):
        return Linear(Fraction(1), _ZERO)
    if isinstance(node, Negation):
        negated = linear_form(node.operand)
        return Linear(-negated.slope, -negated.constant)
    if isinstance(node, Root):
        return Linear(_ZERO, _root(_known(linear_form(node.operand))))
    left, right = linear_form(node.left), linear_form(node.right)
    slope, constant = _combined(node.operator, left, right)
    return Linear(bounded(slope), bounded(constant))


def _combined(operator: Operator, left: Linear, right: Linear) -> tuple[Fraction, Fraction]:
    if operator == "+":
        return left.slope + right.slope, left.constant + right.constant
    if operator == "-":
        return left.slope - right.slope, left.constant - right.constant
    if operator == "*":
        if left.slope and right.slope:
            raise MathError(_NOT_LINEAR)
        slope = left.slope * right.constant + right.slope * left.constant
        return slope, left.constant * right.constant
    divisor = _known(right)
    if operator == "/":
        if not divisor:
            raise MathError("That divides by zero, which has no result.")
        return left.slope / divisor, left.constant / divisor
    if divisor == 1:
        return left.slope, left.constant
    return _ZERO, _power(_known(left), divisor)


def _known(linear: Linear) -> Fraction:
    if linear.slope:
        raise MathError(_NOT_LINEAR)
    return linear.constant


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if not base and exponent < 0:
        raise MathError("That divides by zero, which has no result.")
    if exponent.denominator != 1:
        raise InexactError
    if abs(base) in (0, 1):
        return base ** (2 - exponent.numerator % 2 if exponent else 0)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if bits * abs(exponent) > _BITS or abs(exponent) > _BITS:
        raise MathError("The numbers become too large to write out.")
    return base**exponent.numerator


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise MathError("The square root of a negative number is no real number.")
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    if root * root != value:
        raise InexactError
    return root


def _float(node: Node) -> float | complex:  # noqa: PLR0911 - one line for each kind of node
    if isinstance(node, Number):
        return float(node.value)
    if isinstance(node, Negation):
        return -_float(node.operand)
    if isinstance(node, Unknown):
        raise MathError("There is no equals sign in it.")
    if isinstance(node, Root):
        return math.sqrt(_real(node.operand))
    left, right = _real(node.left), _real(node.right)
    if node.operator == "^":
        power: float | complex = left**right
        return power
    if node.operator == "+":
        return left + right
    if node.operator == "-":
        return left - right
    return left * right if node.operator == "*" else left / right


def _real(node: Node) -> float:
    value = _float(node)
    if isinstance(value, complex):
        raise MathError("That has no real result.")
    return value
