"""Makes messages, runs and steps of the turns of a chat.

A chat has no runs: the calls between a question and its answer, with their outputs, become the
steps of one. Its id is made from them, so that the same chat gives the same again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assistants_client.transfer.found import Direction, Found
from assistants_client.transfer.reading.contents import (
    content_of,
    plain_text,
    role_for_protocol,
    role_of,
)
from assistants_client.transfer.reading.options import Reader
from assistants_client.transfer.reading.state import FileState, derived_id
from assistants_client.transfer.reading.turns import Call, Turn


class Chat:
    """The turns of one thread, fed one after the other, oldest first.

    Args:
        state: Of the file.
        thread_key: The thread.
        reader: The reader that the turns come from.
        assistant_id: The assistant that its answers are said to be of.

    Attributes:
        assistant_id: The same; it may change from turn to turn.
    """

    def __init__(
        self, state: FileState, thread_key: str, reader: Reader, assistant_id: str | None = None
    ) -> None:
        self._state = state
        self._key = thread_key
        self._reader: Reader = reader
        self.assistant_id = assistant_id
        self._open: list[Call] = []
        self._run_id: str | None = None
        self._has_run = False
        self._waiting: tuple[Turn, Direction] | None = None
        self._columns: Mapping[str, str] | None = None

    @property
    def is_open(self) -> bool:
        """It waits for outputs, or is in the middle of a run."""
        return bool(self._open or self._run_id)

    def feed(
        self,
        turn: Turn,
        direction: Direction = "oldest_first",
        columns: Mapping[str, str] | None = None,
    ) -> Iterator[Found]:
        """Yields what a turn completes."""
        self._columns = columns
        if turn.dropped is not None:
            self._state.lose("part_dropped", kind="message", note=f"an item {turn.dropped}")
            return
        if turn.answers is not None:
            call = self._called(turn)
            if call is not None:
                yield from self._answered(call, turn)
                return
        yield from self._release()
        if turn.calls:
            yield from self._call(turn, direction)
            return
        if role_of(turn.role) != "assistant":
            yield from self.end()
            self._run_id = None
        yield from self._message(turn, direction)

    def _call(self, turn: Turn, direction: Direction) -> Iterator[Found]:
        """Keeps the calls of a turn until their outputs come."""
        if self._run_id is None:
            first = turn.calls[0]
            self._run_id = derived_id(
                "run_", self._key, first.id, first.name, first.arguments, str(turn.time)
            )
            self._has_run = False
        if turn.content not in (None, "", []):
            self._waiting = (turn, direction)
        for call in turn.calls:
            if call.step is None:
                self._open.append(call)
            else:
                yield from self._release(belongs=True)
                yield from self._step(call, call.step, turn)

    def _called(self, turn: Turn) -> Call | None:
        """Returns the call that a turn is the output of: the latest of its id, or of its name."""
        for call in reversed(self._open):
            if call.id == turn.answers if turn.answers else call.name == turn.name:
                return call
        return None

    def _answered(self, call: Call, turn: Turn) -> Iterator[Found]:
        self._open.remove(call)
        yield from self._release(belongs=True)

        def lose(code: str, field: str, note: str | None = None) -> None:
            self._state.lose(code, kind="step", name=field, note=note)

        function = {
            "name": call.name,
            "arguments": call.arguments,
            "output": plain_text(content_of(turn.content, lose).parts),
        }
        call_id = call.id or derived_id("call_", self._run_id, call.name, call.arguments)
        yield from self._step(call, {"id": call_id, "type": "function", "function": function}, turn)

    def _step(self, call: Call, step: dict[str, Any], turn: Turn) -> Iterator[Found]:
        """Yields a step, and its run before the first."""
        times = {} if turn.time is None else {"created_at": turn.time}
        whose = {"assistant_id": self.assistant_id} if self.assistant_id else {}
        common = {"thread_id": self._key, "status": "completed", **whose, **times}
        if not self._has_run:
            self._has_run = True
            run = {"id": self._run_id, "object": "thread.run", **common}
            yield self._state.found(self._reader, "run", run, thread_key=self._key)
        if not step.get("id"):
            step = {**step, "id": derived_id("call_", self._run_id, call.name, str(step))}
        document = {
            "id": derived_id("step_", self._run_id, step),
            "object": "thread.run.step",
            "run_id": self._run_id,
            "type": "tool_calls",
            "step_details": {"type": "tool_calls", "tool_calls": [step]},
            **common,
        }
        yield self._state.found(
            self._reader, "step", document, thread_key=self._key, run_key=self._run_id
        )

    def _release(self, *, belongs: bool = False) -> Iterator[Found]:
        """Yields the text beside calls, which is of their run once one of them has an output."""
        if self._waiting is not None:
            turn, direction = self._waiting
            self._waiting = None
            yield from self._message(turn, direction, in_run=belongs)

    def _message(
        self, turn: Turn, direction: Direction, *, in_run: bool | None = None
    ) -> Iterator[Found]:
        state = self._state

        def lose(code: str, field: str, note: str | None = None) -> None:
            state.lose(code, kind="message", id_=turn.id, name=field, note=note)

        role, kept = role_for_protocol(turn.role, lose)
        content = content_of(turn.content, lose)
        document: dict[str, Any] = {"object": "thread.message", "thread_id": self._key}
        if turn.id:
            document["id"] = turn.id
        document["role"] = role
        document["content"] = content.parts
        if turn.time is not None:
            document["created_at"] = turn.time
        if role == "assistant":
            if self.assistant_id:
                document["assistant_id"] = self.assistant_id
            if self._has_run if in_run is None else in_run:
                document["run_id"] = self._run_id
        if content.attachments:
            document["attachments"] = content.attachments
        metadata = {**(turn.metadata if isinstance(turn.metadata, dict) else {}), **kept}
        if metadata:
            document["metadata"] = metadata
        document.update(turn.others)
        if not content.parts and not content.attachments and "attachments" not in document:
            lose("text_only", "content", "nothing is left of it")
        yield state.found(
            self._reader,
            "message",
            document,
            thread_key=self._key,
            direction=direction,
            columns=self._columns,
        )

    def end(self) -> Iterator[Found]:
        """Yields what waited for outputs, and reports the calls that have none."""
        yield from self._release()
        for call in self._open:
            self._state.lose("tool_output_missing", kind="step", id_=call.id, note="a function")
        self._open.clear()
        self._has_run = False
