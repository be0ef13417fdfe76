"""Reads the text that a page of HTML shows, in one pass from left to right.

The parser of the standard library searches for the end of an open element again and again; here an
open element goes on to the end of the page, as in a browser.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

_HIDDEN: Final = frozenset(
    {"script", "style", "template", "noscript", "svg", "head", "datalist", "iframe", "noframes"}
)
#: Elements that an attribute can hide here. The end of others may be left out, so that it would not
#: be known where what they hide ends.
_CAN_HIDE: Final = frozenset(
    {"a", "article", "aside", "b", "button", "code", "details", "dialog", "div", "dl", "em"}
    | {"fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"}
    | {"label", "main", "nav", "ol", "pre", "section", "select", "small", "span", "strong", "table"}
    | {"ul"}
)
#: Kinds of fields of a form whose value is shown, as it is in one that has no kind.
_SHOWN_FIELDS: Final = frozenset(
    {"", "button", "date", "email", "number", "reset", "search", "submit", "tel", "text", "url"}
)
#: Elements that may stand in a head. The start of any other ends it: its own end may be left out.
_IN_HEAD: Final = frozenset(
    {"base", "basefont", "bgsound", "head", "html", "link", "meta", "noframes", "noscript"}
    | {"script", "style", "template", "title"}
)
#: Elements that do not part words.
_INLINE: Final = frozenset(
    {
        "input",
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "cite",
        "code",
        "data",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "kbd",
    }
    | {"label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt"}
    | {"u", "var", "wbr"}
)
#: Elements that part words within a line: what is written above one, and the choices of a list.
_APART: Final = frozenset({"rt", "rp", "option", "button"})
_CELLS: Final = frozenset({"td", "th"})
_ROWS: Final = frozenset({"table", "tr"})
#: Elements whose lines are shown as they are written.
_PREFORMATTED: Final = frozenset({"pre", "textarea"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PARAGRAPHS: Final = _HEADINGS | {"p", "div"}
#: Raw text elements, in which there are no tags but their own end.
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")
}
_MARKUP: Final = re.compile(r"<[A-Za-z/!?]")
_NAME: Final = re.compile(r"[A-Za-z][^\s/>]{0,40}")
#: In a tag, an attribute: its name, and its value with its quotation marks, if any.
_ATTRIBUTE: Final = re.compile(
    r"\s([A-Za-z][A-Za-z-]{0,40})(?:\s{0,9}=\s{0,9}(\"[^\"]{0,9999}\"|'[^']{0,9999}'|[^\s\"'>]{1,999}))?"
)
#: Characters of a tag in which attributes are searched.
_LONGEST_TAG: Final = 10_000
#: In a tag: its end, or the quotation mark that begins a value.
_IN_TAG: Final = re.compile(r">|=\s*[\"']")
_LIKE_HEADING: Final = re.compile(r"^(?=#{1,6}[ \t])", re.MULTILINE)
#: Longer numbers are no character's.
_REFERENCE: Final = re.compile(
    r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};?)"
)


def read_html(text: str) -> Iterator[str]:
    """Yields the text that a page shows; headings as in Markdown."""
    hidden = _HiddenElements()
    place = preformatted = 0
    is_first_cell = True
    while (found := _MARKUP.search(text, place)) is not None:
        start = found.start()
        if not hidden:
            yield (_kept if preformatted else _shown)(text[place:start])
        if text[start + 1] in "!?":
            place = _after_declaration(text, start)
            continue
        is_end = text[start + 1] == "/"
        named = _NAME.match(text, start + 1 + is_end)
        place = _after_tag(text, start + 1)
        if named is None:
            continue  # such as "</>", which shows nothing
        name = named[0].lower()
        tag = text[named.end() : min(place, named.end() + _LONGEST_TAG)]
        if is_end:
            if not hidden.close(name) and not hidden:
                is_first_cell = is_first_cell or name in _ROWS
                preformatted = max(preformatted - (name in _PREFORMATTED), 0)
                yield _at_end(name)
            continue
        hidden.close_head(name)
        can_hide = name in _CAN_HIDE and (bool(hidden) or _is_hiding(tag, name))
        if not hidden:
            # What parts cells stands between them alone.
            yield "" if name in _CELLS and is_first_cell else _at_start(name)
            is_first_cell = name in _ROWS or (is_first_cell and name not in _CELLS)
            preformatted += name in _PREFORMATTED and not can_hide
            if name == "input":
                yield _field(tag)
        # Of elements of HTML the sign of an empty one means nothing.
        if text[place - 2 : place] == "/>" and not can_hide:
            continue
        hidden.open(name, is_hiding=can_hide)
        if name in _RAW:
            end = _RAW[name].search(text, place)
            place = len(text) if end is None else end.start()
    if not hidden:
        yield (_kept if preformatted else _shown)(text[place:])


class _HiddenElements:
    """The open elements that show nothing; true as long as there are any."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._times: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self._open)

    def close_head(self, name: str) -> None:
        """Ends a head in which an element that starts may not stand."""
        if name == "body" or (self._open[-1:] == ["head"] and name not in _IN_HEAD):
            self._open.clear()
            self._times.clear()

    def open(self, name: str, *, is_hiding: bool) -> None:
        if name in _HIDDEN or is_hiding:
            self._open.append(name)
            self._times[name] += 1

    def close(self, name: str) -> bool:
        """Ends such an element, with all that is open within; returns whether one was open."""
        if not self._times[name]:
            return False
        ended = ""
        while ended != name:
            ended = self._open.pop()
            self._times[ended] -= 1
        return True


