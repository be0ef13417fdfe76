"""Objects to JSON documents and back: the only file that uses cattrs.

Four functions, one set of classes:

* :func:`decode` reads a response, leniently: no coercion, absent and null fields get their
  defaults, and values of the wrong type stay in ``.extra`` (of a list, the valid members are read).
  Only a missing ``id`` is refused.
* :func:`encode_request` writes a request, strictly: types and documented limits are checked, each
  value as it is written.
* :func:`parse` reads a request for the engine: strictly, and unknown keys are refused; but a null
  for an optional field counts as its absence: many programs write all their fields.
* :func:`read_request` reads what :func:`encode_request` has written.

Nothing is compiled when this module is imported; the hooks of a class are made at its first use.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union, get_args

import attrs

from assistants_client._json.compiled_readers import Reader, compiled_reader
from assistants_client._json.fields import (
    Field,
    checked_field,
    fields_of,
    origin_of,
    require_all,
    require_no_problem,
)
from assistants_client._json.hooks import (
    JSON_NAMES,
    Hook,
    InvalidValueError as InvalidValueError,  # noqa: PLC0414 - exported: callers catch it
    ScalarHook,
    array_of,
    is_foreign,
    literal_of,
    mapping_of,
    not_one_of,
    plain_or_same,
    unchecked,
    wrong_type,
)
from assistants_client.models._base import UNSET, Request, Struct, Unknown

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def decode(cls: type[T], document: Any) -> T:
    """Reads a response.

    Raises:
        InvalidValueError: It is not an object, or has no ``id`` where one is needed.
    """
    made: T = _reader(_lenient, cls)(document, cls)
    return made


def parse(cls: type[T], document: Any) -> T:
    """Reads a request that was received; unknown keys, values and variants are refused.

    An optional field that is ``null`` counts as absent, unless ``null`` has a meaning of its own.

    Raises:
        InvalidValueError: A value is not valid; the error has the path of the first one.
    """
    made: T = _reader(_closed, cls)(document, cls)
    return made


def read_request(cls: type[T], document: Any) -> T:
    """Reads a request as it is sent: strictly; keys that are no fields are its ``extra_body``.

    Raises:
        InvalidValueError: A value is not valid; the error has the path of the first one.
    """
    made: T = _reader(_open, cls)(document, cls)
    return made


def encode(value: object) -> Any:
    """Returns the JSON document of an object, a list of them, or a plain value."""
    return _lenient().unstructure(value)


def encode_request(request: object) -> dict[str, Any]:
    """The JSON document of a request, after checking it as far as a client can know the rules.

    Raises:
        InvalidValueError: With the path of the first thing that is wrong.
    """
    cls = type(request)
    document: dict[str, Any] = _reader(_writing, cls)(_plain(request), cls)
    return document


@cache
def _lenient() -> Converter:
    return _make_converter(strict=False, closed=False)


@cache
def _closed() -> Converter:
    return _make_converter(strict=True, closed=True)


@cache
def _open() -> Converter:
    return _make_converter(strict=True, closed=False)


@cache
def _writing() -> Converter:
    """Returns the converter of values, in the form of :func:`_plain`, to their documents."""
    return _make_converter(strict=True, closed=False, writes=True)


def _reader(flavour: Callable[[], Converter], cls: Any) -> Hook:
    hook: Hook = flavour().get_structure_hook(cls)
    return hook


def _make_converter(*, strict: bool, closed: bool, writes: bool = False) -> Converter:
    """Returns a converter with our hooks. cattrs tries the factories newest first."""
    from cattrs import Converter  # only with the first call

    converter = Converter()
    structure = converter.register_structure_hook_factory

    for scalar in (str, int, float, bool):
        converter.register_structure_hook(scalar, ScalarHook(scalar, strict=strict))

    structure(lambda tp: tp is Any)(lambda _: _unchecked_document if writes else unchecked)

    @structure(lambda tp: origin_of(tp) is Literal)
    def literal(tp: Any) -> Hook:
        return literal_of(get_args(tp)) if closed else ScalarHook(str, strict=strict)

    @structure(lambda tp: origin_of(tp) in (list, Sequence))
    def array(tp: Any) -> Hook:
        member = converter.get_structure_hook(get_args(tp)[0])
        return array_of((lambda value, _: member(_plain(value), None)) if writes else member)

    @structure(lambda tp: origin_of(tp) in (dict, Mapping))
    def mapping(tp: Any) -> Hook:
        through = mapping_of(converter.get_structure_hook(get_args(tp)[1]), strict=strict)
        return (lambda value, _: through(encode(value), None)) if writes else through

    @structure(lambda tp: origin_of(tp) in (Union, types.UnionType))
    def union(tp: Any) -> Hook:
        return _union(converter, get_args(tp), strict=strict, closed=closed, writes=writes)

    @structure(lambda tp: attrs.has(origin_of(tp) or tp))
    def struct(tp: Any) -> Hook:
        if not strict:
            return _lenient_struct(converter, tp)
        fields = fields_of(converter, tp)
        return _written_struct(tp, fields) if writes else _strict_struct(tp, fields, closed=closed)

    unstructure = converter.unstructure
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _writer(unstructure, cls))
    converter.register_unstructure_hook(tuple, lambda value: converter.unstructure(list(value)))
    converter.register_unstructure_hook_func(
        lambda cls: isinstance(cls, type) and issubclass(cls, Mapping) and cls is not dict,
        lambda value: converter.unstructure(dict(value)),
    )
    # Also an enum's member, or a template's safe string, is plain text on the wire.
    converter.register_unstructure_hook(str, str.__str__)

    def foreign(value: Any) -> Any:
        made = plain_or_same(value)
        return value if made is value else unstructure(made)

    converter.register_unstructure_hook_func(is_foreign, foreign)
    return converter


# --- reading ------------------------------------------------------------------------------------


def _lenient_struct(converter: Converter, tp: Any) -> Hook:
    cls = origin_of(tp) or tp
    if issubclass(cls, Unknown):
        return _unknown_reader(cls)

    def make() -> Reader:
        return _lenient_reader(cls, fields_of(converter, tp))

    return compiled_reader(cls, make) if issubclass(cls, Struct) else make().read


def _lenient_reader(cls: Any, fields: dict[str, Field]) -> Reader:
    hooks = {name: f.hook for name, f in fields.items()}
    required_valid = frozenset(name for name, f in fields.items() if f.required_valid)
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
                    if key in required_valid:
                        raise error.under(key) from None
                    # The rest of the response is still usable.
                    extra[key] = value
                    if (member := fields[key].member) is not None:
                        values[key] = _readable(member, value)
        if "metadata_" in extra and "metadata" in hooks and "metadata" not in values:
            # The name of some servers' database column, which slips into their responses.
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

    return Reader(hooks, read, with_unknown)


def _unknown_reader(cls: type[Unknown]) -> Hook:
    def read(document: Any, _: Any) -> Any:
        if type(document) is not dict:
            raise wrong_type("an object", document)
        tag = document.get("type")
        return cls(type=tag if isinstance(tag, str) else "", raw=document)

    return read


def _readable(member: Hook, value: Any) -> list[Any]:
    """Returns the valid members of a list that has invalid ones too, or is a bare text."""
    members = [value] if type(value) is str else value if type(value) is list else []
    made = []
    for one in members:
        with contextlib.suppress(InvalidValueError):
            made.append(member(one, None))
    return made


def _strict_struct(tp: Any, fields: dict[str, Field], *, closed: bool) -> Hook:
    cls = origin_of(tp) or tp
    only_null: frozenset[str] = getattr(cls, "ONLY_NULL", frozenset())

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
                values[key] = checked_field(key, known, value)
            elif closed and not (value is None and key in only_null):
                raise InvalidValueError("not known", "unknown_parameter", key)
            else:
                extra[key] = value
        require_all(fields, values)
        if extra and not closed and issubclass(cls, Request):
            values["extra_body"] = extra
        made = cls(**values)
        require_no_problem(made)
        if extra and isinstance(made, Struct):
            made._extra = extra
        return made

    return read


def _union(
    converter: Converter, members: Sequence[Any], *, strict: bool, closed: bool, writes: bool
) -> Hook:
    """Returns the hook that picks the member by JSON type, and among objects by their ``type``."""
    members = [m for m in members if m is not type(None) and get_args(m) != (UNSET,)]
    if len(members) == 1:
        return converter.get_structure_hook(members[0])
    by_type: dict[type, Hook] = {}
    structs = [m for m in members if attrs.has(m)]
    for member in members:
        origin = origin_of(member) or member
        json_type = {Sequence: list, Mapping: dict, Literal: str}.get(origin, origin)
        if json_type in JSON_NAMES and not (json_type is dict and structs):
            by_type[json_type] = converter.get_structure_hook(member)
    if float in by_type:
        by_type.setdefault(int, by_type[float])
    if structs:
        by_type[dict] = _variant(converter, structs, strict=strict, closed=closed, writes=writes)
        if len(by_type) == 1:
            return by_type[dict]
    expected = " or ".join(JSON_NAMES[json_type] for json_type in by_type)

    def read(value: Any, _: Any) -> Any:
        hook = by_type.get(type(value))
        if hook is None:
            raise wrong_type(expected, value)
        return hook(value, None)

    return read


def _variant(
    converter: Converter, classes: Sequence[Any], *, strict: bool, closed: bool, writes: bool
) -> Hook:
    """Returns the hook of several classes with a ``type``; an unknown one is kept, or refused."""
    as_sent = next((cls.as_sent for cls in classes if hasattr(cls, "as_sent")), None)
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
        if writes and as_sent is not None:
            document = as_sent(document)
        tag = _plain(document.get("type")) if writes else document.get("type")
        hook = hooks.get(tag) if type(tag) is str else None
        if hook is not None:
            try:
                return hook(document, None)
            except InvalidValueError:
                # An invalid member must not make the rest of its list invalid.
                if strict or unknown is None:
                    raise
        if unknown is not None and not closed and (not strict or "type" in document):
            if writes:
                return encode(document)
            return _unknown_reader(unknown)(document, None)
        if "type" not in document:
            raise InvalidValueError("needed", "missing_required_parameter", "type")
        raise not_one_of(tuple(hooks), tag).under("type")

    return read


# --- writing ------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it, on the outside: what is in it is left as it is."""
    kind = type(value)
    if kind in _SCALARS or kind is list or kind is dict:
        return value
    if kind is tuple:
        return list(value)
    return _outside(kind)(value) if attrs.has(kind) else encode(value)


