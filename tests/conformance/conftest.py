"""The engine that the rows of this folder are compared with, one for each process of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conformance_kit import World, opened


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A served engine on which situations are made as rows ask for them."""
    with opened(tmp_path_factory.mktemp("conformance")) as made:
        yield made
