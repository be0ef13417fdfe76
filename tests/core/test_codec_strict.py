"""Reading and writing strictly: every documented limit, with the path of what breaks it."""

import enum
import pickle
from types import MappingProxyType

import pytest

from assistants_client import (
    UNSET,
    AssistantRequest,
    AssistantUpdate,
    CodeInterpreterTool,
    FunctionDefinition,
    FunctionTool,
    MessageRequest,
    MessageUpdate,
    NamedFunction,
    NamedToolChoice,
    RunRequest,
    SubmitToolOutputsRequest,
    ThreadRequest,
    ThreadRunRequest,
    ThreadUpdate,
    ToolOutput,
    UnknownPart,
    UnknownTool,
    VectorStoreFileBatchRequest,
    VectorStoreRequest,
    VectorStoreUpdate,
)
from assistants_client._json.codec import InvalidValueError, encode_request, parse

TEXT_257 = "n" * 257
AUTO = {"type": "auto", "last_messages": None}
FUNCTION = {"type": "function", "function": {"name": "f"}}


def assistant(**fields):
    """A document for AssistantRequest."""
    return {"model": "m", **fields}


def run(**fields):
    """A document for RunRequest."""
    return {"assistant_id": "a", **fields}


def tool(**function):
    """A document with one function tool."""
    return assistant(tools=[{"type": "function", "function": {"name": "f", **function}}])


def search(**options):
    """A document with one file search tool."""
    return assistant(tools=[{"type": "file_search", "file_search": options}])


LONG, SHORT = "string_above_max_length", "string_below_min_length"
MANY, LOW, HIGH = "array_above_max_length", "decimal_below_min_value", "decimal_above_max_value"

LIMITS = [
    (AssistantRequest, assistant(name=TEXT_257), "name", LONG, "257"),
    (AssistantRequest, assistant(description="d" * 513), "description", LONG, "513"),
    (AssistantRequest, assistant(instructions="i" * 256_001), "instructions", LONG, "256001"),
    (AssistantRequest, assistant(tools=[FUNCTION] * 129), "tools", MANY, "129"),
    (AssistantRequest, assistant(temperature=2.1), "temperature", HIGH, "2.1"),
    (AssistantRequest, assistant(temperature=-0.1), "temperature", LOW, "-0.1"),
    (AssistantRequest, assistant(top_p=1.1), "top_p", HIGH, "1.1"),
    (AssistantRequest, assistant(top_p=-1), "top_p", LOW, "-1"),
    (
        AssistantRequest,
        assistant(metadata={str(n): "v" for n in range(17)}),
        "metadata",
        "object_above_max_properties",
        "17",
    ),
    (AssistantRequest, assistant(metadata={"k" * 65: "v"}), "metadata", LONG, "65"),
    (AssistantRequest, assistant(metadata={"k": "v" * 513}), "metadata.k", LONG, "513"),
    (AssistantRequest, tool(name="a b"), "tools[0].function.name", "invalid_value", "'a b'"),
    (AssistantRequest, tool(name="f" * 65), "tools[0].function.name", "invalid_value", "64"),
    (AssistantRequest, tool(name=""), "tools[0].function.name", "invalid_value", "64"),
    (AssistantRequest, tool(name="f\n"), "tools[0].function.name", "invalid_value", "64"),
    (
        AssistantRequest,
        search(max_num_results=51),
        "tools[0].file_search.max_num_results",
        HIGH,
        "51",
    ),
    (AssistantRequest, search(max_num_results=0), "tools[0].file_search.max_num_results", LOW, "0"),
    (
        AssistantRequest,
        search(ranking_options={"score_threshold": 1.5}),
        "tools[0].file_search.ranking_options.score_threshold",
        HIGH,
        "1.5",
    ),
    (
        AssistantRequest,
        assistant(tool_resources={"code_interpreter": {"file_ids": ["f"] * 21}}),
        "tool_resources.code_interpreter.file_ids",
        MANY,
        "21",
    ),
    (
        AssistantRequest,
        assistant(tool_resources={"file_search": {"vector_store_ids": ["a", "b"]}}),
        "tool_resources.file_search.vector_store_ids",
        MANY,
        "2",
    ),
    (
        AssistantRequest,
        assistant(tool_resources={"file_search": {"vector_stores": [{}, {}]}}),
        "tool_resources.file_search.vector_stores",
        MANY,
        "2",
    ),
    (
        AssistantRequest,
        assistant(
            response_format={"type": "json_schema", "json_schema": {"name": "s" * 65, "schema": {}}}
        ),
        "response_format.json_schema.name",
        "invalid_value",
        "64",
    ),
    (
        AssistantRequest,
        assistant(response_format={"type": "json_schema"}),
        "response_format.json_schema",
        "invalid_value",
        "needed",
    ),
    (AssistantUpdate, {"name": TEXT_257}, "name", LONG, "257"),
    (RunRequest, run(tools=[FUNCTION] * 21), "tools", MANY, "21"),
    (RunRequest, run(max_prompt_tokens=-1), "max_prompt_tokens", LOW, "-1"),
    (RunRequest, run(max_completion_tokens=0), "max_completion_tokens", LOW, "minimum of 1"),
    (
        RunRequest,
        run(truncation_strategy={"type": "last_messages", "last_messages": 0}),
        "truncation_strategy.last_messages",
        LOW,
        "0",
    ),
    (
        RunRequest,
        run(tool_choice={"type": "function"}),
        "tool_choice.function",
        "invalid_value",
        "needed",
    ),
    (
        RunRequest,
        run(additional_instructions="i" * 256_001),
        "additional_instructions",
        LONG,
        "256001",
    ),
    (
        RunRequest,
        run(additional_messages=[{"role": "user", "content": []}]),
        "additional_messages[0].content",
        "array_too_short",
        "0",
    ),
    (MessageRequest, {"role": "user", "content": []}, "content", "array_too_short", "0"),
    (
        ThreadRequest,
        {"messages": [{"role": "user", "content": "a", "metadata": {"k": "v" * 513}}]},
        "messages[0].metadata.k",
        LONG,
        "513",
    ),
    (
        ThreadRunRequest,
        run(thread={"messages": [{"role": "user", "content": 5}]}),
        "thread.messages[0].content",
        "invalid_type",
        "expected a string or an array, got an integer",
    ),
]


