"""Classifies a server's error: one table, from the patterns of messages to kinds. Pure.

Servers agree on neither statuses nor codes, and a relay forwards those of many others. Nothing of
any one API belongs here, and nothing of HTTP but numbers that stand in a body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from assistants_client.engine.language_models.base import TOO_LONG
from assistants_client.engine.language_models.error_bodies import read_error_body
from assistants_client.engine.language_models.wire import excerpt

_LONGEST_TEXT: Final = 600


class Kind(Enum):
    """The kind of an error."""

    #: The model's own text, where its server expected a call or JSON.
    BAD_GENERATION = auto()
    #: The account has nothing left to spend; waiting does not help.
    QUOTA = auto()
    #: Too much in too little time; the same request is accepted later.
    THROTTLED = auto()
    #: The server has too much to do.
    OVERLOADED = auto()
    #: The conversation does not fit into the model's context.
    TOO_LONG = auto()
    #: The content is not allowed.
    MODERATED = auto()
    #: Requests from here are not served.
    REGION = auto()
    #: The model is there, in another API.
    WRONG_API = auto()
    #: The model, or its server as it was started, calls no functions.
    NO_TOOLS = auto()
    #: The key is wrong or missing.
    BAD_KEY = auto()
    #: There is no such model, or no longer.
    NO_SUCH_MODEL = auto()
    #: Images were refused. That is so only where some were sent: servers of text alone have the
    #: same messages as others have for other content.
    NO_IMAGES = auto()


_ERROR_CODES: Final[Mapping[Kind, str]] = {
    Kind.QUOTA: "rate_limit_exceeded",
    Kind.THROTTLED: "rate_limit_exceeded",
    Kind.TOO_LONG: TOO_LONG,
    Kind.MODERATED: "invalid_prompt",
}


def _any_of(*patterns: str) -> re.Pattern[str]:
    """Compiles one of several patterns, in any case; ``.`` stays within a code or text.

    Every gap is bounded and no repetition holds another: the time is linear in the text.
    """
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


#: A gap within a message about a conversation's length, and not about something else's.
_GAP: Final = (
    r"(?:(?!max_|maximum (?:output|tokens)|output|completion|generat|image|audio|file|string|header"
    r"|ur[il]\b|name|\btook|\btak).){0,60}"
)
_TOOLS: Final = (
    r"(?<!parallel.)(?:\btools?\b(?!.choice|\[|\.\w)(?: us(?:e|age))?|\bfunctions\b"
    r"|(?:function|tool).?call(?:ing|s)?\b(?!\[|\.\w))"
)
_NOT_TAKEN: Final = (
    r"(?:\bnot\b|n.t\b|\bun(?:able|supported|known)|\bonly\b|\binvalid|\bcannot\b|\bdownload"
    r"|\bfail\w* to\b|\bno endpoints\b)"
)
_NOT_OF_ANSWERS: Final = r"(?:(?!max_|output|completion|generat).)"
_TALK: Final = r"(?:prompt|input|message|conversation|context|sequence|content|text)"

#: The first row with a pattern that matches decides. Throttling comes before length, since both are
#: given in tokens: a thread must not be cut because a minute's tokens are spent.
_TABLE: Final = (
    (
        Kind.BAD_GENERATION,
        _any_of(
            r"tool_use_failed",
            r"failed_generation",
            r"json_validate_failed",
            r"output_parse_failed",
            r"error parsing tool call",
        ),
    ),
    (
        Kind.QUOTA,
        _any_of(
            r"insufficient.{0,20}(?:quota|credit|balance|fund)",
            r"credit.?balance",
            r"(?:out of|not enough|requires? more|all available) (?:credits|funds)",
            r"credits? (?:are |is |has been |have been )?(?:exhausted|depleted|used up)",
            r"billing.{0,10}limit",
            r"payment.?required",
            r"spend(?:ing)?.limit",
            r"usage.limit",
            r"^402$",
            r"余额不足|欠费",
        ),
    ),
    (
        Kind.THROTTLED,
        _any_of(
            r"throttl",
            r"rate.{0,3}limit",
            r"rate increased too quickly",
            r"too.?many.{0,15}requests",
            r"\bquota",
            r"resource.{0,12}exhausted",
            r"\b(?:token|request|character|quer(?:y|ie)|call)s?.{0,3}(?:per|/).{0,3}"
            r"(?:second|minute|min|hour|day|week|month)\b",
            r"\b[rt]p[smhd]\b",
            r"too many tokens.{0,3}please wait",
            r"too many tokens processed",
            r"wait before trying again",
            r"slow.?down",
            r"concurren\w{0,20} .{0,20}(?:limit|exceed)",
            r"tier capacity exceeded",
            r"^429$",
            r"\b(?:status|error|code|http)\D{0,8}429\b",
            r"限流|速率限制|频率|请求过于频繁|请求过多|并发数过高",
        ),
    ),
    (
        Kind.OVERLOADED,
        _any_of(
            r"overloaded",
            r"\bbusy\b",
            r"(?:at|over|no|out of|insufficient) capacity",
            r"high (?:demand|load|traffic)",
            r"temporarily (?:unavailable|at capacity)",
            r"服务器繁忙|系统繁忙",
        ),
    ),
    (
        # Before the row about length: a thread that is truncated would lose them silently.
        Kind.NO_IMAGES,
        _any_of(r"\bimages?\b(?:(?!text|token).){0,60}\b(?:exceed|too (?:large|big|many))"),
    ),
    (
        Kind.TOO_LONG,
        _any_of(
            # The context by its name.
            r"context.?(?:length|size|window|limit|overflow)",
            r"out.?of.?context",
            r"max(?:imum)?.context",
            r"max(?:imum)?.(?:allowed.|supported.)?"
            r"(?:prompt|input|model|sequence|message).(?:length|size|len\b|tokens)",
            r"range of input length",
            r"(?:prompt|input) token count",
            r"expected maxlength",
            # The conversation, as too long.
            rf"{_TALK}{_GAP}too.?(?:long|large|big)\b",
            r"(?:request|payload|body|entity)(?: entity)?(?: is| was)?.too.(?:long|large|big)\b",
            r"(?:content|input)\W{1,3}string too long",
            r"too many (?:total |input |prompt )?(?:tokens|messages|text bytes)",
            rf"(?:reduce|shorten|decrease|truncate){_GAP}(?:message|prompt|input|conversation)",
            # The conversation, as more than a limit.
            rf"(?:{_TALK}|request|total|number of){_GAP}(?:token|length){_GAP}"
            r"exceed.{0,40}(?:limit|max|model|allowed|threshold|\d)",
            rf"(?:{_TALK}|request){_GAP}exceed.{{0,50}}(?:token|length|size|prompt|input)",
            rf"{_TALK}s?.(?:length|tokens).{{0,40}}exceed",
            rf"{_TALK}{_GAP}(?:longer|greater|larger) than.{{0,40}}(?:max|model|limit|length)",
            r"(?<!output )(?<!completion )(?<!generation )\btokens?.limit.{0,15}exceed",
            rf"^{_NOT_OF_ANSWERS}{{0,200}}exceeds? the limit of [\d,]{{1,12}} tokens",
            r"^token limit$",
            r"inputs\W{1,3}tokens \+",
            r"inputs\W{1,3}must have less than",
            r"current length is .{0,20}while limit",
            r"上下文.{0,8}(?:超(?!时)|过长|溢出|限制)",
            r"(?:输入|请求|内容|消息|prompt).{0,8}(?:过长|超长|超限|过大|长度超)",
            r"超(?:过|出).{0,8}(?:上下文|最大长度|长度限制)",
            r"tokens?.{0,6}(?:超(?!时)|过多)",
        ),
    ),
    (
        Kind.MODERATED,
        _any_of(
            r"content.?(?:filter|policy|management policy|moderation)",
            r"responsible.?ai.?policy",
            r"requires moderation",
            r"moderation.{0,10}(?:block|fail|flag)",
            r"(?:was|were|been) flagged",
            r"violat.{0,60}(?:polic|guideline|terms)",
            r"usage (?:polic|guideline)",
            r"sensitive.?(?:word|content|info)",
            r"(?:input|output) (?:new_)?sensitive",
            r"data.?inspection.?failed",
            r"inappropriate content",
            r"unsafe content",
            r"content exists risk",
            r"considered high risk",
            r"prohibited.?content",
            r"safety.(?:check|system|filter|polic)",
            r"^invalid_prompt$",
            r"敏感",
        ),
    ),
    (
        Kind.REGION,
        _any_of(
            r"countr(?:y|ies)\b.{0,40}(?:not |un)(?:support|allow|available)",
            r"(?:not |un)(?:support|allow|available).{0,40}"
            r"(?:countr|territor|your (?:region|location))",
            r"user location is not supported",
        ),
    ),
    (
        Kind.WRONG_API,
        _any_of(
            r"only (?:supported|available|accessible) (?:in|on|via|through|with)\b.{0,20}"
            r"(?:responses|completions)\b",
            r"not (?:supported|available|accessible|allowed|enabled)\b.{0,30}"
            r"(?:chat.?completions?|/completions|/responses|responses api)",
            r"(?:chat.?completions?|/completions|/responses|responses api)\b.{0,60}"
            r"(?:not (?:supported|available|enabled|allowed)|unsupported)",
            r"(?:unsupported|does(?: not|n't) support).{0,30}"
            r"(?:chat.?completions?|/responses|responses api)",
            r"in the responses api\b",
            r"not a chat model",
            r"(?:please|to) use (?:the )?/?"
            r"(?:v1/(?:chat/)?completions|v1/responses|responses api)\b",
            r"unsupported_api_for_model",
            r"chat.?completion operation does not work",
            r"^operationnotsupported$",
        ),
    ),
    (
        Kind.NO_TOOLS,
        _any_of(
            r"no endpoints found that support tool use",
            rf"(?:(?:not|n.t)\b.{{0,3}}support(?:ed)?|unsupported)\b.{{0,25}}{_TOOLS}",
            rf"{_TOOLS}\W{{0,3}}(?:parameter |param )?(?:is |are )?(?:currently )?"
            r"(?:not (?:be )?(?:support|available|enabled|allowed)|unsupported)",
            r"tools param requires",
            r"tool choice requires",
        ),
    ),
    (
        Kind.BAD_KEY,
        _any_of(
            r"(?:invalid|incorrect|missing|wrong|expired|no) ?_?api.?key",
            r"api.?key.{0,20}(?:not valid|invalid|incorrect|missing|expired|required)",
            r"authentication_error",
        ),
    ),
    (
        Kind.NO_SUCH_MODEL,
        _any_of(
            # Retired names are refused like unknown ones, or with messages of their own.
            r"(?:model|deployment).{0,120}(?:not found|not exist|not available|unknown|deprecated"
            r"|retired|decommissioned|no longer)",
            r"(?:invalid|unknown|no such|missing) model",
            r"not a valid model",
            r"access to .{0,60}model",
            r"^model: ",
            r"(?:model|deployment)_?not_?(?:found|supported)",
            r"no (?:allowed )?(?:endpoints|providers) (?:found|available|are available) for",
        ),
    ),
    (
        Kind.NO_IMAGES,
        _any_of(
            rf"\b(?:image|vision|multi-?modal).{{0,60}}{_NOT_TAKEN}",
            rf"{_NOT_TAKEN}.{{0,60}}\b(?:image|vision|multi-?modal)",
            r"at most \d{1,9} image",
            # Of servers of text alone, which were sent a list of parts where they take a string.
            r"content.?type",
            r"content.{0,60}string",
            r"unmarshal array",
        ),
    ),
)


def error_text(error_body: object) -> str:
    """Returns the message of an error body, on one line and not long, whatever form it has."""
    info = read_error_body(error_body)
    parts = info.texts or [excerpt(error_body)]
    parts = [*parts, *(f"It generated: {text}" for text in info.generated)]
    text = ""
    for part in map(excerpt, parts):
        text += f"{'' if text.endswith(('.', '!', '?', '…')) else '.'} {part}" if text else part
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def kind_of(error_body: object) -> Kind | None:
    """Returns the kind of an error by its messages and codes; ``None`` where no row matches."""
    searched = read_error_body(error_body).searched
    return next((kind for kind, words in _TABLE if words.search(searched)), None)


def error_code_of(kind: Kind | None) -> str:
    """Returns the code of a ``LanguageModelError`` of a kind."""
    return "server_error" if kind is None else _ERROR_CODES.get(kind, "server_error")


def error_code(error_body: object) -> str:
    """Returns the code of a ``LanguageModelError`` for a server's error."""
    return error_code_of(kind_of(error_body))


