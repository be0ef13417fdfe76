"""Tells columns of tables by their names: which holds the thread, the role, the text, the time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import field, frozen

#: Fields that a column can be given for.
FIELDS: Final = (
    "thread",
    "id",
    "role",
    "text",
    "time",
    "question",
    "answer",
    "assistant",
    "run",
)
#: By field, names of columns in small letters without anything else, best first.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "thread": (
        *("threadid", "openaithreadid", "sessionid", "conversationid", "chatid", "thread"),
        *("session", "conversation", "chat", "dialogid"),
    ),
    "id": ("messageid", "msgid", "id", "pk"),
    "role": (
        *("role", "messagerole", "messagetype", "iscreatedbyuser", "sendertype", "direction"),
        *("author", "sender", "speaker", "from", "type"),
    ),
    "text": (
        *("text", "content", "messagecontent", "messagetext", "body", "message", "payload"),
        *("value", "utterance"),
    ),
    "time": (
        *("createdat", "timestamp", "createddate", "messagedate", "datetime", "created", "sentat"),
        *("time", "date", "createtime"),
    ),
    "question": ("userquestion", "question", "query", "prompt", "usermessage", "userinput"),
    "answer": ("assistantanswer", "answer", "response", "reply", "completion", "botresponse"),
    "assistant": ("assistantid", "agentid"),
    "run": ("runid",),
}
#: Together they are a question and its answer, though one alone is a text.
_PAIRS: Final = (("message", "response"), ("message", "reply"), ("input", "output"))

_PERSONAL = re.compile(
    "(?:.*(?:email|phone|mobile|address)|(?:user|client|remote|participant|customer|visitor|ip)?ip"
    "(?:addr)?|(?:participant|user|customer|visitor|first|last|full|display)(?:name|identifier)"
    "|username|birth.*|iban|ssn)"
)
_SECRET = re.compile(".*(?:apikey|openaikey|secret|password|passwd|accesstoken|bearer|credential)")
_OTHER = re.compile(r"[\W_]+")


def _plain(name: str) -> str:
    """Returns the name of a column in small letters, without anything between them."""
    return _OTHER.sub("", name).lower()


@frozen
class Columns:
    """The columns of a table.

    Attributes:
        by_field: By field, the name of its column.
        others: Columns that hold something else.
        personal: Columns that name people, by what they are called.
        secret: Columns that hold keys, by what they are called.
    """

    by_field: Mapping[str, str]
    others: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    secret: tuple[str, ...] = field(default=())

    @property
    def is_pair(self) -> bool:
        """A row is a question and its answer."""
        return "question" in self.by_field and "answer" in self.by_field

    @property
    def is_message(self) -> bool:
        """A row is a message: it has a text, and says whose it is."""
        return "role" in self.by_field and "text" in self.by_field


def columns_of(names: Iterable[str], given: Mapping[str, str]) -> Columns:
    """Returns what the columns of these names are.

    Args:
        names: The names, in their order.
        given: By field, the column that holds it, whatever its name says.
    """
    listed = list(names)
    plain = {_plain(name): name for name in reversed(listed)}
    found = {name: column for name, column in given.items() if column in listed}
    taken = set(found.values())
    if not {"text", "role"} & found.keys():
        for question, answer in [(None, None), *_PAIRS]:
            for one, name in (("question", question), ("answer", answer)):
                _find(one, (name,) if name else SYNONYMS[one], plain, found, taken)
            if "question" in found and "answer" in found:
                break
            for one in {"question", "answer"} - given.keys():
                taken.discard(found.pop(one, ""))
    is_pair = "question" in found and "answer" in found
    for one, synonyms in SYNONYMS.items():
        if not (is_pair and one in {"role", "text"}):
            _find(one, synonyms, plain, found, taken)
    rest = [name for name in listed if name not in taken]
    personal = tuple(name for name in rest if _PERSONAL.fullmatch(_plain(name)))
    secret = tuple(name for name in rest if _SECRET.fullmatch(_plain(name)))
    others = tuple(name for name in rest if name not in {*personal, *secret})
    return Columns(found, others, personal, secret)


def _find(
    one: str,
    synonyms: Iterable[str],
    plain: Mapping[str, str],
    found: dict[str, str],
    taken: set[str],
) -> None:
    """Takes the first column with one of these names for a field, if it has none."""
    if one in found:
        return
    for synonym in synonyms:
        column = plain.get(synonym)
        if column is not None and column not in taken:
            found[one] = column
            taken.add(column)
            return
