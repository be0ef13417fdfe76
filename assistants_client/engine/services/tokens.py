"""Tokens: made, listed, revoked, their usage, and the caller that each stands for.

Of a token its hash alone is stored, so that nobody gets tokens out of a database. It is SHA-256
without salt or rounds: those make guesses of what people think up expensive, and a token is 256
random bits, which nobody guesses. So a token is found by its hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen
from sqlalchemy import Connection, func, insert, select, update

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Caller, Context
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.tables import runs, tenant_usage, tokens

#: The beginning of every token, by which people and scanners of secrets recognise one.
PREFIX: Final = "ast_"

#: A name is part of a command, and of a line of a table.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RANDOM_BYTES: Final = 32


@frozen(kw_only=True)
class Token:
    """A token as it is stored, save its hash.

    Attributes:
        name: The name.
        is_isolated: Whether nothing but what was made with it exists for it.
        created_at: When it was made, in Unix seconds.
        revoked_at: When it was revoked, if it was.
        last_run: The day on which the last of its runs ended, in UTC, such as ``2026-03-01``.
    """

    name: str
    is_isolated: bool
    created_at: int
    revoked_at: int | None
    last_run: str | None


@define(kw_only=True)
class TokenUsage:
    """The usage of the runs that were made with the tokens of a name.

    Attributes:
        name: The name.
        runs: The number of runs by status; ``deleted`` are those whose threads were deleted before
            they ended.
        prompt_tokens: What language models read for the runs that ended, in their tokens.
        completion_tokens: What they wrote, likewise.
    """

    name: str
    runs: dict[str, int] = field(factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0


@frozen
class Tokens:
    """The operations on tokens. They are the owner's: no request can ask for them."""

    _context: Context

    def add(self, name: str, *, is_isolated: bool = False) -> str:
        """Makes a token, and returns it: this once, since it is not stored.

        Args:
            name: The name; what a revoked token of this name has made belongs to the new one.
            is_isolated: Whether nothing but what was made with it exists for it.

        Raises:
            Fault: The name cannot be used, or another token has it.
        """
        if not _NAME.fullmatch(name):
            message = (
                f"{name!r:.80} is no name for a token: letters of ASCII, digits, dots, dashes and "
                "underlines, at most 64, the first a letter or a digit."
            )
            raise Fault(400, message, "invalid_value", "name")
        token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        with self._context.database.begin() as connection:
            if connection.execute(select(tokens.c.seq).where(_is_valid(name))).first():
                message = (
                    f"There is a token of the name {name!r} already; revoke it first, or choose "
                    "another name."
                )
                raise Fault(409, message, "name_taken", "name")
            connection.execute(
                insert(tokens).values(
                    name=name,
                    hash=_hash(token),
                    isolated=is_isolated,
                    created_at=self._context.now(),
                )
            )
        return token

    def revoke(self, name: str) -> None:
        """Revokes a token: within seconds no process accepts it; what it made stays.

        Raises:
            Fault: None has this name, or it was revoked before.
        """
        with self._context.database.begin() as connection:
            done = connection.execute(
                update(tokens).where(_is_valid(name)).values(revoked_at=self._context.now())
            )
            if not done.rowcount:
                self._require(connection, name)
                raise Fault(409, f"The token {name!r} was revoked before.", None, "name")

    def list(self) -> list[Token]:
        """Returns all tokens in the order in which they were made, the revoked ones too."""
        ended = tenant_usage.c
        last = select(ended.tenant, func.max(ended.day).label("day")).group_by(ended.tenant)
        with self._context.database.read() as connection:
            days = {row.tenant: row.day for row in connection.execute(last)}
            rows = connection.execute(select(tokens).order_by(tokens.c.seq)).all()
        return [
            Token(
                name=row.name,
                is_isolated=row.isolated,
                created_at=row.created_at,
                revoked_at=row.revoked_at,
                last_run=days.get(row.name),
            )
            for row in rows
        ]

    def usage(self, name: str | None = None, *, since: str | None = None) -> Sequence[TokenUsage]:
        """Returns the usage by name, in the order in which the names were first given.

        Args:
            name: Only that of this name.
            since: Of the runs that ended only those from this day on, such as ``2026-03-01``.

        Raises:
            Fault: No token has, or had, this name.
        """
        ended, held = tenant_usage.c, runs.c
        past = select(
            ended.tenant,
            ended.status,
            func.sum(ended.runs).label("runs"),
            func.sum(ended.prompt_tokens).label("prompt_tokens"),
            func.sum(ended.completion_tokens).label("completion_tokens"),
        ).group_by(ended.tenant, ended.status)
        active = (
            select(held.tenant, held.status, func.count().label("runs"))
            .where(held.active_thread_id.is_not(None), held.tenant.is_not(None))
            .group_by(held.tenant, held.status)
        )
        if since is not None:
            past = past.where(ended.day >= since)
        if name is not None:
            past, active = past.where(ended.tenant == name), active.where(held.tenant == name)
        with self._context.database.read() as connection:
            if name is not None:
                self._require(connection, name)
            names = connection.execute(select(tokens.c.name).order_by(tokens.c.seq)).scalars()
            found = {one: TokenUsage(name=one) for one in names if name in {None, one}}
            for row in connection.execute(active):
                found.setdefault(row.tenant, TokenUsage(name=row.tenant)).runs[row.status] = (
                    row.runs
                )
            for row in connection.execute(past):
                its = found.setdefault(row.tenant, TokenUsage(name=row.tenant))
                its.runs[row.status] = int(row.runs)
                its.prompt_tokens += int(row.prompt_tokens)
                its.completion_tokens += int(row.completion_tokens)
        return list(found.values())

    def is_any_valid(self) -> bool:
        """Returns whether there is a token that is not revoked."""
        with self._context.database.read() as connection:
            query = select(tokens.c.seq).where(tokens.c.revoked_at.is_(None))
            return connection.execute(query.limit(1)).first() is not None

    @staticmethod
    def _require(connection: Connection, name: str) -> None:
        if connection.execute(select(tokens.c.seq).where(tokens.c.name == name)).first() is None:
            raise Fault(404, f"No token has the name {name!r:.80}.", None, "name")


