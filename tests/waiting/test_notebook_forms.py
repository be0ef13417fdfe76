"""How objects look: short reprs, and HTML in which nothing that a model wrote does anything."""

import copy
import html
import pickle
import re

import pytest

import assistants_client
from assistants_client import Client
from assistants_client._json.codec import decode
from assistants_client.models import _base
from assistants_client.models._base import Struct
from assistants_client.models.assistants import Assistant
from assistants_client.models.lists import Page
from assistants_client.models.messages import Message, Text, TextPart
from assistants_client.models.replies import Reply
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
KINDS = {
    "run": Run,
    "run_failed": Run,
    "run_requires_action": Run,
    "message": Message,
    "message_incomplete": Message,
    "run_step_tools": RunStep,
    "run_step_message": RunStep,
    "run_step_failed": RunStep,
    "page_of_runs": Page[Run],
    "page_empty": Page[Message],
    "thread": Thread,
    "assistant": Assistant,
}


def all_structs(kind=Struct):
    """Every class below."""
    for one in kind.__subclasses__():
        yield one
        yield from all_structs(one)


def spoilt(document):
    """The document with every text but types, statuses and roles turned into an attack."""
    if isinstance(document, dict):
        kept = ("type", "object")
        return {k: v if k in kept else spoilt(v) for k, v in document.items()}
    if isinstance(document, list):
        return [spoilt(one) for one in document]
    return f"{EVIL}{document}" if isinstance(document, str) else document


def message(text, role="assistant", at=1_800_000_000, name="msg_1"):
    """A message of one text."""
    part = TextPart(text=Text(value=text))
    return Message(id=name, role=role, created_at=at, content=[part], run_id="run_1")


# --- repr -----------------------------------------------------------------------------------------


def test_every_object_has_the_short_repr():
    """No class has one that attrs wrote, and one has its own."""
    for name in assistants_client.__all__:  # a class is imported when it is asked for
        assert getattr(assistants_client, name) is not None
    kinds = {one for one in all_structs() if one.__module__.startswith("assistants_client.models")}
    assert len(kinds) > 90
    own = {
        kind.__name__ for kind in kinds if kind.__repr__.__code__ is not Struct.__repr__.__code__
    }
    assert own == {"UrlCitation"}


def test_a_repr_tells_only_what_was_said():
    """Fields at their default are left out."""
    assert repr(Run(id="run_1", status="queued")) == "Run(id='run_1', status='queued')"
    assert repr(Thread(id="t", metadata={"a": "b"})) == "Thread(id='t', metadata={'a': 'b'})"
    assert repr(Message(id="m")) == "Message(id='m')"


@pytest.mark.parametrize("name", KINDS)
def test_a_repr_is_short(payload, name):
    """Whatever the object holds, and it begins with its class and id."""
    made = decode(KINDS[name], payload(name))
    assert len(repr(made)) < 450
    assert repr(made).startswith(f"{type(made).__name__}(")
    assert "\n" not in repr(made)


def test_a_long_text_is_cut_in_the_repr():
    """A page of a book does not fill the screen; nor does a message that holds itself."""
    made = message("x" * 100_000)
    assert len(repr(made)) < 450
    made.metadata["self"] = made
    assert len(repr(made)) < 450


def test_a_class_may_bring_its_own_repr():
    """One that is written out is kept."""
    from attrs import define

    @define(kw_only=True)
    class Own(Struct):
        id: str = ""

        def __repr__(self):
            return "mine"

    assert repr(Own()) == "mine"


def test_objects_still_compare_copy_and_pickle(payload):
    """The repr is all that is ours."""
    made = decode(Run, payload("run"))
    assert pickle.loads(pickle.dumps(made)) == made == copy.deepcopy(made)
    assert type(made).__repr__.__code__ is _base.Struct.__repr__.__code__


