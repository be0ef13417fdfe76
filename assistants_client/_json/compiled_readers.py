"""Readers of responses, compiled for each class: one line for each field.

They read the usual objects, and leave every other object to the fallback, the reader that
implements all the rules. Only speed belongs here: both must return the same. As compiling a reader
costs as much as reading some hundred objects, only a class that is read often gets one.

The line of a field that holds a string::

    made.detail = v if type(v := get('detail')) is str else absent_detail if v is None else ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import attrs

from assistants_client._json.hooks import Hook, InvalidValueError, ScalarHook

#: The number of objects of a class that are read before its reader is compiled.
COMPILE_AFTER: Final = 100

# In both, calling the constructor with all fields by name would cost as much as all the rest.
#: For a document with all fields and no other keys, which is read twice as fast.
_EXACT_KEYS = """\
def read_exact_keys(document, _):
    if type(document) is not dict or len(document) != {count}:
        return read_any_keys(document, _)
    made = new(cls)
    made._extra = None
    try:
        {lines}
    except KeyError:
        return read_any_keys(document, _)
    except InvalidValueError:
        return fallback(document, _)
    return made
"""
_ANY_KEYS = """\
def read_any_keys(document, _):
    if type(document) is not dict:
        return fallback(document, _)
    get = document.get
    made = new(cls)
    made._extra = None
    try:
        {lines}
    except InvalidValueError:
        return fallback(document, _)
    return made if known(document) else with_unknown(made, document)
"""
_LINE = "made.{name} = {absent} if (v := {value}) is None else hook_{name}(v, 0)"
#: The line of a scalar, which needs no call of its hook.
_SCALAR_LINE = (
    "made.{name} = v if type(v := {value}) is {scalar} "
    "else {absent} if v is None else hook_{name}(v, 0)"
)


class Reader(NamedTuple):
    """The reader of a class that implements all the rules, and its parts.

    Attributes:
        hooks: The hook of each field.
        read: Reads any object.
        with_unknown: Called with the object, where its document has keys that are no fields.
    """

    hooks: Mapping[str, Hook]
    read: Hook
    with_unknown: Callable[[Any, dict[str, Any]], Any]


def compiled_reader(cls: type, make: Callable[[], Reader]) -> Hook:
    """Returns the reader of a class, which compiles itself once the class is read often.

    Args:
        cls: A ``Struct`` whose constructor does no more than to set its fields.
        make: Makes its reader, at the first object: most parts of a response are ``null``.
    """
    seen = 0
    reader: Reader | None = None
    compiled: Hook | None = None

    def read(document: Any, _: Any) -> Any:
        nonlocal seen, reader, compiled
        if compiled is not None:
            return compiled(document, _)
        if reader is None:
            reader = make()
        seen += 1
        if seen == COMPILE_AFTER:
            compiled = _compile(cls, reader)
        return reader.read(document, _)

    return read


def _compile(cls: type, reader: Reader) -> Hook:
    def needed() -> None:
        raise InvalidValueError("needed")

    scope: dict[str, Any] = {
        "cls": cls,
        "fallback": reader.read,
        "with_unknown": reader.with_unknown,
        "InvalidValueError": InvalidValueError,
        "new": object.__new__,
        "known": frozenset(reader.hooks).issuperset,
    }
    exact, some = [], []
    for name, hook in reader.hooks.items():
        default = getattr(attrs.fields(cls), name).default
        absent = f"absent_{name}"
        scope[f"hook_{name}"] = hook
        scope[absent] = default
        if default is attrs.NOTHING:
            scope[absent] = needed
            absent += "()"
        elif isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # to stubs a function
            scope[absent] = default.factory
            absent += "()"
        line = _LINE
        words = {"name": name, "absent": absent}
        if isinstance(hook, ScalarHook):
            line = _SCALAR_LINE
            words["scalar"] = hook.type.__name__
        exact.append(line.format(value=f"document[{name!r}]", **words))
        some.append(line.format(value=f"get({name!r})", **words))
    below = "\n        "
    exec(_ANY_KEYS.format(lines=below.join(some)), scope)
    exec(_EXACT_KEYS.format(lines=below.join(exact), count=len(exact)), scope)
    compiled: Hook = scope["read_exact_keys"]
    return compiled
