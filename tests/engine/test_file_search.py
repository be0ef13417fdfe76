"""The file search in runs: what the model is offered and shown, what is kept, and the citations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from databases import fresh
from store_bench import Bench, waiting_reader

import assistants_client as ac
from assistants_client._json.codec import encode
from assistants_client.engine import Call, Engine, Scripted, call
from assistants_client.models.events import MessageDelta, RunStepCompleted, TextPartDelta
from assistants_client.models.messages import Attachment, FileCitation, MessageRequest
from assistants_client.models.run_steps import FileSearchCall
from assistants_client.models.runs import Run
from assistants_client.models.tools import FileSearchTool

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
SEARCH = [{"type": "file_search"}]
QUESTION = {"role": "user", "content": "What do they do?"}
WALRUS = "The walrus 🦭 sleeps on the ice."


class SearchBench(Bench):
    """An engine whose model follows a script."""

    def __init__(self, *answers: Any) -> None:
        self.model = Scripted(answers)
        super().__init__(Engine(fresh("sqlite://"), self.model))

    def thread(self, *stores: str, **fields: Any) -> str:
        """A thread that reaches these stores, with a question."""
        resources = {"file_search": {"vector_store_ids": list(stores)}} if stores else {}
        fields = {"tool_resources": resources, "messages": [QUESTION], **fields}
        return self.client.threads.create(**fields).id

    def run(self, thread: str, tools: Any = SEARCH, **assistant: Any) -> Run:
        """A run on a thread, once it has ended."""
        made = self.client.assistants.create(model="m", tools=tools, **assistant)
        run = self.client.runs.create(thread, assistant_id=made.id)
        return self.client.wait_for_run(run, check=False)

    def calls(self, run: Run, **options: Any) -> list[FileSearchCall]:
        """The searches of a run."""
        steps = self.client.run_steps.list(run.thread_id, run.id, order="asc", **options)
        return [c for step in steps for c in step.tool_calls if isinstance(c, FileSearchCall)]

    def answer(self, thread: str) -> ac.Message:
        """The newest message of a thread."""
        return next(iter(self.client.messages.list(thread)))

    def shown(self) -> str:
        """What the model has read of its last search."""
        return self.model.conversations[-1].turns[-1].text


BenchOf: TypeAlias = Callable[..., SearchBench]


@pytest.fixture
def close() -> Iterator[list[Engine]]:
    """Engines that are closed after the test."""
    engines: list[Engine] = []
    yield engines
    for engine in engines:
        engine.close()


@pytest.fixture
def bench_of(close: list[Engine]) -> BenchOf:
    """Makes a bench of a script."""

    def make(*answers: Any) -> SearchBench:
        made = SearchBench(*answers)
        close.append(made.engine)
        return made

    return make


def test_a_search_and_its_citation(bench_of: BenchOf) -> None:
    """The model is shown a mark for each passage, and its mark becomes an annotation in place."""
    text = "🦭 It sleeps【0:0†animals.txt】, on ice【0:0†animals.txt】."
    bench = bench_of(call("file_search", query="walrus"), text)
    store = bench.store(animals_txt=WALRUS, plants_txt="Moss grows on stones.")

    run = bench.run(bench.thread(store.id))

    assert run.status == "completed"
    [offered] = bench.model.conversations[0].functions
    assert (offered.name, offered.parameters["required"]) == ("file_search", ["query"])
    assert bench.shown() == f"【0:0†source】 animals.txt\n{WALRUS}"
    asked = bench.model.conversations[-1].turns[-2].tool_calls[0]
    assert (asked.name, asked.arguments) == ("file_search", '{"query": "walrus"}')
    message = bench.answer(run.thread_id)
    assert message.text == text
    file = bench.file(store.id, "animals.txt").id
    assert len(message.citations) == 2
    for annotation in message.citations:
        assert isinstance(annotation, FileCitation)
        assert annotation.file_citation is not None
        assert annotation.file_citation.file_id == file
        assert text[annotation.start_index : annotation.end_index] == annotation.text
        assert annotation.text == "【0:0†animals.txt】"
    assert message.citations[0] != message.citations[1]


def test_marks_that_stand_for_nothing_stay_text(bench_of: BenchOf) -> None:
    """Another search, another passage, another name, or a mark that is no mark."""
    text = "a【0:1†a.txt】b【1:0†a.txt】c【0:0†b.txt】d【0:0】e【0:0†a.txt"
    bench = bench_of(call("file_search", query="walrus"), text)
    thread = bench.thread(bench.store(a_txt=WALRUS).id)
    bench.run(thread)

    assert bench.answer(thread).text == text
    assert bench.answer(thread).citations == []


def test_so_many_marks_become_citations(bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones; a model that says a mark again and again has the others stay text."""
    monkeypatch.setattr("assistants_client.engine.worker.answer.MAX_ANNOTATIONS", 3)
    text = "【0:0†a.txt】" * 5
    bench = bench_of(call("file_search", query="walrus"), text)
    thread = bench.thread(bench.store(a_txt=WALRUS).id)
    bench.run(thread)

    message = bench.answer(thread)
    assert message.text == text
    length = len(text) // 5
    assert [one.start_index for one in message.citations] == [0, length, 2 * length]


