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
        self._remarks: list[str] = []
        self.is_cut: bool = False

    def write(self, text: str) -> None:
        """Adds printed text, as far as there is room."""
        encoded = text.encode(errors="replace")
        if len(encoded) > self._room:
            self.is_cut = True
            text = encoded[: self._room].decode(errors="ignore")
        self._room -= min(self._room, len(encoded))
        self._pieces.append(text)

    def add_remark(self, remark: str) -> None:
        """Adds a line of ours, or a traceback, for which there is always room."""
        if len(remark) > _REMARK_CHARACTERS:
            half = _REMARK_CHARACTERS // 2
            remark = f"{remark[:half]}\n[…]\n{remark[-half:]}"
        self._remarks.append(remark)

    def text(self) -> str:
        """Returns all of it, as text that can be stored anywhere."""
        remarks = self._remarks
        if self.is_cut:
            remarks = [f"[output cut after {self._limit} bytes]", *remarks]
        printed = "".join(self._pieces)
        if remarks and printed and not printed.endswith("\n"):
            printed += "\n"
        # NUL is text in Python but not in every database, half a character is in none.
        text = (printed + "\n".join(remarks)).replace("\x00", "\ufffd")
        return text.encode(errors="replace").decode()