@pytest.mark.parametrize(("cls", "document", "path", "code", "words"), LIMITS)
def test_the_engine_refuses_what_breaks_a_limit(cls, document, path, code, words):
    """The error has the path, the protocol's code, and words that name the limit."""
    with pytest.raises(InvalidValueError) as caught:
        parse(cls, document)
    assert (caught.value.path, caught.value.code) == (path, code)
    assert str(caught.value).startswith(f"Invalid '{path}': ")
    assert words in str(caught.value)


@pytest.mark.parametrize(("cls", "document", "path", "code", "words"), LIMITS)
def test_the_client_refuses_the_same(cls, document, path, code, words):
    """What the engine would refuse is not sent."""
    with pytest.raises(InvalidValueError) as caught:
        encode_request(cls(**document))
    assert (caught.value.path, caught.value.code) == (path, code)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "document"),
    [
        (AssistantRequest, assistant(name="n" * 256, description="d" * 512)),
        (AssistantRequest, assistant(instructions="i" * 256_000, tools=[FUNCTION] * 128)),
        (AssistantRequest, assistant(temperature=2, top_p=1)),
        (AssistantRequest, assistant(temperature=0, top_p=0.0, metadata=None, name=None)),
        (AssistantRequest, assistant(metadata={f"{n:064}": "v" * 512 for n in range(16)})),
        (AssistantRequest, tool(name="f" * 64, description="", parameters={}, strict=True)),
        (AssistantRequest, search(max_num_results=50, ranking_options={"score_threshold": 1})),
        (AssistantRequest, assistant(response_format="auto", reasoning_effort="xhigh")),
        (RunRequest, run(max_prompt_tokens=1, tool_choice="required", tools=None)),
        (RunRequest, run(tool_choice={"type": "function", "function": {"name": "f"}})),
        (RunRequest, run(truncation_strategy=AUTO, parallel_tool_calls=False)),
        (MessageRequest, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}),
        (MessageRequest, {"role": "user", "content": "", "attachments": None}),
        (ThreadRequest, {}),
        (ThreadUpdate, {"tool_resources": None}),
        (SubmitToolOutputsRequest, {"tool_outputs": [{"tool_call_id": "c", "output": ""}]}),
        (SubmitToolOutputsRequest, {"tool_outputs": []}),
    ],
)
def test_what_keeps_the_limits_is_let_through(cls, document):
    """The largest allowed values, and null where it is allowed, pass on both sides."""
    assert encode_request(parse(cls, document)) == document


