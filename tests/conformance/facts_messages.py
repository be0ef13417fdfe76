"""What messages over REST, and their lists, were recorded to be like."""

from __future__ import annotations

from typing import Final

from deviation_reasons import MESSAGE_KEYS
from fact_matching import ABSENT, INT, TEXT, HasKeys, NoOtherKeys, id_of, keys
from facts_assistants_and_threads import DELETED, FILE_ID, PAGE
from recorded_rows import Row

MESSAGE: Final = keys(
    "id object created_at assistant_id thread_id run_id role content attachments metadata"
)
#: A part of text.
WORDS: Final = {"type": "text", "text": {"value": TEXT, "annotations": []}}
CITED: Final = {
    "type": "file_citation",
    "text": TEXT,
    "start_index": INT,
    "end_index": INT,
    "file_citation": {"file_id": FILE_ID},
}
#: A list that holds nothing.
EMPTY_PAGE: Final = {
    "object": "list",
    "data": [],
    "first_id": None,
    "last_id": None,
    "has_more": False,
}

ROWS = [
    Row("message of text", "", HasKeys(MESSAGE)),
    Row("message of text", "", NoOtherKeys(MESSAGE), MESSAGE_KEYS),
    Row("message of text", "id", id_of("msg_")),
    Row("message of text", "object", "thread.message"),
    Row("message of text", "created_at", INT),
    Row("message of text", "assistant_id", None),
    Row("message of text", "thread_id", id_of("thread_")),
    Row("message of text", "run_id", None),
    Row("message of text", "role", "user"),
    Row("message of text", "content", [WORDS]),
    Row("message of text", "attachments", []),
    Row("message of text", "metadata", {}),
    Row("message of text", "status", ABSENT, MESSAGE_KEYS),
    Row("message, retrieved", "", HasKeys(MESSAGE)),
    Row("message, retrieved", "", NoOtherKeys(MESSAGE), MESSAGE_KEYS),
    Row("message, retrieved", "content", [WORDS]),
    Row("message, updated", "", HasKeys(MESSAGE)),
    Row("message, updated", "metadata", {"a": "b"}),
    Row("message, deleted", "", HasKeys(DELETED)),
    Row("message, deleted", "", NoOtherKeys(DELETED)),
    Row("message, deleted", "id", id_of("msg_")),
    Row("message, deleted", "object", "thread.message.deleted"),
    Row("message, deleted", "deleted", True),
    Row("message with an image_url, no detail", "content/0", WORDS),
    Row("message with an image_url, no detail", "content/1/type", "image_url"),
    Row("message with an image_url, no detail", "content/1/image_url/url", TEXT),
    Row("message with an image_url, no detail", "content/1/image_url/detail", "auto"),
    Row("message with an image_url, low", "content/1/image_url", {"url": TEXT, "detail": "low"}),
    Row(
        "message with attachments",
        "attachments/0",
        {"file_id": FILE_ID, "tools": [{"type": "file_search"}]},
    ),
    Row(
        "message with attachments",
        "attachments/1",
        {"file_id": FILE_ID, "tools": [{"type": "code_interpreter"}]},
    ),
    Row("message of a run", "", HasKeys(MESSAGE)),
    Row("message of a run", "", NoOtherKeys(MESSAGE), MESSAGE_KEYS),
    Row("message of a run", "assistant_id", id_of("asst_")),
    Row("message of a run", "run_id", id_of("run_")),
    Row("message of a run", "role", "assistant"),
    Row("message of a run", "content", [WORDS]),
    Row("message of a run", "attachments", []),
    Row("message of a run, cut short", "content", [WORDS]),
    Row("message of a run, cut short", "incomplete_details", ABSENT, MESSAGE_KEYS),
    Row("message of a run, citing", "content/0/text/annotations", [CITED]),
    # Lists.
    Row("messages, none", "", EMPTY_PAGE),
    Row("messages, listed", "whole", HasKeys(PAGE)),
    Row("messages, listed", "whole", NoOtherKeys(PAGE)),
    Row("messages, listed", "whole/has_more", False),
    Row("messages, listed", "first page/has_more", True),
    Row("messages, listed", "after its last", EMPTY_PAGE),
    Row("messages, listed", "ascending in order of making", True),
    Row("messages, listed", "descending the other way round", True),
    Row("messages, listed", "descending where nothing is said", True),
    Row("messages, listed", "after the middle", True),
    Row("messages, listed", "after the middle, descending", True),
    Row("messages, listed", "before the middle", True),
    Row("messages, listed", "before the middle, descending", True),
    Row("messages, listed", "first_id is its first", True),
    Row("messages, listed", "last_id is its last", True),
]
