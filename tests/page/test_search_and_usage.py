"""Threads found by words and metadata, and usage, as the engine itself has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
from page_kit import TOKEN, Service, go

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(autouse=True)
def _is_counted(served_page: Service) -> None:
    url = f"{served_page.url}v1/usage?group_by=day"
    found = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
    if found.status_code == 404:
        pytest.skip("this engine neither searches threads nor counts usage")


def test_threads_are_found_by_words_and_by_metadata(page: Page) -> None:
    """Those alone that have both; nothing found is said."""
    go(page, "threads")
    page.get_by_label("Words in messages").fill("square")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="draw a square").first.wait_for()
    assert page.get_by_role("link", name="weather in Oslo").count() == 0
    page.get_by_role("textbox", name="Metadata").fill("user=7")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("user=7", exact=True).wait_for()
    assert page.locator(".rows > li").count() == 1
    page.get_by_role("textbox", name="Metadata").fill("user=8")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No thread has these.").wait_for()


def test_usage_is_that_of_the_runs(page: Page) -> None:
    """By assistant, with its name, by model and by day."""
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("row", name=re.compile("Geographer")).wait_for()
    page.get_by_label("By", exact=True).select_option("model")
    page.get_by_role("row", name=re.compile("gpt-4o")).wait_for()
    page.get_by_label("By", exact=True).select_option("day")
    page.get_by_role("row", name=re.compile(r"20\d\d-\d\d-\d\d")).first.wait_for()
