"""Both forms of a call from one declaration: a request object, or that class's fields as keywords.

There is one pair of protocols for each count of ids in the path: a ParamSpec cannot follow a
variable number of positional parameters.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from assistants_client._suggestions import no_argument

P = ParamSpec("P")
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
RequestT = TypeVar("RequestT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


if TYPE_CHECKING:
    # pyright takes a contravariant variable beside a ParamSpec for one that should be invariant.
    class _Call0(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        @overload
        def __call__(self, request: RequestT_contra, /) -> ResultT_co: ...
        @overload
        def __call__(self, *args: P.args, **fields: P.kwargs) -> ResultT_co: ...

    class _Call1(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        @overload
        def __call__(self, parent_id: str, request: RequestT_contra, /) -> ResultT_co: ...
        @overload
        def __call__(self, parent_id: str, /, *args: P.args, **fields: P.kwargs) -> ResultT_co: ...

    class _Call2(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        @overload
        def __call__(
            self, parent_id: str, item_id: str, request: RequestT_contra, /
        ) -> ResultT_co: ...
        @overload
        def __call__(
            self, parent_id: str, item_id: str, /, *args: P.args, **fields: P.kwargs
        ) -> ResultT_co: ...

    class _Method0(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        def __get__(
            self, instance: object, owner: type, /
        ) -> _Call0[P, RequestT_contra, ResultT_co]: ...

    class _Method1(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        def __get__(
            self, instance: object, owner: type, /
        ) -> _Call1[P, RequestT_contra, ResultT_co]: ...

    class _Method2(Protocol[P, RequestT_contra, ResultT_co]):  # pyright: ignore[reportInvalidTypeVarUse]
        def __get__(
            self, instance: object, owner: type, /
        ) -> _Call2[P, RequestT_contra, ResultT_co]: ...


class accepts_fields_of(Generic[P]):
    """A decorator of methods that take a request object, or that class's fields as keywords.

    The method itself is written once, for the object: ``(self, *ids, request)``. Types, names and
    defaults of the keyword form come from the class's constructor, so a field is declared once.

    The classes are named in functions, and imported when the method is first looked at: a program
    that only reads needs none of them.

    Args:
        request: Returns the class.
        base: Returns a base class of it, whose objects are accepted too; the other options then
            have their defaults.
    """

    def __init__(
        self, request: Callable[[], Callable[P, object]], base: Callable[[], type] | None = None
    ) -> None:
        self._request = request
        self._base = base

    @overload
    def __call__(
        self, method: Callable[[Any, RequestT], ResultT_co], /
    ) -> _Method0[P, RequestT, ResultT_co]: ...
    @overload
    def __call__(
        self, method: Callable[[Any, str, RequestT], ResultT_co], /
    ) -> _Method1[P, RequestT, ResultT_co]: ...
    @overload
    def __call__(
        self, method: Callable[[Any, str, str, RequestT], ResultT_co], /
    ) -> _Method2[P, RequestT, ResultT_co]: ...
    def __call__(self, method: Callable[..., Any], /) -> Any:
        """Wraps the method."""
        return _Lazy(partial(self._wrapped, method))

    def _wrapped(self, method: Callable[..., Any]) -> Any:
        request_class: Any = self._request()
        accepted: Any = request_class if self._base is None else self._base()
        own, *ids, _ = inspect.signature(method).parameters.values()
        named = [p.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for p in (own, *ids)]
        count = len(named)

        @functools.wraps(method)
        def call(*args: Any, **fields: Any) -> Any:
            if len(args) < count:
                missing = ", ".join(p.name for p in named[len(args) :])
                raise TypeError(
                    f"{method.__qualname__}() needs {missing} before the fields, by position"
                )
            given = args[count:]
            if given and isinstance(given[0], accepted):
                if len(given) > 1 or fields:
                    raise TypeError(
                        f"{method.__qualname__}() takes either one {accepted.__name__} or "
                        "its fields, not both"
                    )
                return method(*args)
            if len(given) > most_positional:
                ids_first = "its ids, then " if ids else ""
                got = type(given[most_positional]).__name__
                raise TypeError(
                    f"{method.__qualname__}() takes {ids_first}one {accepted.__name__} or its "
                    f"fields as keywords, not the positional {got}"
                )
            for name in fields.keys() - known:
                raise no_argument(method.__qualname__, name, known, noun="field")
            return method(*args[:count], request_class(*given, **fields))

        own_fields = sorted(inspect.signature(request_class).parameters.values(), key=_place)
        known = {p.name for p in own_fields}
        most_positional = sum(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in own_fields)
        signature = inspect.Signature([*named, *own_fields])
        call.__signature__ = signature  # type: ignore[attr-defined]  # inspect reads it, no type has it
        call.__annotations__ = {}  # those of the method have no keywords; the signature is right
        call.__doc__ = _with_fields(method.__doc__, request_class, accepted)
        return call


class _Lazy:
    """Stands for a method of a class, and makes it and puts it there when it is first got."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        method = self._make()
        setattr(self._owner, self._name, method)
        return method.__get__(instance, owner)


def _place(field: inspect.Parameter) -> tuple[int, bool, bool]:
    """Returns a field's sort key for help: required ones first, ``extra_body`` last."""
    return field.kind, field.default is not field.empty, field.name == "extra_body"


def _with_fields(text: str | None, request: type, accepted: type) -> str | None:
    """Returns a method's docstring with the fields' documentation in the request's classes."""
    documented = []
    for cls in request.__mro__:
        if "Attributes:" in (cls.__doc__ or ""):
            documented.append(inspect.cleandoc(str(cls.__doc__)).partition("\nAttributes:\n")[2])
    if text is None or not documented:
        return text
    head, raises, errors = inspect.cleandoc(text).partition("\n\nRaises")
    forms = f"Takes one ``{accepted.__name__}``, or its fields as keywords."
    return "\n".join([head, "", forms, "", "Args:", *documented]) + raises + errors