@frozen(kw_only=True)
class KnownTokens:
    """The tokens as they were at one moment.

    Attributes:
        callers: The callers that tokens stand for which are not revoked, by their hashes, each with
            the hash.
        number: The number of tokens that were ever made.
        revoked: The number of those that were revoked.
    """

    callers: Mapping[str, tuple[str, Caller]]
    number: int
    revoked: int

    @property
    def are_required(self) -> bool:
        """True from the first token on: when the last is revoked, not all are let in again."""
        return self.number > 0

    def find(self, token: str) -> Caller | None:
        """Returns whom a token stands for; ``None``: it is none, or was revoked."""
        given = _hash(token)
        found = self.callers.get(given)
        return found[1] if found is not None and hmac.compare_digest(given, found[0]) else None


def known_tokens(database: Database, before: KnownTokens | None = None) -> KnownTokens:
    """Reads the tokens; where nothing has changed since, no more than that.

    Args:
        database: The database.
        before: The tokens as they were read before.

    Raises:
        Fault: 503: the database cannot be read for the moment.
    """
    table = tokens.c
    with database.read() as connection:
        row = connection.execute(select(func.count(), func.count(table.revoked_at))).one()
        number, revoked = int(row[0]), int(row[1])
        if before is not None and (before.number, before.revoked) == (number, revoked):
            return before
        query = select(table.hash, table.name, table.isolated).where(table.revoked_at.is_(None))
        callers = {
            row.hash: (row.hash, Caller(tenant=row.name, is_isolated=row.isolated))
            for row in connection.execute(query)
        }
    return KnownTokens(callers=callers, number=number, revoked=revoked)


def _is_valid(name: str) -> Any:
    return (tokens.c.name == name) & tokens.c.revoked_at.is_(None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
