"""The notebook, executed in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "11_notebook.ipynb"


def test_the_notebook_is_kept_without_outputs() -> None:
    """What a run made of it is not part of the example."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]

    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_the_notebook_runs(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From top to bottom, in an empty folder; its cells show what they are there to show."""
    nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, 4)
    folder = {"metadata": {"path": str(tmp_path)}}

    nbclient.NotebookClient(notebook, timeout=60, resources=folder).execute()

    shown = [
        "".join(
            one.get("text") or one["data"].get("text/html") or one["data"]["text/plain"]
            for one in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    connect, reply, steps, wait, stream, conversation = shown
    assert "offline tutor" not in connect  # it says so once, where it first answers
    assert "No language model is configured: the offline tutor answers" in reply
    assert "x = 1." in reply
    assert "completed" in reply
    assert "print(f&quot;x = {numerator}" in steps
    assert "5 of 5 runs finished" in wait
    assert "x = 7" in stream
    assert conversation.count("<b>user</b>") == conversation.count("<b>assistant</b>") == 2