@pytest.mark.parametrize(
    ("cls", "document", "path", "got"),
    [
        (AssistantRequest, {"model": 5}, "model", "expected a string, got an integer"),
        (AssistantRequest, {"model": None}, "model", "expected a string, got null"),
        (AssistantRequest, assistant(name=5), "name", "expected a string, got an integer"),
        (AssistantRequest, assistant(tools="abc"), "tools", "expected an array, got a string"),
        (AssistantRequest, assistant(tools=["abc"]), "tools[0]", "expected an object, got a str"),
        (AssistantRequest, assistant(temperature="1"), "temperature", "expected a number, got a s"),
        (AssistantRequest, assistant(temperature=True), "temperature", "got a boolean"),
        (AssistantRequest, assistant(metadata={"a": 1}), "metadata.a", "expected a string, got an"),
        (AssistantRequest, assistant(metadata={"a": None}), "metadata.a", "got null"),
        (AssistantRequest, assistant(metadata=[]), "metadata", "expected an object, got an array"),
        (AssistantRequest, tool(parameters="{}"), "tools[0].function.parameters", "expected an ob"),
        (RunRequest, run(parallel_tool_calls=1), "parallel_tool_calls", "expected a boolean"),
        (RunRequest, run(max_prompt_tokens=300.0), "max_prompt_tokens", "expected an integer"),
        (RunRequest, run(max_prompt_tokens="300"), "max_prompt_tokens", "got a string"),
        (RunRequest, run(tool_choice=5), "tool_choice", "expected a string or an object"),
        (RunRequest, run(response_format=[]), "response_format", "expected a string or an obj"),
        (RunRequest, run(reasoning_effort=1), "reasoning_effort", "expected a string"),
        (MessageRequest, {"content": "a", "role": 5}, "role", "expected a string"),
        (MessageRequest, {"content": None, "role": "user"}, "content", "got null"),
        (MessageRequest, {"content": [None], "role": "user"}, "content[0]", "got null"),
        (ThreadRequest, {"messages": {}}, "messages", "expected an array, got an object"),
        (SubmitToolOutputsRequest, {"tool_outputs": None}, "tool_outputs", "expected an array"),
    ],
)
def test_wrong_types_are_refused_on_both_sides(cls, document, path, got):
    """Nothing is coerced; the error says what was expected and what came."""
    for read in (lambda: parse(cls, document), lambda: encode_request(cls(**document))):
        with pytest.raises(InvalidValueError) as caught:
            read()
        assert caught.value.path == path
        assert got in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "document", "path", "got"),
    [
        (AssistantRequest, assistant(tools=None), "tools", "expected an array, got null"),
        (RunRequest, run(parallel_tool_calls=None), "parallel_tool_calls", "got null"),
        (ThreadRunRequest, run(thread=None), "thread", "expected an object, got null"),
    ],
)
def test_the_client_refuses_null_for_what_is_left_out_instead(cls, document, path, got):
    """Other servers need not read it as absence."""
    with pytest.raises(InvalidValueError) as caught:
        encode_request(cls(**document))
    assert caught.value.path == path
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "document", "same"),
    [
        (AssistantRequest, assistant(tools=None), assistant()),
        (AssistantRequest, tool(parameters=None, description=None), tool()),
        (
            AssistantRequest,
            assistant(tools=[{"type": "file_search", "file_search": None}]),
            assistant(tools=[{"type": "file_search"}]),
        ),
        (
            AssistantRequest,
            assistant(tools=[{"type": "file_search", "file_search": {"max_num_results": None}}]),
            assistant(tools=[{"type": "file_search", "file_search": {}}]),
        ),
        (
            AssistantRequest,
            assistant(tool_resources={"code_interpreter": None, "file_search": None}),
            assistant(tool_resources={}),
        ),
        (AssistantUpdate, {"model": None, "tools": None}, {}),
        (ThreadRequest, {"messages": None}, {}),
        (
            ThreadRequest,
            {"messages": [{"role": "user", "content": "a", "attachments": [{"tools": None}]}]},
            {"messages": [{"role": "user", "content": "a", "attachments": [{}]}]},
        ),
        (ThreadRunRequest, run(thread=None), run()),
        (ThreadRunRequest, run(thread={"messages": None}), run(thread={})),
        (RunRequest, run(parallel_tool_calls=None), run()),
        (VectorStoreRequest, {"name": None, "expires_after": None, "file_ids": None}, {}),
        (VectorStoreRequest, {"chunking_strategy": None}, {}),
        (VectorStoreFileBatchRequest, {"file_ids": ["f"], "files": None}, {"file_ids": ["f"]}),
    ],
)
def test_the_engine_reads_null_as_absence_where_it_means_nothing(cls, document, same):
    """Programs write all fields of an object, those that nobody set as null, at any depth."""
    assert parse(cls, document) == parse(cls, same)