def test_searches_of_a_run_are_numbered(bench_of: BenchOf) -> None:
    """Across steps, and within one; each mark leads to its own file."""
    bench = bench_of(
        [call("file_search", query="walrus"), call("file_search", query="moss")],
        call("file_search", query="nothing at all"),
        call("file_search", query="stones"),
        "【1:0†b.txt】【0:0†a.txt】【3:0†b.txt】",
    )
    store = bench.store(a_txt=WALRUS, b_txt="Moss grows on stones.")
    run = bench.run(bench.thread(store.id))

    assert [len(c.file_search.results) for c in bench.calls(run)] == [1, 1, 0, 1]
    assert "Nothing was found" in bench.model.conversations[2].turns[-1].text
    files = [c.file_citation.file_id for c in bench.answer(run.thread_id).citations]
    a, b = bench.file(store.id, "a.txt").id, bench.file(store.id, "b.txt").id
    assert files == [b, a, b]


def test_what_was_found_is_kept_in_the_step(bench_of: BenchOf) -> None:
    """Files, names and scores always; the passages only when they are asked for."""
    bench = bench_of(call("file_search", query="walrus"), "Done.")
    store = bench.store(a_txt=WALRUS)
    held = bench.file(store.id, "a.txt").id
    bench.client.vector_store_files.update(store.id, held, attributes={"shelf": "B"})
    run = bench.run(bench.thread(store.id))

    [plain] = bench.calls(run)
    [whole] = bench.calls(run, include=[CONTENT])
    steps = f"/threads/{run.thread_id}/runs/{run.id}/steps"
    raw = bench.client._transport.send("GET", steps).document["data"][1]

    [result] = plain.file_search.results
    assert (result.file_id, result.file_name) == (bench.file(store.id, "a.txt").id, "a.txt")
    assert 0 < result.score <= 1
    assert result.content == []
    assert whole.file_search.results[0].content[0].text == WALRUS
    assert raw["step_details"]["tool_calls"][0]["file_search"] == {
        "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0},
        "results": [
            {
                "file_id": result.file_id,
                "file_name": "a.txt",
                "score": result.score,
                "attributes": {"shelf": "B"},
            }
        ],
    }
    one = bench.client.run_steps.retrieve(
        run.thread_id, run.id, raw["id"], include=[CONTENT]
    ).tool_calls[0]
    assert one.file_search.results[0].content[0].text == WALRUS


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({}, {}),
        ({"file_search": {}}, {}),
        ({"file_search": {"max_num_results": 3}}, {"max_num_results": 3}),
        ({"file_search": {"ranking_options": {"ranker": "auto", "score_threshold": 0.5}}}, 0.5),
        ({"file_search": {"ranking_options": {"score_threshold": 0}}}, {}),
    ],
)
def test_the_tool_comes_back_whole(bench_of: BenchOf, sent: dict[str, Any], shown: Any) -> None:
    """With all of how it ranks, of assistants and of runs; and it may be sent as it came."""
    bench = bench_of(call("file_search", query="walrus"), "Done.", "Done.")
    threshold, others = (shown, {}) if isinstance(shown, float) else (0.0, shown)
    ranking = {"ranker": "default_2024_08_21", "score_threshold": threshold, "hybrid_search": None}
    whole = [{"type": "file_search", "file_search": {**others, "ranking_options": ranking}}]
    tools = [{"type": "file_search", **sent}]

    made = bench.client.assistants.create(model="m", tools=tools)
    thread = bench.thread(bench.store(a_txt=WALRUS).id)
    run = bench.run(thread, tools)
    other = bench.client.assistants.create(model="m")
    asked = bench.client.runs.create(thread, assistant_id=other.id, tools=made.tools)
    again = bench.client.assistants.update(other.id, tools=made.tools)

    for tools_of in (made, run, asked, again, bench.client.assistants.retrieve(other.id)):
        assert encode(tools_of.tools) == whole
    [searched] = bench.calls(run)
    del ranking["hybrid_search"]
    assert encode(searched.file_search.ranking_options) == ranking


