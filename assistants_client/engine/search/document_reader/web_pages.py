"""What a page of HTML shows. One pass from left to right: nothing is looked at twice.

The parser of the standard library looks for the end of what is left open again and again; here
what is left open goes on to the end of the page, as in a browser.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

_SILENT: Final = frozenset({"script", "style", "template", "noscript", "svg", "head"})
#: Elements that may stand in a head. The start of any other ends it: its own end may be left out.
_IN_HEAD: Final = frozenset(
    {"base", "basefont", "bgsound", "head", "html", "link", "meta", "noframes", "noscript"}
    | {"script", "style", "template", "title"}
)
#: Elements that do not part words.
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "img", "kbd"}
    | {"label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt"}
    | {"u", "var", "wbr"}
)
_CELLS: Final = frozenset({"td", "th"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS: Final = _HEADINGS | {"p", "div"}
#: Elements in which no tags are but their own end.
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")
}
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
_NAME: Final = re.compile(r"[A-Za-z][^\s/>]{0,40}")
#: In a tag: its end, or the quotation mark that begins a value.
_IN_TAG: Final = re.compile(r">|=\s*[\"']")
#: Longer numbers are none of a letter.
_REFERENCE: Final = re.compile(
    r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};?)"
)


def read_html(text: str) -> Iterator[str]:
    """What a page shows; headings as in Markdown."""
    silence = _Silence()
    place = 0
    while (found := _MARKUP.search(text, place)) is not None:
        start = found.start()
        if not silence:
            yield _shown(text[place:start])
        if text[start + 1] in "!?":
            place = _after_declaration(text, start)
            continue
        is_end = text[start + 1] == "/"
        named = _NAME.match(text, start + 1 + is_end)
        place = _after_tag(text, start + 1)
        if named is None:
            continue  # such as "</>", which shows nothing
        name = named[0].lower()
        if is_end:
            if not silence.ends_with(name) and not silence:
                yield _at_end(name)
            continue
        silence.goes_on_with(name)
        if not silence:
            yield _at_start(name)
        if text[place - 2 : place] == "/>":
            continue
        silence.begins_with(name)
        if name in _RAW:
            end = _RAW[name].search(text, place)
            place = len(text) if end is None else end.start()
    if not silence:
        yield _shown(text[place:])


class _Silence:
    """The open elements that show nothing; true as long as there are any."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._times: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._open)

    def goes_on_with(self, name: str) -> None:
        """The start of an element ends a head that it may not stand in."""
        if name == "body" or (self._open[-1:] == ["head"] and name not in _IN_HEAD):
            self._open.clear()
            self._times.clear()

    def begins_with(self, name: str) -> None:
        if name in _SILENT:
            self._open.append(name)
            self._times[name] += 1

    def ends_with(self, name: str) -> bool:
        """Whether the end of such an element ends one of them, with all that is open within."""
        if not self._times[name]:
            return False
        ended = ""
        while ended != name:
            ended = self._open.pop()
            self._times[ended] -= 1
        return True


def _after_declaration(text: str, start: int) -> int:
    """The place after a comment, or after what is as good as one."""
    mark = "-->" if text.startswith("<!--", start) else ">"
    end = text.find(mark, start + 2)
    return len(text) if end < 0 else end + len(mark)


def _after_tag(text: str, place: int) -> int:
    """The place after a tag, whose values may hold its mark in quotation marks."""
    while (found := _IN_TAG.search(text, place)) is not None:
        if found[0] == ">":
            return found.end()
        end = text.find(found[0][-1], found.end())
        # Without a second one it is a slip. There is none in what follows either, so that this
        # is looked for in vain but once.
        place = found.end() if end < 0 else end + 1
    return len(text)


def _at_start(name: str) -> str:
    if name in _HEADINGS:
        return "\n\n" + "#" * int(name[1]) + " "
    if name in _CELLS:
        return " | "
    return "" if name in _INLINE or name in _SILENT else "\n"


def _at_end(name: str) -> str:
    if name in _PARAGRAPHS:
        return "\n\n"
    return "" if name in _INLINE or name in _CELLS else "\n"


def _shown(data: str) -> str:
    if "&" in data:
        data = _REFERENCE.sub(lambda found: html.unescape(found[0]), data)
    words = " ".join(data.split())
    before = " " if data[:1].isspace() else ""
    after = " " if words and data[-1:].isspace() else ""
    return f"{before}{words}{after}"
