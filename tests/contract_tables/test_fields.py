"""Every field of the protocol is in the class that stands for its object, and no other field is."""

import inspect
import types
from typing import Any, get_args, get_origin

import attrs
import pytest
from protocol_fields import FIELDS, NOT_OURS, ONLY_OURS, WITHOUT_CLASS

from assistants_client import Request

ROWS = [
    pytest.param(schema, cls, sorted(names.split()), id=schema)
    for schema, (cls, names) in FIELDS.items()
]


def own_fields(cls: Any) -> dict[str, Any]:
    """The fields of a class, or the parameters of a method, with their types."""
    cls = get_origin(cls) or cls
    if not inspect.isclass(cls):
        parameters = list(inspect.signature(cls).parameters)[1:]
        return dict.fromkeys(parameters, Any)
    attrs.resolve_types(cls)
    return {field.name: field.type for field in attrs.fields(cls) if field.init}


def classes(annotation: Any) -> list[Any]:
    """The attrs classes that a field of this type can hold, itself or within lists."""
    if attrs.has(annotation):
        return [annotation]
    inner = get_args(annotation)
    if isinstance(annotation, types.GenericAlias) and get_origin(annotation) is dict:
        return []
    return [found for member in inner for found in classes(member)]


def has(cls: Any, name: str) -> bool:
    """Whether a class has a field, by its dotted name."""
    here = [cls]
    *outer, last = name.split(".")
    for step in outer:
        here = [found for c in here for found in classes(own_fields(c).get(step))]
    return any(last in own_fields(c) for c in here)


@pytest.mark.parametrize(("schema", "cls", "names"), ROWS)
def test_every_field_of_the_protocol_is_in_our_class(schema, cls, names):
    """Save those that are on the list with a reason, which are not."""
    missing = {name for name in names if not has(cls, name)}

    assert missing == {name for at, name in NOT_OURS if at == schema}


@pytest.mark.parametrize(("schema", "cls", "names"), ROWS)
def test_every_field_of_our_class_is_in_the_protocol(schema, cls, names):
    """Save those that are on the list with a reason."""
    own = set(own_fields(cls)) - set(names)
    if inspect.isclass(cls) and issubclass(cls, Request):
        own.remove("extra_body")

    assert own == {name for at, name in ONLY_OURS if at == schema}


def test_the_lists_of_exceptions_are_in_use():
    """Each names a row that is there, and gives a reason."""
    for schema, _ in NOT_OURS | ONLY_OURS:
        assert schema in FIELDS or schema == "*"
    assert all((NOT_OURS | ONLY_OURS | WITHOUT_CLASS).values())
    assert not FIELDS.keys() & WITHOUT_CLASS.keys()