def test_a_way_of_ranking_that_is_not_there(bench_of: BenchOf) -> None:
    """What would weigh words against meanings is refused, not passed over."""
    ranking = {"score_threshold": 0.5, "hybrid_search": {"text_weight": 1}}
    tools = [{"type": "file_search", "file_search": {"ranking_options": ranking}}]
    with pytest.raises(ac.BadRequestError, match="hybrid_search"):
        bench_of().client.assistants.create(model="m", tools=tools)


def test_limits_of_the_tool(bench_of: BenchOf) -> None:
    """No more results than it says, and none below its threshold."""
    bench = bench_of(*[call("file_search", query="walrus ice"), "Done."] * 3)
    texts = {f"f{n}_txt": f"walrus {n}" for n in range(25)}
    thread = bench.thread(bench.store(**texts, best_txt="walrus ice").id)

    def found(options: dict[str, Any] | None) -> list[str]:
        tool = {"type": "file_search", **({"file_search": options} if options else {})}
        results = bench.calls(bench.run(thread, [tool]))[0].file_search.results
        return [result.file_name for result in results]

    assert len(found(None)) == 20
    assert len(found({"max_num_results": 3})) == 3
    assert found({"ranking_options": {"score_threshold": 0.9}}) == ["best.txt"]


def test_the_stores_of_assistant_and_thread_are_searched_together(bench_of: BenchOf) -> None:
    """Best first, whichever store it comes from."""
    bench = bench_of(call("file_search", query="walrus tusk"), "Done.")
    one, other = bench.store(a_txt="A walrus."), bench.store(b_txt="A walrus tusk.")
    resources = {"file_search": {"vector_store_ids": [one.id]}}

    run = bench.run(bench.thread(other.id), tool_resources=resources)

    [made] = bench.calls(run)
    assert [r.file_name for r in made.file_search.results] == ["b.txt", "a.txt"]
    assert encode(run.tool_resources) == resources


def test_stores_are_made_along_with_assistants_and_threads(bench_of: BenchOf) -> None:
    """The thread's expires after a week without use; the assistant's does not."""
    bench = bench_of(call("file_search", query="walrus"), "Done.")

    def new(name: str) -> dict[str, Any]:
        store = {"file_ids": [bench.upload(WALRUS, name)], "metadata": {"a": "b"}}
        return {"file_search": {"vector_stores": [store]}}

    assistant = bench.client.assistants.create(model="m", tools=SEARCH, tool_resources=new("a.txt"))
    thread = bench.client.threads.create(tool_resources=new("b.txt"), messages=[QUESTION])

    kept = {}
    for made in (assistant, thread):
        resources = made.tool_resources.file_search
        assert resources.vector_stores is None
        [kept[type(made)]] = resources.vector_store_ids
    stores = {kind: bench.settled(store_id) for kind, store_id in kept.items()}
    assert stores[ac.Assistant].expires_after is None
    assert stores[ac.Thread].expires_after.days == 7
    assert stores[ac.Thread].metadata == {"a": "b"}
    run = bench.client.runs.create(thread.id, assistant_id=assistant.id)
    run = bench.client.wait_for_run(run)
    assert len(bench.calls(run)[0].file_search.results) == 2


def test_attachments_make_and_extend_the_threads_store(bench_of: BenchOf) -> None:
    """One store for all of them, whatever request they come with."""
    words = ["walrus", "moss", "lava", "dough"]
    bench = bench_of(
        *[part for word in words for part in (call("file_search", query=word), "Done.")]
    )

    def attached(text: str) -> MessageRequest:
        file = Attachment(file_id=bench.upload(text, f"{text}.txt"), tools=[FileSearchTool()])
        return MessageRequest("See this.", attachments=[file])

    thread = bench.client.threads.create(messages=[attached("walrus")])
    [store] = thread.tool_resources.file_search.vector_store_ids
    message = bench.client.messages.create(thread.id, attached("moss"))
    assert message.attachments[0].tools == [FileSearchTool()]
    assistant = bench.client.assistants.create(model="m", tools=SEARCH)
    names = []
    for n in range(3):
        extra = [attached("lava")] if n == 2 else []
        run = bench.client.runs.create(
            thread.id, assistant_id=assistant.id, additional_messages=extra
        )
        [made] = bench.calls(bench.client.wait_for_run(run))
        names.append([result.file_name for result in made.file_search.results])
    assert names == [["walrus.txt"], ["moss.txt"], ["lava.txt"]]
    again = bench.client.threads.retrieve(thread.id)
    assert again.tool_resources.file_search.vector_store_ids == [store]
    assert bench.client.vector_stores.retrieve(store).expires_after.days == 7
    run = bench.client.runs.create_thread_and_run(
        assistant_id=assistant.id, thread={"messages": [encode(attached("dough"))]}
    )
    [made] = bench.calls(bench.client.wait_for_run(run))
    assert [result.file_name for result in made.file_search.results] == ["dough.txt"]


