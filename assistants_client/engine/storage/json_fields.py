"""Fields of stored objects in queries, in a form that both databases can read.

PostgreSQL refuses to take any field out of a ``json`` value that has the character U+0000 anywhere
(its manual, "JSON Types"). Texts of people and models have it now and then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class _Readable(FunctionElement[Any]):
    """A JSON column without that character."""

    name = "readable"
    type = JSON()
    inherit_cache = True


@compiles(_Readable)
def _as_it_is(element: _Readable, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Readable, "postgresql")
def _without_null(element: _Readable, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.clauses, **options)
    # Of the same form, so that it stays JSON behind an escaped backslash, too.
    return rf"CAST(replace(CAST({column} AS TEXT), '\u0000', '\ufffd') AS JSON)"


def text_field(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Returns a field of a column of JSON as text; null where there is none."""
    found: ColumnElement[Any] = _Readable(column)[name].as_string()
    return found


def number_field(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """Returns a field of a column of JSON as a number; null where there is none."""
    found: ColumnElement[Any] = _Readable(column)[name].as_float()
    return found
