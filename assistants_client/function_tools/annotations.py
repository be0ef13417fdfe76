"""Maps annotations to JSON types.

Python types come in, JSON types go out; functions and their docstrings do not belong here, nor the
schema and the reader of a JSON type.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import decimal
import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import attrs

from assistants_client.function_tools import docstrings, json_types
from assistants_client.function_tools.json_types import Field, JsonType, Schema

if sys.version_info >= (3, 14):
    import annotationlib

_LISTS: Final = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)
_SETS: Final[dict[object, type]] = {
    set: set,
    frozenset: frozenset,
    collections.abc.Set: frozenset,
    collections.abc.MutableSet: set,
}
_MAPPINGS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_NOT_IN_NAMES: Final = re.compile(r"\W+")
#: The module and the enclosing scopes before the name of a class.
_MODULES: Final = re.compile(r"\b(?:\w+\.|<locals>\.)+")


class UnsupportedError(Exception):
    """An annotation that has no JSON type; the message says why."""


class NotYetKnownError(UnsupportedError):
    """An annotation that Python has not evaluated, and whose names are not known yet.

    Since Python 3.14 it evaluates those of functions and classes when they are asked for.
    """


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The parameters of a function, whatever is known of their annotations.

    Raises:
        ValueError: As :func:`inspect.signature`.
    """
    if sys.version_info >= (3, 14):
        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def of_parameter(function: Any, name: str) -> Any:
    """Returns the annotation of a function's parameter, also when it is written as a string.

    The others are not resolved: the return annotation may use names that are not defined yet.

    Raises:
        NotYetKnownError: It names what does not exist, and may do so later.
        UnsupportedError: There is none, or it names what does not exist.
    """
    if sys.version_info >= (3, 14):
        annotations = annotationlib.get_annotations(
            function, format=annotationlib.Format.FORWARDREF
        )
    else:
        annotations = getattr(function, "__annotations__", {})
    if name not in annotations:
        raise UnsupportedError(f"{name!r} has no annotation; say what it takes")
    alone = types.SimpleNamespace(__annotations__={name: annotations[name]})
    try:
        return _resolved(alone, getattr(function, "__globals__", {}))[name]
    except UnsupportedError as error:
        kind = NotYetKnownError if _is_deferred(function) else UnsupportedError
        raise kind(f"{name!r}: {error}") from error


