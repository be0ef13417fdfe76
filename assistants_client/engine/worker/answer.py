"""Builds one whole answer from a language model's deltas: pure, the other half of prompt.py.

An answer is messages (nearly always one), each of parts in the order in which they came, and the
tool calls beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice

from attrs import define, evolve, field, frozen

from assistants_client.engine.domain.bounds import (
    MAX_ANNOTATIONS,
    MAX_TEXT,
    MIN_ITEM_LENGTH,
    length_of,
)
from assistants_client.engine.domain.images import MAX_IMAGES
from assistants_client.engine.domain.marks import KnownMarks, MarkAnnotation, MarkReader, Segment
from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    ImageDelta,
    LanguageModelError,
    NewMessage,
    RefusalDelta,
    State,
    StateDelta,
    TextDelta,
    ThinkingDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    UrlCitationDelta,
)
from assistants_client.engine.language_models.call_arguments import normalized
from assistants_client.models.messages import (
    Annotation,
    ContentPart,
    ImageFile,
    ImageFilePart,
    ImageUrl,
    ImageUrlPart,
    RefusalPart,
    Text,
    TextPart,
    UrlCitation,
    UrlReference,
)
from assistants_client.models.runs import CompletionTokensDetails, PromptTokenDetails, Usage


def bounded(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Yields an answer's deltas, up to ``MAX_TEXT`` characters and ``MAX_IMAGES`` bytes of images.

    Raises:
        LanguageModelError: There are more. A text that crosses the bound is yielded up to it.
    """
    room, image_room = MAX_TEXT, MAX_IMAGES // 3 * 4  # In base64 four characters hold three bytes.
    calls: dict[int, tuple[str, str]] = {}
    for delta in deltas:
        if isinstance(delta, (TextDelta, RefusalDelta, ThinkingDelta)):
            if len(delta.text) > room:
                yield evolve(delta, text=delta.text[:room])
            room -= len(delta.text)
        elif isinstance(delta, ToolCallDelta):
            room -= _length_of_call(delta, calls)
        elif isinstance(delta, ImageDelta) and delta.url.startswith("data:"):
            room -= MIN_ITEM_LENGTH
            image_room -= len(delta.url)
        else:
            room -= _length_of_other(delta)
        if room < 0:
            raise LanguageModelError(
                f"The language model's answer is longer than the maximum of {MAX_TEXT} characters; "
                "it is read no further."
            )
        if image_room < 0:
            raise LanguageModelError(
                "The images in the language model's answer are together larger than the maximum "
                f"of {MAX_IMAGES} bytes; it is read no further."
            )
        yield delta


def _length_of_call(delta: ToolCallDelta, calls: dict[int, tuple[str, str]]) -> int:
    """Returns the length of a piece of a call; ``calls`` holds the ids and names so far."""
    known, names = calls.get(delta.index), (delta.id or "", delta.name or "")
    # There are servers that repeat id and name with each piece.
    if known is not None and names in (("", ""), known):
        return len(delta.arguments)
    calls[delta.index] = names
    return len(delta.arguments) + max(length_of(names), MIN_ITEM_LENGTH if known is None else 0)


def _length_of_other(delta: Delta) -> int:
    if isinstance(delta, UrlCitationDelta):
        return max(length_of((delta.url, delta.title or "", delta.mark or "")), 1)
    if isinstance(delta, ImageDelta):
        return max(len(delta.url), MIN_ITEM_LENGTH)
    if isinstance(delta, Finish):
        return len(delta.word or "")
    kept = delta.state if isinstance(delta, NewMessage) else delta
    if isinstance(kept, (State, StateDelta)):
        return max(length_of((kept.turn, kept.calls)), MIN_ITEM_LENGTH)
    return MIN_ITEM_LENGTH if isinstance(delta, NewMessage) else 0