@cache
def _outside(cls: Any) -> Callable[[Any], Any]:
    return _writer(lambda value: value, cls)


def _number(value: Any) -> Any:
    """Returns a value of a field of numbers; elsewhere a decimal is text, and keeps its digits."""
    decimal = None if type(value) in _SCALARS else sys.modules.get("decimal")
    is_decimal = decimal is not None and isinstance(value, decimal.Decimal)
    return float(value) if is_decimal else _plain(value)


def _unchecked_document(value: Any, _: Any) -> Any:
    return encode(value)


def _written_struct(tp: Any, fields: dict[str, Field]) -> Hook:
    cls = origin_of(tp) or tp
    has_problem = hasattr(cls, "problem")
    as_sent = getattr(cls, "as_sent", None)

    def write(document: Any, _: Any) -> dict[str, Any]:
        if type(document) is not dict:
            raise wrong_type("an object", document)
        if as_sent is not None:
            document = as_sent(document)
        written: dict[str, Any] = {}
        for name, value in document.items():
            key = name if type(name) is str else encode(name)
            known = fields.get(key)
            if known is None:
                written[key] = encode(value)
                continue
            shown = _number(value) if known.is_number else _plain(value)
            if type(shown) is dict and known.rule is not None:
                shown = encode(shown)  # the rule looks at what is in it
            written[key] = checked_field(key, known, shown)
        require_all(fields, written)
        if has_problem:
            require_no_problem(cls(**{key: written[key] for key in fields if key in written}))
        return written

    return write


def _writer(unstructure: Callable[[Any], Any], cls: Any) -> Callable[[Any], Any]:
    """Returns a writer by the value of a field, not by its annotation: plain dicts are allowed."""
    if issubclass(cls, Unknown):
        return lambda made: made.raw
    fields = [
        (a.name, bool(a.metadata.get("omit_if_none")))
        for a in attrs.fields(cls)
        if a.init and not a.metadata.get("client_only")
    ]

    def write(made: Any) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for name, omit_if_none in fields:
            value = getattr(made, name)
            if value is UNSET or (omit_if_none and value is None):
                continue
            document[name] = value if type(value) in _SCALARS else unstructure(value)
        if isinstance(made, Struct) and made._extra:
            document.update(made._extra)
        if isinstance(made, Request) and made.extra_body is not UNSET:
            document.update(_checked_extra(cls, encode(made.extra_body)))
        return document

    return write


def _checked_extra(cls: Any, extra: Any) -> dict[str, Any]:
    """Returns the extra fields of the body; none may bypass the validation of a field."""
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