def test_a_reply_has_a_short_repr():
    """What was said, and by which run."""
    reply = Reply(Run(id="run_1", status="completed"), [message("Hello")])
    assert repr(reply) == "Reply(text='Hello', run=Run(id='run_1', status='completed'))"


# --- HTML -----------------------------------------------------------------------------------------


def tags(text):
    """The names of the tags in HTML, and of their attributes."""
    found = re.findall(r"<(/?[a-zA-Z]+)([^>]*)>", text)
    attributes = {a for _, rest in found for a in re.findall(r'([a-zA-Z-]+)="', rest)}
    return {name.strip("/") for name, _ in found}, attributes


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_from_a_server_is_text(payload, name):
    """An attack in every text of an object: no tag and no attribute but ours."""
    made = decode(KINDS[name], spoilt(payload(name)))
    shown = made._repr_html_()
    names, attributes = tags(shown)
    assert names <= {"div", "span", "b", "pre", "table", "tr", "td"}
    assert attributes <= {"style"}
    assert "<script" not in shown
    assert "<img" not in shown
    if name not in ("page_empty", "run_step_message"):
        assert html.escape("<script>alert(1)</script>") in shown


def test_a_message_shows_role_and_text():
    """And an image only by name: nothing is loaded."""
    shown = message("Hello <b>you</b>")._repr_html_()
    assert "<b>assistant</b>" in shown
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in shown


def test_a_long_text_is_cut():
    """A notebook stays a notebook; how much is missing is said."""
    shown = message("x" * 100_000)._repr_html_()
    assert len(shown) < 7_000
    assert "95000 more characters" in shown


def test_half_a_character_can_be_shown():
    """Python holds it, no page can."""
    message("\ud800")._repr_html_().encode()


def test_a_run_shows_why_it_failed(payload):
    """Status, error, times."""
    made = decode(Run, payload("run_failed"))
    shown = made._repr_html_()
    assert "failed" in shown
    assert html.escape(made.last_error.message) in shown


def test_a_step_shows_code_and_output(payload):
    """What ran, and what it printed."""
    made = decode(RunStep, payload("run_step_tools"))
    shown = made._repr_html_()
    for call in made.tool_calls:
        if call.type == "code_interpreter":
            assert html.escape(call.code_interpreter.input) in shown
    assert "monospace" in shown  # left to itself, Jupyter shows code as prose


def test_a_step_that_wrote_says_which_message(payload):
    """Its box is not empty."""
    made = decode(RunStep, payload("run_step_message"))
    assert made.step_details.message_creation.message_id in made._repr_html_()


def test_odd_values_do_not_break_it():
    """Reading is lenient: a number may be a text, a time out of every calendar."""
    made = Run(id="run_1", status="completed", created_at="soon", completed_at=10**30)
    assert "run_1" in made._repr_html_()
    assert "run_1" in Run(id="run_1", created_at=10**30)._repr_html_()


def test_a_reply_shows_what_was_said():
    """And the run below."""
    shown = Reply(Run(id="run_1", status="completed"), [message(EVIL)])._repr_html_()
    assert "run_1" in shown
    assert "<script" not in shown


@pytest.fixture
def listed(client, wire):
    """The client, whose thread holds that many messages."""

    def fill(count, order):
        data = [
            {
                "id": f"msg_{n}",
                "role": "user" if n % 2 == 0 else "assistant",
                "created_at": 1_800_000_000 + n,
                "content": [{"type": "text", "text": {"value": f"text {n}.", "annotations": []}}],
            }
            for n in range(count)
        ]
        if order == "desc":
            data.reverse()
        page = {"object": "list", "data": data[:20], "has_more": count > 20}
        wire.get("https://server.test/v1/threads/t/messages", json=page)
        return client

    return fill


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_list_of_messages_is_a_conversation(listed, wire, order):
    """Oldest first, whatever the order of the list, in one request."""
    client = listed(3, order)
    shown = client.messages.list("t", order=order)._repr_html_()
    assert shown.index("text 0") < shown.index("text 1") < shown.index("text 2")
    assert len(wire.calls) == 1


