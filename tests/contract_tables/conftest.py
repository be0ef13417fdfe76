"""Where the specification stands, if it is there at all."""

import json
import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec_file():
    """Reads a file of the specification's folder."""
    folder = Path(os.environ.get("ASSISTANTS_SPEC_DIR") or _BESIDE)

    def read(name):
        if not (folder / name).is_file():
            pytest.skip(
                f"{name} is not here: set ASSISTANTS_SPEC_DIR to the specification's folder"
            )
        return json.loads((folder / name).read_text("utf-8"))

    return read


@pytest.fixture(scope="session")
def specification(spec_file):
    """The machine-readable specification of the wire."""
    return spec_file("openapi-assistants.json")


@pytest.fixture(autouse=True)
def undisturbed(clean_environment, pauses):
    """No variable of the surroundings, no real pause between tries."""
