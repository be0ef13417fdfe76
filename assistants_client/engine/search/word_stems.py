# ruff: noqa: RUF001 - the letters of many scripts
"""Stems of words, so that a word is found in its other forms as well. Pure, and ours alone.

Both the index and the question get their stems here: what is stored depends on these rules and on
no library's release. English, and with it every word in Latin letters, has Porter's rules ("An
algorithm for suffix stripping", Program 14, 1980); other scripts have a few endings, or beginnings,
that are taken off. Words come folded, as ``word_forms`` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

_VOWELS: Final = frozenset("aeiou")
_STEP_2: Final[Mapping[str, str]] = {
    **{"ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize"},
    **{"bli": "ble", "alli": "al", "entli": "ent", "eli": "e", "ousli": "ous"},
    **{"ization": "ize", "ation": "ate", "ator": "ate", "alism": "al", "iveness": "ive"},
    **{"fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble"},
    "logi": "log",
}
_STEP_3: Final[Mapping[str, str]] = {
    **{"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic"},
    **{"ful": "", "ness": ""},
}
_STEP_4: Final = (
    *("ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ion", "ism", "ate", "iti"),
    *("ous", "ive", "ize", "al", "er", "ic", "ou"),
)
#: Longer ones first, as they are tried in this order.
_CYRILLIC: Final = sorted(
    """
    иями ами ями ией иям ием иях ого его ому ему ыми ими ешь ишь ете ите али яли или ела ала яла ила
    ать ять ить еть уть ой ей ий ый ая яя ое ее ые ие ую юю ых их ым им ом ем ам ям ах ях ов ев ью
    ия ии ию ет ют ут ит ат ят ал ял ил ла ло ли
    """.split(),  # noqa: SIM905 - easier to read than a list
    key=len,
    reverse=True,
)
_CYRILLIC_VOWELS: Final = "аеиоуыэюяьй"
_GREEK_VOWELS: Final = "αεηιουω"
_DEVANAGARI: Final[Mapping[str, str]] = {
    **{"ियों": "ी", "ियाँ": "ी", "ियां": "ी"},
    **{"ाओं": "ा", "ाएँ": "ा", "ाएं": "ा", "ों": "", "ें": ""},
}
_ARABIC_STARTS: Final = ("وال", "بال", "كال", "فال", "ال", "لل")
_ARABIC_ENDS: Final = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_HEBREW_STARTS: Final = frozenset("הבלומשכ")
_HEBREW_ENDS: Final = ("ימ", "ות")

#: Letters that a stem keeps at least.
_LEAST: Final = 3
#: Words whose stems are remembered, which are the frequent ones of a language or two.
_REMEMBERED: Final = 65_536


@lru_cache(_REMEMBERED)
def stem(word: str) -> str:
    """Returns the stem of a folded word; of a script without rules here, the word."""
    if word.isascii():
        return _english(word) if len(word) >= _LEAST and word.isalpha() else word
    for last, rules in _RULES:
        if word[0] <= last:
            return rules(word)
    return word


def _stripped(word: str, letters: str) -> str:
    """Returns a word without so many of these letters at its end as it can do without."""
    while len(word) > _LEAST and word[-1] in letters:
        word = word[:-1]
    return word


def _without(word: str, endings: Sequence[str]) -> str:
    """Returns a word without the first of these endings that it has and can do without."""
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST:
            return word[: -len(ending)]
    return word


def _cyrillic(word: str) -> str:
    return _stripped(_without(_without(word, ("ся", "сь")), _CYRILLIC), _CYRILLIC_VOWELS)


def _hebrew(word: str) -> str:
    while len(word) > _LEAST and word[0] in _HEBREW_STARTS:
        word = word[1:]
    return _without(word, _HEBREW_ENDS)


def _arabic(word: str) -> str:
    if word[0] == "و" and len(word) > _LEAST + 1 and not word.startswith("وال"):
        word = word[1:]
    for start in _ARABIC_STARTS:
        if word.startswith(start) and len(word) - len(start) >= 2:
            word = word[len(start) :]
            break
    return _without(word, _ARABIC_ENDS)


def _greek(word: str) -> str:
    return _stripped(_stripped(word, "σν"), _GREEK_VOWELS)


def _devanagari(word: str) -> str:
    for ending, other in _DEVANAGARI.items():
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + other
    return word


def _same(word: str) -> str:
    return word


#: By the last letter of a block of Unicode, in order: the rules for words that begin in it.
_RULES: Final[Sequence[tuple[str, Callable[[str], str]]]] = (
    ("\u036f", _same),
    ("\u03ff", _greek),
    ("\u052f", _cyrillic),
    ("\u058f", _same),
    ("\u05ff", _hebrew),
    ("\u06ff", _arabic),
    ("\u08ff", _same),
    ("\u097f", _devanagari),
)


# --- Porter's rules, by his numbers of the steps ------------------------------------------------


def _english(word: str) -> str:
    word = _step_1(word)
    for endings in (_STEP_2, _STEP_3):
        word = _longest_replaced(word, endings)
    word = _step_4(word)
    if word.endswith("e"):
        measure = _measure(word[:-1])
        if measure > 1 or (measure == 1 and not _ends_short(word[:-1])):
            word = word[:-1]
    if word.endswith("ll") and _measure(word[:-1]) > 1:
        word = word[:-1]
    return word


def _step_1(word: str) -> str:
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("eed"):
        if _measure(word[:-3]):
            word = word[:-1]
    else:
        for ending in ("ed", "ing"):
            rest = word[: -len(ending)]
            if word.endswith(ending) and _has_vowel(rest):
                word = _mended(rest)
                break
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = f"{word[:-1]}i"
    return word


def _mended(rest: str) -> str:
    """Returns what is left of a word without "ed" or "ing" with the ending that it had before."""
    if rest.endswith(("at", "bl", "iz")):
        return f"{rest}e"
    if rest[-2:-1] == rest[-1] and _is_consonant(rest, len(rest) - 1) and rest[-1] not in "lsz":
        return rest[:-1]
    return f"{rest}e" if _measure(rest) == 1 and _ends_short(rest) else rest


def _longest_replaced(word: str, endings: Mapping[str, str]) -> str:
    found = [ending for ending in endings if word.endswith(ending)]
    if not found:
        return word
    ending = max(found, key=len)
    rest = word[: -len(ending)]
    return rest + endings[ending] if _measure(rest) else word


def _step_4(word: str) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            rest = word[: -len(ending)]
            can_go = _measure(rest) > 1 and (ending != "ion" or rest.endswith(("s", "t")))
            return rest if can_go else word
    return word


def _is_consonant(word: str, place: int) -> bool:
    if word[place] == "y":
        is_consonant = True
        # Of several in a row every second one is a vowel.
        while place > 0 and word[place - 1] == "y":
            place, is_consonant = place - 1, not is_consonant
        before = place > 0 and word[place - 1] not in _VOWELS
        return is_consonant is not before
    return word[place] not in _VOWELS


def _has_vowel(word: str) -> bool:
    return not all(_is_consonant(word, place) for place in range(len(word)))


def _measure(word: str) -> int:
    """Returns how often a consonant follows a vowel."""
    found, was_vowel = 0, False
    for place in range(len(word)):
        is_consonant = _is_consonant(word, place)
        found += is_consonant and was_vowel
        was_vowel = not is_consonant
    return found


def _ends_short(word: str) -> bool:
    """Returns whether a word ends with a consonant, a vowel and a consonant other than w, x, y."""
    last = len(word) - 1
    return (
        last > 1
        and word[last] not in "wxy"
        and _is_consonant(word, last)
        and not _is_consonant(word, last - 1)
        and _is_consonant(word, last - 2)
    )
