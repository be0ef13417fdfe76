"""The box to try: asking, streaming, functions answered by hand, cancelling, broken streams."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from page_kit import Service, go
from page_model import FAST_WORDS

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Notes each frame of the page, and when the text of the answer has grown in it.
WATCH_FRAMES = """
() => {
    window.frames_ = [];
    let last = performance.now();
    const frame = (now) => {
        const text = [...document.querySelectorAll('.message.assistant .text')].at(-1);
        window.frames_.push([now - last, text ? text.textContent.length : 0]);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}
"""


def ask(page: Page, text: str) -> None:
    """Asks in the box."""
    page.get_by_role("textbox", name="Question").fill(text)
    page.keyboard.press("Enter")


def begin(page: Page, service: Service) -> None:
    """Opens the box on the assistant that has all tools."""
    go(page, f"try?assistant={service.ids['assistant']}")


def test_an_answer_streams_at_two_hundred_words_a_second(page: Page, served_page: Service) -> None:
    """Whole, in many frames, in one text node, and said to screen readers in larger parts."""
    begin(page, served_page)
    page.evaluate(WATCH_FRAMES)
    ask(page, "fast please")
    answer = page.locator(".message.assistant .text")
    answer.get_by_text("word50 ").wait_for()
    assert answer.evaluate("element => element.childNodes.length") == 1
    page.locator(".badge.completed").first.wait_for()
    page.locator(".run > summary .badge.completed").wait_for()
    words = answer.inner_text().split()
    assert words == [f"word{number}" for number in range(FAST_WORDS)]
    frames = page.evaluate("window.frames_")
    grown = sum(after[1] > before[1] for before, after in pairwise(frames))
    assert grown > 40  # of five seconds, on a machine that does much else
    said = page.locator("#announcer p").count()
    assert said < 60  # not one for each word
    assert page.url.rpartition("/")[2].startswith("thread_")


def test_a_second_question_goes_on_in_the_thread(page: Page, served_page: Service) -> None:
    """With instructions of its own, in the same conversation; it is there when it is opened."""
    begin(page, served_page)
    ask(page, "first")
    page.locator(".message", has_text="You said: first").wait_for()
    page.get_by_text("Options").click()
    page.get_by_label("Instructions for this run").fill("Whisper.")
    ask(page, "second")
    page.locator(".message", has_text="You said: second").wait_for()
    page.locator(".turn").nth(1).locator("summary .badge.completed").wait_for()
    thread_id = page.url.rpartition("/")[2]
    runs = served_page.call(lambda c: list(c.runs.list(thread_id)))
    assert [run.instructions for run in runs] == ["Whisper.", "Answer in one sentence."]
    page.reload()
    page.locator(".message", has_text="You said: second").wait_for()
    texts = page.locator(".message .text").all_inner_texts()
    assert texts == ["first", "You said: first", "second", "You said: second"]


def test_code_and_its_picture_are_shown_as_they_come(page: Page, served_page: Service) -> None:
    """Steps are open while a run is followed."""
    begin(page, served_page)
    ask(page, "draw a square")
    page.locator(".step pre.code", has_text="import struct, zlib").wait_for()
    page.locator(".step img").wait_for()
    page.locator(".message.assistant img").wait_for()


def test_a_function_is_answered_by_hand(page: Page, served_page: Service) -> None:
    """The run waits with the call's arguments, and goes on with what was written."""
    begin(page, served_page)
    ask(page, "weather in Oslo")
    output = page.get_by_label("Output of get_weather")
    output.wait_for()
    assert '"city": "Oslo"' in page.locator(".outputs pre").inner_text()
    output.fill("22 degrees")
    page.get_by_role("button", name="Submit").click()
    page.locator(".message", has_text="The tool said: 22 degrees").wait_for()
    assert page.locator(".outputs").count() == 0


def test_a_run_that_waits_is_answered_when_its_thread_is_opened(
    page: Page, served_page: Service
) -> None:
    """Also one that was begun elsewhere."""
    go(page, f"threads/{served_page.ids['waiting']}")
    page.get_by_label("Output of get_weather").fill("cold")
    page.get_by_role("button", name="Submit").click()
    page.locator(".message", has_text="The tool said: cold").wait_for()


def test_a_run_is_cancelled(page: Page, served_page: Service) -> None:
    """In the middle of its answer; what was written until then stays."""
    begin(page, served_page)
    ask(page, "slowly please")
    page.locator(".message.assistant", has_text="word2 ").wait_for()
    page.get_by_role("button", name="Cancel the run").click()
    page.locator(".run > summary .badge.cancelled").wait_for()
    page.get_by_text("It was cancelled.").wait_for()
    assert page.get_by_role("button", name="Cancel the run").count() == 0
    assert "word2" in page.locator(".message.assistant .text").inner_text()


def test_a_refused_question_says_why_and_is_not_lost(page: Page, served_page: Service) -> None:
    """What the server refuses stands beside the question, which stays in the box."""
    begin(page, served_page)
    page.get_by_text("Options").click()
    page.get_by_label("Instructions for this run").fill("x" * 256_001)
    ask(page, "refused")
    page.get_by_role("alert").filter(has_text="instructions").wait_for()
    assert page.get_by_role("textbox", name="Question").input_value() == "refused"
    assert page.locator(".message").count() == 0


def test_a_stream_that_breaks_goes_on_by_polling(page: Page, served_page: Service) -> None:
    """The rest of the answer comes all the same, once."""
    begin(page, served_page)
    page.evaluate(
        """() => {
            const real = window.fetch;
            window.fetch = async (url, options) => {
                const response = await real(url, options);
                const type = response.headers.get("content-type");
                if (!type.includes("event-stream")) return response;
                const reader = response.body.getReader();
                let left = 40;
                const body = new ReadableStream({
                    async pull(controller) {
                        const { value } = await reader.read();
                        left -= 1;
                        if (left > 0) return controller.enqueue(value);
                        reader.cancel();
                        controller.error(new TypeError("network error"));
                    },
                });
                return new Response(body, { headers: response.headers });
            };
        }"""
    )
    ask(page, "fast please")
    page.get_by_text("The connection broke").wait_for()
    page.locator(".run > summary .badge.completed").wait_for()
    words = page.locator(".message.assistant .text").inner_text().split()
    assert words == [f"word{number}" for number in range(FAST_WORDS)]
    assert page.get_by_text("The connection broke").count() == 0
