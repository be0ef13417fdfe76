"""Objects to JSON documents and back: the only file that speaks cattrs.

Three ways in, one set of classes:

* :func:`decode` reads an answer, leniently: no coercion, absent and null fields get their defaults,
  and what a field cannot hold stays in ``.extra`` (of a list, the members that can be read are).
  Only a missing ``id`` is refused.
* :func:`encode_request` writes a request, strictly: types and documented limits are checked.
* :func:`parse` reads a request for the engine: strictly, and nothing unknown is let through, but a
  null for what may be left out is as good as leaving it out: many programs write all their fields.

Nothing is compiled when this module is imported; a class is prepared when it is first met.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import attrs

from assistants_client._json.compiled_readers import quick_reader
from assistants_client._json.hooks import (
    JSON_NAMES,
    Atom,
    Hook,
    InvalidValueError as InvalidValueError,  # noqa: PLC0414 - exported: callers meet it
    array_of,
    literal_of,
    mapping_of,
    not_one_of,
    unchecked,
    wrong_type,
)
from assistants_client.models._base import UNSET, Request, Struct, Unknown
from assistants_client.models._limits import LIMIT, Rule

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_ATOMS: Final = frozenset({str, int, float, bool, type(None)})


def decode(cls: type[T], document: Any) -> T:
    """Reads an answer.

    Raises:
        InvalidValueError: It is not an object, or has no ``id`` where one is needed.
    """
    made: T = _reader(_lenient, cls)(document, cls)
    return made


def parse(cls: type[T], document: Any) -> T:
    """Reads a request that was received; unknown keys, values and variants are refused.

    An optional field that is ``null`` counts as absent, unless ``null`` has a meaning of its own.

    Raises:
        InvalidValueError: With the path of the first thing that is wrong.
    """
    made: T = _reader(_closed, cls)(document, cls)
    return made


def encode(value: object) -> Any:
    """The JSON document of an object, a list of them, or a plain value."""
    return _lenient().unstructure(value)


def encode_request(request: object) -> dict[str, Any]:
    """The JSON document of a request, after checking it as far as a client can know the rules.

    Raises:
        InvalidValueError: With the path of the first thing that is wrong.
    """
    document: dict[str, Any] = encode(request)
    cls = type(request)
    _reader(_strict, cls)(document, cls)
    return document


@cache
def _lenient() -> Converter:
    return _make_converter(strict=False, closed=False)


@cache
def _strict() -> Converter:
    return _make_converter(strict=True, closed=False)


@cache
def _closed() -> Converter:
    return _make_converter(strict=True, closed=True)


def _reader(flavour: Callable[[], Converter], cls: Any) -> Hook:
    hook: Hook = flavour().get_structure_hook(cls)
    return hook


def _origin(tp: Any) -> Any:
    return get_origin(tp)


def _make_converter(*, strict: bool, closed: bool) -> Converter:
    """A converter with our hooks. Of factories that fit a type, cattrs asks the newest first."""
    from cattrs import Converter  # only with the first call

    converter = Converter()
    structure = converter.register_structure_hook_factory

    for atom in (str, int, float, bool):
        converter.register_structure_hook(atom, Atom(atom, strict=strict))

    structure(lambda tp: tp is Any)(lambda _: unchecked)

    @structure(lambda tp: _origin(tp) is Literal)
    def literal(tp: Any) -> Hook:
        return literal_of(get_args(tp)) if closed else Atom(str, strict=strict)

    @structure(lambda tp: _origin(tp) in (list, Sequence))
    def array(tp: Any) -> Hook:
        return array_of(converter.get_structure_hook(get_args(tp)[0]))

    @structure(lambda tp: _origin(tp) in (dict, Mapping))
    def mapping(tp: Any) -> Hook:
        return mapping_of(converter.get_structure_hook(get_args(tp)[1]), strict=strict)

    @structure(lambda tp: _origin(tp) in (Union, types.UnionType))
    def union(tp: Any) -> Hook:
        return _union(converter, get_args(tp), strict=strict, closed=closed)

    @structure(lambda tp: attrs.has(_origin(tp) or tp))
    def struct(tp: Any) -> Hook:
        fields = _fields(converter, tp)
        return _strict_struct(tp, fields, closed=closed) if strict else _lenient_struct(tp, fields)

    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _writer(converter, cls))
    converter.register_unstructure_hook(tuple, lambda value: converter.unstructure(list(value)))
    converter.register_unstructure_hook_func(
        lambda cls: isinstance(cls, type) and issubclass(cls, Mapping) and cls is not dict,
        lambda value: converter.unstructure(dict(value)),
    )
    # Also an enum's member, or a template's safe string, is plain text on the wire.
    converter.register_unstructure_hook(str, str.__str__)
    return converter


# --- reading ------------------------------------------------------------------------------------


@attrs.frozen
class _Field:
    hook: Hook
    nullable: bool
    required: bool
    on_the_wire: bool
    rule: Rule | None
    vital: bool
    #: What reads one member, where the field is a list.
    member: Hook | None

    @property
    def is_optional(self) -> bool:
        """Whether a request may leave it out."""
        return not self.required and not self.on_the_wire


def _fields(converter: Converter, tp: Any) -> dict[str, _Field]:
    """The fields of a class, or of a generic one with its arguments (``Page[Message]``)."""
    cls = _origin(tp) or tp
    attrs.resolve_types(cls)
    fields = {}
    for attribute in attrs.fields(cls):
        if not attribute.init or attribute.metadata.get("not_sent"):
            continue
        annotation: Any = attribute.type
        if getattr(annotation, "__parameters__", ()):
            annotation = annotation[get_args(tp)]
        nullable = type(None) in get_args(annotation)
        absent = attribute.metadata.get("absent_if_none", False)
        hook = converter.get_structure_hook(annotation)
        fields[attribute.name] = _Field(
            hook=_null_if_empty(hook) if attribute.metadata.get("null_if_empty") else hook,
            nullable=nullable and attribute.metadata.get("null_ok", not absent),
            required=attribute.default is attrs.NOTHING,
            on_the_wire=bool(attribute.metadata.get("on_the_wire")),
            rule=attribute.metadata.get(LIMIT),
            vital=bool(attribute.metadata.get("vital")),
            member=converter.get_structure_hook(get_args(annotation)[0])
            if _origin(annotation) is list
            else None,
        )
    return fields


def _lenient_struct(tp: Any, fields: dict[str, _Field]) -> Hook:
    cls = _origin(tp) or tp
    hooks = {name: f.hook for name, f in fields.items()}
    vital = frozenset(name for name, f in fields.items() if f.vital)
    required = frozenset(name for name, f in fields.items() if f.required)
    text_field = getattr(cls, "FROM_TEXT", None)

    def read(document: Any, _: Any) -> Any:
        if type(document) is not dict:
            if text_field is not None and type(document) is str:
                return read({text_field: document}, None)
            raise wrong_type("an object", document)
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, value in document.items():
            if key not in hooks:
                extra[key] = value
            elif value is not None:
                try:
                    values[key] = hooks[key](value, None)
                except InvalidValueError as error:
                    if key in vital:
                        raise error.under(key) from None
                    # The rest of the answer is still worth having.
                    extra[key] = value
                    if (member := fields[key].member) is not None:
                        values[key] = _readable(member, value)
        if "metadata_" in extra and "metadata" in hooks and "metadata" not in values:
            # The name of some servers' column, which slips into their answers.
            with contextlib.suppress(InvalidValueError):
                values["metadata"] = hooks["metadata"](extra["metadata_"] or {}, None)
                del extra["metadata_"]
        if not required <= values.keys():
            missing = min(required - values.keys())
            raise InvalidValueError("needed", "missing_required_parameter", missing)
        made = cls(**values)
        if extra and isinstance(made, Struct):
            made._extra = extra
        return made

    def with_unknown(made: Any, document: dict[str, Any]) -> Any:
        if "metadata_" in document:
            return read(document, None)
        made._extra = {key: document[key] for key in document if key not in hooks}
        return made

    if not issubclass(cls, Struct):
        return read
    plain = {name: hook.type for name, hook in hooks.items() if isinstance(hook, Atom)}
    return quick_reader(
        cls, hooks, plain, careful=read, with_unknown=with_unknown, odd=InvalidValueError
    )


def _readable(member: Hook, value: Any) -> list[Any]:
    """The members that can be read, of a list that holds others too or is a bare text."""
    members = [value] if type(value) is str else value if type(value) is list else []
    made = []
    for one in members:
        with contextlib.suppress(InvalidValueError):
            made.append(member(one, None))
    return made


def _strict_struct(tp: Any, fields: dict[str, _Field], *, closed: bool) -> Hook:
    cls = _origin(tp) or tp

    def read(document: Any, _: Any) -> Any:
        if type(document) is not dict:
            raise wrong_type("an object", document)
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for key, value in document.items():
            known = fields.get(key)
            if known is not None:
                if value is None and closed and known.is_optional and not known.nullable:
                    continue
                values[key] = _checked_field(key, known, value)
            elif closed:
                raise InvalidValueError("not known", "unknown_parameter", key)
            else:
                extra[key] = value
        for name, known in fields.items():
            if not known.is_optional and name not in values:
                raise InvalidValueError("needed", "missing_required_parameter", name)
        made = cls(**values)
        problem = made.problem() if hasattr(made, "problem") else None
        if problem is not None:
            raise InvalidValueError(problem[1], "invalid_value", problem[0])
        if extra and isinstance(made, Struct):
            made._extra = extra
        return made

    return read


def _checked_field(key: str, known: _Field, value: Any) -> Any:
    if value is None and known.nullable:
        return None
    broken = known.rule(value) if known.rule is not None else None
    if broken is not None:
        raise InvalidValueError(*broken).under(key)
    try:
        return known.hook(value, None)
    except InvalidValueError as error:
        raise error.under(key) from None


def _union(converter: Converter, members: Sequence[Any], *, strict: bool, closed: bool) -> Hook:
    """Picks the member by the value's JSON type, and among objects by their ``type``."""
    members = [m for m in members if m is not type(None) and get_args(m) != (UNSET,)]
    if len(members) == 1:
        return converter.get_structure_hook(members[0])
    by_type: dict[type, Hook] = {}
    structs = [m for m in members if attrs.has(m)]
    for member in members:
        origin = _origin(member) or member
        json_type = {Sequence: list, Mapping: dict, Literal: str}.get(origin, origin)
        if json_type in JSON_NAMES and not (json_type is dict and structs):
            by_type[json_type] = converter.get_structure_hook(member)
    if float in by_type:
        by_type.setdefault(int, by_type[float])
    if structs:
        by_type[dict] = _variant(converter, structs, strict=strict, closed=closed)
        if len(by_type) == 1:
            return by_type[dict]
    expected = " or ".join(JSON_NAMES[json_type] for json_type in by_type)

    def read(value: Any, _: Any) -> Any:
        hook = by_type.get(type(value))
        if hook is None:
            raise wrong_type(expected, value)
        return hook(value, None)

    return read


