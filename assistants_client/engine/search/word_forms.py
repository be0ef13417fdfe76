# ruff: noqa: RUF001 - the letters of many scripts
"""The words of a text in the one form in which they are indexed and asked for. Pure: no SQL.

Every index gets words that are made here and nothing else, so that what is found does not depend on
the database. Letters are folded as Unicode's compatibility decomposition and case folding have it;
beyond that,

* marks are dropped of Latin, Greek, Cyrillic, Hebrew and Arabic letters, and kept with the letters
  of other scripts, where they are vowels;
* signs that nobody sees, such as soft hyphens and joiners, are dropped;
* digits of all scripts are those of ASCII;
* scripts without spaces between words, and Hangul, whose particles are part of the word, are cut
  into pairs of letters;
* a word that is broken at the end of a line is there in one piece as well.

What is stored depends on all of this: a change needs a step in ``storage.migrations``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from assistants_client.engine.search.word_stems import stem

#: Of a longer word its beginning is indexed, and asked for.
_LONGEST: Final = 64
#: Letters of a broken word on either side of the break, at most.
_LONGEST_PART: Final = 40

#: Hangul, and the scripts without spaces between words, as a part of a character class.
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u3005-\u3007\u3040-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED: Final = re.compile(rf"[{_UNSPACED}]")
_IS_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_IS_HANGUL: Final = re.compile(r"[\uac00-\ud7ff]")
#: The end of a line within a word.
_BREAK: Final = re.compile(r"[-\u2010\u00ad][ \t]{0,4}\r?\n[ \t]{0,16}")
_HYPHEN: Final = "\u00ad"

#: Marks that are dropped: those of all scripts, those of Hebrew and Arabic, and the dot below
#: Devanagari letters. The breve is not among them: with it и is another letter.
_DROPPED: Final = re.compile(
    "[\u0300-\u0305\u0307-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff"
    "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\u093c]"
)
_BREVE: Final = "\u0306"
#: In Devanagari the nasal before a letter of its own class may be spelled as a dot above.
_NASAL: Final = re.compile(
    "\u0919\u094d(?=[क-घ])|\u091e\u094d(?=[च-झ])|\u0923\u094d(?=[ट-ढ])"
    "|\u0928\u094d(?=[त-ध])|\u092e\u094d(?=[प-भ])|\u0901"
)
_NASAL_DOT: Final = "\u0902"
#: Letters that are spelled in two ways, and have no decomposition.
_SPELLED: Final = {
    **{"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l"},
    **{"þ": "th", "ŧ": "t", "ʼ": " ", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه"},
    **{"ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ"},
}


class _Letters(dict[int, str | None]):
    """The folded form of each letter of a decomposed text, for ``str.translate``."""

    def __missing__(self, code: int) -> str | None:
        self[code] = made = _folded(chr(code))
        return made


def _folded(letter: str) -> str | None:
    """Returns a letter's folded form: ``None`` drops it, a space parts words."""
    if letter in _SPELLED:
        return _SPELLED[letter]
    kind = unicodedata.category(letter)
    if kind == "Cf" or _DROPPED.match(letter):
        return None
    if kind == "Nd":
        return str(unicodedata.decimal(letter))
    return letter if kind[0] in "LMN" else " "


_LETTERS: Final = _Letters()


def folded_words(text: str) -> list[str]:
    """Returns the words of a text, folded and whole; Hangul and unspaced scripts in runs."""
    if text.isascii():
        return text.lower().translate(_LETTERS).split()
    # Before case folding, which makes a letter of the iota below Greek ones.
    plain = unicodedata.normalize("NFKD", text).replace("\u0345", "").casefold()
    kept = plain.translate(_LETTERS).replace("и" + _BREVE, "й").replace(_BREVE, "")
    words = unicodedata.normalize("NFC", _NASAL.sub(_NASAL_DOT, kept)).split()
    return [run for word in words for run in ((word,) if word.isascii() else _RUN.findall(word))]


def is_unspaced(word: str) -> bool:
    """Returns whether a folded word is of Hangul, or of a script without spaces."""
    return _IS_UNSPACED.match(word) is not None


def indexed_words(text: str) -> list[str]:
    """Returns the words of a text as the index has them, in their order.

    Words that are broken at the ends of lines are in it twice: in parts, and whole at the end.
    """
    found: list[str] = []
    for part in (text, " ".join(_broken(text))):
        for word in folded_words(part):
            if not is_unspaced(word):
                found.append(stem(word[:_LONGEST]))
                continue
            found += word
            found += _pairs(word)
    return found


def asked_words(word: str) -> list[str]:
    """Returns a folded word of a question as the index has it: itself, or its pairs of letters."""
    if not is_unspaced(word):
        return [stem(word[:_LONGEST])]
    if len(word) == 1:
        return [word]
    found = _pairs(word)
    if len(word) == 2 and _IS_HANGUL.match(word):
        found.append(word[0])  # what follows it is a particle, more often than not
    return found + [
        letter
        for place, letter in enumerate(word)
        if _IS_HAN.match(letter) and not _has_neighbour(word, place)
    ]


def _pairs(word: str) -> list[str]:
    return [word[place : place + 2] for place in range(len(word) - 1)]


def _has_neighbour(word: str, place: int) -> bool:
    """Returns whether there is another ideograph before or after one."""
    before, after = word[max(0, place - 1) : place], word[place + 1 : place + 2]
    return any(_IS_HAN.match(letter) for letter in (before, after) if letter)


def _broken(text: str) -> Iterator[str]:
    """Yields the words that are broken at the ends of lines, in one piece."""
    for found in _BREAK.finditer(text):
        start = found.start()
        while start > 0 and found.start() - start < _LONGEST_PART and _is_part(text[start - 1]):
            start -= 1
        end = found.end()
        while end < len(text) and end - found.end() < _LONGEST_PART and _is_part(text[end]):
            end += 1
        left, right = text[start : found.start()], text[found.end() : end]
        is_soft = found[0][0] == _HYPHEN
        if left and right and (is_soft or (left[-1].islower() and right[0].islower())):
            yield left + right


def _is_part(letter: str) -> bool:
    return letter.isalpha() or letter == _HYPHEN or unicodedata.category(letter)[0] == "M"
