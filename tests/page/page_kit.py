"""A served engine with all kinds of objects in it, and the page opened on it in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from attrs import define, field
from databases import fresh
from page_model import page_model
from served_process import Served, served

from assistants_client import Client
from assistants_client.errors import RunFailedError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

T = TypeVar("T")
TOKEN = "sk-of-the-tests"
#: A name of a file, a thread's message, an assistant's name: it stays text wherever it is shown.
SCRIPT = "<script>window.ran = true</script>"
IMAGE = '<img src=x onerror="window.ran = true">'
FILE_NAME = "<script>window.ran = true.txt"  # no slash: what is before one is a folder
LONG = 10_000
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
TOOLS = [{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER]


@define
class Service:
    """The served engine.

    Attributes:
        running: Its process.
        ids: The ids of what is in it, by what the tests call it.
    """

    running: Served
    ids: dict[str, str] = field(factory=dict)

    @property
    def url(self) -> str:
        """The page's address."""
        return self.running.base_url.removesuffix("v1")

    def call(self, work: Callable[[Client], T]) -> T:
        """Does something by a client, in a thread: the browser's driver has this one's loop."""

        def in_thread() -> T:
            with Client(self.running.base_url, api_key=TOKEN) as client:
                return work(client)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(in_thread).result()


@contextmanager
def service(folder: Path, *options: str) -> Iterator[Service]:
    """Serves for the time of the block, on an empty database."""
    database = fresh(f"sqlite:///{folder / 'served.db'}")
    variables = {"ASSISTANTS_TOKEN": TOKEN, "ASSISTANTS_DATABASE_URL": database}
    with (
        page_model() as model_url,
        served(folder, "--model-url", model_url, *options, **variables) as running,
    ):
        yield Service(running)


def seed(client: Client) -> dict[str, str]:
    """Makes some of everything; returns the ids."""
    ids = {}
    file = client.files.upload(b"The capital of Norway is Oslo.", filename=FILE_NAME)
    broken = client.files.upload(b"no document", filename="broken.pdf")
    store = client.vector_stores.create(name=f"Capitals {IMAGE}", file_ids=[file.id, broken.id])
    client.vector_stores.wait(store.id)
    ids |= {"file": file.id, "store": store.id}
    assistant = client.assistants.create(
        model="gpt-4o",
        name=f"Geographer {IMAGE}",
        description="Knows capitals.",
        instructions="Answer in one sentence.",
        tools=TOOLS,
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        metadata={"team": "maps"},
    )
    ids["assistant"] = assistant.id
    thread = client.threads.create(metadata={"user": "7"})
    for text in ("draw a square", "search the capital", f"{SCRIPT} {IMAGE}"):
        client.ask(thread.id, text, assistant_id=assistant.id)
    client.messages.create(thread.id, "fail")
    run = client.runs.create(thread.id, assistant_id=assistant.id)
    with suppress(RunFailedError):
        client.wait_for_run(run)
    ids["thread"] = thread.id
    waiting = client.threads.create(messages=[{"role": "user", "content": "weather in Oslo"}])
    client.wait_for_run(client.runs.create(waiting.id, assistant_id=assistant.id))
    ids["waiting"] = waiting.id
    ids["long"] = long_thread(client, assistant.id)
    return ids


def long_thread(client: Client, assistant_id: str) -> str:
    """Makes a thread of ``LONG`` questions, the last of each thousand answered; returns its id."""
    questions = [{"role": "user", "content": f"message number {i}"} for i in range(LONG)]
    thread = client.threads.create(messages=questions[:1000])
    for first in range(1000, LONG, 1000):
        run = client.runs.create(
            thread.id,
            assistant_id=assistant_id,
            additional_messages=questions[first : first + 1000],
            truncation_strategy={"type": "last_messages", "last_messages": 1},
        )
        client.wait_for_run(run)
    return thread.id


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, service: Service, *, token: str | None = TOKEN, **options: Any
) -> Iterator[Page]:
    """A tab of its own on the page, with a token; what it asks for and what goes wrong is checked.

    No request may go to another host, no error may be uncaught, no rule of the policy broken, and
    no script of a message may have run.
    """
    context: BrowserContext = browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(20_000)
    hosts, errors = set[str](), list[str]()
    own = urlsplit(service.url).netloc
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if "Policy" in message.text else None,
    )
    try:
        page.goto(f"{service.url}")
        if token is not None:
            page.get_by_label("Token", exact=True).fill(token)
            page.get_by_role("button", name="Use it").click()
            page.get_by_role("dialog").wait_for(state="detached")
        yield page
        assert errors == []
        assert page.evaluate("window.ran") is None
        # Pictures of blobs have no host.
        assert hosts <= {own, ""}
    finally:
        context.close()


def go(page: Page, address: str) -> None:
    """Shows another view, until it is there."""
    page.evaluate("address => { location.hash = address }", f"#/{address}")
    page.locator("main > section > .heading, main > section .heading").first.wait_for()