def _resolved(target: Any, names: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return typing.get_type_hints(target, names, include_extras=True)
    except Exception as error:
        kind = NotYetKnownError if _is_deferred(target) else UnsupportedError
        raise kind(
            f"an annotation cannot be resolved ({error}); its names must be known in its module"
        ) from error


def _is_deferred(target: Any) -> bool:
    """Returns whether names are missing that Python resolves later, as it does not in strings."""
    try:
        getattr(target, "__annotations__", {})
    except NameError:
        return True
    return False


class Annotations:
    """Builds JSON types. Classes are described once, in ``definitions``, sent as ``$defs``."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.definitions: dict[str, Schema] = {}
        self._named: dict[Any, JsonType] = {}

    def json_type(self, tp: Any) -> JsonType:
        """Returns the JSON type of a Python type.

        Raises:
            UnsupportedError: It has none.
        """
        origin, arguments = get_origin(tp), get_args(tp)
        if origin is Annotated:
            return self._annotated(tp, *arguments)
        if origin in (Union, types.UnionType):
            return json_types.union([self.json_type(member) for member in arguments])
        if origin is Literal:
            return self._constants((_value(member), member) for member in arguments)
        if isinstance(tp, collections.abc.Hashable):
            json_type = self._plain(tp) or self._container(tp, origin or tp, arguments)
            json_type = json_type or self._class(tp, origin or tp, arguments)
            if json_type is not None:
                return json_type
        raise UnsupportedError(f"{_spelled(tp)} has no form in JSON Schema")

    def field(
        self, name: str, tp: Any, description: str = "", default: object = attrs.NOTHING
    ) -> Field:
        """Returns a field of an object; it is required unless there is a default.

        Raises:
            UnsupportedError: Its annotation has no JSON type; the message names it.
        """
        make_default = None
        try:
            if json_types.is_pydantic_field(default):
                from assistants_client.function_tools.limits import default_of

                tp = Annotated[tp, default]
                default, make_default = default_of(default)
            json_type = self.json_type(tp)
        except UnsupportedError as error:
            raise type(error)(f"{name!r}: {error}") from error
        except TypeError as error:
            raise UnsupportedError(f"{name!r}: {error}") from error
        if default is None and not json_type.nullable:  # an old way to say Optional
            json_type = json_types.union([json_type, json_types.scalar(json_types.NoneType)])
        is_required = default is attrs.NOTHING
        return Field(name, json_type, is_required, description, default, make_default)

    def _plain(self, tp: Any) -> JsonType | None:
        if tp is Any or tp is object:
            if self.strict:
                raise UnsupportedError(f"strict mode needs to know the type, {_spelled(tp)} is any")
            return json_types.anything()
        if tp is None or tp in json_types.SCALARS:
            return json_types.scalar(tp or json_types.NoneType)
        if tp in json_types.TEXTS:
            return json_types.formatted(tp, strict=self.strict)
        return json_types.decimal_number() if tp is decimal.Decimal else None

    def _container(self, tp: Any, origin: Any, arguments: Sequence[Any]) -> JsonType | None:
        if origin in _LISTS:
            return json_types.array(self.json_type(arguments[0] if arguments else Any), list)
        if origin in _SETS:
            item = self.json_type(arguments[0] if arguments else Any)
            return json_types.array(item, _SETS[origin], unique=not self.strict)
        if origin is tuple:
            return self._tuple(tp, arguments)
        if origin in _MAPPINGS:
            return self._mapping(*(arguments or (str, Any)))
        return None

    def _class(self, tp: Any, origin: Any, arguments: Sequence[Any]) -> JsonType | None:
        if hasattr(tp, "__supertype__"):  # a NewType
            return self.json_type(tp.__supertype__)
        if type(origin).__name__ == "TypeAliasType":  # the type statement of Python 3.12
            return self._by_name(tp, lambda: self.json_type(tp.__value__), json_types.EVERYTHING)
        if not isinstance(origin, type):
            return None
        if issubclass(origin, enum.Enum):
            return self._by_name(tp, lambda: self._enum(origin), json_types.SCALARS)
        return self._of_package(tp, origin) or self._of_fields(tp, origin, arguments)

    def _of_fields(self, tp: Any, origin: Any, arguments: Sequence[Any]) -> JsonType | None:
        kind = next((kind for test, kind in _KINDS if test(origin)), None)
        if kind is None:
            return None

        def build() -> JsonType:
            known = dict(zip(getattr(origin, "__parameters__", ()), arguments, strict=False))
            descriptions = docstrings.parameters(_own_docstring(origin))
            fields = [
                self.field(name, _filled(hint, known), descriptions.get(name, ""), default)
                for name, hint, default in kind(origin)
            ]
            return json_types.object_(fields, origin, strict=self.strict)

        return self._by_name(tp, build, frozenset({dict}))

    def _of_package(self, tp: Any, origin: Any) -> JsonType | None:
        from assistants_client.function_tools import package_types

        if package_types.is_model(origin):
            return self._by_name(tp, lambda: self._model(tp), json_types.EVERYTHING)
        return package_types.numbers(tp, origin)

    def _model(self, tp: Any) -> JsonType:
        from assistants_client.function_tools import package_types

        name = self._named[tp].schema["$ref"].rpartition("/")[2]
        try:
            return package_types.model(tp, name, self.definitions, strict=self.strict)
        except TypeError as error:
            raise UnsupportedError(str(error)) from error

    def _by_name(
        self, tp: Any, build: Callable[[], JsonType], accepts: frozenset[type]
    ) -> JsonType:
        """Returns a JSON type that is referred to by name, so that it may contain itself."""
        if tp in self._named:
            return self._named[tp]
        stem = name = _NOT_IN_NAMES.sub("_", _spelled(tp)).strip("_")
        while name in self.definitions:
            name = f"{stem}_{len(self.definitions)}"
        self.definitions[name] = {}  # taken
        reference = {"$ref": f"#/$defs/{name}"}
        built: list[JsonType] = []

        def read(value: Any) -> Any:
            return built[0].read(value)  # empty while the fields of the class are resolved

        self._named[tp] = JsonType(reference, read, "an object", accepts)
        json_type = build()
        built.append(json_type)
        description = docstrings.summary(_own_docstring(tp))
        self.definitions[name] = {
            **json_type.schema,
            **({"description": description} if description else {}),
        }
        self._named[tp] = attrs.evolve(json_type, schema=reference)
        return self._named[tp]

    def _annotated(self, annotated: Any, tp: Any, *notes: Any) -> JsonType:
        # Most functions have neither limits nor classes of packages.
        from assistants_client.function_tools import limits, package_types

        try:
            if package_types.needs_pydantic(notes):
                json_type = package_types.model(annotated, "", self.definitions, strict=self.strict)
            else:
                json_type = limits.limited(self.json_type(tp), notes)
        except TypeError as error:
            raise UnsupportedError(str(error)) from error
        description = limits.description_of(notes) or json_type.description
        return attrs.evolve(json_type, description=description)

    def _constants(self, members: Iterator[tuple[Any, object]]) -> JsonType:
        pairs = list(members)
        for value, member in pairs:
            if type(value) not in json_types.SCALARS:
                raise UnsupportedError(f"{member!r} is no string, number, boolean or null")
        return json_types.enum(pairs)

    def _enum(self, cls: type[enum.Enum]) -> JsonType:
        if not len(cls):
            raise UnsupportedError(f"{_spelled(cls)} has no members")
        return self._constants((_value(member), member) for member in cls)

    def _tuple(self, tp: Any, items: Sequence[Any]) -> JsonType:
        if tp is tuple or tp is typing.Tuple:  # noqa: UP006 - users' annotations may say so
            return json_types.array(self.json_type(Any), tuple)
        if len(items) == 2 and items[1] is ...:
            return json_types.array(self.json_type(items[0]), tuple)
        if self.strict:
            raise UnsupportedError(
                "strict mode supports no tuples of fixed length; use a class or a TypedDict"
            )
        return json_types.tuple_([self.json_type(item) for item in items if item != ()])

    def _mapping(self, key: Any, item: Any) -> JsonType:
        if self.strict:
            raise UnsupportedError("strict mode supports no free keys; use a class or a TypedDict")
        keys = self.json_type(key)
        if not keys.accepts & {str, int}:
            raise UnsupportedError(f"keys of {_spelled(key)} cannot be written as strings")
        return json_types.mapping(keys, self.json_type(item))


# --- classes ------------------------------------------------------------------------------------

#: Name, annotation and default of each field that the constructor accepts.
_Fields = Iterator[tuple[str, Any, object]]

#: The default of an optional field that has none.
_ABSENT: Final = object()


def _is_typed_dict(cls: type) -> bool:
    # Each library that has TypedDict has a metaclass of its own for it.
    return issubclass(cls, dict) and hasattr(cls, "__total__") and hasattr(cls, "__required_keys__")


def _typed_dict_fields(cls: Any) -> _Fields:
    for name, annotation in _resolved(cls).items():
        hint, required = annotation, name in cls.__required_keys__
        # Where annotations are strings, the keys were sorted before the marks could be read.
        while (mark := getattr(get_origin(hint), "_name", "")) in _MARKS:
            required = _MARKS[mark] if _MARKS[mark] is not None else required
            hint = get_args(hint)[0]
        yield name, hint, attrs.NOTHING if required else _ABSENT


_MARKS: Final[dict[str, Any]] = {"Required": True, "NotRequired": False, "ReadOnly": None}


def _attrs_fields(cls: Any) -> _Fields:
    hints = _resolved(cls)
    for a in attrs.fields(cls):
        if a.init:
            made = isinstance(a.default, attrs.Factory)  # type: ignore[arg-type]  # to stubs a function
            yield a.alias, hints.get(a.name, Any), _ABSENT if made else a.default


def _dataclass_fields(cls: Any) -> _Fields:
    hints = _resolved(cls)
    for f in dataclasses.fields(cls):
        if f.init:
            made = f.default_factory is not dataclasses.MISSING
            plain = attrs.NOTHING if f.default is dataclasses.MISSING else f.default
            yield f.name, hints[f.name], _ABSENT if made else plain


def _named_tuple_fields(cls: Any) -> _Fields:
    hints = _resolved(cls)
    for name in cls._fields:
        yield name, hints.get(name, Any), cls._field_defaults.get(name, attrs.NOTHING)


_KINDS: Final[tuple[tuple[Callable[[type], bool], Callable[[Any], _Fields]], ...]] = (
    (_is_typed_dict, _typed_dict_fields),
    (attrs.has, _attrs_fields),
    (dataclasses.is_dataclass, _dataclass_fields),
    (lambda cls: issubclass(cls, tuple) and hasattr(cls, "_fields"), _named_tuple_fields),
)


def _filled(hint: Any, known: dict[Any, Any]) -> Any:
    """Returns an annotation of a generic class with the class's arguments substituted."""
    if hint in known:
        return known[hint]
    free = getattr(hint, "__parameters__", ())
    return hint[tuple(known.get(each, each) for each in free)] if free else hint


def _own_docstring(tp: Any) -> str | None:
    """Returns the docstring written for the class: not inherited, not generated."""
    cls = get_origin(tp) or tp
    text = vars(cls).get("__doc__") if isinstance(cls, type) else None
    generated = isinstance(text, str) and (
        text.startswith(f"{cls.__name__}(") or text == "An enumeration."
    )
    return None if generated or not isinstance(text, str) else inspect.cleandoc(text)


def _value(member: Any) -> Any:
    return member.value if isinstance(member, enum.Enum) else member


def _spelled(tp: Any) -> str:
    """Returns a type as it is written in source."""
    if isinstance(tp, type) and not get_args(tp):
        return tp.__name__
    return _MODULES.sub("", str(tp))
