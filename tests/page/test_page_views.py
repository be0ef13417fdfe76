"""Every view, with real data, in Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from page_kit import FILE_NAME, IMAGE, SCRIPT, Service, go

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_assistants_are_made_changed_copied_and_deleted(page: Page, served_page: Service) -> None:
    """What the form has is stored, what was not touched stays, and a deletion asks first."""
    go(page, "assistants/new")
    page.get_by_label("Name", exact=True).fill("Clerk")
    page.get_by_label("Model", exact=True).fill("gpt-4o")
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    page.get_by_label("Code interpreter").check()
    page.get_by_label("Metadata").fill('{"team": "desk"')
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("This is not JSON").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
    page.get_by_label("Metadata").fill('{"team": "desk"}')
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="Try an assistant").wait_for()

    [made] = [
        one for one in served_page.call(lambda c: list(c.assistants.list())) if one.name == "Clerk"
    ]
    assert (made.model, made.instructions, made.metadata) == (
        "gpt-4o",
        "Be brief.",
        {"team": "desk"},
    )
    assert [tool.type for tool in made.tools] == ["code_interpreter"]

    go(page, f"assistants/{made.id}")
    page.get_by_label("Temperature").fill("7")
    page.get_by_role("button", name="Save").click()
    page.locator(".error", has_text="temperature").wait_for()
    page.get_by_label("Temperature").fill("0")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").filter(has_text="Saved.").first.wait_for()
    changed = served_page.call(lambda c: c.assistants.retrieve(made.id))
    assert (changed.temperature, changed.instructions) == (0, "Be brief.")

    page.get_by_role("link", name="Copy").click()
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="Try an assistant").wait_for()
    go(page, "assistants")
    page.get_by_role("heading", name="Copy of Clerk").wait_for()

    page.get_by_role("button", name="Delete Copy of Clerk").click()
    page.get_by_role("button", name="Cancel").click()
    assert page.get_by_role("heading", name="Copy of Clerk").is_visible()
    page.get_by_role("button", name="Delete Copy of Clerk").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Copy of Clerk").wait_for(state="detached")
    names = served_page.call(lambda c: [one.name for one in c.assistants.list()])
    assert "Clerk" in names
    assert "Copy of Clerk" not in names


def test_threads_are_listed_newest_first_with_their_first_words(
    page: Page, served_page: Service
) -> None:
    """With their metadata; a row leads to the thread."""
    go(page, "threads")
    row = page.locator(".rows > li", has_text=served_page.ids["thread"])
    row.scroll_into_view_if_needed()  # only of rows in sight are messages read
    row.get_by_role("link", name="draw a square").wait_for()
    links = page.locator(".rows a").evaluate_all("all => all.map((one) => one.hash)")
    made = [f"#/threads/{served_page.ids[name]}" for name in ("long", "waiting", "thread")]
    assert [link for link in links if link in made] == made
    assert row.get_by_text("user=7", exact=True).is_visible()
    row.get_by_role("link").click()
    page.get_by_role("heading", name="Thread", exact=True).wait_for()


def test_a_search_of_threads_is_part_of_the_address(page: Page) -> None:
    """Words and metadata are asked for as the server has them, and stay when it is opened again."""
    go(page, "threads")
    page.get_by_role("textbox", name="Metadata").fill("user")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("expected key=value").wait_for()
    page.get_by_label("Words in messages").fill("square")
    page.get_by_role("textbox", name="Metadata").fill("user=7, shop=a=b")
    with page.expect_request(re.compile("/threads[?]")) as asked:
        page.get_by_role("button", name="Search").click()
    assert "search=square" in asked.value.url
    assert "metadata%5Buser%5D=7" in asked.value.url
    assert "metadata%5Bshop%5D=a%3Db" in asked.value.url
    page.reload()
    page.get_by_label("Words in messages").wait_for()
    assert page.get_by_label("Words in messages").input_value() == "square"
    assert page.get_by_role("textbox", name="Metadata").input_value() == "user=7, shop=a=b"


def test_a_thread_shows_runs_steps_code_and_pictures(page: Page, served_page: Service) -> None:
    """The code that ran, what it printed, the picture it made, tokens, and why a run failed."""
    go(page, f"threads/{served_page.ids['thread']}")
    turns = page.locator(".turn")
    page.get_by_text("The model is down").wait_for()
    assert turns.count() == 4
    assert "200 tokens" in turns.nth(0).locator("summary").first.inner_text()
    turns.nth(0).locator("summary").first.click()
    code = turns.nth(0).locator("pre.code")
    code.first.wait_for()
    assert "import struct, zlib" in code.nth(0).inner_text()
    assert (
        code.nth(1).inner_text() == "64 by 64, red\n" or "64 by 64, red" in code.nth(1).inner_text()
    )
    for picture in turns.nth(0).locator("img").all():
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") == 64
    turns.nth(0).get_by_text("About this run").click()
    assert turns.nth(0).get_by_text("200 tokens (140 read, 60 written)").is_visible()
    assert "failed" in turns.nth(3).locator("summary").first.inner_text()


def test_a_citation_opens_its_passage(page: Page, served_page: Service) -> None:
    """With the file that it is from, whose content is shown and can be downloaded."""
    go(page, f"threads/{served_page.ids['thread']}")
    page.get_by_role("button", name=re.compile("Citation .*: open the passage")).click()
    dialog = page.get_by_role("dialog", name="Cited file")
    dialog.locator("blockquote").wait_for()
    assert dialog.locator("blockquote").inner_text() == "The capital of Norway is Oslo."
    assert dialog.get_by_text(FILE_NAME, exact=True).is_visible()
    assert dialog.locator("pre").inner_text() == "The capital of Norway is Oslo."
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_bytes() == b"The capital of Norway is Oslo."
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert "Citation" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_what_was_written_is_text_everywhere(page: Page, served_page: Service) -> None:
    """A script and an image in messages, and in names of files, assistants and stores."""
    go(page, f"threads/{served_page.ids['thread']}")
    messages = page.locator(".message", has_text=SCRIPT)
    messages.first.wait_for()
    assert messages.nth(0).locator(".text").inner_text() == f"{SCRIPT} {IMAGE}"
    assert messages.nth(1).locator(".text").inner_text() == f"You said: {SCRIPT} {IMAGE}"
    for address, text in (
        ("files", FILE_NAME),
        ("assistants", f"Geographer {IMAGE}"),
        ("stores", f"Capitals {IMAGE}"),
        (f"stores/{served_page.ids['store']}", FILE_NAME),
    ):
        go(page, address)
        page.get_by_text(text, exact=True).first.wait_for()
    assert page.locator("main script, main img[src=x]").count() == 0


def test_files_are_uploaded_shown_and_deleted(page: Page, tmp_path: Path) -> None:
    """With their names, whatever these are."""
    path = tmp_path / "report & more.txt"
    path.write_text("Sales rose.", "utf-8")
    go(page, "files")
    page.get_by_label("Files", exact=True).set_input_files(str(path))
    page.get_by_role("button", name="Upload").click()
    name = page.get_by_role("button", name=path.name, exact=True)
    name.click()
    page.get_by_role("dialog").get_by_text("Sales rose.").wait_for()
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name=f"Delete {path.name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    name.wait_for(state="detached")


def test_stores_show_their_files_and_are_searched(page: Page, tmp_path: Path) -> None:
    """A store is made, a file is read into it, the search finds it, and it is deleted again."""
    path = tmp_path / "lakes.txt"
    path.write_text("Mjosa is the largest lake of Norway.", "utf-8")
    go(page, "stores")
    page.get_by_label("Name of a new store").fill("Lakes")
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("heading", name="Lakes").wait_for()
    page.get_by_label("Add files").set_input_files(str(path))
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("row", name=re.compile("lakes.txt.*completed")).wait_for()
    page.get_by_label("Search this store").fill("largest lake")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("1 passage found.").wait_for()
    assert "Mjosa" in page.locator(".results blockquote").inner_text()
    page.get_by_role("button", name="Delete the store").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Vector stores").wait_for()


def test_a_file_that_cannot_be_read_says_why(page: Page, served_page: Service) -> None:
    """Its state is failed, with the reason beside it."""
    go(page, f"stores/{served_page.ids['store']}")
    row = page.get_by_role("row", name=re.compile("broken.pdf"))
    row.wait_for()
    assert "failed" in row.inner_text()
    assert row.locator(".error").inner_text()


def test_usage_is_a_plot_and_a_table_where_the_server_counts_it(page: Page) -> None:
    """By assistant, model, day or a metadata key; where it does not, no link leads there."""
    groups = {
        "assistant": [["asst_gone", 700, 300, 4]],
        "model": [["gpt-4o", 700, 300, 4], ["<b>other<i>", 70, 30, 1]],
        "metadata:team": [["maps", 5, 6, 1]],
    }

    def respond(route: object) -> None:
        by = route.request.url.partition("group_by=")[2].replace("%3A", ":")
        fields = ("key", "prompt_tokens", "completion_tokens", "runs")
        rows = [dict(zip(fields, row, strict=True)) for row in groups.get(by, [])]
        data = [
            {**row, "total_tokens": row["prompt_tokens"] + row["completion_tokens"]} for row in rows
        ]
        route.fulfill(json={"object": "list", "data": data})

    page.route("**/v1/usage?*", respond)
    page.reload()
    page.get_by_role("link", name="Usage").click()
    page.get_by_role("row", name=re.compile("asst_gone.*1,000")).wait_for()
    page.get_by_label("By", exact=True).select_option("model")
    page.get_by_role("row", name=re.compile("<b>other<.*100")).wait_for()
    assert page.locator("svg rect").count() == 4
    page.get_by_label("By", exact=True).select_option("metadata")
    page.get_by_label("Key").fill("team")
    page.get_by_label("Key").press("Enter")
    page.get_by_role("row", name=re.compile("maps.*11")).wait_for()

    page.unroute_all()
    page.route("**/v1/usage?*", lambda route: route.fulfill(status=404, json={"error": {}}))
    page.reload()
    page.get_by_role("heading").first.wait_for()
    assert not page.get_by_role("link", name="Usage").is_visible()
