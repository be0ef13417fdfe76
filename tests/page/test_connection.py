"""Tokens that are wrong or see little, and a server that is gone and comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from databases import fresh
from page_kit import TOKEN, Service, go, opened
from page_model import page_model
from ports import free_port
from served_process import Served, environment

from assistants_client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_wrong_token_is_asked_for_again(browser: Browser, served_page: Service) -> None:
    """Until one is accepted; it is kept in the tab alone, and sent in no address."""
    with opened(browser, served_page, token=None) as page:
        addresses: list[str] = []
        page.on("request", lambda request: addresses.append(request.url))
        for wrong in ("sk-wrong", "sk-wröng "):
            page.get_by_label("Token", exact=True).fill(wrong)
            page.get_by_role("button", name="Use it").click()
            page.get_by_role("heading", name="This token is not accepted").wait_for()
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.keyboard.press("Enter")
        page.get_by_role("textbox", name="Question").wait_for()
        page.reload()
        page.get_by_role("textbox", name="Question").wait_for()
        assert page.get_by_role("dialog").count() == 0
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert [one for one in addresses if TOKEN in one] == []


def test_without_a_token_the_page_says_so(browser: Browser, served_page: Service) -> None:
    """Where the dialog is closed, with a way to try again."""
    with opened(browser, served_page, token=None) as page:
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("alert").filter(has_text="API key").first.wait_for()
        page.get_by_role("button", name="Try again").first.click()
        page.get_by_label("Token", exact=True).wait_for()


def test_an_isolated_token_sees_its_own(
    browser: Browser, tmp_path: Path, served_page: Service
) -> None:
    """Nothing of others is in the lists, and their threads do not exist for it."""
    database = fresh(f"sqlite:///{tmp_path / 'isolated.db'}")
    variables = {"ASSISTANTS_DATABASE_URL": database, "ASSISTANTS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "assistants_client", "tokens", "add", "shop", "--isolated"]
    added = subprocess.run(
        command,
        env=environment(tmp_path, **variables),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    token = added.stdout.split()[-1]
    with page_model() as model_url:
        running = Served(tmp_path, "--model-url", model_url, **variables)
        try:
            theirs = Service(running)

            def make(client: Client, name: str) -> str:
                client.assistants.create(model="m", name=name)
                return client.threads.create(messages=[{"role": "user", "content": name}]).id

            hidden = theirs.call(lambda client: make(client, "of the owner"))
            theirs.call(
                lambda _: make(Client(running.base_url, api_key=token), "of the shop"),
            )
            with opened(browser, theirs, token=token) as page:
                go(page, "threads")
                page.get_by_role("link", name="of the shop").wait_for()
                assert page.locator(".rows > li").count() == 1
                go(page, "assistants")
                page.get_by_role("heading", name="of the shop").wait_for()
                assert page.locator(".card").count() == 1
                go(page, f"threads/{hidden}")
                page.get_by_role("alert").filter(has_text="No thread found").first.wait_for()
        finally:
            running.kill()


def test_a_server_that_is_gone_comes_back(
    browser: Browser, tmp_path: Path, served_page: Service
) -> None:
    """A message says so; the view is shown, and a stream goes on, when it is back."""
    port = str(free_port())
    database = fresh(f"sqlite:///{tmp_path / 'gone.db'}")
    variables = {"ASSISTANTS_DATABASE_URL": database, "ASSISTANTS_TOKEN": TOKEN}
    with page_model() as model_url:
        options = ("--model-url", model_url, "--port", port)
        running = Served(tmp_path, *options, **variables)
        try:
            service = Service(running)
            assistant = service.call(lambda c: c.assistants.create(model="m", name="Clerk"))
            with opened(browser, service) as page:
                go(page, f"try?assistant={assistant.id}")
                page.get_by_role("textbox", name="Question").fill("slowly please")
                page.keyboard.press("Enter")
                page.locator(".message.assistant", has_text="word2 ").wait_for()
                running.kill()
                page.get_by_text("The server does not respond. What is on this page").wait_for()
                running = Served(tmp_path, *options, **variables)
                page.get_by_text("The server does not respond. What").wait_for(state="hidden")
                # The run begins anew, which its new process has taken over.
                page.get_by_role("button", name="Cancel the run").click()
                page.locator(".run > summary .badge.cancelled").wait_for()

                running.kill()
                page.get_by_role("link", name="Assistants").click()
                page.get_by_role("alert").filter(
                    has_text="The server does not respond."
                ).first.wait_for()
                running = Served(tmp_path, *options, **variables)
                page.get_by_role("heading", name="Clerk").wait_for()
                assert page.get_by_role("alert").filter(has_text="respond").count() == 0

                running.kill()
                page.get_by_role("link", name="Threads").click()
                again = page.locator("#connection").get_by_role("button", name="Try again")
                again.click()
                running = Served(tmp_path, *options, **variables)
                again.click()
                page.get_by_role("link", name="slowly please").wait_for()
        finally:
            running.kill()
