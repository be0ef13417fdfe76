"""Spans of runs, of models' answers and of tool calls, by OpenTelemetry where a program uses it.

Names and attributes are those of OpenTelemetry's semantic conventions for generative AI. No content
of messages, prompts or calls is in them. Nothing is imported unless the program has imported
OpenTelemetry itself: who has not, has set up no traces.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from assistants_client._version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

Attributes: TypeAlias = Mapping[str, "str | int | float | bool | tuple[str, ...] | None"]

_TRACER: Final = "assistants_client"
#: Providers as the conventions name them, by the ends of their servers' names.
_PROVIDERS: Final = (
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
)


def is_traced() -> bool:
    """Returns whether the program may have set up traces."""
    return "opentelemetry.trace" in sys.modules


def current_context() -> Context | None:
    """Returns what a span that is begun later, in another thread, is to be a part of."""
    if not is_traced():
        return None
    from opentelemetry.context import get_current

    return get_current()


class OpenSpan:
    """A span that has begun; where it is not recorded, all that is said of it costs nothing."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def is_recording(self) -> bool:
        """True where it will be seen."""
        is_recording: bool = self._span.is_recording()
        return is_recording

    def rename(self, name: str) -> None:
        """Gives it another name."""
        self._span.update_name(name)

    def add(self, attributes: Attributes) -> None:
        """Adds attributes; ``None`` adds nothing."""
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name, value)

    def fail(self, kind: str) -> None:
        """Marks it as failed, with a kind of error of which there are few."""
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR, kind))


@contextmanager
def open_span(
    operation: str,
    subject: str | None,
    attributes: Attributes,
    *,
    parent: Context | None = None,
    is_remote: bool = False,
    kind_of: Callable[[BaseException], str | None] = lambda error: type(error).__name__,
) -> Iterator[OpenSpan]:
    """Opens a span that is the current one within the block.

    Args:
        operation: The conventions' name of the operation, with which the span's name begins.
        subject: The rest of the span's name.
        attributes: Its attributes.
        parent: What it is a part of; ``None`` is what is current.
        is_remote: Whether another process does the work, as far as is known.
        kind_of: Returns the kind of an error that leaves the block; ``None`` where it is none.
    """
    from opentelemetry.trace import SpanKind

    given = {"gen_ai.operation.name": operation, **attributes}
    with _tracer().start_as_current_span(
        operation if subject is None else f"{operation} {subject}",
        context=parent,
        kind=SpanKind.CLIENT if is_remote else SpanKind.INTERNAL,
        attributes={name: value for name, value in given.items() if value is not None},
        # Its message may hold a secret.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        opened = OpenSpan(span)
        try:
            yield opened
        except BaseException as error:
            kind = kind_of(error)
            if kind is not None:
                opened.fail(kind)
            raise


@cache
def _tracer() -> Tracer:
    from opentelemetry.trace import get_tracer

    return get_tracer(_TRACER, __version__)


@cache
def server_attributes(model: str, base_url: str | None) -> Attributes:
    """Returns the attributes that name the server of a model.

    Args:
        model: The name of its class.
        base_url: Its server; ``None`` where it has none.
    """
    if base_url is None:
        return {"gen_ai.provider.name": model}
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    ends = (name for end, name in _PROVIDERS if host == end or host.endswith(f".{end}"))
    return {
        # Of all others it is known that they speak OpenAI's protocol.
        "gen_ai.provider.name": next(ends, "openai"),
        "server.address": host,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
