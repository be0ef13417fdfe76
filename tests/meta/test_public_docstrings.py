"""What the documentation of public things holds: parameters, fields, errors, by their real names.

That everything a user can reach has a docstring is checked here too; which names there are and
where they come from is the business of ``test_public_surface.py``.
"""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import pydoc
import re
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import assistants_client
import assistants_client.engine
import assistants_client.engine.language_models
from assistants_client import Client, Request, ToolHandling, errors
from assistants_client.function_tools.docstrings import parameters

DOORS = [
    assistants_client,
    assistants_client.engine,
    assistants_client.engine.language_models,
]
RESOURCES = [
    "assistants",
    "threads",
    "messages",
    "runs",
    "run_steps",
    "files",
    "vector_stores",
    "vector_store_files",
    "vector_store_file_batches",
]

#: Fields whose name says all there is to say, wherever they are.
SELF_EXPLAINING = {"data", "filename", "id", "index", "metadata", "name", "object", "type"}
SELF_EXPLAINING |= {"description", "model", "text"}
SELF_EXPLAINING |= {"assistant_id", "file_id", "run_id", "thread_id", "vector_store_id"}
#: The parameters that every list has, and says in the same words.
OF_EVERY_LIST = ["limit", "order", "after", "before"]


def public_members(cls: type) -> Iterator[tuple[str, Any]]:
    """The functions and properties that a class of ours has under a public name."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        inner = getattr(member, "__func__", member)
        module = getattr(getattr(inner, "fget", inner), "__module__", "") or ""
        ours = not name.startswith("_") and module.startswith("assistants_client")
        if ours and (inspect.isfunction(inner) or isinstance(inner, property)):
            yield name, inner


def public_things() -> list[tuple[str, Any]]:
    """Every class, function, method and property that a user can reach, with its name."""
    found: dict[int, tuple[str, Any]] = {}

    def add(name: str, thing: Any) -> None:
        found.setdefault(id(thing), (name, thing))
        if inspect.isclass(thing):
            for member, value in public_members(thing):
                found.setdefault(id(value), (f"{name}.{member}", value))

    for door in DOORS:
        for name in door.__all__:
            thing = getattr(door, name)
            # Python 3.10 takes Callable[[int], str] for a class.
            if (inspect.isclass(thing) and not hasattr(thing, "__args__")) or inspect.isfunction(
                thing
            ):
                add(name, thing)
    client = Client("https://assistants.test/v1", api_key="k")
    for name in RESOURCES:
        add(f"client.{name}", type(getattr(client, name)))
    return sorted(found.values(), key=lambda pair: pair[0])


THINGS = public_things()
#: What is called with arguments: functions, methods, and classes made by their users.
CALLABLES = [(name, thing) for name, thing in THINGS if inspect.isfunction(thing)]
CALLABLES += [
    (name, thing)
    for name, thing in THINGS
    if inspect.isclass(thing)
    and not attrs.has(thing)
    and not issubclass(thing, Exception | enum.Enum)
    and not getattr(thing, "_is_protocol", False)
    # A client makes these.
    and not name.startswith("client.")
    and name not in ("LazyList", "RunStream")
]
#: The methods that anything may have, for one of the protocols.
SEAMS = {
    name.partition(".")[2]: thing
    for name, thing in CALLABLES
    if getattr(
        getattr(assistants_client.engine, name.partition(".")[0], None), "_is_protocol", False
    )
}
MODELS = [thing for _, thing in THINGS if inspect.isclass(thing) and attrs.has(thing)]


def doc(thing: Any) -> str:
    """A thing's docstring, without its indentation."""
    return inspect.cleandoc(thing.__doc__ or "")


def ids(value: object) -> str | None:
    """The name of a case."""
    return value if isinstance(value, str) else ""


def test_everything_public_is_documented() -> None:
    """Each class, function, method and property has a docstring that begins with a sentence."""
    bare = [name for name, thing in THINGS if not doc(thing)]
    # attrs and dataclasses write one where there is none
    bare += [cls.__name__ for cls in MODELS if doc(cls).startswith(f"{cls.__name__}(")]
    no_sentence = [
        name for name, thing in THINGS if doc(thing).partition("\n")[0][-1:] not in ".:;?"
    ]

    assert bare == []
    assert no_sentence == []