@define
class TextDraft:
    """Text of a message, or its refusal, as far as it has arrived."""

    _reader: MarkReader
    is_refusal: bool = False
    pieces: list[str] = field(factory=list)
    #: The annotations of the marks that were read so far.
    annotations: list[MarkAnnotation] = field(factory=list)
    #: The sources on the web that the server named.
    citations: list[UrlCitationDelta] = field(factory=list)
    _unread: list[str] = field(factory=list, init=False)

    @property
    def text(self) -> str:
        """The pieces, joined."""
        return "".join(self.pieces)

    def add(self, text: str) -> None:
        """Adds a piece."""
        self.pieces.append(text)
        self._unread.append(text)

    def read(self, room: int, *, is_last: bool) -> Iterator[Segment]:
        """Yields what was not read before, up to what may yet become a mark.

        Args:
            room: The number of marks that may have an annotation.
            is_last: Whether the text is whole.
        """
        text = "".join(self._unread)
        self._unread.clear()
        for segment in self._reader.read(text, is_last=is_last):
            if segment.annotation is None:
                yield segment
            elif room <= 0:
                yield Segment(segment.text)
            else:
                room -= 1
                self.annotations.append(segment.annotation)
                yield segment


#: A part of a message: text as it arrives, or an image.
DraftPart = TextDraft | ImageFilePart | ImageUrlPart


@frozen
class UnsentPiece:
    """A piece of a message that is to be sent next.

    Attributes:
        place: The part's, within the message.
        part: The part: an image, or the text that the segment is from.
        segment: The segment that is to be sent, of a text.
        is_first: Whether nothing of the part was sent before.
    """

    place: int
    part: DraftPart
    segment: Segment | None = None
    is_first: bool = True


@define
class MessageDraft:
    """One message as it arrives: its parts in order; each delta costs the same."""

    marks: KnownMarks = field(factory=KnownMarks)
    parts: list[DraftPart] = field(factory=list)
    state: State | None = None
    #: The number of parts that were there before the model's answer began.
    _given: int = field(default=0, init=False)
    _is_visible: bool = field(default=False, init=False)
    _length: int = field(default=0, init=False)
    _citations: int = field(default=0, init=False)
    #: The first part of which not all was sent, and whether some was.
    _place: int = field(default=0, init=False)
    _is_begun: bool = field(default=False, init=False)

    @property
    def given(self) -> list[ImageFilePart]:
        """The images that it begins with, which are not the model's."""
        return [part for part in self.parts[: self._given] if isinstance(part, ImageFilePart)]

    def begin_with(self, images: Sequence[ImageFilePart]) -> None:
        """Puts images before the model's answer."""
        self.parts = [*images, *self.parts[self._given :]]
        self._given = len(images)

    @property
    def length(self) -> int:
        """The length of its text so far, in characters."""
        return self._length

    @property
    def is_visible(self) -> bool:
        """True once the model wrote anything but white space."""
        return self._is_visible

    def add_text(self, text: str, *, is_refusal: bool = False) -> int:
        """Adds a piece of text, and returns the index of the part that it belongs to."""
        last = self.parts[-1] if self.parts else None
        if not isinstance(last, TextDraft) or last.is_refusal != is_refusal:
            marks = KnownMarks() if is_refusal else self.marks
            last = TextDraft(MarkReader(marks), is_refusal)
            self.parts.append(last)
        last.add(text)
        self._length += len(text)
        self._is_visible = self._is_visible or bool(text.strip())
        return len(self.parts) - 1

    def add_image(self, image: ImageFilePart | ImageUrlPart) -> int:
        """Adds an image, and returns its index."""
        self.parts.append(image)
        self._is_visible = True
        return len(self.parts) - 1

    def add_citation(self, citation: UrlCitationDelta) -> None:
        """Records a source of the last text, up to ``MAX_ANNOTATIONS`` in the message."""
        last = next((part for part in reversed(self.parts) if isinstance(part, TextDraft)), None)
        if last is not None and self._citations < MAX_ANNOTATIONS:
            last.citations.append(citation)
            self._citations += 1

    def begin(self) -> dict[int, ContentPart]:
        """Returns the images that it begins with, for its first delta, and the empty text after."""
        begun: dict[int, ContentPart] = dict(enumerate(self.given))
        self._place = len(begun)
        after = self.parts[self._place] if begun and self._place < len(self.parts) else None
        if isinstance(after, TextDraft) and not after.is_refusal:
            begun[self._place] = TextPart()
            self._is_begun = True
        return begun

    def unsent(self, *, is_whole: bool = False) -> Iterator[UnsentPiece]:
        """Yields what was not sent before, up to what may yet become a mark.

        Args:
            is_whole: Whether the message is.
        """
        while self._place < len(self.parts):
            place, part = self._place, self.parts[self._place]
            if not isinstance(part, TextDraft):
                yield UnsentPiece(place, part)
            else:
                is_last = is_whole or place < len(self.parts) - 1
                for segment in part.read(MAX_ANNOTATIONS - self._annotations(), is_last=is_last):
                    yield UnsentPiece(place, part, segment, is_first=not self._is_begun)
                    self._is_begun = True
                if not is_last:
                    return
            self._place, self._is_begun = place + 1, False

    def _annotations(self) -> int:
        return sum(len(part.annotations) for part in self.parts if isinstance(part, TextDraft))

    def content(self) -> list[ContentPart]:
        """Returns the parts as they are stored, with ``MAX_ANNOTATIONS`` annotations at most."""
        found: list[ContentPart] = []
        room = MAX_ANNOTATIONS - self._annotations()
        for part in self.parts:
            if not isinstance(part, TextDraft):
                found.append(part)
            elif part.is_refusal:
                found.append(RefusalPart(refusal=part.text))
            else:
                text = part.text
                late = list(islice(_web_citations(text, part.citations), room))
                room -= len(late)
                late.sort(key=lambda one: one.start_index)
                # Those that were sent with their marks have their places already.
                annotations: list[Annotation] = [*part.annotations, *late]
                found.append(TextPart(text=Text(value=text, annotations=annotations)))
        return found


