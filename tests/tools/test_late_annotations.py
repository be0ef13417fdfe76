"""Annotations whose names are not known when a function is decorated.

Python 3.14 evaluates annotations when they are asked for; before it, one with an unknown name is an
error of the function itself, unless it is written as a string.
"""

import sys

import pytest

from assistants_client import ConfigurationError, tool
from assistants_client.function_tools import as_tools

since_314 = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="annotations are evaluated at once before Python 3.14"
)


def defined(source):
    """What a module defines, whose annotations are not made strings as this one's could be."""
    names = {}
    header = "import dataclasses\nfrom assistants_client import tool\n"
    exec(compile(header + source, "<module>", "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize("returned", ["'Decimal'", pytest.param("Decimal", marks=since_314)])
def test_what_is_returned_need_not_be_known(returned):
    """As where it is imported for type checkers alone: only parameters are looked at."""
    price = defined(f"@tool\ndef price(n: int) -> {returned}:\n    'Price.'\n    return n")["price"]

    assert price.function.parameters["properties"] == {"n": {"type": "integer"}}
    assert price.read_arguments('{"n": 1}') == {"n": 1}
    assert price(1) == 1


BELOW = """
@tool
def go(to: Point, via: list[Point] | None = None) -> Point:
    'Goes there.'

@dataclasses.dataclass
class Point:
    x: int
"""


@since_314
def test_a_class_may_be_defined_below():
    """It is looked at when the function is given as a tool, or its schema asked for."""
    names = defined(BELOW)
    go = names["go"]

    assert as_tools([go]) == [go]
    assert go.function.description == "Goes there."
    assert go.function.parameters["required"] == ["to"]
    assert go.read_arguments('{"to": {"x": 1}, "via": [{"x": 2}]}') == {
        "to": names["Point"](1),
        "via": [names["Point"](2)],
    }
    assert repr(go) == "<tool go(to, via)>"


@since_314
def test_a_part_of_a_class_may_be_defined_below():
    """Also what a field of the class takes."""
    names = defined(
        "@dataclasses.dataclass\nclass Way:\n    end: Point\n"
        "@tool\ndef go(way: Way): ...\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int"
    )

    read = names["go"].read_arguments('{"way": {"end": {"x": 1}}}')

    assert read == {"way": names["Way"](names["Point"](1))}


@since_314
def test_a_method_may_take_its_own_class():
    """Which is known once the class is made."""
    names = defined(
        "@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "    @tool\n    def to(self, other: Point) -> Point:\n        'Goes.'"
    )
    bound = names["Point"](1).to

    [given] = as_tools([bound])
    assert given.function.name == "to"
    assert bound.read_arguments('{"other": {"x": 2}}') == {"other": names["Point"](2)}


@since_314
@pytest.mark.parametrize(
    "ask",
    [lambda pay: as_tools([pay]), lambda pay: pay.function, lambda pay: pay.read_arguments("")],
)
def test_what_is_never_known_is_refused_when_it_is_used(ask):
    """With function and parameter; the function itself can be called and shown."""
    pay = defined("@tool\ndef pay(n: int, d: Decimal) -> str:\n    return 'paid'")["pay"]

    with pytest.raises(ConfigurationError, match=r"function pay cannot .*'d': .*'Decimal' is not"):
        ask(pay)
    assert pay(1, 2) == "paid"
    assert repr(pay) == "<tool pay(…)>"
    assert not hasattr(pay, "schema")


@pytest.mark.parametrize("annotation", ["'Missing'", "list['Missing']", "'Missing | None'"])
def test_an_unknown_name_in_a_string_is_refused_at_once(annotation):
    """On every Python, since it is not asked for again."""
    with pytest.raises(ConfigurationError, match=r"function pay cannot .*'d': .*Missing"):
        defined(f"@tool\ndef pay(d: {annotation}): ...")


@since_314
def test_other_mistakes_are_told_at_once():
    """A name that is not known of what is returned hides none of them."""
    with pytest.raises(ConfigurationError, match="'d': complex has no form"):
        defined("@tool\ndef pay(d: complex) -> Decimal: ...")


def test_a_tool_knows_what_it_has():
    """An attribute that there is none of is an error as of any object."""
    with pytest.raises(AttributeError, match="'ToolFunction' object has no attribute 'schema'"):
        _ = tool(lambda: None, name="nothing").schema