@pytest.mark.parametrize(
    ("cls", "document", "same"),
    [
        (AssistantUpdate, {"name": None}, {}),
        (AssistantUpdate, {"metadata": None}, {}),
        (ThreadUpdate, {"tool_resources": None}, {}),
        (VectorStoreUpdate, {"expires_after": None}, {}),
    ],
)
def test_null_clears_where_it_means_that(cls, document, same):
    """An update with null is another than one without the field."""
    assert parse(cls, document) != parse(cls, same)


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_a_body_that_is_no_object_is_refused(document):
    """The whole document has no path."""
    with pytest.raises(InvalidValueError, match=r"^Invalid: expected an object, got ") as caught:
        parse(ThreadRequest, document)
    assert caught.value.path == ""


@pytest.mark.parametrize(
    ("cls", "document", "path"),
    [
        (AssistantRequest, {}, "model"),
        (RunRequest, {"model": "m"}, "assistant_id"),
        (MessageRequest, {"role": "user"}, "content"),
        (
            SubmitToolOutputsRequest,
            {"tool_outputs": [{"output": "x"}]},
            "tool_outputs[0].tool_call_id",
        ),
        (AssistantRequest, assistant(tools=[{}]), "tools[0].type"),
        (AssistantRequest, assistant(tools=[{"type": "function"}]), "tools[0].function"),
        (AssistantRequest, assistant(response_format={}), "response_format.type"),
        (
            MessageRequest,
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            "content[0].image_url.url",
        ),
    ],
)
def test_what_is_needed_must_be_there(cls, document, path):
    """The error is the one the API documents, with the full path."""
    with pytest.raises(InvalidValueError) as caught:
        parse(cls, document)
    assert caught.value.code == "missing_required_parameter"
    assert str(caught.value) == f"Missing required parameter: '{path}'."


@pytest.mark.parametrize(
    ("cls", "document", "path"),
    [
        (AssistantRequest, assistant(nam="x"), "nam"),
        (AssistantRequest, assistant(_extra={}), "_extra"),
        (AssistantRequest, tool(parameter={}), "tools[0].function.parameter"),
        (MessageRequest, {"content": "a", "attachments": [{"id": "f"}]}, "attachments[0].id"),
        (RunRequest, run(tool_resources={}), "tool_resources"),
        (ThreadRunRequest, run(additional_messages=[]), "additional_messages"),
        (ThreadUpdate, {"messages": []}, "messages"),
        (MessageUpdate, {"content": "a"}, "content"),
    ],
)
def test_the_engine_refuses_unknown_keys(cls, document, path):
    """A key that the operation does not know is named, at any depth."""
    with pytest.raises(InvalidValueError) as caught:
        parse(cls, document)
    assert caught.value.code == "unknown_parameter"
    assert str(caught.value) == f"Unknown parameter: '{path}'."


