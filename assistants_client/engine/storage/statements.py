"""Statements that are executed all the time: compiled once, executed on the driver's own cursor.

To have SQLAlchemy execute one takes it several times as long as a database takes. Here it compiles
them, converts their values, and handles the driver's errors, which are raised as its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define, field, frozen
from sqlalchemy import Connection, Dialect, Executable


@frozen
class _Compiled:
    """A statement for one kind of database, with values of some names."""

    text: str
    #: What the statement itself has values for.
    constants: Mapping[str, Any]
    #: What converts values, by their names, where they are not sent as they are.
    processors: Mapping[str, Any]
    #: The names in the order of their places; ``None`` where values are sent by name.
    names: Sequence[str] | None

    @classmethod
    def of(cls, statement: Any, dialect: Dialect, names: Sequence[str]) -> _Compiled:
        compiled = statement.compile(dialect=dialect, column_keys=[*names])
        found = {
            name: bound.type.dialect_impl(dialect).bind_processor(dialect)
            for bound, name in compiled.bind_names.items()
        }
        return cls(
            str(compiled),
            {name: value for name, value in compiled.params.items() if name not in names},
            {name: process for name, process in found.items() if process is not None},
            compiled.positiontup if compiled.positional else None,
        )

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """Returns the values as the driver takes them."""
        sent = {**self.constants, **values}
        for name, process in self.processors.items():
            sent[name] = process(sent[name])
        return sent if self.names is None else [sent[name] for name in self.names]


@define(eq=False)
class Statement:
    """A statement whose values have names.

    The columns that it returns are read as the driver has them, so none may be of JSON: that is
    cast to text.
    """

    _statement: Executable
    _compiled: WeakKeyDictionary[Dialect, dict[tuple[str, ...], _Compiled]] = field(
        factory=WeakKeyDictionary, init=False
    )

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """Returns the first row; ``None`` where there is none."""
        rows = self.all(connection, values)
        return rows[0] if rows else None

    def all(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Returns the rows."""
        rows: Sequence[Sequence[Any]] = self._execute(connection, values, lambda it: it.fetchall())
        return rows

    def change(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Executes what returns no rows; returns how many an update has changed."""
        number: int = self._execute(connection, values, lambda it: it.rowcount)
        return number

    def change_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Executes what returns no rows once for each of these, which have the same names."""
        if not rows:
            return
        if connection.engine.dispatch.before_cursor_execute:  # somebody is to see each statement
            connection.execute(self._statement, [dict(row) for row in rows])
            return
        compiled = self._compiled_for(connection.dialect, rows[0])
        parameters = [compiled.parameters(row) for row in rows]
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(compiled.text, parameters)
        except BaseException as error:
            connection._handle_dbapi_exception(error, compiled.text, parameters, cursor, None)
        finally:
            cursor.close()

    def _execute(self, connection: Connection, values: Mapping[str, Any], result: Any) -> Any:
        if connection.engine.dispatch.before_cursor_execute:  # somebody is to see each statement
            return result(connection.execute(self._statement, values))
        compiled = self._compiled_for(connection.dialect, values)
        parameters = compiled.parameters(values)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(compiled.text, parameters)
            return result(cursor)
        except BaseException as error:
            # As SQLAlchemy does for its own: a connection that is lost is invalidated.
            connection._handle_dbapi_exception(error, compiled.text, parameters, cursor, None)
        finally:
            cursor.close()

    def _compiled_for(self, dialect: Dialect, values: Mapping[str, Any]) -> _Compiled:
        names = tuple(values)
        of_dialect = self._compiled.get(dialect)
        if of_dialect is None:
            of_dialect = self._compiled.setdefault(dialect, {})
        found = of_dialect.get(names)
        if found is None:
            found = of_dialect[names] = _Compiled.of(self._statement, dialect, names)
        return found
