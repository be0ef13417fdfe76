"""The fields of a class of the protocol: their hooks, and the limits of what is sent in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

import attrs

from assistants_client._json.hooks import Hook, InvalidValueError
from assistants_client.models._limits import LIMIT, Rule

if TYPE_CHECKING:
    from cattrs import Converter


def origin_of(tp: Any) -> Any:
    return get_origin(tp)


@attrs.frozen
class Field:
    hook: Hook
    nullable: bool
    required: bool
    always_sent: bool
    rule: Rule | None
    required_valid: bool
    is_number: bool
    #: The hook of one member, where the field is a list.
    member: Hook | None

    @property
    def is_optional(self) -> bool:
        """True where a request may leave it out."""
        return not self.required and not self.always_sent


def fields_of(converter: Converter, tp: Any) -> dict[str, Field]:
    """Returns the fields of a class, or of a generic one with its arguments (``Page[Message]``)."""
    cls = origin_of(tp) or tp
    attrs.resolve_types(cls)
    fields = {}
    for attribute in attrs.fields(cls):
        if not attribute.init or attribute.metadata.get("client_only"):
            continue
        annotation: Any = attribute.type
        if getattr(annotation, "__parameters__", ()):
            annotation = annotation[get_args(tp)]
        nullable = type(None) in get_args(annotation)
        absent = attribute.metadata.get("omit_if_none", False)
        hook = converter.get_structure_hook(annotation)
        fields[attribute.name] = Field(
            hook=_empty_as_null(hook) if attribute.metadata.get("empty_as_null") else hook,
            nullable=nullable and attribute.metadata.get("null_ok", not absent),
            required=attribute.default is attrs.NOTHING,
            always_sent=bool(attribute.metadata.get("always_sent")),
            rule=attribute.metadata.get(LIMIT),
            required_valid=bool(attribute.metadata.get("required_valid")),
            is_number=not {int, float}.isdisjoint((annotation, *get_args(annotation))),
            member=converter.get_structure_hook(get_args(annotation)[0])
            if origin_of(annotation) is list
            else None,
        )
    return fields


def _empty_as_null(hook: Hook) -> Hook:
    return lambda value, _: hook(value, None) if value != {} else None


def require_all(fields: dict[str, Field], values: dict[str, Any]) -> None:
    for name, known in fields.items():
        if not known.is_optional and name not in values:
            raise InvalidValueError("needed", "missing_required_parameter", name)


def require_no_problem(made: Any) -> None:
    problem = made.problem() if hasattr(made, "problem") else None
    if problem is not None:
        raise InvalidValueError(problem[1], "invalid_value", problem[0])


def checked_field(key: str, known: Field, value: Any) -> Any:
    if value is None and known.nullable:
        return None
    broken = known.rule(value) if known.rule is not None else None
    if broken is not None:
        raise InvalidValueError(*broken).under(key)
    try:
        return known.hook(value, None)
    except InvalidValueError as error:
        raise error.under(key) from None
