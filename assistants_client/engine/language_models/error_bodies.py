"""Reads the body of a server's error, whatever form the server gives it. Pure.

A server's own message is separated from what it quotes: the request that it refused, in which a
user's message may hold any word, and what its model generated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, define

#: An error within an error within an error is read; what is nested deeper is not.
_DEEPEST: Final = 8
_MOST_ENTRIES: Final = 8
_LONGEST_CODE: Final = 100
#: Characters of a text in which JSON is searched; of a text without, fewer are used.
_LONGEST_READ: Final = 100_000
_LONGEST_TEXT: Final = 4_000
_MOST_TEXTS: Final = 16
_MOST_CODES: Final = 32

_CODES: Final = (
    "code",
    "type",
    "status",
    "reason",
    "error_type",
    "error_code",
    "errorCode",
    "status_code",
    "__type",
)
_WORDS: Final = (
    "error",
    "title",
    "message",
    "Message",
    "msg",
    "detail",
    "errors",
    "issues",
    "error_message",
    "errorMessage",
    "error_msg",
    "error_description",
    "description",
    "base_resp",
    "status_msg",
    "innererror",
    "details",
    "fieldViolations",
)
_WAITS: Final = ("retry_after", "retryAfter", "retry_after_seconds")
#: Validators written in Python quote what they refuse, in texts too; the reason stands before it.
_QUOTED: Final = re.compile(
    r"""(?<=,)\s*['"](?:input|body|ctx)['"]\s*:.*|\binput_value=.{0,200}?(?=, input_type=)""",
    re.DOTALL,
)
_JSON_BEGINS: Final = re.compile(r'\{\s*"|\[\s*\{\s*"')
_DECIMAL: Final = re.compile(r"\d{1,9}(\.\d{1,9})?")
_ATTEMPTS: Final = 3
_FOREVER: Final = float("inf")


@define
class ErrorInfo:
    """The contents of an error body.

    Attributes:
        texts: The server's messages, the outermost first, each on one line.
        codes: Codes, types, statuses and reasons.
        params: The fields that ``param`` names, as paths.
        generated: The model's output, where the error is that the server cannot read it.
        wait: Seconds to wait that are given as a number.
    """

    texts: list[str] = Factory(list)
    codes: list[str] = Factory(list)
    params: list[str] = Factory(list)
    generated: list[str] = Factory(list)
    wait: float | None = None

    @property
    def searched(self) -> str:
        """Codes and texts, one a line: the part of the body that is searched for patterns."""
        return "\n".join([*self.codes[:_MOST_CODES], *self.texts])

    def add(self, text: str) -> None:
        """Adds a text, unless it is there already."""
        text = " ".join(text.split())[:_LONGEST_TEXT]
        if len(self.texts) == _MOST_TEXTS:
            return
        if text and not any(text.lower() in other.lower() for other in self.texts):
            self.texts.append(text)

    def add_all(self, other: ErrorInfo, before: str) -> None:
        """Adds the contents of another, with a prefix before its first text."""
        for number, text in enumerate(other.texts):
            self.add(f"{before}: {text}" if before and not number else text)
        self.codes += other.codes
        self.params += other.params
        self.generated += other.generated
        self.wait = other.wait if self.wait is None else self.wait


def read_error_body(body: object) -> ErrorInfo:
    """Reads a body, be it a JSON document or a text."""
    info = ErrorInfo()
    _read(body, info, 0)
    return info


def _read(value: object, info: ErrorInfo, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        _read_text(value, info, depth)
    elif isinstance(value, list):
        for entry in value[:_MOST_ENTRIES]:
            _read(entry, info, depth + 1)
    elif isinstance(value, dict):
        _read_document(value, info, depth)


def _read_text(text: str, info: ErrorInfo, depth: int) -> None:
    """Reads a text; relays write the document of the server behind them into it."""
    text = whole = _QUOTED.sub("…", text[:_LONGEST_READ])
    position = 0
    for _ in range(_ATTEMPTS):
        begin = _JSON_BEGINS.search(text, position)
        if begin is None:
            break
        try:
            document, end = json.JSONDecoder().raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            position = begin.end()
            continue
        before, position = text[: begin.start()], begin.start()
        inner = ErrorInfo()
        _read(document, inner, depth + 1)
        if inner.texts:
            info.add_all(inner, before.rstrip(" -:\n"))
            return
        text = f"{before}…{text[end:]}"  # no message of an error: it is quoted
    info.add(text if text.strip("… \n") else whole)


def _read_document(document: Mapping[str, Any], info: ErrorInfo, depth: int) -> None:
    for name in _CODES:
        code = document.get(name)
        if isinstance(code, (str, int)) and not isinstance(code, bool):
            info.codes.append(str(code)[:_LONGEST_CODE])
    if isinstance(document.get("param"), str):
        info.params.append(document["param"])
    _read_wait(document, info)
    place = document.get("loc") or document.get("path")
    if isinstance(place, list):
        inner = ErrorInfo()
        _read(document.get("msg") or document.get("message"), inner, depth + 1)
        info.add_all(inner, ".".join(map(str, place)))
        if inner.texts:
            return
    for name in _WORDS:
        _read(document.get(name), info, depth + 1)
    if isinstance(document.get("metadata"), dict):
        _read_metadata(document["metadata"], info, depth + 1)
    if isinstance(document.get("failed_generation"), str):
        info.codes.append("failed_generation")
        info.generated.append(document["failed_generation"])


def _read_metadata(metadata: Mapping[str, Any], info: ErrorInfo, depth: int) -> None:
    """Reads what a relay adds to its own message: the provider, and the provider's error."""
    inner = ErrorInfo()
    _read(metadata.get("raw"), inner, depth + 1)
    provider = metadata.get("provider_name")
    info.add_all(inner, provider if isinstance(provider, str) else "")
    reasons = metadata.get("reasons")
    for reason in reasons[:_MOST_ENTRIES] if isinstance(reasons, list) else ():
        if isinstance(reason, str):
            info.add(reason)
    _read_wait(metadata, info)


def _read_wait(document: Mapping[str, Any], info: ErrorInfo) -> None:
    for name in _WAITS:
        seconds = document.get(name)
        if isinstance(seconds, (int, float)) and seconds is not True and 0 <= seconds < _FOREVER:
            info.wait = float(seconds)
    if isinstance(document.get("retryDelay"), str):
        digits = document["retryDelay"].removesuffix("s")
        if _DECIMAL.fullmatch(digits):
            info.wait = float(digits)
