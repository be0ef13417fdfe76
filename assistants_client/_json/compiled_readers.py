"""Readers for each class of answers, written out: one line for each field.

They read what servers usually send, and leave an object with anything odd about it to another
reader, which knows all the rules. Only speed belongs here: what is read must be the same. As
writing one costs as much as reading some hundred objects, only a class that is met often gets one.

The line of a field that holds a string::

    made.detail = v if type(v := get('detail')) is str else absent_detail if v is None else ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from assistants_client._json.hooks import Hook

#: How many objects of a class are read before its reader is written.
OFTEN: Final = 100

# In both, the constructor would be told all fields by name, which costs as much as all the rest.
#: Where all fields are there, and nothing else: they are found twice as fast.
_WHOLE = """\
def read_whole(document, _):
    if type(document) is not dict or len(document) != {count}:
        return read_any(document, _)
    made = new(cls)
    made._extra = None
    try:
        {lines}
    except KeyError:
        return read_any(document, _)
    except odd:
        return careful(document, _)
    return made
"""
_ANY = """\
def read_any(document, _):
    if type(document) is not dict:
        return careful(document, _)
    get = document.get
    made = new(cls)
    made._extra = None
    try:
        {lines}
    except odd:
        return careful(document, _)
    return made if known(document) else with_unknown(made, document)
"""
_LINE = "made.{name} = {absent} if (v := {value}) is None else hook_{name}(v, 0)"
#: That of a plain value, which needs no call of its hook.
_PLAIN_LINE = (
    "made.{name} = v if type(v := {value}) is {plain} "
    "else {absent} if v is None else hook_{name}(v, 0)"
)


def quick_reader(
    cls: type,
    hooks: Mapping[str, Hook],
    plain: Mapping[str, type],
    *,
    careful: Hook,
    with_unknown: Callable[[Any, dict[str, Any]], Any],
    odd: type[Exception],
) -> Hook:
    """The reader of a class.

    Args:
        cls: A ``Struct`` whose constructor does no more than to set its fields.
        hooks: What reads each field.
        plain: The type of those fields that hold a string, a number or a truth value.
        careful: Reads an object that is odd.
        with_unknown: Given the object, where its document has keys that are no fields.
        odd: What a hook raises.
    """
    scope = {"cls": cls, "careful": careful, "with_unknown": with_unknown, "odd": odd}
    seen = 0
    written: Hook | None = None

    def read(document: Any, _: Any) -> Any:
        nonlocal seen, written
        if written is not None:
            return written(document, _)
        seen += 1
        if seen == OFTEN:
            written = _written_out(scope, hooks, plain)
        return careful(document, _)

    return read


def _written_out(
    scope: dict[str, Any], hooks: Mapping[str, Hook], plain: Mapping[str, type]
) -> Hook:
    def needed() -> None:
        raise scope["odd"]("needed")

    scope["new"] = object.__new__
    scope["known"] = frozenset(hooks).issuperset
    whole, some = [], []
    for name, hook in hooks.items():
        default = getattr(attrs.fields(scope["cls"]), name).default
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
        if name in plain:
            line = _PLAIN_LINE
            words["plain"] = plain[name].__name__
        whole.append(line.format(value=f"document[{name!r}]", **words))
        some.append(line.format(value=f"get({name!r})", **words))
    below = "\n        "
    exec(_ANY.format(lines=below.join(some)), scope)
    exec(_WHOLE.format(lines=below.join(whole), count=len(hooks)), scope)
    reader: Hook = scope["read_whole"]
    return reader
