"""Passes on what happens to runs and requests: to the log's ids, to metrics and to traces.

Those who process runs and serve requests say it here, once, whoever listens. Where nobody does,
that costs next to nothing. How it is shown is metrics.py's, tracing.py's and access_log.py's.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import define, field, frozen

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    LanguageModel,
    LanguageModelError,
    NewMessage,
    StateDelta,
    TextDelta,
    TokenUsage,
)
from assistants_client.engine.observability.access_log import RequestRecord, log_request
from assistants_client.engine.observability.log_context import bound_ids, current_ids
from assistants_client.engine.observability.metrics import Metrics
from assistants_client.engine.observability.tracing import (
    Attributes,
    OpenSpan,
    current_context,
    is_traced,
    open_span,
    server_attributes,
)
from assistants_client.models._base import JsonObject
from assistants_client.models.runs import FINAL_STATUSES, Run

if TYPE_CHECKING:
    from opentelemetry.context import Context

#: Of so many runs that wait it is known who has queued them; of older ones no more.
MOST_ORIGINS: Final = 10_000
#: The status of a run that a worker has lost to another one, or handed back.
TAKEN: Final = "taken_away"

#: Follows an answer, and returns the same deltas.
Watch: TypeAlias = Callable[[Iterable[Delta]], Iterable[Delta]]

_RUN: Final = "thread.run"
_UNWATCHED: Final[AbstractContextManager[Watch]] = nullcontext(lambda deltas: deltas)
_UNOBSERVED: Final[AbstractContextManager[object]] = nullcontext()
#: The types of the engine's own tools, in the conventions' words.
_TOOL_TYPES: Final = {"code_interpreter": "extension", "file_search": "datastore"}


@frozen
class _Origin:
    """The queuing of a run: by which request, in which trace, and when by ``time.monotonic``."""

    request_id: str | None
    trace: Context | None
    since: float


@define
class _Leg:
    """A run while a worker has it; ``document`` is the run as it was stored last."""

    document: JsonObject = field(factory=dict)

    @property
    def status(self) -> str:
        """The status that the worker left it in."""
        status = str(self.document.get("status"))
        return status if status in FINAL_STATUSES or status == "requires_action" else TAKEN


@define
class _Answer:
    """A model's answer as it comes; times are by ``time.perf_counter``."""

    began: float = field(factory=time.perf_counter)
    first: float | None = None
    usage: TokenUsage | None = None
    finish: Finish | None = None

    def follow(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """Yields the deltas, and notes those that say when it began and how it ended."""
        for delta in deltas:
            if isinstance(delta, TokenUsage):
                self.usage = delta
            elif isinstance(delta, Finish):
                self.finish = delta
            elif self.first is None and _is_piece(delta):
                self.first = time.perf_counter()
            yield delta

    def attributes(self) -> Attributes:
        """Returns the attributes of the response, in the conventions' names."""
        found: dict[str, Any] = {}
        if self.first is not None:
            found["gen_ai.response.time_to_first_chunk"] = self.first - self.began
        if self.usage is not None:
            found["gen_ai.usage.input_tokens"] = self.usage.prompt_tokens
            found["gen_ai.usage.output_tokens"] = self.usage.completion_tokens
            found["gen_ai.usage.cache_read.input_tokens"] = self.usage.cached_tokens
            found["gen_ai.usage.reasoning.output_tokens"] = self.usage.reasoning_tokens
        if self.finish is not None:
            found["gen_ai.response.finish_reasons"] = (self.finish.reason,)
            found["gen_ai.response.model"] = self.finish.model
        return found


class Observer:
    """Is told what happens. Safe to share between threads and over a fork.

    Args:
        metrics: Counts it, if anything does.
        agent_name: Reads the name of a run's assistant, for traces.
        clock: Returns the time in Unix seconds.
        endings: Exceptions that end work without being errors.
    """

    def __init__(
        self,
        metrics: Metrics | None = None,
        *,
        agent_name: Callable[[Run], str | None] = lambda run: None,
        clock: Callable[[], float] = time.time,
        endings: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._metrics = metrics
        self._agent_name = agent_name
        self._clock = clock
        self._endings = endings
        self._origins: OrderedDict[str, _Origin] = OrderedDict()
        self._legs: dict[str, _Leg] = {}

    # --- runs -----------------------------------------------------------------------------------

    def queued(self, run_id: str) -> None:
        """Notes that the current request, if there is one, has queued a run in this process."""
        request_id = current_ids().get("request_id")
        self._origins[run_id] = _Origin(request_id, current_context(), time.monotonic())
        if len(self._origins) > MOST_ORIGINS:
            with suppress(KeyError):
                self._origins.popitem(last=False)

    def committed(self, document: JsonObject) -> None:
        """Notes an object of an event, as it is in the database now."""
        if document.get("object") != _RUN:
            return
        leg = self._legs.get(document["id"])
        if leg is not None:
            leg.document = document
        if self._metrics is not None and document["status"] in FINAL_STATUSES:
            self._metrics.runs_ended.labels(document["status"]).inc()

    @contextmanager
    def processing(self, run: Run, *, is_new: bool) -> Iterator[None]:
        """Observes a run while a worker processes it, within the block.

        Args:
            run: The run, as claimed.
            is_new: Whether no worker had it before.
        """
        origin = self._origins.pop(run.id, None)
        request_id = None if origin is None else origin.request_id
        with bound_ids(run_id=run.id, thread_id=run.thread_id, request_id=request_id):
            if self._metrics is None and not is_traced():
                yield
                return
            leg = self._legs[run.id] = _Leg()
            try:
                with (
                    self._counted_run(run, leg, origin, is_new=is_new),
                    self._traced_run(run, leg, origin),
                ):
                    yield
            finally:
                self._legs.pop(run.id, None)

    @contextmanager
    def _counted_run(
        self, run: Run, leg: _Leg, origin: _Origin | None, *, is_new: bool
    ) -> Iterator[None]:
        metrics = self._metrics
        if metrics is None:
            yield
            return
        if origin is not None:
            metrics.queue_seconds.observe(time.monotonic() - origin.since)
        elif is_new:
            metrics.queue_seconds.observe(max(0.0, self._clock() - run.created_at))
        began = time.perf_counter()
        metrics.busy_workers.inc()
        try:
            yield
        finally:
            metrics.busy_workers.dec()
            metrics.run_seconds.labels(leg.status).observe(time.perf_counter() - began)

    @contextmanager
    def _traced_run(self, run: Run, leg: _Leg, origin: _Origin | None) -> Iterator[None]:
        if not is_traced():
            yield
            return
        attributes: Attributes = {
            "gen_ai.provider.name": "assistants_client",
            "gen_ai.agent.id": run.assistant_id or None,
            "gen_ai.conversation.id": run.thread_id,
            "gen_ai.request.model": run.model,
            "assistants_client.run.id": run.id,
        }
        parent = None if origin is None else origin.trace
        with open_span("invoke_agent", None, attributes, parent=parent) as span:
            with suppress(Exception):  # its name is not worth a run
                name = self._agent_name(run) if span.is_recording else None
                if name:
                    span.rename(f"invoke_agent {name}")
                    span.add({"gen_ai.agent.name": name})
            yield
            _describe_end(span, leg)

    # --- models and tools -----------------------------------------------------------------------

    def asking(self, run: Run, model: LanguageModel) -> AbstractContextManager[Watch]:
        """Observes a model's answer within the block: its deltas are to go through the result."""
        if self._metrics is None and not is_traced():
            return _UNWATCHED
        return self._asking(run, model)

    @contextmanager
    def _asking(self, run: Run, model: LanguageModel) -> Iterator[Watch]:
        requested: Callable[[str], str] = getattr(model, "requested_model", str)
        name, answer = requested(run.model), _Answer()
        with self._traced_answer(run, model, name, answer):
            try:
                yield answer.follow
                if self._metrics is not None:
                    label = self._metrics.model(name)
                    seconds = time.perf_counter() - answer.began
                    self._metrics.answer_seconds.labels(label).observe(seconds)
            finally:
                self._count_pieces(name, answer)

    def _count_pieces(self, name: str, answer: _Answer) -> None:
        """Counts what came of an answer, also of one that was not finished."""
        if self._metrics is None or (answer.first is None and answer.usage is None):
            return
        label = self._metrics.model(name)
        if answer.first is not None:
            seconds = answer.first - answer.began
            self._metrics.first_token_seconds.labels(label).observe(seconds)
        if answer.usage is not None:
            tokens = self._metrics.tokens
            tokens.labels(label, "prompt").inc(max(0, answer.usage.prompt_tokens))
            tokens.labels(label, "completion").inc(max(0, answer.usage.completion_tokens))

    @contextmanager
    def _traced_answer(
        self, run: Run, model: LanguageModel, name: str, answer: _Answer
    ) -> Iterator[None]:
        if not is_traced():
            yield
            return
        base_url: str | None = getattr(model, "base_url", None)
        attributes: Attributes = {
            **server_attributes(type(model).__name__, base_url),
            "gen_ai.conversation.id": run.thread_id,
            "gen_ai.request.model": name,
            "gen_ai.request.max_tokens": run.max_completion_tokens,
            "gen_ai.request.temperature": run.temperature,
            "gen_ai.request.top_p": run.top_p,
        }
        is_remote = base_url is not None
        with open_span("chat", name, attributes, is_remote=is_remote, kind_of=self._kind) as span:
            try:
                yield
            finally:
                span.add(answer.attributes())

    def _kind(self, error: BaseException) -> str | None:
        if isinstance(error, (*self._endings, GeneratorExit)):
            return None
        return error.code if isinstance(error, LanguageModelError) else type(error).__name__

    def model_failed(self, kind: str) -> None:
        """Counts an answer that failed, also one that is asked for again."""
        if self._metrics is not None:
            self._metrics.model_errors.labels(kind).inc()

    def calling(self, run: Run, tool: str, call_id: str) -> AbstractContextManager[object]:
        """Observes a call of one of the engine's own tools within the block."""
        if not is_traced():
            return _UNOBSERVED
        attributes = {
            "gen_ai.tool.name": tool,
            "gen_ai.tool.type": _TOOL_TYPES.get(tool),
            "gen_ai.tool.call.id": call_id,
            "gen_ai.conversation.id": run.thread_id,
        }
        return open_span("execute_tool", tool, attributes, kind_of=self._kind)

    # --- requests -------------------------------------------------------------------------------

    def stream_opened(self) -> None:
        """Counts a stream that begins."""
        if self._metrics is not None:
            self._metrics.open_streams.inc()

    def responded(self, record: RequestRecord) -> None:
        """Logs and counts a request whose response has been sent."""
        log_request(record)
        metrics = self._metrics
        if metrics is None:
            return
        if record.is_stream:
            metrics.open_streams.dec()
        place = (record.known_method, record.route)
        metrics.requests.labels(*place, str(record.status)).inc()
        metrics.request_seconds.labels(*place).observe(record.seconds_to_response)


def _is_piece(delta: Delta) -> bool:
    """Returns whether a delta is something that the model has written or thought."""
    if isinstance(delta, TextDelta):
        return bool(delta.text)
    return not isinstance(delta, (NewMessage, StateDelta))


def _describe_end(span: OpenSpan, leg: _Leg) -> None:
    usage: Mapping[str, Any] = leg.document.get("usage") or {}
    error: Mapping[str, Any] = leg.document.get("last_error") or {}
    span.add(
        {
            "assistants_client.run.status": leg.status,
            "gen_ai.usage.input_tokens": usage.get("prompt_tokens"),
            "gen_ai.usage.output_tokens": usage.get("completion_tokens"),
        }
    )
    if leg.status in ("failed", "expired"):
        span.fail(error.get("code") or leg.status)
