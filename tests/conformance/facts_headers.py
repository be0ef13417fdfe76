"""Which headers answers were recorded to have."""

from __future__ import annotations

from typing import Final

from deviation_reasons import NETWORK
from fact_matching import ABSENT, TEXT, Form
from recorded_rows import Row

REQUEST_ID: Final = Form("req_[0-9a-f]{32}")
MILLISECONDS: Final = Form(r"\d+")
JSON: Final = Form("application/json.*")

ROWS = [
    Row("answer to a GET", "headers/content-type", JSON),
    Row("answer to a GET", "headers/x-request-id", REQUEST_ID),
    Row("answer to a GET", "headers/openai-version", TEXT),
    Row("answer to a GET", "headers/openai-processing-ms", MILLISECONDS),
    Row("answer to a POST", "headers/content-type", JSON),
    Row("answer to a POST", "headers/x-request-id", REQUEST_ID),
    Row("answer to a POST", "headers/openai-version", TEXT),
    Row("answer to a POST", "headers/openai-processing-ms", MILLISECONDS),
    Row("DELETE a thread again", "headers/content-type", JSON),
    Row("DELETE a thread again", "headers/x-request-id", REQUEST_ID),
    Row("DELETE a thread again", "headers/openai-version", TEXT),
    Row("DELETE a thread again", "headers/openai-processing-ms", MILLISECONDS),
    Row("a wrong key, POST threads", "headers/content-type", JSON),
    Row("a wrong key, POST threads", "headers/x-request-id", REQUEST_ID),
    Row("a wrong key, POST threads", "headers/openai-version", TEXT),
    Row("a wrong key, POST threads", "headers/openai-processing-ms", MILLISECONDS),
    Row("stream of text", "headers/content-type", "text/event-stream; charset=utf-8"),
    Row("stream of text", "headers/x-request-id", REQUEST_ID),
    Row("stream of text", "headers/openai-version", TEXT),
    Row("stream of text", "headers/openai-processing-ms", MILLISECONDS),
    Row("file, its content", "headers/x-request-id", REQUEST_ID),
    Row("file, its content", "headers/openai-version", TEXT),
    Row("file, its content", "headers/openai-processing-ms", MILLISECONDS),
    Row("answer to a GET", "headers/date", TEXT),
    Row("answer to a GET", "headers/server", TEXT),
    Row("answer to a GET", "headers/openai-organization", TEXT),
    Row("answer to a GET", "headers/cf-ray", TEXT, NETWORK),
    Row("answer to a GET", "headers/cf-cache-status", TEXT, NETWORK),
    Row("answer to a GET", "headers/strict-transport-security", TEXT, NETWORK),
    Row("answer to a poll", "headers/openai-poll-after-ms", ABSENT),
    Row("a wrong key, POST threads", "headers/www-authenticate", 'Bearer realm="OpenAI API"'),
    Row("stream of text", "headers/transfer-encoding", "chunked"),
]