def _variant(converter: Converter, classes: Sequence[Any], *, strict: bool, closed: bool) -> Hook:
    """One of several classes, told apart by ``type``; an unknown one is kept, or refused."""
    if len(classes) == 1:
        return converter.get_structure_hook(classes[0])
    unknown = next((cls for cls in classes if issubclass(cls, Unknown)), None)
    hooks: dict[str, Hook] = {
        attrs.fields(cls).type.default: converter.get_structure_hook(cls)
        for cls in classes
        if cls is not unknown
    }
    from_text = next((cls for cls in classes if hasattr(cls, "FROM_TEXT")), None)
    text_hook = from_text and converter.get_structure_hook(from_text)

    def read(document: Any, _: Any) -> Any:
        if type(document) is not dict:
            if text_hook is not None and type(document) is str:
                return text_hook(document, None)
            raise wrong_type("an object", document)
        tag = document.get("type")
        hook = hooks.get(tag) if type(tag) is str else None
        if hook is not None:
            try:
                return hook(document, None)
            except InvalidValueError:
                # One that cannot be read must not take the rest of its list with it.
                if strict or unknown is None:
                    raise
        if unknown is not None and not closed and (not strict or "type" in document):
            return unknown(type=tag if isinstance(tag, str) else "", raw=document)
        if "type" not in document:
            raise InvalidValueError("needed", "missing_required_parameter", "type")
        raise not_one_of(tuple(hooks), tag).under("type")

    return read


