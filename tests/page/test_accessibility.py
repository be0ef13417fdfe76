"""What axe-core finds of each view, light and dark; the keyboard; narrow screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from page_kit import Service, go, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWS = (
    "try",
    "threads",
    "threads/{thread}",
    "threads/{waiting}",
    "assistants",
    "assistants/new",
    "assistants/{assistant}",
    "files",
    "stores",
    "stores/{store}",
    "usage",
)
RUN_AXE = """
async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}
"""
USAGE = {
    "object": "list",
    "data": [
        {
            "key": f"key {n}",
            "prompt_tokens": 90 * n,
            "completion_tokens": 9,
            "total_tokens": 90 * n + 9,
            "runs": n,
        }
        for n in range(1, 6)
    ],
}


def shown(page: Page, view: str) -> None:
    """Shows a view with all that it reads."""
    go(page, view)
    page.wait_for_load_state("networkidle")
    for summary in page.locator(".turn > .run > summary").all():
        summary.click()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, served_page: Service, axe: str, scheme: str
) -> None:
    """On any view, with runs and their steps open, nor in dialogs."""
    with opened(browser, served_page, color_scheme=scheme, bypass_csp=True) as page:
        page.route("**/v1/usage?*", lambda route: route.fulfill(json=USAGE))
        page.evaluate(axe)
        found = {}
        for view in VIEWS:
            shown(page, view.format(**served_page.ids))
            found[view] = page.evaluate(RUN_AXE)
        go(page, "files")
        page.locator("tbody .link").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Download").wait_for()
        found["a file"] = page.evaluate(RUN_AXE)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Delete ").first.click()
        found["a question"] = page.evaluate(RUN_AXE)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Token").click()
        found["the token"] = page.evaluate(RUN_AXE)
    assert {view: lines for view, lines in found.items() if lines} == {}


def test_no_view_is_wider_than_a_narrow_screen(browser: Browser, served_page: Service) -> None:
    """Of 360 pixels: nothing has to be scrolled sideways."""
    with opened(browser, served_page, viewport={"width": 360, "height": 640}) as page:
        page.route("**/v1/usage?*", lambda route: route.fulfill(json=USAGE))
        wide = {}
        for view in VIEWS:
            shown(page, view.format(**served_page.ids))
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > 360:
                wide[view] = width
    assert wide == {}


def test_the_keyboard_is_enough(page: Page, served_page: Service) -> None:
    """A link skips to the content, a view's heading has the focus, dialogs keep and return it."""
    go(page, "files")
    page.wait_for_function("document.activeElement.tagName === 'H1'")
    assert page.title() == "Files \u2013 Assistants"
    page.reload()
    page.get_by_role("heading", name="Files").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    name = page.locator("tbody .link").first
    name.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    for _ in range(8):
        page.keyboard.press("Tab")
        # The browser's own controls are the body, to a page.
        focused = page.evaluate("document.activeElement.closest('dialog, body').tagName")
        assert focused == "DIALOG" or page.evaluate("document.activeElement.tagName") == "BODY"
    page.keyboard.press("Escape")
    assert name.evaluate("element => element === document.activeElement")
