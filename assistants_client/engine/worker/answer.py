"""From a language model's deltas to one whole answer: pure, the other half of prompt.py.

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
    THING_LENGTH,
    length_of,
)
from assistants_client.engine.domain.images import MAX_IMAGES
from assistants_client.engine.domain.marks import KnownMarks, MarkReader, Note, Words
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
    """The deltas of an answer, up to ``MAX_TEXT`` characters and ``MAX_IMAGES`` bytes of images.

    Raises:
        LanguageModelError: There are more. Of a text that crosses the bound its beginning is given.
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
            room -= THING_LENGTH
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
    """How many characters a piece of a call counts; ``calls`` has the ids and names so far."""
    known, names = calls.get(delta.index), (delta.id or "", delta.name or "")
    # There are servers that say id and name again with each piece.
    if known is not None and names in (("", ""), known):
        return len(delta.arguments)
    calls[delta.index] = names
    return len(delta.arguments) + max(length_of(names), THING_LENGTH if known is None else 0)


def _length_of_other(delta: Delta) -> int:
    if isinstance(delta, UrlCitationDelta):
        return max(length_of((delta.url, delta.title or "", delta.mark or "")), 1)
    if isinstance(delta, ImageDelta):
        return max(len(delta.url), THING_LENGTH)
    if isinstance(delta, Finish):
        return len(delta.word or "")
    kept = delta.state if isinstance(delta, NewMessage) else delta
    if isinstance(kept, (State, StateDelta)):
        return max(length_of((kept.turn, kept.calls)), THING_LENGTH)
    return THING_LENGTH if isinstance(delta, NewMessage) else 0


@define
class TextPiece:
    """Text of a message, or its refusal, as far as it has come."""

    _reader: MarkReader
    is_refusal: bool = False
    pieces: list[str] = field(factory=list)
    #: What the marks stand for that were read so far.
    notes: list[Note] = field(factory=list)
    #: From the server: its sources on the web.
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

    def read(self, room: int, *, is_last: bool) -> Iterator[Words]:
        """What was not read before, up to what may yet become a mark.

        Args:
            room: How many marks may have what they stand for.
            is_last: Whether the text is whole.
        """
        text = "".join(self._unread)
        self._unread.clear()
        for words in self._reader.read(text, is_last=is_last):
            if words.note is None or room <= 0:
                yield Words(words.text)
            else:
                room -= 1
                self.notes.append(words.note)
                yield words


#: A part of a message: text as it comes, or an image.
Piece = TextPiece | ImageFilePart | ImageUrlPart


@frozen
class Untold:
    """What is to be told next of a message.

    Attributes:
        place: The part's, within the message.
        part: The part: an image, or the text that the words are from.
        words: Those that are to be told, of a text.
        is_first: Whether nothing was told of the part before.
    """

    place: int
    part: Piece
    words: Words | None = None
    is_first: bool = True


@define
class MessageDraft:
    """One message as it comes: its parts in their order, each delta at the same cost."""

    marks: KnownMarks = field(factory=KnownMarks)
    parts: list[Piece] = field(factory=list)
    state: State | None = None
    #: How many of the parts were there before the model said anything.
    _given: int = field(default=0, init=False)
    _shows: bool = field(default=False, init=False)
    _length: int = field(default=0, init=False)
    _citations: int = field(default=0, init=False)
    #: The first part of which not all was told, and whether some was.
    _place: int = field(default=0, init=False)
    _is_begun: bool = field(default=False, init=False)

    @property
    def given(self) -> list[ImageFilePart]:
        """The images that it begins with, which are not the model's."""
        return [part for part in self.parts[: self._given] if isinstance(part, ImageFilePart)]

    def begin_with(self, images: Sequence[ImageFilePart]) -> None:
        """Puts images before whatever the model will say."""
        self.parts = [*images, *self.parts[self._given :]]
        self._given = len(images)

    @property
    def length(self) -> int:
        """How many characters of text it has so far."""
        return self._length

    @property
    def shows(self) -> bool:
        """Whether there is anything of the model's to be seen; white space is not."""
        return self._shows

    def say(self, text: str, *, is_refusal: bool = False) -> int:
        """Adds a piece of text, and answers the place of the part that it belongs to."""
        last = self.parts[-1] if self.parts else None
        if not isinstance(last, TextPiece) or last.is_refusal != is_refusal:
            marks = KnownMarks() if is_refusal else self.marks
            last = TextPiece(MarkReader(marks), is_refusal)
            self.parts.append(last)
        last.add(text)
        self._length += len(text)
        self._shows = self._shows or bool(text.strip())
        return len(self.parts) - 1

    def show(self, image: ImageFilePart | ImageUrlPart) -> int:
        """Adds an image, and answers its place."""
        self.parts.append(image)
        self._shows = True
        return len(self.parts) - 1

    def cite(self, citation: UrlCitationDelta) -> None:
        """Notes a source of the text that came last, up to ``MAX_ANNOTATIONS`` in the message."""
        last = next((part for part in reversed(self.parts) if isinstance(part, TextPiece)), None)
        if last is not None and self._citations < MAX_ANNOTATIONS:
            last.citations.append(citation)
            self._citations += 1

    def begin(self) -> dict[int, ContentPart]:
        """The images that it begins with, for its first delta, and the empty text after them."""
        begun: dict[int, ContentPart] = dict(enumerate(self.given))
        self._place = len(begun)
        after = self.parts[self._place] if begun and self._place < len(self.parts) else None
        if isinstance(after, TextPiece) and not after.is_refusal:
            begun[self._place] = TextPart()
            self._is_begun = True
        return begun

    def untold(self, *, is_whole: bool = False) -> Iterator[Untold]:
        """What was not told before, up to what may yet become a mark.

        Args:
            is_whole: Whether the message is.
        """
        while self._place < len(self.parts):
            place, part = self._place, self.parts[self._place]
            if not isinstance(part, TextPiece):
                yield Untold(place, part)
            else:
                is_last = is_whole or place < len(self.parts) - 1
                for words in part.read(MAX_ANNOTATIONS - self._notes(), is_last=is_last):
                    yield Untold(place, part, words, is_first=not self._is_begun)
                    self._is_begun = True
                if not is_last:
                    return
            self._place, self._is_begun = place + 1, False

    def _notes(self) -> int:
        return sum(len(part.notes) for part in self.parts if isinstance(part, TextPiece))

    def content(self) -> list[ContentPart]:
        """The parts as they are stored, with ``MAX_ANNOTATIONS`` annotations at most."""
        found: list[ContentPart] = []
        room = MAX_ANNOTATIONS - self._notes()
        for part in self.parts:
            if not isinstance(part, TextPiece):
                found.append(part)
            elif part.is_refusal:
                found.append(RefusalPart(refusal=part.text))
            else:
                text = part.text
                late = list(islice(_web_citations(text, part.citations), room))
                room -= len(late)
                late.sort(key=lambda one: one.start_index)
                # Those that were told with their marks have their places already.
                found.append(TextPart(text=Text(value=text, annotations=[*part.notes, *late])))
        return found


