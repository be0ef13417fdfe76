"""What regular expressions of the package there are, and texts that take them the longest.

The texts are made from the expression itself: what matches a part of it, again and again.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import assistants_client

try:
    from re import _constants as sre, _parser
except ImportError:  # Python 3.10
    import sre_constants as sre
    import sre_parse as _parser

PACKAGE = "assistants_client"
ROOT = Path(assistants_client.__file__).parent
#: Packages that modules of ours need and that are not installed everywhere.
EXTRAS = {"celery", "kombu"}

#: Texts that take many expressions long.
COMMON = [" ", "\n", "a", "1", "#", "a ", "# ", "1,", "\n ", "<", "&"]
#: What comes after a text: nothing, and what few expressions go on with.
AFTER = ["", "!\n!"]
#: Between the parts of a text: words, and what a repetition repeats.
MARK = "\0"
#: Letters that stand for a class of characters, the first that is in it.
LETTERS = "a1 A_-.,:;=!?#'\"/\\<>&()[]{}\n\t@【†東\u00e9\x01"


def modules() -> Iterator[str]:
    """The names of all modules."""
    for found in pkgutil.walk_packages([str(ROOT)], f"{PACKAGE}."):
        if not found.name.endswith("__main__"):
            yield found.name


def file_of(module: str) -> Path:
    """The module's file."""
    path = ROOT.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def source_of(module: str) -> ast.Module:
    """The module's source."""
    return ast.parse(file_of(module).read_text("utf-8"))


def compiled() -> Iterator[tuple[str, re.Pattern[str], str]]:
    """Each expression of the package: where it is, what it is, and how it is used.

    Expressions that stand in a table may be used in any way: each match of them is looked for.
    """
    for module in modules():
        if module.endswith(".wsgi"):
            continue  # it opens an engine, and has none
        uses = used(source_of(module))
        try:
            names = vars(importlib.import_module(module))
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS or "\nimport re\n" in file_of(module).read_text("utf-8"):
                raise
            continue
        for name, value in names.items():
            for place, pattern in patterns_in(value, name):
                yield f"{module.removeprefix(f'{PACKAGE}.')}.{place}", pattern, uses.get(place, "")


