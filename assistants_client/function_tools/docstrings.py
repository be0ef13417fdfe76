"""Parses docstrings: the summary, and the description of each parameter.

Google sections, reStructuredText fields and NumPy sections are read. Text comes in and text goes
out; functions, schemas and tools do not belong here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

_SECTIONS: Final = frozenset({"args", "arguments", "parameters", "params", "attributes", "fields"})
#: Other sections end the summary and hold no parameters.
_HEADER: Final = re.compile(r"[A-Z][A-Za-z ]{2,24}:\s*")
_RULE: Final = re.compile(r"-{3,}\s*")
_GOOGLE_ENTRY: Final = re.compile(
    r"\*{0,2}(?P<name>\w+)(?:\s*\(.*?\))?\s*:(?=\s|$)\s*(?P<text>.*)", re.DOTALL
)
_NUMPY_ENTRY: Final = re.compile(r"\*{0,2}(?P<names>\w+(\s*,\s*\*{0,2}\w+)*)\s*(:.*)?", re.DOTALL)
_FIELD: Final = re.compile(r":(?P<kind>\w+)(?P<rest>(?:\s[^:]*)?):\s*(?P<text>.*)", re.DOTALL)
_FIELD_NAME: Final = re.compile(r"\*{0,2}(\w+)")
_FIELD_KINDS: Final = frozenset({"param", "parameter", "arg", "argument", "key", "keyword", "ivar"})


def summary(docstring: str | None) -> str:
    """Returns the first paragraph as one line; empty when there is none."""
    lines: list[str] = []
    for line, following in _pairs(_lines(docstring)):
        starts_section = _HEADER.fullmatch(line) or _RULE.fullmatch(following)
        if not line or _FIELD.fullmatch(line) or starts_section:
            break
        lines.append(line)
    return " ".join(lines)


def parameters(docstring: str | None) -> dict[str, str]:
    """Returns the description of each parameter as one line."""
    lines = _lines(docstring)
    found = _fields(lines)
    for start, (line, following) in enumerate(_pairs(lines)):
        if line.rstrip(": ").lower() not in _SECTIONS:
            continue
        if _RULE.fullmatch(following):
            found.update(_numpy(lines[start + 2 :]))
        elif line.endswith(":"):
            found.update(_google(lines[start + 1 :]))
    return {name: text for name, text in found.items() if text}


def _lines(docstring: str | None) -> list[str]:
    return [line.rstrip() for line in inspect.cleandoc(docstring or "").splitlines()]


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Returns each line with the one after it."""
    return zip(lines, [*lines[1:], ""], strict=False)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _google(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    texts: list[str] = []
    margin = next((_indent(line) for line in lines if line), 0)
    for line in lines:
        if line and not _indent(line):
            break
        entry = _GOOGLE_ENTRY.fullmatch(line.strip()) if _indent(line) <= margin else None
        if entry:
            texts = found[entry["name"]] = [entry["text"]]
        elif line:
            texts.append(line.strip())
    return _joined(found)


def _numpy(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line, following in _pairs(lines):
        if line and not _indent(line):
            entry = _NUMPY_ENTRY.fullmatch(line)
            if entry is None or _RULE.fullmatch(following):
                break
            names = [name.strip(" *") for name in entry["names"].split(",")]
            found.update({name: [] for name in names})
        elif line:
            for name in names:
                found[name].append(line.strip())
    return _joined(found)


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    texts: list[str] = []
    for line in lines:
        entry = _FIELD.fullmatch(line)
        if entry:
            texts = [entry["text"]]
            words = entry["rest"].split()
            name = _FIELD_NAME.fullmatch(words[-1]) if words else None
            if entry["kind"] in _FIELD_KINDS and name:
                found[name[1]] = texts
        elif line and not _indent(line):
            texts = []
        elif line:
            texts.append(line.strip())
    return _joined(found)


def _joined(found: dict[str, list[str]]) -> dict[str, str]:
    return {name: " ".join(text for text in texts if text) for name, texts in found.items()}
