"""How requests were recorded to be refused: status, type, code and param, and the bodies."""

from __future__ import annotations

from typing import Final

from deviation_reasons import (
    OTHER_KIND,
    SAID_TWICE,
    SLASH,
)
from fact_matching import TEXT, HasKeys, NoOtherKeys, keys
from recorded_rows import Row

REQUEST: Final = "invalid_request_error"
#: The keys of what is within ``error``.
DETAIL: Final = keys("message type param code")
WRONG_KEY: Final = [401, REQUEST, "invalid_api_key", None]
NOT_FOUND: Final = [404, REQUEST, None, None]
NO_FILE: Final = [404, REQUEST, None, "id"]
WRONG_STATE: Final = [400, REQUEST, None, None]
ODD_METADATA: Final = [400, REQUEST, "invalid_type", "metadata.modified"]
ABOUT: Final = [400, REQUEST, "invalid_thread", None]

ROWS = [
    Row("a wrong key, POST threads", "refusal", WRONG_KEY),
    Row("a wrong key, GET an assistant", "refusal", WRONG_KEY),
    Row("a wrong key, POST an assistant", "refusal", WRONG_KEY),
    Row("a wrong key, DELETE an assistant", "refusal", WRONG_KEY),
    Row("a wrong key, POST files", "refusal", WRONG_KEY),
    Row("a wrong key, POST threads", "body", HasKeys(keys("error"))),
    Row("a wrong key, POST threads", "body", NoOtherKeys(keys("error"))),
    Row("a wrong key, POST threads", "body/error", HasKeys(DETAIL)),
    Row("a wrong key, POST threads", "body/error", NoOtherKeys(DETAIL)),
    Row("a wrong key, POST threads", "body/error/message", TEXT),
    Row("outputs for a completed run", "refusal", WRONG_STATE),
    Row("outputs for a run in progress", "refusal", WRONG_STATE),
    Row("cancel of a completed run", "refusal", WRONG_STATE),
    Row("update of a run in progress", "refusal", WRONG_STATE),
    Row("GET a thread by an assistant's id", "refusal", NOT_FOUND, OTHER_KIND),
    Row("POST a thread by an assistant's id", "refusal", NOT_FOUND, OTHER_KIND),
    Row("DELETE a thread by an assistant's id", "refusal", NOT_FOUND, OTHER_KIND),
    Row("POST a thread that is not there", "refusal", NOT_FOUND),
    Row("DELETE a thread again", "refusal", NOT_FOUND),
    Row("DELETE an assistant again", "refusal", NOT_FOUND),
    Row("GET a step by a wrong id", "refusal", NOT_FOUND),
    Row("GET a step that is not there", "refusal", NOT_FOUND),
    Row("DELETE a thread again", "body", HasKeys(keys("error"))),
    Row("DELETE a thread again", "body", NoOtherKeys(keys("error"))),
    Row("DELETE a thread again", "body/error", HasKeys(DETAIL)),
    Row("DELETE a thread again", "body/error/message", TEXT),
    Row("odd metadata of a thread", "refusal", ODD_METADATA),
    Row("odd metadata of a run", "refusal", ODD_METADATA),
    Row("odd metadata of a message", "refusal", ODD_METADATA),
    Row("odd metadata of a thread", "body/error", NoOtherKeys(DETAIL)),
    Row("run about nothing", "refusal", ABOUT),
    Row("run about nothing on a new thread", "refusal", ABOUT),
    Row("run about instructions alone", "status", 200),
    Row("run of 16 tokens", "status", 200),
    Row("run of 16 tokens", "body/max_completion_tokens", 16),
    Row("run of 256 prompt tokens", "status", 200),
    Row("run of 256 prompt tokens", "body/max_prompt_tokens", 256),
    Row("GET with a slash at the end", "status", 307, SLASH),
    Row("GET with a slash at the end", "body", "", SLASH),
    Row("GET with a slash at the end", "headers/location", TEXT, SLASH),
    Row("POST with a slash at the end", "status", 307, SLASH),
    Row("POST with a slash at the end", "body", "", SLASH),
    Row("POST with a slash at the end", "headers/location", TEXT, SLASH),
    Row("GET a file that is not there", "refusal", NO_FILE),
    Row("DELETE a file that is not there", "refusal", NO_FILE),
    Row("GET the content of no file", "refusal", NO_FILE),
    Row("GET a file that is not there", "body/error", HasKeys(DETAIL)),
    Row("GET a file that is not there", "body", HasKeys(keys("error detail")), SAID_TWICE),
    Row("file for no purpose", "refusal", [400, REQUEST, None, "purpose"]),
    Row("file for no purpose", "body/error/message", TEXT),
]