def test_a_search_waits_for_files_that_are_being_read(
    bench_of: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a run may be started right after its files were attached."""
    with waiting_reader(monkeypatch) as gate:
        bench = bench_of([lambda _: gate.set(), call("file_search", query="walrus")], "Done.")
        store = bench.client.vector_stores.create(file_ids=[bench.upload(WALRUS)])
        run = bench.run(bench.thread(store.id))

    assert len(bench.calls(run)[0].file_search.results) == 1


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("walrus", "not JSON"),
        ("{}", "no string named 'query'"),
        ('{"query": 1}', "no string"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_a_call_without_a_query_is_answered_so_that_the_model_can_mend(
    bench_of: BenchOf, arguments: str, words: str
) -> None:
    """Nothing is searched, and the run goes on."""
    bench = bench_of(Call("file_search", arguments), "Done.")
    run = bench.run(bench.thread(bench.store(a_txt=WALRUS).id))

    assert run.status == "completed"
    assert words in bench.shown()
    assert bench.calls(run)[0].file_search.results == []


def test_without_a_store_nothing_is_found(bench_of: BenchOf) -> None:
    """The model is told so."""
    bench = bench_of(call("file_search", query="walrus"), "Done.")
    bench.run(bench.thread())

    assert "Nothing was found" in bench.shown()


def test_a_store_that_is_gone_fails_the_run(bench_of: BenchOf) -> None:
    """With words that name it."""
    bench = bench_of(call("file_search", query="walrus"), "Done.")
    store = bench.store(a_txt=WALRUS).id
    thread = bench.thread(store)
    bench.client.vector_stores.delete(store)

    run = bench.run(thread)

    assert run.status == "failed"
    assert run.last_error is not None
    assert store in run.last_error.message


def test_a_file_in_both_stores_is_found_once(bench_of: BenchOf) -> None:
    """The assistant's and the thread's may hold the same; the others still come in order."""
    bench = bench_of(call("file_search", query="walrus tusk"), "Done.")
    one = bench.store(a_txt="A walrus.", b_txt="A walrus tusk.")
    ids = [bench.file(one.id, name).id for name in ("a.txt", "b.txt")]
    other = bench.settled(bench.client.vector_stores.create(file_ids=ids).id)
    resources = {"file_search": {"vector_store_ids": [one.id]}}

    [made] = bench.calls(bench.run(bench.thread(other.id), tool_resources=resources))

    assert [r.file_name for r in made.file_search.results] == ["b.txt", "a.txt"]


@pytest.mark.parametrize("include", [False, True])
def test_a_stream_tells_of_search_and_citations(bench_of: BenchOf, include: bool) -> None:
    """The pieces make up the same message; passages are told only when asked for."""
    bench = bench_of(call("file_search", query="walrus"), "It sleeps【0:0†a.txt】.")
    thread = bench.thread(bench.store(a_txt=WALRUS).id)
    assistant = bench.client.assistants.create(model="m", tools=SEARCH)
    options: dict[str, Any] = {"include": [CONTENT]} if include else {}

    annotated: list[Any] = []
    passages: list[str] = []
    with bench.client.runs.stream(thread, assistant_id=assistant.id, **options) as stream:
        for event in stream:
            if isinstance(event, MessageDelta):
                for part in event.delta.content:
                    assert isinstance(part, TextPartDelta)
                    annotated += part.text.annotations or ()
            elif isinstance(event, RunStepCompleted):
                for made in event.step.tool_calls:
                    assert isinstance(made, FileSearchCall)
                    passages += [part.text for part in made.file_search.results[0].content]

    assert len(annotated) == 1
    assert (annotated[0].start_index, annotated[0].end_index) == (9, 20)
    assert passages == ([WALRUS] if include else [])
    assert len(bench.answer(thread).citations) == 1
