"""The logs of one call: the text that the code printed, bounded, and our remarks. Pure."""

from __future__ import annotations

#: Room for one remark, such as a traceback, in characters: beside the bound on what is printed.
_REMARK_CHARACTERS = 4096


class Logs:
    """The output of one call.

    Args:
        limit: Bytes of printed text, in UTF-8.

    Attributes:
        is_cut: Whether more was printed than that.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = limit
        self._pieces: list[str] = []
        self._value = ""
        self._remarks: list[tuple[str, bool]] = []
        self.is_cut: bool = False

    def write(self, text: str) -> None:
        """Adds printed text, as far as there is room."""
        self._pieces.append(self._fitting(text))

    def set_value(self, text: str) -> None:
        """Adds the value of the last expression, which the model alone reads, if there is room."""
        self._value = self._fitting(f"{text}\n")

    def add_remark(self, remark: str, *, is_shown: bool = True) -> None:
        """Adds a line of ours, or a traceback, for which there is always room.

        Args:
            remark: The text.
            is_shown: Whether it belongs to what the code did; the model alone reads the others.
        """
        if len(remark) > _REMARK_CHARACTERS:
            half = _REMARK_CHARACTERS // 2
            remark = f"{remark[:half]}\n[…]\n{remark[-half:]}"
        self._remarks.append((remark, is_shown))

    def text(self) -> str:
        """Returns all of it, as text that can be stored anywhere."""
        return self._joined(self._value, [remark for remark, _ in self._remarks])

    def shown(self) -> str:
        """Returns what the code printed and how it failed, as text that can be stored anywhere."""
        return self._joined("", [remark for remark, is_shown in self._remarks if is_shown])

    def _fitting(self, text: str) -> str:
        encoded = text.encode(errors="replace")
        if len(encoded) > self._room:
            self.is_cut = True
            text = encoded[: self._room].decode(errors="ignore")
        self._room -= min(self._room, len(encoded))
        return text

    def _joined(self, value: str, remarks: list[str]) -> str:
        if self.is_cut:
            remarks = [f"[output cut after {self._limit} bytes]", *remarks]
        printed = "".join(self._pieces)
        if (remarks or value) and printed and not printed.endswith("\n"):
            printed += "\n"
        printed += value
        if remarks and value and not value.endswith("\n"):
            printed += "\n"
        # NUL is text in Python but not in every database, half a character is in none.
        text = (printed + "\n".join(remarks)).replace("\x00", "\ufffd")
        return text.encode(errors="replace").decode()
