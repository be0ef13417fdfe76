"""The tests of the core see no variable of their surroundings, and no real pause between tries."""

import pytest


@pytest.fixture(autouse=True)
def undisturbed(clean_environment, pauses):
    """Applies to every test here."""
