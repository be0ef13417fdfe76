"""Messages, their content parts and annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from attrs import define, field, frozen

from assistants_client.models._base import (
    ALWAYS_SENT,
    CLIENT_ONLY,
    EMPTY_AS_NULL,
    OMIT_IF_NONE,
    UNSET,
    JsonObject,
    Request,
    Struct,
    Unknown,
    UnsetType,
    short_repr,
)
from assistants_client.models._limits import items, metadata_pairs
from assistants_client.models.endings import IncompleteDetails
from assistants_client.models.tools import CodeInterpreterTool, FileSearchTool, UnknownTool

ImageDetail: TypeAlias = Literal["auto", "low", "high"]
#: The reaction to a run that holds the thread's lock.
OnActiveRun: TypeAlias = Literal["raise", "wait", "cancel"]


@define(kw_only=True)
class ImageFile(Struct):
    """An uploaded image, by the id of its file; ``detail`` is the resolution for the model."""

    file_id: str
    detail: ImageDetail | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class ImageUrl(Struct):
    """An image on the web; ``detail`` is the resolution for the model."""

    url: str
    """The URL, http or https; servers refuse ``data:`` URLs."""
    detail: ImageDetail | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class ImageFilePart(Struct):
    """An uploaded image within a message."""

    image_file: ImageFile
    type: Literal["image_file"] = "image_file"


@define(kw_only=True)
class ImageUrlPart(Struct):
    """An image from the web within a message."""

    image_url: ImageUrl
    type: Literal["image_url"] = "image_url"


@define(kw_only=True)
class InputTextPart(Struct):
    """Text in a request: ``text`` is a bare string; responses have a :class:`TextPart`."""

    text: str
    type: Literal["text"] = "text"

    @staticmethod
    def as_sent(part: dict[str, Any]) -> dict[str, Any]:
        """Returns a part in the form of requests: texts and refusals that were read, as text.

        Requests have no place for annotations, nor for refusals.
        """
        if part.get("type") == "refusal":
            return {"type": "text", "text": part.get("refusal")}
        text = part.get("text")
        if isinstance(text, Text):
            return {**part, "text": text.value}
        if isinstance(text, Mapping) and "value" in text:
            return {**part, "text": text["value"]}
        return part


@define(kw_only=True)
class FileReference(Struct):
    """A file, by its id."""

    file_id: str = ""


@define(kw_only=True)
class FileCitation(Struct):
    """A citation of a file.

    ``text`` is its mark in the message, from ``start_index`` to before ``end_index``, in
    characters.
    """

    type: Literal["file_citation"] = "file_citation"
    text: str = ""
    file_citation: FileReference | None = None
    start_index: int = 0
    end_index: int = 0


@define(kw_only=True)
class FilePath(Struct):
    """A reference to a file that the code interpreter wrote; see :class:`FileCitation`.

    ``text`` is its mark in the message, from ``start_index`` to before ``end_index``.
    """

    type: Literal["file_path"] = "file_path"
    text: str = ""
    file_path: FileReference | None = None
    start_index: int = 0
    end_index: int = 0


@define(kw_only=True)
class UrlReference(Struct):
    """A page on the web: its address, ``url``, and its ``title``, if the server sends one."""

    url: str = ""
    title: str | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class UrlCitation(Struct):
    """A citation of a page on the web, from Azure's agents and the embedded engine.

    ``text`` is in the message from ``start_index`` to before ``end_index``: a mark such as ``[2]``,
    or the whole passage from the source.
    """

    type: Literal["url_citation"] = "url_citation"
    text: str = ""
    url_citation: UrlReference | None = None
    start_index: int = 0
    end_index: int = 0

    @property
    def url(self) -> str:
        """The source's address; empty where the server sends none."""
        return "" if self.url_citation is None else self.url_citation.url

    def __repr__(self) -> str:
        # A reader needs the address, also where the rest of a message is cut.
        return short_repr(self, {"text": self.text, "url": self.url})


@define(kw_only=True)
class UnknownAnnotation(Unknown):
    """An annotation of another service, kept as it was received."""


Annotation: TypeAlias = FileCitation | FilePath | UrlCitation | UnknownAnnotation


@define(kw_only=True)
class Text(Struct):
    """Text with its annotations."""

    #: Some servers send the text alone.
    FROM_TEXT: ClassVar[str] = "value"

    value: str = ""
    """The text, marks included."""
    annotations: list[Annotation] = field(factory=list)
    """The citations that its marks refer to."""


@define(kw_only=True)
class TextPart(Struct):
    """Text in a response."""

    #: Some servers send a text instead of its parts.
    FROM_TEXT: ClassVar[str] = "text"
    text: Text = field(factory=Text)
    type: Literal["text"] = "text"


