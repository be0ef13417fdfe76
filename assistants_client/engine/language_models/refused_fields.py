"""Finds the fields of a request that a server does not support, in its error body. Pure.

A field is refused when it is named as what is unsupported, unknown or not permitted; one whose
value is too large or too small is not. What to send in its place belongs to the APIs' own files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from assistants_client.engine.language_models.error_bodies import read_error_body
from assistants_client.engine.language_models.error_words import Kind, kind_of

#: Kinds of errors that name fields only incidentally.
_OTHER_KINDS: Final = frozenset(
    {
        Kind.BAD_GENERATION,
        Kind.QUOTA,
        Kind.THROTTLED,
        Kind.OVERLOADED,
        Kind.TOO_LONG,
        Kind.MODERATED,
        Kind.REGION,
        Kind.WRONG_API,
        Kind.BAD_KEY,
    }
)
_CODES: Final = re.compile(
    r"unsupported_?(?:param|value|field)|unknown_?(?:param|field)|unrecognized|not_supported"
    r"|extra_forbidden|invalid_type",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(r"(?<=[.!?;]) ")
_REFUSED: Final = re.compile(
    r"(?:\bnot|n.t)\b.{0,20}\b(?:support|allow|permit|accept|recogni[sz]|implement|enabl"
    r"|compatible|available|expect)"
    r"|\bun(?:supported|known|recogni[sz]ed|expected|available)|\bincompatible\b|\bforbidden\b"
    r"|\bno longer\b|\bdeprecated\b|\bremove\b"
    r"|\binvalid (?:\w{1,40} )?(?:type|parameter|field|argument|property|keyword)"
    r"|\bcannot (?:both )?(?:be )?(?:both )?(?:specified|used|set|combined|unmarshal|find field)"
    r"|\bonly\b.{0,60}\b(?:support|allow|accept|permit|available)"
    r"|\bno endpoints found that support\b|\binstead of\b|\binput should be (?:an? |['\"])",
    re.IGNORECASE,
)
#: Words about quantity, which refuse a value; these outrank others, but not plain ones.
_HOW_MUCH: Final = re.compile(
    r"\btoo (?:large|small|high|low|big|long)|\bat (?:most|least)\b|\bexceed|\bbetween\b|\brange\b"
    r"|(?:greater|less|more|larger|smaller|lower|higher) than|[<>]=|≤|≥"
    r"|(?:above|below) (?:the )?(?:max|min)",
    re.IGNORECASE,
)
_PLAINLY: Final = re.compile(r"\bun(?:supported|known|recognized)\b|extra_forbidden", re.IGNORECASE)
#: From here on a sentence names what would be accepted.
_INSTEAD: Final = re.compile(
    r"(?:,? ?\b(?<!not )expect(?:ed|ing)\b|\bdid you mean\b"
    r"|\b(?<!not )(?:supported|valid|allowed|accepted|permitted|available) "
    r"(?:string )?(?:values?|parameters?|fields?|options?|types?|are|is)\b[^.]{0,12}:"
    r"|(?:^|[,:;(] ?|\bplease )(?:use|try|set|send|pass|specify|provide|choose|consider)\b(?! of))"
    r"(?:(?!\binstead of\b).)*",
    re.IGNORECASE,
)
_WHEN: Final = re.compile(
    r"^(?:when|if|while)\b[^,]*,|\b(?:when|if|while|unless|because|since)\b.*", re.IGNORECASE
)
_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:(?:\.|\[)\w+\]?)*")
#: Fields that are words of English: they are meant only where they are quoted or called a field.
_ENGLISH: Final = frozenset({"include", "reasoning", "store", "strict"})
_FIELD: Final = r"(?:parameter|field|argument|property|properties|option|keyword|key)"
#: Other words for a field.
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "include": ("encrypted content",),
    "stream_options": ("include_usage",),
}
_NAME: Final = re.compile(r"\w+")
#: Streams end, stall and break as well: only a word next to the refusal is the field.
_STREAM: Final = re.compile(
    r"['\"`]stream(?:ing)?['\"`]|\bstream ?= ?true\b|\bstream (?:field|parameter|argument|mode)\b"
    rf"|\b{_FIELD}s?:? stream\b"
    r"|\b(?:unknown|unsupported|unexpected|unrecognized|extra)\b[\w ]{0,15}: ?stream(?:ing)?\b"
    r"|\bun(?:supported|known|recognized) stream(?:ing)?\b"
    r"|(?:\bnot|n.t)\b.{0,15}\b(?:support|allow|accept|implement|enabl)\w*\b.{0,25}"
    r"(?<![\w-])stream(?:ing|ed)?\b(?! ?(?:options|idle|time|error|clos|end))"
    r"|(?<![\w-])stream(?:ing|ed)?\b(?! ?options)[\w ]{0,25}\b(?:is|are|be) (?:currently |yet )?"
    r"(?:not (?:yet |currently )?(?:support|allow|permit|enabl|implement)|unsupported|disabled)"
    r"|\bstreaming\b[\w ]{0,15} (?:not available|only (?:supported|available|allowed)) ?",
    re.IGNORECASE,
)
#: A tool choice that makes the server refuse something else.
_FORCES: Final = re.compile(r"\btool_choice\W{0,3}(?:that )?forces", re.IGNORECASE)
_STREAMS_ONLY: Final = re.compile(
    r"\bonly\b.{0,40}\bstream|\bnon.?stream|\bnot stream|\bwithout stream|\benabl.{0,20}\bstream"
    r"|\brequire.{0,30}\bstream|\bmust (?:be |use |enable )?stream"
    r"|\bstream\w*\W{0,5}(?:false|only|must be (?:true|set to true|enabled)|is required)",
    re.IGNORECASE,
)


def refused_fields(error_body: object, candidates: Collection[str]) -> set[str]:
    """Returns those of the candidates that a refusal names as its cause.

    Args:
        error_body: The body of the response, with a status such as 400, 422 or 501.
        candidates: Names of fields. ``stream`` is meant by "streaming" too, and never where the
            server does nothing but stream.
    """
    if kind_of(error_body) in _OTHER_KINDS:
        return set()
    info = read_error_body(error_body)
    sentences = [
        _INSTEAD.sub("", sentence) for text in info.texts for sentence in _SENTENCE.split(text)
    ]
    refusing = [sentence for sentence in sentences if _is_refusal(sentence)]
    found: set[str] = set()
    for sentence in refusing:
        found.update(_named(_WHEN.sub("", sentence), candidates))
        if "stream" in candidates and _STREAM.search(sentence):
            found.add("stream")
    if refusing or any(map(_CODES.search, info.codes)):
        for path in info.params:
            found.update(_first_of(path, candidates))
    if "tool_choice" in candidates and any(map(_FORCES.search, info.texts)):
        found.add("tool_choice")
    if any(map(_STREAMS_ONLY.search, sentences)):
        found.discard("stream")
    return found


def _is_refusal(sentence: str) -> bool:
    if _HOW_MUCH.search(sentence) and not _PLAINLY.search(sentence):
        return False
    return bool(_REFUSED.search(sentence))


def _named(sentence: str, candidates: Collection[str]) -> Iterator[str]:
    for found in _PATH.finditer(sentence):
        path = found[0]
        for name in _first_of(path, candidates):
            if name != "stream" and (
                name not in _ENGLISH or path != name or _is_called_field(sentence, name)
            ):
                yield name
    for name in candidates:
        others = _ALIASES.get(name, ())
        if "_" in name and name != "extra_content":
            others += (name,)
        for other in others:
            pattern = rf"(?<![\w-]){other.replace('_', '[ _-]')}(?![\w-])"
            if re.search(pattern, sentence, re.IGNORECASE):
                yield name


def _first_of(path: str, candidates: Collection[str]) -> list[str]:
    """Returns the field that a path leads into: ``strict`` of ``tools[0].function.strict``."""
    return [piece for piece in _NAME.findall(path) if piece in candidates][:1]


def _is_called_field(sentence: str, name: str) -> bool:
    return bool(
        re.search(
            rf"[^\w\s]{name}[^\w\s]"
            rf"|\b{name} (?:{_FIELD}|mode|is|are)\b"
            rf"|\b(?:{_FIELD}s?|unknown|unsupported|unrecognized|(?:un)?expected|supplied|support)"
            rf"[: ]{{1,2}}{name}\b",
            sentence,
            re.IGNORECASE,
        )
    )
