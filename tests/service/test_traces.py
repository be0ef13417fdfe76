"""Spans of OpenTelemetry's: of runs, answers and tools, within those of the instrumented parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from model_server import model_server
from service_kit import ask, on_a_port, settled, until

from assistants_client.engine import ChatCompletions, Engine, LanguageModelError, Scripted, call

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

Spans: TypeAlias = "dict[str, ReadableSpan]"
_exporter = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def _provider() -> None:
    """The one of the process, which can be set but once."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_exporter))
    trace.set_tracer_provider(provider)


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    _exporter.clear()


def spans(*names: str) -> Spans:
    """The spans that have ended, by name, once these are among them."""
    until(lambda: {span.name for span in _exporter.get_finished_spans()} >= set(names))
    return {span.name: span for span in _exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int | None:
    """The id of the span that it is a part of."""
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    """Its own id."""
    assert span.context is not None
    return span.context.span_id


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


def test_a_run_its_answers_and_its_tool() -> None:
    """Each is a span with the conventions' names, and no word of what was said is in them."""
    script = [call("code_interpreter", code="print('hush' * 2)"), "The quiet answer"]
    with Engine("sqlite://", Scripted(script)) as engine, on_a_port(engine) as url:
        tools = [{"type": "code_interpreter"}]
        run = settled(url, ask(url, "The quiet question", tools=tools).json())
    found = spans("invoke_agent Tutor", "chat m", "execute_tool code_interpreter")
    agent, tool = found["invoke_agent Tutor"], found["execute_tool code_interpreter"]
    answers = [span for span in _exporter.get_finished_spans() if span.name == "chat m"]

    assert run["status"] == "completed"
    assert parent_of(agent) is None
    assert {parent_of(span) for span in (tool, *answers)} == {id_of(agent)}
    assert len(answers) == 2
    assert attributes(agent) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "assistants_client",
        "gen_ai.agent.id": run["assistant_id"],
        "gen_ai.agent.name": "Tutor",
        "gen_ai.conversation.id": run["thread_id"],
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": run["usage"]["prompt_tokens"],
        "gen_ai.usage.output_tokens": run["usage"]["completion_tokens"],
        "assistants_client.run.id": run["id"],
        "assistants_client.run.status": "completed",
    }
    asked = attributes(answers[1])
    assert asked.pop("gen_ai.response.time_to_first_chunk") > 0
    assert asked.pop("gen_ai.usage.input_tokens") > 0
    assert asked == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "Scripted",
        "gen_ai.conversation.id": run["thread_id"],
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.top_p": 1.0,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.finish_reasons": ("stop",),
    }
    called = attributes(tool)
    assert called.pop("gen_ai.tool.call.id").startswith("call_")
    assert called == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "code_interpreter",
        "gen_ai.tool.type": "extension",
        "gen_ai.conversation.id": run["thread_id"],
    }
    shown = repr([span.to_json() for span in _exporter.get_finished_spans()])
    assert [word for word in ("hush", "quiet") if word in shown] == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (LanguageModelError("hush", code="rate_limit_exceeded"), "rate_limit_exceeded"),
        (ValueError("hush"), "server_error"),
    ],
    ids=["refused", "broken"],
)
def test_a_run_that_failed(failure: Exception, kind: str) -> None:
    """The spans of the answer and of the run have the kind of the error, and not its words."""
    with Engine("sqlite://", Scripted([failure])) as engine, on_a_port(engine) as url:
        assert settled(url, ask(url).json())["status"] == "failed"
    found = spans("invoke_agent Tutor", "chat m")

    for span in (found["invoke_agent Tutor"], found["chat m"]):
        assert span.status.status_code is trace.StatusCode.ERROR
        assert attributes(span)["error.type"] == kind
        assert "hush" not in span.to_json()


@contextmanager
def instrumented(library: str, name: str) -> Iterator[None]:
    """A library below the engine, instrumented as the README has it."""
    module = pytest.importorskip(
        f"opentelemetry.instrumentation.{library}",
        reason=f"opentelemetry-instrumentation-{library} is not installed",
    )
    instrumentor = getattr(module, name)()
    instrumentor.instrument()
    if not instrumentor.is_instrumented_by_opentelemetry:
        pytest.skip(f"the instrumentation of {library} does not take the version that is installed")
    try:
        yield
    finally:
        instrumentor.uninstrument()


def test_one_trace_from_the_request_to_the_model() -> None:
    """The run belongs to the request that made it, the model's request to the answer."""
    wsgi = pytest.importorskip(
        "opentelemetry.instrumentation.wsgi",
        reason="opentelemetry-instrumentation-wsgi is not installed",
    )
    with (
        instrumented("requests", "RequestsInstrumentor"),
        model_server() as model_url,
        Engine("sqlite://", ChatCompletions(model_url, model_map={"m": "better"})) as engine,
        on_a_port(wsgi.OpenTelemetryMiddleware(engine)) as url,
    ):
        run = settled(url, ask(url).json())
    agent = spans("invoke_agent Tutor", "chat better")["invoke_agent Tutor"]
    trace_id = agent.context and agent.context.trace_id
    of_trace = [
        span
        for span in _exporter.get_finished_spans()
        if span.context is not None and span.context.trace_id == trace_id
    ]
    by_id = {id_of(span): span for span in of_trace}
    (answer,) = [span for span in of_trace if span.name == "chat better"]
    made = by_id[parent_of(agent) or 0]
    below = [span for span in of_trace if parent_of(span) == id_of(answer)]

    assert run["status"] == "completed"
    assert made.kind is trace.SpanKind.SERVER
    assert parent_of(answer) == id_of(agent)
    assert answer.kind is trace.SpanKind.CLIENT
    assert attributes(answer)["server.address"] == "127.0.0.1"
    assert attributes(answer)["gen_ai.provider.name"] == "openai"
    posted = [span for span in below if span.name == "POST"]
    assert len(posted) == 1


def test_what_a_run_asks_of_the_database_belongs_to_it() -> None:
    """Each statement is a span within that of the run."""
    with (
        instrumented("sqlalchemy", "SQLAlchemyInstrumentor"),
        Engine("sqlite://", Scripted(["Hi"])) as engine,
        on_a_port(engine) as url,
    ):
        settled(url, ask(url).json())
    agent = spans("invoke_agent Tutor")["invoke_agent Tutor"]
    below = [one for one in _exporter.get_finished_spans() if parent_of(one) == id_of(agent)]

    assert any(attributes(one).get("db.system") == "sqlite" for one in below)