@define(kw_only=True)
class RefusalPart(Struct):
    """The model's refusal to answer, and its text: ``refusal``."""

    refusal: str = ""
    type: Literal["refusal"] = "refusal"


@define(kw_only=True)
class UnknownPart(Unknown):
    """A content part of another service, kept as it was received."""


ContentPart: TypeAlias = TextPart | ImageFilePart | ImageUrlPart | RefusalPart | UnknownPart
if TYPE_CHECKING:  # parts that were read have the form of InputTextPart.as_sent on the wire
    ContentPartInput: TypeAlias = (
        InputTextPart
        | ImageFilePart
        | ImageUrlPart
        | TextPart
        | RefusalPart
        | UnknownPart
        | JsonObject
    )
else:
    ContentPartInput = InputTextPart | ImageFilePart | ImageUrlPart | UnknownPart | JsonObject


@define(kw_only=True)
class Attachment(Struct):
    """A file of a message, and the ``tools`` that may use it."""

    file_id: str | None = field(default=None, metadata=OMIT_IF_NONE)
    tools: list[CodeInterpreterTool | FileSearchTool | UnknownTool] = field(factory=list)


@frozen
class MessageRequest(Request):
    """The body of ``messages.create``; the content comes first, so a string alone is enough.

    Attributes:
        content: Text, or parts: text, uploaded images, images on the web; those of a message that
            was read, too.
        role: The author: ``"user"``, or ``"assistant"`` for answers imported from elsewhere.
        attachments: Files for the tools named with each.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
        on_active_run: The reaction to a run that holds the thread's lock: ``"raise"`` the server's
            refusal, ``"wait"`` for the run's end, or ``"cancel"`` the run and wait for its end. Not
            sent.
        timeout: Seconds for the whole call, the wait for that run included; by default there are
            660 for that wait. Not sent.
    """

    content: str | Sequence[ContentPartInput] = field(metadata=items(minimum=1))
    role: Literal["user", "assistant"] = field(default="user", kw_only=True, metadata=ALWAYS_SENT)
    attachments: Sequence[Attachment | JsonObject] | UnsetType | None = field(
        default=UNSET, kw_only=True
    )
    metadata: Mapping[str, str] | UnsetType | None = field(
        default=UNSET, kw_only=True, metadata=metadata_pairs()
    )
    on_active_run: OnActiveRun = field(default="raise", kw_only=True, metadata=CLIENT_ONLY)
    timeout: float | None = field(default=None, kw_only=True, metadata=CLIENT_ONLY)

    @staticmethod
    def as_sent(document: dict[str, Any]) -> dict[str, Any]:
        """Returns a message in the form of requests: of one that was read, what a new one has."""
        if document.get("object") != "thread.message":
            return document
        kept = ("role", "content", "attachments", "metadata")
        return {key: document[key] for key in kept if document.get(key)}


@frozen(kw_only=True)
class MessageUpdate(Request):
    """The body of ``messages.update``.

    Attributes:
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@define(kw_only=True)
class Message(Struct):
    """One message of a thread. Times are Unix seconds.

    ``assistant_id`` and ``run_id`` are ``None`` in messages of the user's.
    """

    id: str
    object: str = "thread.message"
    created_at: int = 0
    thread_id: str = ""
    status: str | None = None
    """``in_progress``, ``incomplete`` or ``completed``; ``None`` where the server does not send it.

    OpenAI sent it in streams only: retrieved later, an incomplete message looks complete.
    """
    incomplete_details: IncompleteDetails | None = field(default=None, metadata=EMPTY_AS_NULL)
    completed_at: int | None = None
    incomplete_at: int | None = None
    role: str = ""
    """``user`` or ``assistant``; some servers have ``system`` too."""
    content: list[ContentPart] = field(factory=list)
    """The parts in order; :attr:`text` joins those of text."""
    assistant_id: str | None = None
    run_id: str | None = None
    attachments: list[Attachment] = field(factory=list)
    metadata: dict[str, str] = field(factory=dict)

    @property
    def text(self) -> str:
        """The text parts, joined by a newline; empty when there are none."""
        return "\n".join(part.text.value for part in self.content if isinstance(part, TextPart))

    @property
    def refusal(self) -> str:
        """The words of a model that refused to answer; empty where it did not."""
        return "\n".join(part.refusal for part in self.content if isinstance(part, RefusalPart))

    @property
    def citations(self) -> list[Annotation]:
        """The annotations of all text parts, in order."""
        return [
            annotation
            for part in self.content
            if isinstance(part, TextPart)
            for annotation in part.text.annotations
        ]


if TYPE_CHECKING:  # one that was read has the form of MessageRequest.as_sent on the wire
    MessageInput: TypeAlias = MessageRequest | Message | JsonObject
else:
    MessageInput = MessageRequest | JsonObject