def _attributes(tag: str) -> dict[str, str]:
    """Returns the attributes of a tag, of several with one name the first."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        found.setdefault(match[1].lower(), (match[2] or "").strip("\"'"))
    return found


def _is_hiding(tag: str, name: str) -> bool:
    """Returns whether an element's attributes hide it."""
    lower = tag.lower()
    if name != "dialog" and "hidden" not in lower and "display" not in lower:
        return False
    attributes = _attributes(tag)
    style = "".join(attributes.get("style", "").lower().split())
    is_closed = name == "dialog" and "open" not in attributes
    is_unseen = "display:none" in style or "visibility:hidden" in style
    return is_closed or "hidden" in attributes or is_unseen


def _field(tag: str) -> str:
    """Returns what a field of a form shows: its value, or what stands in its place."""
    attributes = _attributes(tag)
    if attributes.get("type", "").lower() not in _SHOWN_FIELDS or "hidden" in attributes:
        return ""
    shown = attributes.get("value") or attributes.get("placeholder", "")
    return f" {_shown(shown)} " if shown else ""


def _after_declaration(text: str, start: int) -> int:
    """Returns the place after a comment or a declaration."""
    mark = "-->" if text.startswith("<!--", start) else ">"
    end = text.find(mark, start + 2)
    return len(text) if end < 0 else end + len(mark)


def _after_tag(text: str, place: int) -> int:
    """Returns the place after a tag, whose quoted values may hold its end mark."""
    while (found := _IN_TAG.search(text, place)) is not None:
        if found[0] == ">":
            return found.end()
        end = text.find(found[0][-1], found.end())
        # Without a second one it is a slip. There is none in what follows either, so that this
        # is searched in vain only once.
        place = found.end() if end < 0 else end + 1
    return len(text)


def _at_start(name: str) -> str:
    if name in _HEADINGS:
        return "\n\n" + "#" * int(name[1]) + " "
    if name in _CELLS:
        return " | "
    if name in _APART:
        return " "
    return "" if name in _INLINE or name in _HIDDEN else "\n"


def _at_end(name: str) -> str:
    if name in _PARAGRAPHS:
        return "\n\n"
    if name in _APART:
        return " "
    return "" if name in _INLINE or name in _CELLS else "\n"


def _unescaped(data: str) -> str:
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), data) if "&" in data else data


def _kept(data: str) -> str:
    # A line that begins with "#", such as a comment of a program, is no heading here.
    return _LIKE_HEADING.sub(" ", _unescaped(data))


def _shown(data: str) -> str:
    data = _unescaped(data)
    words = " ".join(data.split())
    before = " " if data[:1].isspace() else ""
    after = " " if words and data[-1:].isspace() else ""
    return f"{before}{words}{after}"