@pytest.mark.parametrize(("name", "thing"), CALLABLES, ids=ids)
def test_described_parameters_are_the_real_ones(name: str, thing: Any) -> None:
    """``Args:`` names every parameter but the ids of a path, and none that does not exist.

    A few are told of in prose, those of a protocol's method by the protocol. A lone one may go
    without: the first line says what is done with it.
    """
    takes = inspect.signature(thing).parameters
    real = [one for one in takes if one not in ("self", "cls")]
    text = f"{doc(thing)}\n{doc(SEAMS.get(name.partition('.')[2], thing))}"
    if inspect.isclass(thing):
        text = f"{text.partition('Attributes:')[0]}\n{doc(thing.__init__)}"
    said = parameters(text)
    told = {*said, *re.findall(r"``(\w+)``", text)}
    untold = [one for one in real if one not in told and not one.endswith("_id")]

    assert [one for one in said if one not in takes] == [], f"{name} does not take them"
    assert untold == [] or len(real) == 1, f"{name} takes them and does not say what they are"


def test_help_on_a_call_shows_the_fields_of_its_request() -> None:
    """What is needed comes first and what few need last; then what each field means."""
    create = Client("https://assistants.test/v1", api_key="k").runs.create
    names = list(inspect.signature(create).parameters)
    text = pydoc.render_doc(create, renderer=pydoc.plaintext)

    assert (names[:2], names[-1]) == (["thread_id", "assistant_id"], "extra_body")
    assert inspect.getdoc(create) == doc(create)
    for one in ("assistant_id: The", "instructions: Up to 256,000", "ThreadLockedError: A run"):
        assert f"\n        {one}" in text, text
    assert "Takes one ``RunRequest``, or its fields as keywords." in text


def named_errors(text: str) -> set[str]:
    """The names in the section ``Raises`` of a docstring."""
    _, _, rest = text.partition("\nRaises")
    section = re.split(r"\n(?=\S)", rest)[0]
    return set(re.findall(r"^    (\w+):", section, re.MULTILINE))


def test_named_errors_exist() -> None:
    """What ``Raises:`` names is an error of this package or a built-in one."""
    named = {one for _, thing in THINGS for one in named_errors(doc(thing))}
    known = {*vars(errors), *vars(builtins), *assistants_client.engine.__all__}

    assert {"ThreadLockedError", "ConfigurationError"} <= named
    assert named - known == set()


def test_lists_say_the_same_of_the_same_parameters() -> None:
    """What ``limit``, ``order`` and the others mean is said in the same words of every list.

    They stand there each time because editors read them from the source.
    """
    lists = [parameters(doc(each)) for name, each in CALLABLES if re.search(r"\.list(_|$)", name)]
    wordings = {one: {told[one] for told in lists if one in told} for one in OF_EVERY_LIST}

    assert len(lists) == len(RESOURCES)
    assert {one: len(texts) for one, texts in wordings.items()} == dict.fromkeys(OF_EVERY_LIST, 1)


def attribute_docs(cls: type) -> set[str]:
    """The fields of a class that have a text below them in the source."""
    [tree] = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id
        for field, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


@pytest.mark.parametrize("cls", MODELS, ids=lambda cls: cls.__name__)
def test_every_field_says_what_it_holds(cls: type) -> None:
    """A request's fields stand under ``Attributes:``, where help on a call shows them.

    An answer's have a text below them, which editors show, or are named in the class's docstring,
    unless the name or the type says it all: a class of ours has a docstring of its own, and times
    are Unix seconds.
    """
    family = [base for base in cls.__mro__ if attrs.has(base)]
    said = {name for base in family for name in parameters(doc(base))}
    if not issubclass(cls, Request | ToolHandling):
        said |= SELF_EXPLAINING
        for base in family:
            said |= attribute_docs(base) | set(re.findall(r"``(\w+)``", doc(base)))
            for field in attrs.fields(base):
                # As written: the field's own type is resolved when an object is first read.
                words = set(re.findall(r"\w+", str(inspect.get_annotations(base).get(field.name))))
                in_seconds = field.name.endswith("_at") and "Unix seconds" in doc(base)
                if in_seconds or words & {one for door in DOORS for one in door.__all__}:
                    said.add(field.name)

    assert [f.name for f in attrs.fields(cls) if f.init and f.name not in said] == []


def limits_in(cls: type) -> Iterator[tuple[str, str]]:
    """The numbers that a class's source gives its fields as limits, with the field's name."""
    [tree] = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    for field in tree.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            for rule in ast.walk(field):
                if isinstance(rule, ast.Call) and ast.unparse(rule.func) in (
                    "characters",
                    "between",
                ):
                    for bound in rule.args:
                        yield field.target.id, f"{ast.literal_eval(bound):,}"


def test_a_limit_that_is_kept_is_told() -> None:
    """The bounds of a text's length or of a number stand in what the field says."""
    untold = [
        f"{cls.__name__}.{field}: {bound}"
        for cls in {base for model in MODELS for base in model.__mro__ if issubclass(base, Request)}
        for field, bound in limits_in(cls)
        if not re.search(rf"(?<![\d,]){bound}(?![\d,]*\d)", parameters(doc(cls)).get(field, ""))
    ]

    assert untold == []