def test_the_order_of_a_list_is_newest_first_unless_said(listed):
    """As the protocol has it."""
    shown = listed(3, "desc").messages.list("t")._repr_html_()
    assert shown.index("text 0") < shown.index("text 2")


def test_a_long_list_says_that_there_is_more(listed, wire):
    """Of the newest, what came before; of the oldest, what comes after."""
    shown = listed(30, "desc").messages.list("t")._repr_html_()
    assert shown.index("earlier ones") < shown.index("text 10.") < shown.index("text 29.")
    wire.reset()
    shown = listed(30, "asc").messages.list("t", order="asc")._repr_html_()
    assert shown.index("text 0.") < shown.index("text 19.") < shown.index("and more")


def test_the_limit_holds(listed):
    """A list of two is two."""
    shown = listed(3, "asc").messages.list("t", order="asc", limit=2)._repr_html_()
    assert "text 1" in shown
    assert "text 2" not in shown


def test_an_empty_list_says_so(listed):
    """Instead of nothing at all."""
    assert "empty" in listed(0, "asc").messages.list("t")._repr_html_()


def test_a_list_that_cannot_be_read_says_why(client, wire):
    """A traceback would hide the cell's other outputs."""
    wire.get("https://server.test/v1/threads/t/messages", status=404, json={"error": {}})
    shown = client.messages.list("t")._repr_html_()
    assert "NotFoundError" in shown


def test_a_list_of_other_things_shows_their_reprs(client, wire):
    """Assistants, for one."""
    page = {"object": "list", "data": [{"id": "asst_1", "name": EVIL}], "has_more": False}
    wire.get("https://server.test/v1/assistants", json=page)
    shown = client.assistants.list()._repr_html_()
    assert "asst_1" in shown
    assert "<script" not in shown


def test_a_client_shows_no_key():
    """Neither in its repr nor in a notebook."""
    with Client("https://server.test/v1", api_key="secret") as client:
        assert "secret" not in repr(client)
        assert not hasattr(client, "_repr_html_")


def test_an_unfinished_message_says_so():
    """Next to its role; what it holds beside text is named."""
    made = decode(
        Message,
        {
            "id": "msg_1",
            "role": "assistant",
            "status": "incomplete",
            "content": [
                {"type": "image_file", "image_file": {"file_id": "file_1"}},
                {"type": "image_url", "image_url": {"url": "https://pictures.test/a.png"}},
                {"type": "hologram", "hologram": EVIL},
            ],
        },
    )
    shown = made._repr_html_()
    for words in ("incomplete", "file_1", "pictures.test", "hologram"):
        assert words in shown
    assert tags(shown)[0] <= {"div", "span", "b"}


def test_a_run_says_what_it_waits_for(payload):
    """The calls with their arguments; and why it ended early."""
    made = decode(Run, payload("run_requires_action"))
    assert "get_weather(" in made._repr_html_()
    assert "max_" in decode(Run, payload("run_incomplete"))._repr_html_()


def test_every_kind_of_call_is_shown():
    """A function with and without its output, a search, and what nobody knows yet."""
    calls = [
        {"type": "function", "function": {"name": "f", "arguments": "{}", "output": "seven"}},
        {"type": "function", "function": {"name": "g", "arguments": "{}", "output": None}},
        {"type": "file_search", "file_search": {"results": [{"file_name": "a.txt", "score": 0.5}]}},
        {"type": "file_search", "file_search": {}},
        {"type": "teleport", "teleport": EVIL},
    ]
    step = {
        "id": "step_1",
        "step_details": {"type": "tool_calls", "tool_calls": calls},
        "last_error": {"code": "server_error", "message": EVIL},
    }
    shown = decode(RunStep, step)._repr_html_()
    for words in ("f({})", "seven", "g({})", "a.txt (0.5)", "nothing found", "teleport", "server_"):
        assert words in shown
    assert "<script" not in shown
