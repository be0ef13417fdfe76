"""Functions as tools: ``@tool`` makes one of a function, ``as_tools`` of a list of them.

What a model is told about a function, and how arguments are read for it, is put together here.
Answering tool calls is not: that is ``dispatch.py``.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import (
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
from assistants_client.function_tools import docstrings as _docstrings, json_types as _shapes
from assistants_client.function_tools.annotations import Annotations, UnsupportedError, of_parameter
from assistants_client.models._base import JsonObject
from assistants_client.models._limits import LIMIT, identifier
from assistants_client.models.tools import FunctionDefinition, FunctionTool, Tool, ToolInput

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
Owner = TypeVar("Owner")
R_co = TypeVar("R_co", covariant=True)

#: What can be given where tools are wanted: a tool, its JSON form, or a function.
ToolLike: TypeAlias = ToolInput | Callable[..., object]

_NAMELESS: Final = frozenset({"<lambda>", "__call__"})
_VARIADIC: Final = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})


class ToolFunction(FunctionTool, Generic[P, R_co]):
    """A function that the model may ask for. It is made by :func:`tool`.

    It is called as the function itself, and is given as a tool: ``tools=[get_weather]``. Two of
    them are equal only if they are the same.

    Attributes:
        function: What the model is told: name, description, parameters.
    """

    __slots__ = ("__dict__", "_implementation", "_is_unbound", "_shape")

    __name__: str
    __qualname__: str

    def __init__(
        self,
        implementation: Callable[P, R_co],
        definition: FunctionDefinition,
        shape: _shapes.Shape,
        *,
        is_unbound: bool = False,
    ) -> None:
        super().__init__(function=definition)
        self._implementation = implementation
        self._shape = shape
        self._is_unbound = is_unbound
        self.__name__ = self.__qualname__ = definition.name  # partials have neither
        functools.update_wrapper(self, implementation, updated=())
        self.__wrapped__ = implementation

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
        """The tool of a method, once it is known whose method it is."""
        if instance is None or not self._is_unbound:
            return self
        bound = types.MethodType(self._implementation, instance)
        return ToolFunction(bound, self.function, self._shape)

    def read_arguments(self, arguments: str) -> dict[str, Any]:
        """The keywords to call the function with, in the types that it declares.

        Args:
            arguments: The JSON text that the model wrote; an empty one means no arguments.

        Raises:
            ValueError: They do not fit. The message names each place and what is expected there,
                as in "city: expected a string, got 5".
        """
        values: dict[str, Any] = self._shape.read(_parsed(arguments))
        return values

    @property
    def is_unbound(self) -> bool:
        """Whether this is a method that lacks its object, and so cannot answer a model."""
        return self._is_unbound

    def __repr__(self) -> str:
        parameters = (self.function.parameters or {}).get("properties", ())
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
    """Makes a function a tool that the model may ask for. A decorator, with or without arguments.

    The model is told the function's name, the first paragraph of its docstring, and its parameters:
    their types from the annotations, what they mean from the docstring (Google, NumPy or
    reStructuredText style) or from ``Annotated[str, "what it means"]``. What it writes is checked
    and turned into the annotated types before the function is called.

    A method is decorated in its class, and given as ``tools=[thing.method]``. Arguments that a
    ``functools.partial`` fixes are not shown to the model.

    Args:
        function: The function.
        name: The name for the model, if it is to be another.
        description: The description for the model, if it is to be another.
        strict: Ask the server to hold the model to the schema. Then every parameter must be given,
            and one that has a default may be ``null``, which means the default.

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
    is_unbound, shape, definitions = _parameters(function, target, chosen, strict=strict)
    schema = {**shape.schema, "$defs": definitions} if definitions else shape.schema
    text = description if description is not None else _docstrings.summary(target.__doc__)
    definition = FunctionDefinition(
        name=chosen, description=text or None, parameters=schema, strict=strict or None
    )
    return ToolFunction(function, definition, shape, is_unbound=is_unbound)


def as_tools(tools: Iterable[ToolLike]) -> list[Tool | JsonObject]:
    """Makes tools of the functions in a list, and leaves the tools in it as they are.

    Raises:
        ConfigurationError: Something in it is no tool, or two have the same name.
    """
    if isinstance(tools, (str, Mapping)) or not isinstance(tools, Iterable):
        raise ConfigurationError(f"tools: {tools!r:.80} is not a list of tools")
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
    """The function behind methods, partials and wrappers: the one with docstring and hints."""
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


def _parameters(
    function: Callable[..., Any], target: Any, name: str, *, strict: bool
) -> tuple[bool, _shapes.Shape, dict[str, _shapes.Schema]]:
    """Whether the function lacks its object, the shape of its arguments, and the classes in it."""
    annotations = Annotations(strict=strict)
    said = _docstrings.parameters(target.__doc__)
    fixed = function.keywords if isinstance(function, functools.partial) else {}
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise ConfigurationError(f"function {name} cannot be a tool: {error}") from error
    try:
        parameters = [p for p in signature.parameters.values() if p.name not in fixed]
        is_unbound = bool(parameters) and parameters[0].name == "self"
        fields = [_field(p, target, said, annotations) for p in parameters[is_unbound:]]
        shape = _shapes.record(fields, dict, noun="argument", strict=strict)
    except UnsupportedError as error:
        raise ConfigurationError(f"function {name} cannot be a tool: {error}") from error
    return is_unbound, shape, annotations.definitions


def _field(
    parameter: inspect.Parameter,
    target: Any,
    said: Mapping[str, str],
    annotations: Annotations,
) -> _shapes.Field:
    name = parameter.name
    if parameter.kind in _VARIADIC:
        raise UnsupportedError(f"parameter {name!r} takes any number; models need a list of names")
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise UnsupportedError(f"parameter {name!r} is positional only; models give all by name")
    default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
    try:
        return annotations.field(name, of_parameter(target, name), said.get(name, ""), default)
    except UnsupportedError as error:
        raise UnsupportedError(f"parameter {error}") from error


def _parsed(arguments: str) -> Any:
    if not arguments.strip():
        return {}
    try:
        return strict_json(arguments)
    except ValueError as error:
        raise ValueError(f"the arguments are not a JSON object: {error}") from None