def _web_citations(text: str, citations: Sequence[UrlCitationDelta]) -> Iterator[UrlCitation]:
    """The sources on the web, in the form that Azure's agents have for them."""
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
class _Call:
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
    """What a model has answered so far; each delta costs the same, however long the answer."""

    #: What the texts may hold.
    marks: KnownMarks = field(factory=KnownMarks)
    #: The message that is being written.
    message: MessageDraft = field(init=False)
    _said: bool = field(default=False, init=False)
    _thoughts: list[str] = field(factory=list, init=False)
    _calls: dict[int, _Call] = field(factory=dict, init=False)
    _state: StateDelta | None = field(default=None, init=False)
    usage: Usage | None = field(default=None, init=False)
    #: ``None`` as long as the model has not said why it ended.
    finish: Finish | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.message = MessageDraft(self.marks)

    def add(self, delta: Delta) -> int | None:
        """Takes in the next piece.

        Returns:
            The place of the part of the message that it changes, if it changes one. An image that
            the server holds itself is a part of its own; one that came whole is the caller's to
            store, and to show with :meth:`MessageDraft.show`.
        """
        place = None
        if isinstance(delta, (TextDelta, RefusalDelta)):
            if delta.text:
                self._said = True
                is_refusal = isinstance(delta, RefusalDelta)
                place = self.message.say(delta.text, is_refusal=is_refusal)
        elif isinstance(delta, ThinkingDelta):
            self._thoughts += [delta.text] if delta.text else []
        elif isinstance(delta, UrlCitationDelta):
            self.message.cite(delta)
        elif isinstance(delta, ImageDelta):
            self._said = True
            if not delta.url.startswith("data:"):
                place = self.message.show(ImageUrlPart(image_url=ImageUrl(url=delta.url)))
        elif isinstance(delta, NewMessage):
            self.message = MessageDraft(self.marks, state=delta.state)
        elif isinstance(delta, ToolCallDelta):
            self._calls.setdefault(delta.index, _Call()).add(delta)
        elif isinstance(delta, StateDelta):
            self._state = delta
        elif isinstance(delta, TokenUsage):
            self.usage = _usage(delta)
        else:
            self.finish = delta
        return place

    @property
    def has_begun(self) -> bool:
        """Whether the model has said anything."""
        return self._said or bool(self._calls)

    def take_thoughts(self) -> str | None:
        """What the model has thought aloud since this was asked; ``None`` where it did not."""
        thoughts = "".join(self._thoughts).strip()
        self._thoughts.clear()
        return thoughts or None

    def tool_calls(self, taken: Container[str], new_id: Callable[[], str]) -> list[ToolCall]:
        """The calls, by index.

        Args:
            taken: Ids that are in use: not every model makes up another one for each call.
            new_id: Gives the id of a call that came without one, or with one in use.
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
        """The calls' arguments as they came, in the order of ``tool_calls``."""
        found = []
        for _, call in sorted(self._calls.items()):
            whole = "".join(call.arguments)
            arguments = normalized(whole)
            found.append(list(call.arguments) if arguments == whole else [arguments])
        return found

    def state(self, calls: Sequence[ToolCall]) -> State | None:
        """What goes back to the model's server with the calls; ``None`` where it wants nothing.

        Args:
            calls: What :meth:`tool_calls` answered: they may have got other ids.
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
    """An image of a message, by its file."""
    return ImageFilePart(image_file=ImageFile(file_id=file_id))
