"""What holds for every document: nothing is lost, nothing crashes, both sides agree."""

import enum
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from thorough import amount

from assistants_client import (
    UNSET,
    Assistant,
    AssistantRequest,
    AssistantUpdate,
    Deleted,
    Message,
    MessageRequest,
    Page,
    Run,
    RunRequest,
    RunStep,
    SubmitToolOutputsRequest,
    Thread,
    ThreadRequest,
    ThreadRunRequest,
    ThreadUpdate,
    Unknown,
)
from assistants_client._json import codec, compiled_readers
from assistants_client._json.codec import (
    InvalidValueError,
    decode,
    encode,
    encode_request,
    parse,
)

ANSWERS = [Assistant, Deleted, Message, Run, RunStep, Thread]
REQUESTS = [
    AssistantRequest,
    AssistantUpdate,
    MessageRequest,
    RunRequest,
    SubmitToolOutputsRequest,
    ThreadRequest,
    ThreadRunRequest,
    ThreadUpdate,
]

quick = settings(
    max_examples=amount(8, 100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TEXT = st.text(max_size=8)
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(TEXT, st.just("type")), inner, max_size=3),
    ),
    max_leaves=8,
)
#: Keys that no version declares.
EXTRA = st.dictionaries(TEXT.map("x_{}".format), JSON, max_size=2)
IDENTIFIERS = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


class Documents:
    """Strategies for the JSON of a class, from its annotations.

    Args:
        known: Only what this version knows (for requests), or unknown keys and variants as well.
    """

    def __init__(self, *, known):
        self.known = known

    def of(self, tp):
        """Documents of a type."""
        origin, args = get_origin(tp), get_args(tp)
        if attrs.has(origin or tp):
            return self.struct(tp)
        if origin is Literal:
            texts = [value for value in args if isinstance(value, str)]
            return st.sampled_from(texts)
        if origin in (Union, types.UnionType):
            return self.union(args)
        if origin in (list, Sequence):
            return st.lists(self.of(args[0]), max_size=2)
        if origin in (dict, Mapping):
            return st.dictionaries(TEXT, self.of(args[1]), max_size=2)
        return {str: TEXT, int: st.integers(), float: NUMBERS, bool: st.booleans(), Any: JSON}[tp]

    def union(self, members):
        """One of the members; a plain mapping only where there is no class for it."""
        members = [m for m in members if m is not type(None) and get_args(m) != (UNSET,)]
        structs = [m for m in members if attrs.has(m)]
        if structs:
            members = [m for m in members if get_origin(m) is not Mapping]
        if self.known:
            members = [m for m in members if not (attrs.has(m) and issubclass(m, Unknown))]
        return st.one_of([self.of(member) for member in members])

    def struct(self, tp):
        """Complete objects of a class, perhaps with keys that it does not know."""
        cls = get_origin(tp) or tp
        if issubclass(cls, Unknown):
            return st.builds(
                lambda name, rest: {"type": f"x_{name}", **rest},
                TEXT,
                st.dictionaries(TEXT, JSON, max_size=2),
            ).filter(lambda document: document["type"].startswith("x_"))
        attrs.resolve_types(cls)
        needed, optional = {}, {}
        for field in attrs.fields(cls):
            if not field.init or field.metadata.get("client_only"):
                continue
            values = self.field(field, tp)
            absent = field.metadata.get("omit_if_none") or field.default is UNSET
            (optional if absent else needed)[field.name] = values
        documents = st.fixed_dictionaries(needed, optional=optional)
        if self.known:
            return documents.filter(lambda document: readable(cls, document))
        return st.builds(lambda document, extra: extra | document, documents, EXTRA)

    def field(self, field, tp):
        """Values of one field that keep its limit."""
        annotation = field.type
        if getattr(annotation, "__parameters__", ()):
            annotation = annotation[get_args(tp)]
        values = self.of(annotation)
        rule = field.metadata.get("limit")
        if self.known and rule is not None:
            if rule("") is not None and rule("a") is None:
                values = IDENTIFIERS
            elif rule(-1) is not None:
                whole = st.integers(0, 5000)
                values = (
                    whole
                    if int in (annotation, *get_args(annotation))
                    else st.one_of(whole, st.floats(0, 2))
                )
            values = values.filter(lambda value: rule(value) is None)
        if type(None) in get_args(annotation) and not field.metadata.get("omit_if_none"):
            values = st.one_of(st.none(), values)
        return values


def refusal(read, cls, document):
    """The error with which a document is refused, or None."""
    try:
        read(cls, document)
    except InvalidValueError as error:
        return error
    return None


def readable(cls, document):
    """Whether the fields agree with each other."""
    error = refusal(parse, cls, document)
    assert error is None or error.code == "invalid_value", error
    return error is None


answers = Documents(known=False)
requests = Documents(known=True)


@pytest.mark.parametrize("cls", [*ANSWERS, Page[Run], Page[Message]])
def test_reading_then_writing_is_the_identity(cls):
    """Complete objects come out as they came in, with unknown keys at every depth."""

    @quick
    @given(answers.of(cls))
    def check(document):
        made = decode(cls, document)
        assert encode(made) == document
        assert decode(cls, encode(made)) == made

    check()


@pytest.mark.parametrize("cls", [*ANSWERS, Page[Run]])
def test_no_json_makes_reading_crash(cls):
    """Whatever comes is read, or refused with our own error."""

    @quick
    @given(JSON)
    def check(document):
        error = refusal(decode, cls, document)
        assert error is None or str(error)

    check()