# --- how long to wait ---------------------------------------------------------------------------

_SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
#: The longer names first: "m" begins "ms" and "min".
_DURATION: Final = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?) ?"
    r"(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)(?![a-z])",
    re.IGNORECASE,
)
_WAIT: Final = re.compile(
    r"\b(?:again|retry|retrying|wait|resets?|available)\b[^\d\n]{0,30}"
    r"((?:" + _DURATION.pattern + r"[ ,]{0,2}(?:and )?){1,4})",
    re.IGNORECASE,
)
_RETRY_AFTER: Final = re.compile(r"\bretry.after\W{1,3}(\d{1,9})\b(?!\s?[a-z.:])", re.IGNORECASE)


def hinted_wait(error_body: object, retry_after: float | None) -> float | None:
    """Returns the seconds that a server asks to wait before a retry; ``None`` if it does not.

    Args:
        error_body: The body, in which Google has ``RetryInfo``, and many have text.
        retry_after: The value of its ``Retry-After`` header, which outranks the body.
    """
    if retry_after is not None:
        return retry_after
    info = read_error_body(error_body)
    if info.wait is not None:
        return info.wait
    if found := _WAIT.search(info.searched):
        return sum(
            float(number) * _SECONDS["ms" if unit.startswith(("ms", "mil")) else unit[0]]
            for number, unit in _DURATION.findall(found[1].lower())
        )
    found = _RETRY_AFTER.search(info.searched)
    return float(found[1]) if found else None