def _null_if_empty(hook: Hook) -> Hook:
    return lambda value, _: hook(value, None) if value != {} else None


# --- writing ------------------------------------------------------------------------------------


def _writer(converter: Converter, cls: Any) -> Callable[[Any], Any]:
    """Writes by what a field holds, not by what it declares, so that plain dicts may stand in."""
    if issubclass(cls, Unknown):
        return lambda made: made.raw
    fields = [
        (a.name, bool(a.metadata.get("absent_if_none")))
        for a in attrs.fields(cls)
        if a.init and not a.metadata.get("not_sent")
    ]

    def write(made: Any) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for name, absent_if_none in fields:
            value = getattr(made, name)
            if value is UNSET or (absent_if_none and value is None):
                continue
            document[name] = value if type(value) in _ATOMS else converter.unstructure(value)
        if isinstance(made, Struct) and made._extra:
            document.update(made._extra)
        if isinstance(made, Request) and made.extra_body is not UNSET:
            document.update(_checked_extra(cls, converter.unstructure(made.extra_body)))
        return document

    return write


def _checked_extra(cls: Any, extra: Any) -> dict[str, Any]:
    """What goes into the body beside the fields; it may not go past a field's checks."""
    if type(extra) is not dict:
        raise wrong_type("an object", extra).under("extra_body")
    for key in extra:
        if key in attrs.fields_dict(cls):
            raise InvalidValueError(
                f"{cls.__name__} has a field of this name, give it as that",
                "invalid_value",
                f"extra_body.{key}",
            )
    return extra