@pytest.mark.parametrize("cls", ANSWERS)
def test_an_object_with_an_id_is_always_read(cls):
    """Fields may hold anything at all; the helpers work on what was read, and nothing is lost."""
    names = [field.name for field in attrs.fields(cls) if field.init]
    anything = st.one_of(JSON, JSON.map(lambda value: [value]), answers.of(cls))

    @quick
    @given(st.dictionaries(st.one_of(st.sampled_from(names), TEXT), anything, max_size=5), TEXT)
    def check(document, name):
        document = {**document, "id": name}
        made = decode(cls, document)
        assert made.id == name
        for helper in ("is_final", "is_active", "tool_calls", "text", "citations"):
            getattr(made, helper, None)
        repr(made)
        again = decode(cls, encode(made))
        assert again == made
        assert again.extra == made.extra

    check()


@pytest.mark.parametrize("cls", [*ANSWERS, Page[Run], Page[Message]])
def test_a_reader_that_is_written_out_reads_the_same(cls, monkeypatch):
    """Classes that are met often get a faster reader; it gives the same, or refuses the same."""
    names = [field.name for field in attrs.fields(get_origin(cls) or cls) if field.init]
    odd = st.dictionaries(st.sampled_from([*names, "metadata_", "x"]), JSON, max_size=5)
    readers = {
        often: codec._make_converter(strict=False, closed=False).get_structure_hook(cls)
        for often in (0, 1)
    }

    def outcome(often, document):
        monkeypatch.setattr(compiled_readers, "COMPILE_AFTER", often)
        try:
            made = readers[often](document, cls)
        except InvalidValueError as error:
            return str(error)
        return made, encode(made)

    @quick
    @given(st.one_of(answers.of(cls), st.tuples(answers.of(cls), odd).map(lambda d: d[0] | d[1])))
    def check(document):
        expected = outcome(0, document)
        assert [outcome(1, document) for _ in range(3)] == [expected] * 3

    check()


@pytest.mark.parametrize("cls", REQUESTS)
def test_the_engine_reads_what_the_client_writes(cls):
    """A request within the limits passes on both sides, and comes out as an equal object."""

    @quick
    @given(requests.of(cls))
    def check(document):
        request = cls(**document)
        written = encode_request(request)
        received = parse(cls, written)
        assert encode_request(received) == written == document
        assert parse(cls, encode_request(received)) == received

    check()


class Word(str, enum.Enum):
    """Text of another class."""

    AUTO = "auto"


def disguised(value, chance):
    """A document with parts of it in other forms that mean the same, or with nonsense in it."""
    if chance.random() < 0.02:
        return chance.choice([None, 5, 2.5, True, "x", [], {}, Word.AUTO, print, {"type": "x"}])
    if isinstance(value, dict):
        made = {key: disguised(one, chance) for key, one in value.items()}
        return types.MappingProxyType(made) if chance.random() < 0.2 else made
    if isinstance(value, list):
        made = [disguised(one, chance) for one in value]
        return tuple(made) if chance.random() < 0.5 else made
    if isinstance(value, str) and chance.random() < 0.2:
        return Word.AUTO if value == "auto" else type("Text", (str,), {})(value)
    return value


@pytest.mark.parametrize("cls", REQUESTS)
def test_what_is_written_is_checked_as_if_it_was_read(cls):
    """Writing and checking at once is the same as the one after the other, errors as well."""
    read = codec._make_converter(strict=True, closed=False).get_structure_hook(cls)

    def outcome(write, request):
        try:
            return write(request)
        except InvalidValueError as error:
            return str(error), error.path, error.code

    def one_after_the_other(request):
        document = encode(request)
        read(document, cls)
        return document

    @quick
    @given(requests.of(cls), st.randoms(use_true_random=False))
    def check(document, chance):
        for request in (
            parse(cls, document),
            cls(**{name: disguised(value, chance) for name, value in document.items()}),
        ):
            expected = outcome(one_after_the_other, request)
            assert outcome(encode_request, request) == expected

    check()


@pytest.mark.parametrize("cls", REQUESTS)
def test_both_sides_refuse_the_same_nonsense(cls):
    """What the client lets through the engine refuses only for being unknown to it.

    A null, which the client would not send, is nothing to the engine, as it was to the origin.
    """
    fields = [f for f in attrs.fields(cls) if f.init and not f.metadata.get("client_only")]
    needed = {f.name: JSON for f in fields if f.default is attrs.NOTHING}
    optional = {f.name: JSON for f in fields if f.name not in needed}

    @quick
    @given(st.fixed_dictionaries(needed, optional=optional))
    def check(document):
        try:
            written = encode_request(cls(**document))
        except InvalidValueError:
            told = {name: value for name, value in document.items() if value is not None}
            if told == document or refusal(parse, cls, told):
                assert refusal(parse, cls, document)
            return
        assert written | document == written
        error = refusal(parse, cls, written)
        if error is not None:
            untold = error.path.endswith(".type")  # a variant of tomorrow, as far as we know
            assert error.code in ("unknown_parameter", "invalid_value") or untold, error
            assert error.path

    check()


@quick
@given(
    st.fixed_dictionaries(
        {}, optional={n: st.one_of(st.none(), TEXT) for n in ("name", "description")}
    )
)
def test_absent_null_and_given_stay_different(document):
    """The three survive the way through client and engine."""
    request = AssistantUpdate(**document)
    received = parse(AssistantUpdate, encode_request(request))
    assert received == request
    for name in ("name", "description"):
        assert getattr(received, name) == document.get(name, UNSET)
        assert (getattr(received, name) is UNSET) == (name not in document)
