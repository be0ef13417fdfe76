"""The served engine and the browser that the tests share; without a browser they are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_kit import Service, chromium, opened, seed, service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def _has_browser() -> None:
    pytest.importorskip("playwright", reason="tests/page/requirements.txt is not installed")
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("chromium is not installed")


@pytest.fixture(scope="session")
def served_page(_has_browser: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An engine with all kinds of objects in it. Tests may add to them, and delete their own."""
    with service(tmp_path_factory.mktemp("served")) as running:
        running.ids |= running.call(seed)
        yield running
        assert running.running.stop() == 0
        assert "Traceback" not in running.running.output, running.running.output


@pytest.fixture(scope="session")
def browser(served_page: Service) -> Iterator[Browser]:
    """The browser."""
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, served_page: Service) -> Iterator[Page]:
    """The page, in a tab of its own, with a token."""
    with opened(browser, served_page) as made:
        yield made


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    folder = os.environ.get("PAGE_AXE_DIR")
    if not folder:
        pytest.skip(
            "PAGE_AXE_DIR does not name a folder where tests/page/package.json is installed"
        )
    return (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
