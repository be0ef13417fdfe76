"""Every documented limit is refused before sending, and by the engine, naming field and limit."""

import pytest
from protocol_limits import LIMITS, NUMBERS, WITHIN_OTHERS
from protocol_operations import OPERATIONS

import assistants_client as ac
from assistants_client import InvalidRequestError
from assistants_client._calls.resource import encoded
from assistants_client._json.codec import InvalidValueError, encode_request, parse
from assistants_client.models._limits import LIMIT
from assistants_client.models.tools import NewVectorStore

ROWS = [pytest.param(row, id=f"{row[0].__name__}-{row[2]}-{row[3]}"[:90]) for row in LIMITS]


def outer(field):
    """The name of the request's own field."""
    return field.partition(".")[0].partition("[")[0]


@pytest.mark.parametrize("row", ROWS)
def test_a_limit_is_refused_before_sending(row):
    """What is just within is sent as it is; what is just beyond is refused by name."""
    cls, given, field, words, within, beyond = row
    document = {**given, outer(field): within}
    assert encode_request(cls(**document)).items() >= document.items()

    with pytest.raises(InvalidRequestError) as caught:
        encoded(cls(**{**given, outer(field): beyond}))

    assert caught.value.path == field
    assert field in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.code


@pytest.mark.parametrize("row", ROWS)
def test_the_engine_refuses_the_same(row):
    """Its strict reading has the same rules, from the same place."""
    cls, given, field, words, within, beyond = row
    parse(cls, {**given, outer(field): within})

    with pytest.raises(InvalidValueError) as caught:
        parse(cls, {**given, outer(field): beyond})

    assert caught.value.path == field
    assert words in str(caught.value)


@pytest.mark.parametrize(("cls", "given", "field", "name"), WITHIN_OTHERS)
def test_limits_hold_for_requests_within_others(cls, given, field, name):
    """The error names the whole path."""
    good = {"role": "user", "content": "hi"}
    messages = [good, {**good, "metadata": {"k": "v" * 513}}]
    value = {"messages": messages} if name == "thread" else messages

    for refuse in (
        lambda: encode_request(cls(**given, **{name: value})),
        lambda: parse(cls, {**given, name: value}),
    ):
        with pytest.raises(InvalidValueError, match="at most 512") as caught:
            refuse()
        assert caught.value.path == field


@pytest.mark.parametrize(
    ("file_ids", "files"), [(["f"], [ac.VectorStoreFileRequest("f")]), (ac.UNSET, ac.UNSET)]
)
def test_a_batch_has_ids_or_files(file_ids, files):
    """One of them, and not both."""
    with pytest.raises(InvalidValueError, match="either file_ids or files"):
        encode_request(ac.VectorStoreFileBatchRequest(file_ids=file_ids, files=files))


def test_a_store_made_along_takes_very_many_files():
    """Too many to be made in a test: the rule itself is asked."""

    class Many(list):
        def __len__(self):
            return 100_000_001

    rule = NewVectorStore.__attrs_attrs__.file_ids.metadata[LIMIT]

    assert rule(["f"]) is None
    assert "at most 100000000" in rule(Many())[0]


def test_nothing_is_sent_when_a_limit_is_broken(client, wire):
    """The wire stays silent, in both call forms and with plain JSON."""
    tools = [{"type": "code_interpreter"}] * 129
    for call in (
        lambda: client.assistants.create(model="m", tools=tools),
        lambda: client.assistants.create(ac.AssistantRequest(model="m", tools=tools)),
        lambda: client.assistants.update("a", name="n" * 257),
    ):
        with pytest.raises(InvalidRequestError):
            call()
    assert len(wire.calls) == 0


# --- against the specification ------------------------------------------------------------------

_KEYWORDS = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "minProperties",
    "maxProperties",
)


def numbers(schemas, node, field="", seen=()):
    """The numbers that limit a schema's fields, those of schemas it refers to included."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return set() if name in seen else numbers(schemas, schemas[name], field, (*seen, name))
    found = {(field, key, node[key]) for key in _KEYWORDS if key in node}
    for name, inner in (node.get("properties") or {}).items():
        found |= numbers(schemas, inner, name, seen)
    members = [m for key in ("oneOf", "anyOf", "allOf") for m in node.get(key, ())]
    for key in ("items", "additionalProperties"):
        members += [node[key]] if isinstance(node.get(key), dict) else []
    return found.union(*(numbers(schemas, member, field, seen) for member in members))


def test_the_numbers_are_those_of_the_specification(specification):
    """A limit that is added or changed there is missed here."""
    schemas = specification["components"]["schemas"]
    bodies = {row.body for row in OPERATIONS if row.body}
    found = set().union(*(numbers(schemas, schemas[body]) for body in bodies))

    assert found == {(field, key, n) for field, pairs in NUMBERS.items() for key, n in pairs}


def test_every_number_has_a_row():
    """The fields that the specification limits are those of the rows above, and no row is idle."""
    limited = {row[2].rpartition(".")[2].partition("[")[0] for row in LIMITS}

    assert limited - {"metadata", "function", "tool_call_id", "json_schema"} - {
        "chunk_overlap_tokens",  # at most half of another one, which no number tells
        "a",  # the key of a pair
    } == set(NUMBERS)
