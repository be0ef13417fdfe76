"""Breaks text that arrives in pieces into lines of a terminal's width, between words."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


class WordWrap:
    """Wraps one text; a word is kept back until it is whole, since it may belong on the next line.

    Wide characters, as those of Chinese, are words of their own. Line breaks of the text stay.
    """

    def __init__(self) -> None:
        self._column = 0
        #: Blanks and the word behind them that are not printed yet, and the word's width.
        self._blanks = ""
        self._word = ""
        self._word_width = 0

    def add(self, text: str, width: int) -> str:
        """Returns what can be printed now.

        Args:
            text: The next piece.
            width: The terminal's, in columns.
        """
        done = []
        for sign in text:
            columns = 0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1
            if sign in " \t\n":
                done.append(self._take(width))
                self._blanks += sign
                if sign == "\n":
                    done.append(self._blanks)
                    self._blanks, self._column = "", 0
            else:
                if columns == 2 or self._word_width + columns > width:
                    done.append(self._take(width))
                self._word += sign
                self._word_width += columns
                if columns == 2:
                    done.append(self._take(width))
        return "".join(done)

    def end(self, width: int) -> str:
        """Returns the rest of the text; the next one begins a line."""
        rest = self._take(width)
        self._blanks, self._column = "", 0
        return rest

    def _take(self, width: int) -> str:
        """Returns the word with the blanks before it, or with a line break instead of them."""
        if not self._word:
            return ""
        blanks = self._blanks.expandtabs(8)
        if self._column and self._column + len(blanks) + self._word_width > width:
            blanks, self._column = "\n", 0
            taken = blanks + self._word
        else:
            self._column += len(blanks)
            taken = blanks + self._word
        self._column += self._word_width
        self._blanks, self._word, self._word_width = "", "", 0
        return taken
