"""The kinds of objects that commands list, show and delete: their names, ids, lists and columns."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from assistants_client.cli.exits import USAGE, Refusal
from assistants_client.cli.output import pairs_of, time_of
from assistants_client.cli.parser import did_you_mean

if TYPE_CHECKING:
    from assistants_client.client.client import Client

#: The characters of a text in a table.
_SHOWN: Final = 200


class Kind(NamedTuple):
    """A kind of objects.

    Attributes:
        name: The word for one, such as ``vector store``.
        listed: Lists them, given a client, the ids of what they are within, and filters.
        head: The names of a table's columns.
        row: The values of these columns.
        retrieve: Reads one, by the ids of what it is within and its own.
        within: What its objects are listed within, by the names of arguments.
        delete: Deletes one, by the same ids; ``None`` where the protocol cannot.
        right: The columns with numbers.
    """

    name: str
    listed: Callable[..., Iterable[Any]]
    head: Sequence[str]
    row: Callable[[Any], Sequence[object]]
    retrieve: Callable[..., Any]
    within: Sequence[str] = ()
    delete: Callable[..., Any] | None = None
    right: Sequence[int] = ()


def _threads(client: Client, metadata: Mapping[str, str], search: str | None) -> Iterable[Any]:
    return client.threads.list(page_size=100, metadata=metadata or None, search=search)


def _plain(resource: str) -> Callable[..., Iterable[Any]]:
    """Returns what lists a resource whose objects have no filters."""
    return lambda client, *ids, **_: getattr(client, resource).list(*ids, page_size=100)


def _one(resource: str, method: str) -> Callable[..., Any]:
    return lambda client, *ids: getattr(getattr(client, resource), method)(*ids)


def _tokens(run: Any) -> object:
    return None if run.usage is None else run.usage.total_tokens


def _step(step: Any) -> str:
    if step.type == "tool_calls":
        return ", ".join(call.type for call in step.tool_calls)
    return str(step.type)


#: By the word for several.
KINDS: Final[Mapping[str, Kind]] = {
    "assistants": Kind(
        name="assistant",
        listed=_plain("assistants"),
        head=("ID", "MADE", "MODEL", "TOOLS", "NAME"),
        row=lambda one: (
            one.id,
            time_of(one.created_at),
            one.model,
            ",".join(tool.type for tool in one.tools),
            one.name,
        ),
        retrieve=_one("assistants", "retrieve"),
        delete=_one("assistants", "delete"),
    ),
    "threads": Kind(
        name="thread",
        listed=_threads,
        head=("ID", "MADE", "METADATA"),
        row=lambda one: (one.id, time_of(one.created_at), pairs_of(one.metadata)),
        retrieve=_one("threads", "retrieve"),
        delete=_one("threads", "delete"),
    ),
    "messages": Kind(
        name="message",
        within=("THREAD",),
        listed=_plain("messages"),
        head=("ID", "MADE", "ROLE", "TEXT"),
        row=lambda one: (one.id, time_of(one.created_at), one.role, one.text[:_SHOWN]),
        retrieve=_one("messages", "retrieve"),
        delete=_one("messages", "delete"),
    ),
    "runs": Kind(
        name="run",
        within=("THREAD",),
        listed=_plain("runs"),
        head=("ID", "MADE", "STATUS", "TOKENS", "MODEL"),
        row=lambda one: (one.id, time_of(one.created_at), one.status, _tokens(one), one.model),
        retrieve=_one("runs", "retrieve"),
        right=(3,),
    ),
    "steps": Kind(
        name="run step",
        within=("THREAD", "RUN"),
        listed=_plain("run_steps"),
        head=("ID", "MADE", "STATUS", "TOKENS", "WHAT"),
        row=lambda one: (one.id, time_of(one.created_at), one.status, _tokens(one), _step(one)),
        retrieve=_one("run_steps", "retrieve"),
        right=(3,),
    ),
    "files": Kind(
        name="file",
        listed=lambda client, **_: client.files.list(),
        head=("ID", "MADE", "PURPOSE", "BYTES", "NAME"),
        row=lambda one: (one.id, time_of(one.created_at), one.purpose, one.bytes, one.filename),
        retrieve=_one("files", "retrieve"),
        delete=_one("files", "delete"),
        right=(3,),
    ),
    "vector-stores": Kind(
        name="vector store",
        listed=_plain("vector_stores"),
        head=("ID", "MADE", "STATUS", "FILES", "BYTES", "NAME"),
        row=lambda one: (
            one.id,
            time_of(one.created_at),
            one.status,
            one.file_counts.total,
            one.usage_bytes,
            one.name,
        ),
        retrieve=_one("vector_stores", "retrieve"),
        delete=_one("vector_stores", "delete"),
        right=(3, 4),
    ),
}

#: By the beginning of ids; some servers have others than the protocol's own.
_BEGINNINGS: Final = {
    "asst_": "assistants",
    "thread_": "threads",
    "msg_": "messages",
    "run_": "runs",
    "step_": "steps",
    "file-": "files",
    "file_": "files",
    "assistant-": "files",
    "vs_": "vector-stores",
}
#: Of ids that are no such object's, what is said of them.
_OTHERS: Final = {
    "vsfb_": "a batch of files is seen within its vector store: `assistants show vs_…`",
    "req_": "that is a request's id, which only the log of the server knows",
    "call_": "that is a tool call's id: `assistants show RUN` has the calls of a run",
}


def kind_of(object_id: str) -> Kind:
    """Returns the kind of an object by its id.

    Raises:
        Refusal: No id begins so.
    """
    for beginning, name in _BEGINNINGS.items():
        if object_id.startswith(beginning) and object_id != beginning:
            return KINDS[name]
    for beginning, words in _OTHERS.items():
        if object_id.startswith(beginning):
            raise Refusal(USAGE, f"{object_id!r:.80}: {words}")
    known = ", ".join(("asst_", "thread_", "msg_", "run_", "step_", "file-", "vs_"))
    raise Refusal(USAGE, f"{object_id!r:.80} is not an id: ids begin with {known}")


def kind(name: str) -> str:
    """Reads the word for several objects of a kind, for the parser."""
    plain = name.lower().replace("_", "-").removeprefix("run-")
    for word in (plain, f"{plain}s"):
        if word in KINDS:
            return word
    raise argparse.ArgumentTypeError(
        f"{name!r} is none of {', '.join(KINDS)}{did_you_mean(plain, KINDS)}"
    )


def require_id(value: str, name: str, wanted: str) -> str:
    """Returns an id of a kind.

    Args:
        value: The id.
        name: The name of the argument.
        wanted: The word for one such object.

    Raises:
        Refusal: It is another kind's, or none.
    """
    found = kind_of(value)
    if found.name != wanted:
        raise Refusal(USAGE, f"{name}: {value!r:.80} is the id of a {found.name}, not a {wanted}'s")
    return value
