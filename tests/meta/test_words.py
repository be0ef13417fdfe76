"""Docstrings are sentences in the indicative: none opens with a question word.

A function "returns whether" or "reads", a class or a field is a noun. Only the opening is checked.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "assistants_client"

#: Words that open an indirect question in place of a sentence.
OPENINGS = re.compile(r"(What|Whether|How|Who|Which)\b")


def documented(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """The name, line and docstring of the module, its classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "name", "the module"), getattr(node, "lineno", 1), text
        if isinstance(node, ast.ClassDef):
            for field, follower in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(follower, ast.Expr)
                    and isinstance(follower.value, ast.Constant)
                    and isinstance(follower.value.value, str)
                ):
                    yield ast.unparse(field.target), follower.lineno, follower.value.value


def questions(folder: Path) -> list[str]:
    """The docstrings in a folder, without those below it, that open with a question word."""
    return [
        f"{path.relative_to(PACKAGE)}:{line}: {name}: {text.partition(chr(10))[0]}"
        for path in sorted(folder.glob("*.py"))
        for name, line, text in documented(ast.parse(path.read_text(encoding="utf-8")))
        if OPENINGS.match(text.strip())
    ]


FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


def named(folder: Path) -> str:
    """The folder's name below the package."""
    return folder.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_no_docstring_opens_with_a_question_word(folder: Path) -> None:
    """A docstring says what a thing does or is, not which question it answers."""
    assert questions(folder) == []


def test_every_kind_of_docstring_is_found() -> None:
    """Those of modules, classes, functions, methods, nested functions and attributes."""
    source = '''"""Whether a."""
class B:
    """What b."""
    c: int
    """How c."""
    def d(self):
        """Who d."""
        async def e():
            """Which e."""
'''
    found = {name: text for name, _, text in documented(ast.parse(source))}
    assert set(found) == {"the module", "B", "c", "d", "e"}
    assert all(OPENINGS.match(text) for text in found.values())
    assert OPENINGS.match("However it may be.") is None