def _web_citations(text: str, citations: Sequence[UrlCitationDelta]) -> Iterator[UrlCitation]:
    """Yields the sources on the web as annotations, in the form of Azure's agents."""
    for one in citations:
        if one.mark is None:
            end = min(max(one.end or 0, 0), len(text))
            yield _web_citation(text, one, min(max(one.start or 0, 0), end), end)
            continue
        start = text.find(one.mark)
        while start >= 0:
            end = start + len(one.mark)
            yield _web_citation(text, one, start, end)
            start = text.find(one.mark, end)


def _web_citation(text: str, one: UrlCitationDelta, start: int, end: int) -> UrlCitation:
    return UrlCitation(
        text=text[start:end],
        url_citation=UrlReference(url=one.url, title=one.title),
        start_index=start,
        end_index=end,
    )


@define
class _CallDraft:
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(factory=list)

    def add(self, delta: ToolCallDelta) -> None:
        self.id = delta.id or self.id
        self.name = delta.name or self.name
        if delta.arguments:
            self.arguments.append(delta.arguments)


@define
class AnswerBuilder:
    """Collects a model's answer; each delta costs the same, however long the answer."""

    #: The marks that the texts may hold.
    marks: KnownMarks = field(factory=KnownMarks)
    #: The message that is being written.
    message: MessageDraft = field(init=False)
    _has_content: bool = field(default=False, init=False)
    _thoughts: list[str] = field(factory=list, init=False)
    _calls: dict[int, _CallDraft] = field(factory=dict, init=False)
    _state: StateDelta | None = field(default=None, init=False)
    usage: Usage | None = field(default=None, init=False)
    #: ``None`` until the model has reported why it ended.
    finish: Finish | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.message = MessageDraft(self.marks)

    def add(self, delta: Delta) -> int | None:
        """Adds the next delta.

        Returns:
            The index of the message's part that it changes, if it changes one. An image that the
            server holds itself is a part of its own; one that came whole is the caller's to store,
            and to add with :meth:`MessageDraft.add_image`.
        """
        place = None
        if isinstance(delta, (TextDelta, RefusalDelta)):
            if delta.text:
                self._has_content = True
                is_refusal = isinstance(delta, RefusalDelta)
                place = self.message.add_text(delta.text, is_refusal=is_refusal)
        elif isinstance(delta, ThinkingDelta):
            self._thoughts += [delta.text] if delta.text else []
        elif isinstance(delta, UrlCitationDelta):
            self.message.add_citation(delta)
        elif isinstance(delta, ImageDelta):
            self._has_content = True
            if not delta.url.startswith("data:"):
                place = self.message.add_image(ImageUrlPart(image_url=ImageUrl(url=delta.url)))
        elif isinstance(delta, NewMessage):
            self.message = MessageDraft(self.marks, state=delta.state)
        elif isinstance(delta, ToolCallDelta):
            self._calls.setdefault(delta.index, _CallDraft()).add(delta)
        elif isinstance(delta, StateDelta):
            self._state = delta
        elif isinstance(delta, TokenUsage):
            self.usage = _usage(delta)
        else:
            self.finish = delta
        return place

    @property
    def has_begun(self) -> bool:
        """True once any content has arrived."""
        return self._has_content or bool(self._calls)

    def take_thoughts(self) -> str | None:
        """Returns the reasoning that arrived since the last call; ``None`` where there was none."""
        thoughts = "".join(self._thoughts).strip()
        self._thoughts.clear()
        return thoughts or None

    def tool_calls(self, taken: Container[str], new_id: Callable[[], str]) -> list[ToolCall]:
        """Returns the calls, by index.

        Args:
            taken: Ids that are in use: not every model makes up another one for each call.
            new_id: Returns the id of a call that came without one, or with one in use.
        """
        calls: dict[str, ToolCall] = {}
        for _, call in sorted(self._calls.items()):
            call_id = call.id
            if not call_id or call_id in taken or call_id in calls:
                call_id = new_id()
            arguments = normalized("".join(call.arguments))
            calls[call_id] = ToolCall(id=call_id, name=call.name, arguments=arguments)
        return list(calls.values())

    def argument_pieces(self) -> list[list[str]]:
        """Returns the calls' arguments as they came, in the order of ``tool_calls``."""
        found = []
        for _, call in sorted(self._calls.items()):
            whole = "".join(call.arguments)
            arguments = normalized(whole)
            found.append(list(call.arguments) if arguments == whole else [arguments])
        return found

    def state(self, calls: Sequence[ToolCall]) -> State | None:
        """Returns the state that goes back to the model's server with the calls, if there is any.

        Args:
            calls: What :meth:`tool_calls` returned: they may have got other ids.
        """
        state = self._state
        if state is None or not (state.turn or state.calls):
            return None
        ids = dict(zip(sorted(self._calls), (call.id for call in calls), strict=False))
        by_id = {ids[index]: kept for index, kept in state.calls.items() if index in ids}
        return State(origin=state.origin, turn=state.turn, calls=by_id)


def _usage(delta: TokenUsage) -> Usage:
    cached, reasoning = delta.cached_tokens, delta.reasoning_tokens
    return Usage(
        prompt_tokens=delta.prompt_tokens,
        completion_tokens=delta.completion_tokens,
        total_tokens=delta.prompt_tokens + delta.completion_tokens,
        prompt_token_details=(None if cached is None else PromptTokenDetails(cached_tokens=cached)),
        completion_tokens_details=(
            None if reasoning is None else CompletionTokensDetails(reasoning_tokens=reasoning)
        ),
    )


def file_part(file_id: str) -> ImageFilePart:
    """Returns the part of a message that shows an image, by its file."""
    return ImageFilePart(image_file=ImageFile(file_id=file_id))
