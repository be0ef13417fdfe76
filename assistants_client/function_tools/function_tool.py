"""Functions as tools: ``@tool`` makes one of a function, ``as_tools`` of a list of them.

The definition of a function for the model, and the reader of its arguments, are put together here.
Answering tool calls does not belong here: that is ``dispatch.py``.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Final,
    Generic,
    NoReturn,
    ParamSpec,
    TypeAlias,
    TypeVar,
    overload,
)

import attrs

from assistants_client._json.strict import strict_json
from assistants_client.errors import ConfigurationError
from assistants_client.function_tools import docstrings, json_types
from assistants_client.function_tools.annotations import (
    Annotations,
    NotYetKnownError,
    UnsupportedError,
    of_parameter,
    signature_of,
)
from assistants_client.models._base import JsonObject
from assistants_client.models._limits import LIMIT, identifier
from assistants_client.models.tools import FunctionDefinition, FunctionTool, Tool, ToolInput

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
Owner = TypeVar("Owner")
R_co = TypeVar("R_co", covariant=True)

#: What a model gets to know of a function, and how its arguments are read.
Description: TypeAlias = tuple[FunctionDefinition, json_types.JsonType]

#: A tool, its JSON form, or a function.
ToolLike: TypeAlias = ToolInput | Callable[..., object]

_NAMELESS: Final = frozenset({"<lambda>", "__call__"})
_VARIADIC: Final = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


class ToolFunction(FunctionTool, Generic[P, R_co]):
    """A function that the model may call. It is made by :func:`tool`.

    It is called as the function itself, and is passed as a tool: ``tools=[get_weather]``. Two of
    them are equal only if they are the same.

    Attributes:
        function: The definition sent to the model: name, description, parameters.
    """

    __slots__ = ("__dict__", "_describe", "_implementation", "_is_unbound", "_json_type")

    __name__: str
    __qualname__: str

    def __init__(
        self,
        implementation: Callable[P, R_co],
        name: str,
        describe: Callable[[], Description],
        *,
        is_unbound: bool = False,
    ) -> None:
        super().__init__(function=FunctionDefinition(name=name))
        del self.function  # until it is described
        self._implementation = implementation
        self._describe = describe
        self._is_unbound = is_unbound
        self.__name__ = self.__qualname__ = name  # partials have neither
        functools.update_wrapper(self, implementation, updated=())
        self.__wrapped__ = implementation

    if not TYPE_CHECKING:  # who would take every attribute to be there

        def __getattr__(self, name: str) -> Any:
            # When a function is decorated, classes may not be defined yet that it takes.
            if name in {"function", "_json_type"}:
                self.function, self._json_type = self._describe()
                return getattr(self, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    _json_type: json_types.JsonType

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Calls the function itself."""
        return self._implementation(*args, **kwargs)

    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> ToolFunction[P, R_co]: ...
    @overload
    def __get__(
        self: ToolFunction[Concatenate[Owner, Q], R], instance: Owner, owner: type | None = None, /
    ) -> ToolFunction[Q, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> ToolFunction[P, R_co]: ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Any:
        """Returns the tool of a bound method."""
        if instance is None or not self._is_unbound:
            return self
        bound = types.MethodType(self._implementation, instance)
        return ToolFunction(bound, self.__name__, lambda: (self.function, self._json_type))

    def read_arguments(self, arguments: str) -> dict[str, Any]:
        """Returns the keyword arguments for the function, in the types that it declares.

        Args:
            arguments: The JSON text that the model wrote; an empty one means no arguments.

        Raises:
            ValueError: They are not valid. The message names each path and the expected type
                there, as in "city: expected a string, got 5".
        """
        values: dict[str, Any] = self._json_type.read(_parsed(arguments))
        return values

    @property
    def is_unbound(self) -> bool:
        """Returns whether this is an unbound method, which cannot be called for a model."""
        return self._is_unbound

    def __repr__(self) -> str:
        try:
            parameters = (self.function.parameters or {}).get("properties", ())
        except ConfigurationError:
            return f"<tool {self.__name__}(…)>"
        return f"<tool {self.function.name}({', '.join(parameters)})>"

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:  # type: ignore[override]  # a function can be a key, other tools not
        return id(self)

    def __reduce__(self) -> str:
        # As functions do: by name, so that only what can be imported can be pickled.
        return self.__qualname__


@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool = False,
) -> ToolFunction[P, R]: ...
@overload
def tool(
    function: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool = False,
) -> Callable[[Callable[P, R]], ToolFunction[P, R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool = False,
) -> Any:
    """Makes a function a tool that the model may call. A decorator, with or without arguments.

    The definition sent to the model has the function's name, the first paragraph of its docstring,
    and its parameters: their types from the annotations, their descriptions from the docstring
    (Google, NumPy or reStructuredText style) or from ``Annotated[str, "what it means"]``. The
    model's arguments are validated and converted to the annotated types before the function is
    called. Limits beside a type (``Annotated[int, Field(ge=18)]``, of pydantic, annotated_types or
    msgspec) are sent and kept; models of pydantic and msgspec are described and read by their
    packages, and numbers, arrays and tables of numpy and pandas made of JSON numbers and arrays.

    A method is decorated in its class, and passed as ``tools=[thing.method]``. Arguments that a
    ``functools.partial`` fixes are not part of the definition.

    A class that a parameter takes may be defined further down where Python evaluates annotations
    late, as it does since 3.14 unless they are written as strings; what is wrong with such a
    function is raised where it is given as a tool.

    Args:
        function: The function.
        name: The name for the model, if it is to be another.
        description: The description for the model, if it is to be another.
        strict: Ask the server to constrain the model to the schema. Then every parameter must be
            given, and one that has a default may be ``null``, which means the default.

    Raises:
        ConfigurationError: The function cannot be a tool; the message says why and names the
            parameter.
    """
    if function is None:
        return functools.partial(tool, name=name, description=description, strict=strict)
    if isinstance(function, ToolFunction):
        function = function.__wrapped__
    target = _target(function)
    chosen = name if name is not None else target.__name__
    if chosen in _NAMELESS:
        _refuse("a lambda or an object", "it has no name; give it one with name=")
    broken = identifier()[LIMIT](chosen)
    if broken is not None:
        _refuse(f"function {chosen}", f"its name {broken[0]}; choose one with name=")
    try:
        signature = signature_of(function)
    except ValueError as error:
        raise ConfigurationError(f"function {chosen} cannot be a tool: {error}") from error
    fixed = function.keywords if isinstance(function, functools.partial) else {}
    parameters = [p for p in signature.parameters.values() if p.name not in fixed]
    is_unbound = bool(parameters) and parameters[0].name == "self"
    text = description if description is not None else docstrings.summary(target.__doc__)

    def describe() -> Description:
        try:
            json_type, schema = _arguments(parameters[is_unbound:], target, strict=strict)
        except UnsupportedError as error:
            message = f"function {chosen} cannot be a tool: {error}"
            raise ConfigurationError(message) from error
        definition = FunctionDefinition(
            name=chosen, description=text or None, parameters=schema, strict=strict or None
        )
        return definition, json_type

    made = ToolFunction(function, chosen, describe, is_unbound=is_unbound)
    try:
        made.function  # noqa: B018 - it is described now, if it can be
    except ConfigurationError as error:
        if not isinstance(error.__cause__, NotYetKnownError):
            raise
    return made


def as_tools(tools: Iterable[ToolLike]) -> list[Tool | JsonObject]:
    """Returns the list with its functions made tools, and its tools as they are.

    Raises:
        ConfigurationError: Something in it is no tool, or two have the same name.
    """
    from assistants_client._arguments import check_not_used_up  # not to make a tool of a function

    if isinstance(tools, (str, Mapping)) or not isinstance(tools, Iterable):
        raise ConfigurationError(f"tools: {tools!r:.80} is not a list of tools")
    check_not_used_up("tools", tools)
    made = [_as_tool(index, item) for index, item in enumerate(tools)]
    seen: set[str] = set()
    for index, item in enumerate(made):
        name = _name_of(item)
        if name in seen:
            raise ConfigurationError(f"tools[{index}]: there is another tool called {name!r}")
        if name:
            seen.add(name)
    return made


def _as_tool(index: int, item: Any) -> Tool | JsonObject:
    if isinstance(item, ToolFunction):
        if item.is_unbound:
            raise ConfigurationError(
                f"tools[{index}]: {item.__qualname__} is a method; give that of an object, as in "
                f"thing.{item.__name__}"
            )
        return item
    if isinstance(item, (Tool, Mapping)):
        plain: Tool | JsonObject = item
        return plain
    if callable(item):
        made: ToolFunction[..., Any] = tool(item)
        return made
    raise ConfigurationError(f"tools[{index}]: {item!r:.80} is neither a tool nor a function")


def _name_of(item: Tool | JsonObject) -> str | None:
    if isinstance(item, FunctionTool):
        return item.function.name
    function = item.get("function") if isinstance(item, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else None


def _refuse(what: str, why: str) -> NoReturn:
    raise ConfigurationError(f"{what} cannot be a tool: {why}")


def _target(function: Any) -> Any:
    """Returns the function behind methods, partials and wrappers, with docstring and hints."""
    if isinstance(function, (staticmethod, classmethod)):
        _refuse(
            f"a {type(function).__name__}",
            "for a static method write @staticmethod above @tool; a class method is made a tool "
            "outside of the class, with tool(Class.method)",
        )
    if isinstance(function, type) or not callable(function):
        _refuse(f"{function!r:.80}", "it is not a function")
    target = function
    while isinstance(target, functools.partial):
        target = target.func
    target = inspect.unwrap(target)
    if not inspect.isroutine(target):
        target = type(target).__call__
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        _refuse(
            f"function {target.__name__}",
            "it is async, and this client blocks; wrap it in a function that runs it to its end, "
            "for instance with asyncio.run",
        )
    return target


def _arguments(
    parameters: Iterable[inspect.Parameter], target: Any, *, strict: bool
) -> tuple[json_types.JsonType, json_types.Schema]:
    """Returns the type of a function's arguments, and its schema with the classes in it."""
    annotations = Annotations(strict=strict)
    descriptions = docstrings.parameters(target.__doc__)
    fields = [_field(p, target, descriptions, annotations) for p in parameters]
    json_type = json_types.object_(fields, dict, noun="argument", strict=strict)
    definitions = annotations.definitions
    schema = {**json_type.schema, "$defs": definitions} if definitions else json_type.schema
    return json_type, schema


def _field(
    parameter: inspect.Parameter,
    target: Any,
    descriptions: Mapping[str, str],
    annotations: Annotations,
) -> json_types.Field:
    name = parameter.name
    if parameter.kind in _VARIADIC:
        raise UnsupportedError(f"parameter {name!r} takes any number; models need a list of names")
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise UnsupportedError(f"parameter {name!r} is positional only; models give all by name")
    default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
    try:
        return annotations.field(
            name, of_parameter(target, name), descriptions.get(name, ""), default
        )
    except UnsupportedError as error:
        raise type(error)(f"parameter {error}") from error


def _parsed(arguments: str) -> Any:
    if not arguments.strip():
        return {}
    try:
        return strict_json(arguments, raw_newlines=True)
    except ValueError as error:
        raise ValueError(f"the arguments are not a JSON object: {error}") from None
