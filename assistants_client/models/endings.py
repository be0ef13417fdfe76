"""The reasons why a run, a step, a message or a file was not completed."""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from assistants_client.models._base import Struct


@define(kw_only=True)
class LastError(Struct):
    """The error of a failed run, step or file: a ``code``, and a ``message`` for people."""

    #: Some servers send the message alone.
    FROM_TEXT: ClassVar[str] = "message"

    code: str = ""
    message: str = ""


@define(kw_only=True)
class IncompleteDetails(Struct):
    """The reason why a message or a run ended early."""

    reason: str | None = None
    """``max_completion_tokens``, ``max_prompt_tokens``, ``content_filter``, or a server's own."""