@pytest.mark.parametrize(
    ("cls", "document", "path"),
    [
        (AssistantRequest, assistant(tools=[{"type": "browser"}]), "tools[0].type"),
        (AssistantRequest, assistant(tools=[{"type": 5}]), "tools[0].type"),
        (AssistantRequest, assistant(reasoning_effort="extreme"), "reasoning_effort"),
        (AssistantRequest, assistant(response_format="json"), "response_format"),
        (AssistantRequest, assistant(response_format={"type": "xml"}), "response_format.type"),
        (MessageRequest, {"content": "a", "role": "system"}, "role"),
        (MessageRequest, {"content": [{"type": "video"}], "role": "user"}, "content[0].type"),
        (RunRequest, run(tool_choice="any"), "tool_choice"),
        (RunRequest, run(truncation_strategy={"type": "none"}), "truncation_strategy.type"),
    ],
)
def test_the_engine_refuses_unknown_values(cls, document, path):
    """A value outside of a closed list is named, with the list."""
    with pytest.raises(InvalidValueError, match=" is not one of ") as caught:
        parse(cls, document)
    assert (caught.value.path, caught.value.code) == (path, "invalid_value")


@pytest.mark.parametrize(
    ("cls", "document"),
    [
        (AssistantRequest, assistant(reasoning_effort="extreme")),
        (AssistantRequest, assistant(tools=[{"type": "browser", "browser": {"a": 1}}])),
        (MessageRequest, {"content": "a", "role": "system"}),
        (MessageRequest, {"content": [{"type": "video", "video": {}}], "role": "user"}),
        (RunRequest, run(tool_choice="any")),
    ],
)
def test_the_client_lets_values_of_tomorrow_through(cls, document):
    """Lists of values grow on the server first; the client does not stand in the way."""
    assert encode_request(cls(**document)) == document


def test_variants_of_other_services_can_be_sent():
    """What was read as unknown goes out as it came."""
    raw = {"type": "bing", "bing": {"market": "de"}}
    request = AssistantRequest(model="m", tools=[UnknownTool(type="bing", raw=raw)])
    assert encode_request(request)["tools"] == [raw]
    request = MessageRequest([UnknownPart(type="video", raw={"type": "video"})])
    assert encode_request(request)["content"] == [{"type": "video"}]


def test_tuples_and_mappings_serve_as_well():
    """Any sequence or mapping of the right contents is written as JSON."""
    request = AssistantRequest(
        model="m",
        tools=(CodeInterpreterTool(), FunctionTool(function=FunctionDefinition(name="f"))),
        metadata=MappingProxyType({"a": "b"}),
    )
    assert encode_request(request) == {
        "model": "m",
        "tools": [{"type": "code_interpreter"}, FUNCTION],
        "metadata": {"a": "b"},
    }


class Models(str, enum.Enum):
    """As programs list the models they use."""

    MINI = "gpt-4o-mini"


class Safe(str):
    """As template engines mark what needs no escaping; it prints itself as something else."""

    __slots__ = ()

    def __str__(self):
        return "escaped"


def test_strings_of_other_classes_are_sent_as_plain_text():
    """An enum's member or a safe string is a string; as a field, a value, a key or deep inside."""
    tool = FunctionTool(function=FunctionDefinition(name=Safe("f"), parameters={"a": [Safe("b")]}))
    request = AssistantRequest(
        model=Models.MINI, name=Safe("n"), metadata={Safe("k"): Safe("v")}, tools=[tool]
    )
    written = encode_request(request)
    assert written == {
        "model": "gpt-4o-mini",
        "name": "n",
        "metadata": {"k": "v"},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": ["b"]}}}],
    }
    assert type(written["model"]) is type(written["name"]) is str
    assert encode_request(MessageRequest(Safe("hi"))) == {"content": "hi", "role": "user"}


