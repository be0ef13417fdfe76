"""Docstrings: the summary and the parameters, in the three styles people write."""

import pytest

from assistants_client import tool
from assistants_client.function_tools.docstrings import parameters, summary

GOOGLE = """Tells the weather
    of a city.

    At length.

    Args:
        city (str, optional): The city,
            by its name.

            Or its code.
        unit: C or F: as you like.
        **more: Ignored.
        not an entry

    Returns:
        text: It.

    Raises:
        ValueError: No.
    """
NUMPY = """Tells the weather
    of a city.

    At length.

    Parameters
    ----------
    city : str, optional
        The city,
        by its name.

        Or its code.
    unit, other
        C or F: as you like.

    Returns
    -------
    text : str
        It.
    """
REST = """
    Tells the weather
    of a city.

    At length.

    :param str city: The city,
        by its name.

        Or its code.
    :type city: str
    :param unit: C or F: as you like.
    :raises ValueError: No.
    :returns: It.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_the_summary_is_the_first_paragraph(text):
    """On one line, however it was broken."""
    assert summary(text) == "Tells the weather of a city."


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_parameters_are_found_in_each_style(text):
    """With their continuation lines, and nothing of the sections around them."""
    found = parameters(text)

    assert found["city"] == "The city, by its name. Or its code."
    assert found["unit"] == "C or F: as you like."
    assert not {"text", "ValueError", "str"} & found.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("One line.", "One line."),
        (":param x: No summary.", ""),
        ("Args:\n    x: No summary.", ""),
        ("Parameters\n----------\nx\n    No summary.", ""),
        ("Right before.\n:param x: It.", "Right before."),
        ("Right before.\nArgs:\n    x: It.", "Right before."),
        ("Note: this is a summary.", "Note: this is a summary."),
    ],
)
def test_where_a_summary_ends(text, expected):
    """At an empty line, or where the parameters begin."""
    assert summary(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Nothing here.",
        "Args",
        "Args:",
        "Parameters\n----------",
        "args: none of them",
        ":foo: x",
    ],
)
def test_a_docstring_without_parameters_has_none(text):
    """And nothing breaks."""
    assert parameters(text) == {}


def test_a_type_in_a_docstring_may_be_long():
    """Brackets within brackets, and colons in the text."""
    text = """Does it.

    Args:
        a (Callable[[int], tuple(str)]): It (this: that).
        b: See (a): no.
    """

    assert parameters(text) == {"a": "It (this: that).", "b": "See (a): no."}


def test_a_function_carries_its_docstring():
    """What a model is told stands in the docstring."""

    @tool
    def get_weather(city: str, unit: str) -> str:
        """Tells the weather.

        Args:
            city: The city.
            unit: The unit.
        """
        return city + unit

    definition = get_weather.function

    assert definition.description == "Tells the weather."
    assert definition.parameters["properties"] == {
        "city": {"type": "string", "description": "The city."},
        "unit": {"type": "string", "description": "The unit."},
    }
