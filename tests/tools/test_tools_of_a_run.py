"""The tools of a run: the assistant's and those given with ``tools=``, however it starts."""

import pytest

from assistants_client import (
    Client,
    CodeInterpreterTool,
    ConfigurationError,
    FileSearchOptions,
    FileSearchTool,
    InvalidRequestError,
    NotFoundError,
    tool,
)
from assistants_client.engine import Engine, Scripted, call
from assistants_client.models.tools import FunctionDefinition, FunctionTool, merged_tools


@tool
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def double(a: int) -> int:
    """Doubles."""
    return 2 * a


def asked(client, assistant, thread, **options):
    """The run of a question that is asked and waited for."""
    return client.ask(thread.id, "How much?", assistant_id=assistant.id, **options).run


def streamed(client, assistant, thread, **options):
    """The run of a stream."""
    with client.runs.stream(thread.id, assistant_id=assistant.id, **options) as stream:
        list(stream)
    return stream.run


def streamed_with_thread(client, assistant, thread, **options):
    """The run of a stream that makes its thread."""
    with client.runs.stream_thread_and_run(assistant_id=assistant.id, **options) as stream:
        list(stream)
    return stream.run


@pytest.fixture(params=[asked, streamed, streamed_with_thread])
def names(request):
    """Runs an assistant, and returns the names of its run's tools."""
    model = Scripted([call("double", a=2), "4"])
    with Client(engine=Engine("sqlite:///:memory:", model=model)) as client:

        def run(own, **options):
            assistant = client.assistants.create(model="m", instructions="Add.", tools=own)
            thread = client.threads.create()
            ended = request.param(client, assistant, thread, **options)
            return [getattr(one, "function", one.type) for one in ended.tools]

        yield run


def name(one):
    """The name of a function, or the type of another tool."""
    return one if isinstance(one, str) else one.name


OWN = [CodeInterpreterTool(), FileSearchTool(), add]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([double], ["code_interpreter", "file_search", "add", "double"]),
        ([add, double], ["code_interpreter", "file_search", "add", "double"]),
        ([double, {"type": "file_search"}], ["code_interpreter", "file_search", "add", "double"]),
    ],
)
def test_given_tools_are_added_to_the_assistants(names, given, wanted):
    """None of the assistant's is lost, and none is there twice; what is given is called."""
    assert [name(one) for one in names(OWN, tools=given)] == wanted


def test_given_tools_replace_where_that_is_asked_for(names):
    """Then the run has them alone."""
    assert [name(one) for one in names(OWN, tools=[double], replace_tools=True)] == ["double"]


def test_no_tools_to_replace_with_is_a_mistake(names):
    """An empty list would be one without any."""
    with pytest.raises(ConfigurationError, match=r"^replace_tools: there are no tools"):
        names(OWN, replace_tools=True)


def test_an_empty_list_adds_nothing():
    """And costs no request."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted(["4", "4", "4"]))) as client:
        assistant = client.assistants.create(model="m", instructions="Add.", tools=OWN)
        thread = client.threads.create()
        for way in (asked, streamed, streamed_with_thread):
            assert len(way(client, assistant, thread, tools=[]).tools) == 3


def test_a_run_has_so_many_tools(names):
    """Those of the assistant count, and the message says so."""
    many = [FunctionTool(function=FunctionDefinition(name=f"f{n}")) for n in range(20)]
    with pytest.raises(InvalidRequestError, match="the assistant has 20, and 21 together"):
        names(many, tools=[double])


def test_an_assistant_that_is_gone_is_the_runs_error(names):
    """The error names the request that was asked for."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as client:
        thread = client.threads.create()
        with pytest.raises(NotFoundError, match="/runs"):
            list(client.runs.stream(thread.id, assistant_id="asst_gone", tools=[double]))


def function(**fields):
    """A function's JSON form."""
    return {"type": "function", "function": {"name": "double", **fields}}


SEARCH = FileSearchTool(file_search=FileSearchOptions(max_num_results=3))


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ([function(description="Doubles.", strict=False)], [function(description="Doubles.")]),
        ([SEARCH], [FileSearchTool()]),
        ([SEARCH], [SEARCH]),
        ([{"type": "openapi", "openapi": {"a": 1}}], [{"type": "openapi", "openapi": {"a": 1}}]),
    ],
)
def test_nothing_is_sent_that_the_assistant_has(own, given):
    """What servers fill in is no difference."""
    assert merged_tools(own, given) is None


@pytest.mark.parametrize(
    ("own", "given", "wanted"),
    [
        ([add, function()], [function(description="New.")], [add, function(description="New.")]),
        ([FileSearchTool(), add], [SEARCH], [SEARCH, add]),
        (
            [{"type": "openapi", "openapi": {"a": 1}}],
            [{"type": "openapi", "openapi": {"a": 2}}],
            [{"type": "openapi", "openapi": {"a": 1}}, {"type": "openapi", "openapi": {"a": 2}}],
        ),
    ],
)
def test_what_says_something_else_takes_the_place(own, given, wanted):
    """A function that has changed since the assistant was made is sent as it is now."""
    assert merged_tools(own, given) == wanted
