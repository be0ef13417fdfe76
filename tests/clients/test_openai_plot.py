"""The official Python client, and code that draws: what the extra ``data`` brings, from end to end.

The engine's Python must have matplotlib and pandas, and be able to make a sandbox.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from clients_kit import HERE, TOKEN, interpreter, told

from assistants_client.engine import Engine, Scripted, call
from assistants_client.engine.code_interpreter import AutomaticInterpreter

CODE = """\
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

x = np.linspace(0, 2 * np.pi, 50)
table = pd.DataFrame({"x": x, "sin x": np.sin(x)})
table.to_csv("sin.csv", index=False)
plt.plot(table["x"], table["sin x"])
plt.title("sin x")
plt.show()
table.head(1)
"""
ANSWER = "Here is sin x. [Download the CSV](sandbox:/mnt/data/sin.csv)"


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Of an engine with nothing chosen but its model, a script."""
    for name in ("matplotlib", "pandas"):
        pytest.importorskip(name)
    tried = AutomaticInterpreter()
    if "matplotlib" not in tried.description.partition("There is no")[0]:
        pytest.skip(f"code runs in {tried}")
    tried.close()
    waitress = pytest.importorskip("waitress")
    script = [call("code_interpreter", code=CODE), ANSWER] * 2
    with Engine("sqlite://", Scripted(script), token=TOKEN) as engine:
        server = waitress.create_server(engine, host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.effective_port}/v1"
        finally:
            server.close()
            thread.join(5)


@pytest.fixture(
    scope="module",
    params=[("CLIENTS_PYTHON", "requirements.txt"), ("CLIENTS_OLD_PYTHON", "requirements-old.txt")],
    ids=["new", "old"],
)
def found(
    request: pytest.FixtureRequest, base_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What ``openai_plot.py`` found."""
    variable, requirements = request.param
    python = interpreter(variable, f"the interpreter of tests/clients/{requirements}")
    program = [python, "-W", "ignore", str(HERE / "programs/openai_plot.py")]
    return told(program, tmp_path_factory.mktemp("plot"), base_url)


def test_a_plot_and_its_numbers(found: dict[str, Any]) -> None:
    """The picture begins the answer, the table is linked to; the step shows nothing of ours."""
    assert found["status"] == ["completed", None]
    assert found["outputs"] == [{"type": "image", "image": {"file_id": found["picture"]}}]
    assert found["begins"] == b"\x89PNG\r\n\x1a\n".hex()
    assert found["parts"] == ["image_file", "text"]
    assert found["link"] == ["file_path", *["sandbox:/mnt/data/sin.csv"] * 2]
    assert found["name"] == "sin.csv"
    assert found["table"] == ["x,sin x", "0.0,0.0"]
    assert found["lines"] == 51
