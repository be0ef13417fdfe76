"""What the package promises: ``__all__`` is what is exported, and all of it is documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from earlier_names import EXPORTS, MODULES

import assistants_client

ROOT = Path(__file__).parents[2]

#: The modules that users import from. Each lists what it exports in ``__all__``.
FRONT_DOORS = [
    "assistants_client",
    "assistants_client.cli",
    "assistants_client.client",
    "assistants_client.engine",
    "assistants_client.engine.code_interpreter",
    "assistants_client.engine.language_models",
    "assistants_client.engine.language_models.tutor",
    "assistants_client.function_tools",
    "assistants_client.streaming",
    "assistants_client.testing",
    "assistants_client.transfer",
    "assistants_client.waiting",
]
#: The modules whose public classes are all reachable from the root.
SHOWN_AT_THE_ROOT = ["models", "errors", "backoff"]
#: Save these, which are of use to the engine only.
NOT_SHOWN = {
    "assistants_client.models.error_body.ErrorBody",
    "assistants_client.models.error_body.ErrorDetail",
}
#: What a client or a decorator makes.
NOT_MADE_BY_CALLERS = {"RunStream", "ToolFunction"}


def sources() -> Iterator[tuple[str, Path]]:
    """Every module of the package, with its file."""
    for path in sorted((ROOT / "assistants_client").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


#: What a front door imports for its own use.
TOOLS_OF_A_DOOR = {
    "__future__",
    "typing",
    "assistants_client._lazy_names",
    "assistants_client._public_names",
    "assistants_client.engine._moved",
}


def imported_names(path: Path) -> set[str]:
    """The public names that a file binds by importing."""
    return {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and getattr(node, "module", None) not in TOOLS_OF_A_DOOR
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_")
    }


def sort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest: the order that the linter keeps."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def exported() -> list[tuple[str, object]]:
    """Every exported object, once, with the name it is found under."""
    found = {}
    for door in FRONT_DOORS:
        module = importlib.import_module(door)
        for name in module.__all__:
            found.setdefault(id(getattr(module, name)), (f"{door}.{name}", getattr(module, name)))
    return list(found.values())


def test_every_list_of_exports_is_a_front_door() -> None:
    """A module with ``__all__`` is in the table above, and the other way round."""
    listing = {
        name
        for name, path in sources()
        if any(
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for node in ast.parse(path.read_text("utf-8")).body
        )
    }

    assert listing == set(FRONT_DOORS)


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_all_is_what_the_module_exports(door: str) -> None:
    """``__all__`` names what the file imports for others, once, in order, and it is there."""
    module = importlib.import_module(door)
    names = module.__all__

    assert [name for name in names if not hasattr(module, name)] == []
    assert set(names) - {"__version__"} == imported_names(Path(str(module.__file__)))
    assert list(names) == sorted(set(names), key=sort_key)


def test_public_classes_are_reachable_from_the_root() -> None:
    """Every public class of the models, errors and backoffs can be imported from the package."""
    missing = set()
    for name, _ in sources():
        _, _, inner = name.partition(".")
        if inner.partition(".")[0] in SHOWN_AT_THE_ROOT:
            module = importlib.import_module(name)
            missing |= {
                f"{name}.{found}"
                for found, value in vars(module).items()
                if inspect.isclass(value)
                and value.__module__ == name
                and not found.startswith("_")
                and getattr(assistants_client, found, None) is not value
            }

    assert missing == NOT_SHOWN


def public_members(value: type) -> Iterator[tuple[str, object]]:
    """The methods and properties that a class defines under a public name."""
    for name, member in vars(value).items():
        if not name.startswith("_"):
            inner = getattr(member, "__func__", member)  # class methods and static methods
            if inspect.isfunction(inner) or isinstance(inner, property):
                yield name, inner


def annotations_of(value: object) -> Iterator[str]:
    """The annotations that a caller of an exported class or function meets."""
    if inspect.isfunction(value):
        signature = inspect.signature(value)
        yield str(signature.return_annotation)
        yield from (str(one.annotation) for one in signature.parameters.values())
    elif isinstance(value, property):
        yield from annotations_of(value.fget)
    elif inspect.isclass(value) and not get_args(value):
        for _, member in public_members(value):
            yield from annotations_of(member)
        if value.__name__ not in NOT_MADE_BY_CALLERS:
            yield from annotations_of(vars(value).get("__init__"))


def test_what_annotations_name_can_be_imported() -> None:
    """A type of ours that stands in an exported signature is exported, so that callers can name it.

    The methods of resources count too, with the fields of their requests.
    """
    client = assistants_client.Client("https://assistants.test/v1", api_key="k")
    resources = [type(getattr(client, name)) for name in dir(client) if not name.startswith("_")]
    values = [value for _, value in exported()]
    values += [one for one in resources if one.__module__.startswith("assistants_client.resources")]
    named = {
        name
        for value in values
        for annotation in annotations_of(value)
        for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"Literal\[.*?\]|'", "", annotation))
    }
    statements = [node for _, path in sources() for node in ast.parse(path.read_text("utf-8")).body]
    ours = {node.name for node in statements if isinstance(node, ast.ClassDef)}
    ours |= {ast.unparse(node.target) for node in statements if isinstance(node, ast.AnnAssign)}
    shown = {name for door in FRONT_DOORS for name in importlib.import_module(door).__all__}

    assert "BackoffLike" in named & shown
    assert named & ours - shown == set()


def test_everything_exported_is_documented() -> None:
    """Each exported class and function has a docstring, and so has each public method of it."""
    bare = []
    for name, value in exported():
        # Python 3.10 takes Callable[[int], str] for a class.
        if inspect.isclass(value) and not get_args(value):
            # attrs and enum write a docstring of their own where there is none
            if not vars(value).get("__doc__"):
                bare.append(name)
            bare += [f"{name}.{m}" for m, member in public_members(value) if not member.__doc__]
        elif inspect.isfunction(value) and not value.__doc__:
            bare.append(name)

    assert bare == []


def test_every_file_says_what_belongs_in_it() -> None:
    """Each file of the package opens with a docstring."""
    bare = [
        name
        for name, path in sources()
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert bare == []


def test_the_front_door_holds_names_only() -> None:
    """The package's own file is imports and ``__all__``: it defines nothing."""
    tree = ast.parse((ROOT / "assistants_client" / "__init__.py").read_text("utf-8"))
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    statements = [
        inner for node in tree.body for inner in (node.body if isinstance(node, ast.If) else [node])
    ]

    assert [ast.unparse(node) for node in statements if not isinstance(node, allowed)] == []
    assert isinstance(assistants_client, ModuleType)


def test_a_name_is_the_one_that_type_checkers_see() -> None:
    """What is imported when it is asked for is what the file imports for type checkers."""
    tree = ast.parse((ROOT / "assistants_client" / "__init__.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    wrong = [
        alias.name
        for node in imports
        for alias in node.names
        if node.module not in TOOLS_OF_A_DOOR
        and getattr(assistants_client, alias.name)
        is not getattr(importlib.import_module(str(node.module)), alias.name)
    ]

    assert wrong == []
    assert set(assistants_client.__all__) <= set(dir(assistants_client))
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = assistants_client.Nonsense  # type: ignore[attr-defined]


def test_names_from_before_the_folders_are_still_there() -> None:
    """Every module and every exported name that could be imported then can be now."""
    modules = [f"{package}.{name}" for package, names in MODULES.items() for name in names.split()]
    missing = []
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            missing.append(module)
    missing += [
        f"{module}.{name}"
        for module, names in EXPORTS.items()
        for name in names.split()
        if not hasattr(importlib.import_module(module), name)
    ]

    assert len(modules) > 100
    assert missing == []
