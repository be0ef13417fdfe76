"""The official Python client against ``assistants serve``: files, vector stores and file search."""

from __future__ import annotations

from typing import Any

import pytest
from clients_kit import Program


@pytest.fixture(scope="module")
def files(openai_program: Program) -> dict[str, Any]:
    """What ``openai_files.py`` found."""
    return openai_program("openai_files")


def test_files(files: dict[str, Any]) -> None:
    """A file goes up, is processed, listed and comes down as it was."""
    assert files["file"] == {
        "id": "file-",
        "object": "file",
        "bytes": 61,
        "created_at": None,
        "expires_at": None,
        "filename": "capitals.txt",
        "purpose": "assistants",
        "status": "processed",
        "status_details": None,
    }
    assert files["content"]
    assert files["processed"] == "processed"
    assert files["listed"] == [1, ["assistants"]]


def test_stores_with_upload_and_polling(files: dict[str, Any]) -> None:
    """Files are attached, uploaded one by one and in batches, each waited for by the client."""
    assert files["attached"] == ["completed", None]
    assert files["uploaded"] == "completed"
    assert files["batch"][0] == "completed"
    assert files["batch"][1]["completed"] == files["batch"][1]["total"] == files["batch_files"] == 3
    assert files["store"] == ["completed", 5, "Facts", True]
    assert files["store_updated"] == "All facts"
    assert files["store_files"] == 2


def test_search(files: dict[str, Any]) -> None:
    """The right passage comes first, with a score; filters hold; the text can be read."""
    if "search" not in files:
        pytest.skip("this version of the client cannot search")
    assert files["attributes"] == {"topic": "capitals", "year": 2020}
    assert "Oslo is the capital of Norway." in "".join(files["file_content"])
    assert files["search"] == ["capitals.txt", True, True]
    assert files["filtered"] == ["capitals.txt"]


def test_file_search_in_runs(files: dict[str, Any]) -> None:
    """Results are in the step, their texts where they are asked for; attachments make a store."""
    assert files["resources"]
    assert files["run"] == ["completed", None]
    assert files["step"] == ["file_search", True]
    assert files["step_text"]
    assert set(files["step_without"]) == {None}
    assert files["thread_store"] == 1
    assert files["run_with_file"] == "completed"


def test_deletion_and_errors(files: dict[str, Any]) -> None:
    """What is deleted is gone, and refusals are the client's own classes."""
    assert files["detached"] == "vector_store.file.deleted"
    assert files["store_deleted"] == "vector_store.deleted"
    assert files["file_deleted"] == "file"
    assert files["errors"] == {
        "gone": ["NotFoundError", 404],
        "store gone": ["NotFoundError", 404],
        "no such file": ["NotFoundError", 404],
        "purpose": ["BadRequestError", 400],
    }