def test_objects_and_plain_dicts_can_be_mixed():
    """A nested piece may be an object or its JSON form, with the same result."""
    choice = NamedToolChoice(type="function", function=NamedFunction(name="f"))
    plain = {"type": "function", "function": {"name": "f"}}
    one = encode_request(RunRequest(assistant_id="a", tool_choice=choice))
    assert one == encode_request(RunRequest(assistant_id="a", tool_choice=plain))
    outputs = SubmitToolOutputsRequest([ToolOutput(tool_call_id="c"), {"tool_call_id": "d"}])
    assert encode_request(outputs)["tool_outputs"] == [
        {"tool_call_id": "c"},
        {"tool_call_id": "d"},
    ]


def test_a_function_among_the_tools_is_pointed_to_the_decorator():
    """It is what people try first."""
    with pytest.raises(InvalidValueError, match=r"got function; @tool makes a tool of it"):
        encode_request(AssistantRequest(model="m", tools=[lambda: 1]))


@pytest.mark.parametrize("key", [1, None, 1.5])
def test_metadata_keys_are_text(key):
    """JSON has no other keys, and turning them into text would be guessing."""
    with pytest.raises(InvalidValueError):
        encode_request(AssistantRequest(model="m", metadata={key: "a"}))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_know_are_refused(number):
    """NaN is neither below nor above a limit, and is refused all the same."""
    with pytest.raises(InvalidValueError) as caught:
        encode_request(AssistantRequest(model="m", temperature=number))
    assert caught.value.path == "temperature"


@pytest.mark.parametrize(
    "document",
    [
        tool(strict=None),
        run(truncation_strategy={"type": "auto", "last_messages": None}),
        assistant(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "s", "schema": {}, "strict": None},
            }
        ),
    ],
)
def test_documented_nulls_inside_pieces_are_accepted(document):
    """``strict`` and ``last_messages`` may be null, as the API reference says."""
    parse(RunRequest if "assistant_id" in document else AssistantRequest, document)


def test_what_was_received_remembers_what_was_not_given():
    """Absent, null and a value stay three different things."""
    absent = parse(AssistantUpdate, {})
    null = parse(AssistantUpdate, {"name": None})
    given = parse(AssistantUpdate, {"name": ""})
    assert (absent.name, null.name, given.name) == (UNSET, None, "")


def test_the_error_pickles():
    """Path, reason and code survive."""
    error = InvalidValueError("too long", "invalid_value", "name").under(3).under("messages")
    other = pickle.loads(pickle.dumps(error))
    assert str(other) == str(error) == "Invalid 'messages[3].name': too long."
    assert (other.path, other.code, other.reason) == (error.path, error.code, error.reason)


def test_fields_of_other_servers_go_into_the_body():
    """``extra_body`` is sent beside the declared fields, as it is."""
    request = RunRequest(assistant_id="a", extra_body={"top_k": 5, "deep": {"a": None}})
    assert encode_request(request) == {"assistant_id": "a", "top_k": 5, "deep": {"a": None}}


@pytest.mark.parametrize("extra", [[], "x", 5, None])
def test_extra_body_is_an_object(extra):
    """Nothing else has keys."""
    with pytest.raises(InvalidValueError) as caught:
        encode_request(RunRequest(assistant_id="a", extra_body=extra))
    assert caught.value.path == "extra_body"


@pytest.mark.parametrize("name", ["assistant_id", "temperature", "on_active_run", "extra_body"])
def test_extra_body_is_no_way_round_the_checks(name):
    """A declared field is given as itself."""
    with pytest.raises(InvalidValueError) as caught:
        encode_request(RunRequest(assistant_id="a", extra_body={name: 5}))
    assert caught.value.path == f"extra_body.{name}"


@pytest.mark.parametrize("name", ["include", "on_active_run", "extra_body"])
def test_what_is_not_sent_is_not_received(name):
    """Arguments of ours are no fields of the protocol."""
    with pytest.raises(InvalidValueError) as caught:
        parse(RunRequest, run(**{name: {}}))
    assert caught.value.code == "unknown_parameter"
    request = RunRequest(assistant_id="a", include=["x"], on_active_run="wait")
    assert encode_request(request) == {"assistant_id": "a"}
