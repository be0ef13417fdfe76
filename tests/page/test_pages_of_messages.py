"""A thread of ten thousand messages: its newest page first, older ones as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page_kit import LONG, Service, go

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_long_thread_is_read_page_by_page(page: Page, served_page: Service) -> None:
    """A hundred messages at a time; what was in sight stays where it was when older ones come."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    go(page, f"threads/{served_page.ids['long']}")
    messages = page.locator(".message")
    page.get_by_text(f"You said: message number {LONG - 1}", exact=True).wait_for()
    page.get_by_role("textbox", name="Question").wait_for()
    assert messages.count() == 100  # the answer is one of them
    assert sum("/messages?" in one for one in asked) == 1
    assert all("limit=100" in one for one in asked if "/messages?" in one)

    first = page.get_by_text(f"message number {LONG - 99}", exact=True)
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_text(f"message number {LONG - 199}", exact=True).wait_for(state="attached")
    page.wait_for_function("document.querySelectorAll('.message').length % 100 === 0")
    loaded = messages.count()
    assert loaded in {200, 300}  # what scrolls into view at the top is read, too
    assert first.is_visible()

    texts = page.locator(".message.user .text").all_inner_texts()
    assert texts == [f"message number {number}" for number in range(LONG - loaded + 1, LONG)]


def test_older_messages_come_by_a_button_as_well(page: Page, served_page: Service) -> None:
    """For whoever does not scroll."""
    go(page, f"threads/{served_page.ids['long']}")
    page.get_by_role("textbox", name="Question").wait_for()
    page.get_by_role("button", name="Show older messages").evaluate("button => button.click()")
    page.get_by_text(f"message number {LONG - 199}", exact=True).wait_for(state="attached")