def patterns_in(value: object, place: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The expressions in a value, also in tables."""
    if isinstance(value, re.Pattern):
        yield place, value
    elif isinstance(value, (tuple, list)):
        for number, one in enumerate(value):
            yield from patterns_in(one, f"{place}[{number}]")
    elif isinstance(value, dict) and not place.startswith("__"):
        for key, one in value.items():
            yield from patterns_in(one, f"{place}[{key!r}]")


def used(tree: ast.Module) -> dict[str, str]:
    """By names of expressions: the one method they are called with; others are left out."""
    methods: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            methods.setdefault(node.value.id, set()).add(node.attr)
    return {name: min(attrs) for name, attrs in methods.items() if len(attrs) == 1}


def stray_calls(tree: ast.Module) -> list[tuple[int, str]]:
    """Calls of ``re`` that make an expression elsewhere than at the top of a module."""
    inside = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.Lambda))
        for node in ast.walk(outer)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            found.append((node.lineno, "import"))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "re"
            and node.attr.islower()
            and node.attr != "escape"
            and (id(node) in inside or node.attr != "compile")
        ):
            found.append((node.lineno, node.attr))
    return found


# --- texts --------------------------------------------------------------------------------------


def texts(pattern: re.Pattern[str], most: int) -> list[tuple[str, str, str]]:
    """What to try: a beginning, what is repeated, and an end; at most so many."""
    pieces: dict[tuple[str, str], None] = {("", common): None for common in COMMON}
    source = pattern.pattern
    if isinstance(source, bytes):
        source = source.decode("latin-1")
    for way in ways(_parser.parse(source, pattern.flags & ~re.UNICODE)):
        parts = [part for part in "".join(way).split(MARK) if part]
        for start in range(len(parts)):
            before = "".join(parts[:start])
            for end in range(start + 1, len(parts) + 1):
                repeated = "".join(parts[start:end])
                if repeated:
                    pieces[before, repeated] = None
                    pieces["", repeated] = None
    found = [(before, repeated, after) for before, repeated in pieces for after in AFTER]
    if len(found) <= most:
        return found
    return random.Random(0).sample(found, most)


def ways(tree: Iterable[tuple[object, object]]) -> list[list[str]]:
    """Ways to match an expression, each as letters; each branch is in one of them at least."""
    found: list[list[str]] = [[]]
    for operator, argument in tree:
        options = options_of(operator, argument)
        first = found[0]
        found = [[*way, *options[0]] for way in found]
        found += [[*first, *option] for option in options[1:]]
    return found


def options_of(operator: object, argument: object) -> list[list[str]]:
    """Ways to match one element of an expression."""
    if operator is sre.BRANCH:
        return [way for branch in argument[1] for way in ways(branch)]
    if operator is sre.SUBPATTERN:
        return ways(argument[3])
    if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, inner = argument
        times = max(least, min(most, 2))
        return [[MARK, *(way * times), MARK] for way in ways(inner)]
    if operator is sre.ASSERT and argument[0] > 0:
        return [[], *ways(argument[1])]
    return [[letter_in(operator, argument)]]


def letter_in(operator: object, argument: object) -> str:
    """A letter that an element matches; none where it matches places only."""
    if operator is sre.LITERAL:
        return chr(argument)
    if operator is sre.ANY:
        return "a"
    if operator is sre.NOT_LITERAL:
        return next(letter for letter in LETTERS if ord(letter) != argument)
    if operator is not sre.IN:
        return ""
    one = re.compile(_class(argument))
    return next((letter for letter in LETTERS if one.match(letter)), "a")


def _class(members: Iterable[tuple[object, object]]) -> str:
    text = ""
    for operator, argument in members:
        if operator is sre.NEGATE:
            text += "^"
        elif operator is sre.LITERAL:
            text += re.escape(chr(argument))
        elif operator is sre.RANGE:
            text += f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
        else:
            text += {
                sre.CATEGORY_DIGIT: r"\d",
                sre.CATEGORY_NOT_DIGIT: r"\D",
                sre.CATEGORY_SPACE: r"\s",
                sre.CATEGORY_NOT_SPACE: r"\S",
                sre.CATEGORY_WORD: r"\w",
                sre.CATEGORY_NOT_WORD: r"\W",
            }[argument]
    return f"[{text}]"


# --- times --------------------------------------------------------------------------------------


def runner(pattern: re.Pattern[str], use: str) -> Callable[[str], object]:
    """What applies an expression to a text as it is used."""
    is_bytes = isinstance(pattern.pattern, bytes)

    def run(text: str) -> object:
        given = text.encode("utf-8") if is_bytes else text
        if use in ("match", "fullmatch", "search"):
            return getattr(pattern, use)(given)
        return sum(1 for _ in pattern.finditer(given))

    return run


def seconds(run: Callable[[str], object], text: str, runs: int) -> float:
    """The least time of some runs."""
    least = float("inf")
    for _ in range(runs):
        begin = time.thread_time()
        run(text)
        least = min(least, time.thread_time() - begin)
    return least


def growth(
    run: Callable[[str], object], before: str, repeated: str, after: str, most: int
) -> float:
    """How often the time of a text of 1,000 characters goes into that of one of 100,000.

    A time below 50 microseconds counts as that much. A text is made longer step by step, and no
    further once a step takes out of proportion: infinity then. So nothing hangs.
    """
    floor = 50e-6

    def timed(times: int, runs: int = 3) -> float:
        return max(floor, seconds(run, before + repeated * times + after, runs))

    def times_of(characters: int) -> int:
        return characters // len(repeated) + 1

    for times in range(2, 40, 2):
        if timed(times, 1) > 0.02 and timed(times) > 60 * timed(max(1, times - 10)):
            return float("inf")
    for length in (200, 400, 800):
        # In proportion to the square it is four times as much.
        if timed(times_of(length), 1) > 0.005 and timed(times_of(length)) > 6 * timed(
            times_of(length // 2)
        ):
            return float("inf")
    short = timed(times_of(1_000), 5)
    ratio = timed(times_of(10_000), 1) / short
    if ratio > 20:  # by chance, perhaps
        ratio = timed(times_of(10_000), 5) / timed(times_of(1_000), 20)
    if ratio > 60:
        return float("inf")
    return ratio * 10 if most <= 10_000 else timed(times_of(100_000), 2) / short
