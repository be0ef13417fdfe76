"""Objects as the JSON that they are stored and answered as.

What is only passed on, from a row to a response or from a request to a row, is written once and
never read back. So a field that objects get later needs a step in ``migrations.py``: nothing else
puts it into rows that are there.
"""

from __future__ import annotations

import json
from typing import Any, Final, Generic, TypeVar

from assistants_client._json.codec import decode, encode
from assistants_client.models._base import JsonObject

T = TypeVar("T")

#: Returns the JSON of a document, as it is stored.
dumps: Final = json.JSONEncoder(separators=(",", ":")).encode


class StoredJson(Generic[T]):
    """An object as JSON; it is parsed only where that is asked for.

    Args:
        cls: The class of the object.
        text: The JSON.

    Attributes:
        cls: The class of the object; ``dict`` where it is not known.
        text: The JSON.
    """

    __slots__ = ("_document", "cls", "text")

    def __init__(self, cls: type[T], text: str) -> None:
        self.cls: type[T] = cls
        self.text: str = text
        self._document: JsonObject | None = None

    @classmethod
    def of(cls, made: T | StoredJson[T]) -> StoredJson[T]:
        """Returns an object, or a document, as JSON."""
        if isinstance(made, StoredJson):
            return made
        document: JsonObject = encode(made)
        stored = cls(type(made), dumps(document))
        stored._document = document
        return stored

    @property
    def document(self) -> JsonObject:
        """The document; it is not to be changed."""
        document = self._document
        if document is None:
            document = self._document = json.loads(self.text)
        return document

    def decoded(self) -> T:
        """Returns the object."""
        return decode(self.cls, self.document)


def to_json(value: Any) -> str:
    """Returns the JSON that a column stores."""
    return value.text if isinstance(value, StoredJson) else dumps(value)
