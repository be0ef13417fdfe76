"""Words and codes for what a model's server refuses: what it said, and what to do about it. Pure.

They become a run's ``last_error``: whoever reads them may know the run only, not the server. What
the server says decides, and its status where it says nothing that is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from assistants_client.engine.language_models.error_words import (
    Kind,
    error_code_of,
    error_text,
    kind_of,
)
from assistants_client.errors import APIStatusError

_BY_STATUS: Final[Mapping[int, Kind]] = {
    401: Kind.BAD_KEY,
    402: Kind.QUOTA,
    403: Kind.BAD_KEY,
    413: Kind.TOO_LONG,
    429: Kind.THROTTLED,
}
#: Servers that are down or refuse the key may speak of models too.
_ABOUT_MODELS: Final = frozenset({400, 403, 404, 410, 422})
#: How a server says that it knows no such path, if it says anything.
_NO_SUCH_PATH: Final = re.compile(
    r"not.?found|no further words|no route|cannot (?:get|post)|method.?not.?allowed|<html|<!doctype"
    r"|(?:unknown|invalid|unrecognized) (?:request )?(?:url|path|endpoint|route)",
    re.IGNORECASE,
)
#: By what a refusal is about: what to do, and with which setting.
_HINTS: Final[Mapping[Kind | None, str]] = {
    Kind.BAD_GENERATION: "The model wrote what its server cannot read: another run may go well.",
    Kind.QUOTA: (
        "That is about the account of the key: ASSISTANTS_MODEL_KEY, or api_key= of {asked.kind}, "
        "names another."
    ),
    Kind.MODERATED: "That is about what the instructions or the thread's messages say.",
    Kind.REGION: (
        "That is about where the request comes from: ASSISTANTS_MODEL_URL, or base_url= of "
        "{asked.kind}, names another server."
    ),
    Kind.WRONG_API: (
        "ASSISTANTS_MODEL_API={api}, or {other}(…) in the place of {asked.kind}(…), asks its "
        "other API."
    ),
    Kind.NO_TOOLS: (
        "{asked.model!r} calls no tools there: leave them out, or ask another model. {other_model}"
    ),
    Kind.BAD_KEY: "Check ASSISTANTS_MODEL_KEY, or api_key= of {asked.kind}.",
    Kind.NO_SUCH_MODEL: "{other_model}",
    Kind.NO_IMAGES: "Does the model {asked.model!r} see images, and can it reach their addresses?",
}


@frozen(kw_only=True)
class Asked:
    """What was asked for, as far as a refusal may be about it.

    Attributes:
        kind: The class that asked.
        api: What the API is called.
        has_key: Whether a key was sent.
        model: The name that the server was asked for.
        wanted: The name in the assistant or the run.
        is_fixed: Whether one model is asked for whatever a run names.
        has_images: Whether there were images in it.
    """

    kind: str
    api: str
    has_key: bool
    model: str
    wanted: str
    is_fixed: bool
    has_images: bool


def refusal(error: APIStatusError, asked: Asked) -> tuple[str, str]:
    """What follows the server's name in a sentence about its refusal, and the run's error code."""
    status = error.status_code
    body = error.body if error.body else "no further words"
    said = error_text(body)
    kind = _kind(error, asked)
    # Images that the server does not take are the thread's matter, not the server's.
    code = "invalid_prompt" if kind is Kind.NO_IMAGES else error_code_of(kind)
    text, hint = f"answered {status}: {said}", _hint(kind, asked)
    if kind is Kind.NO_SUCH_MODEL:
        text = f"does not serve the model {asked.model!r} ({status}): {said}"
    elif kind is Kind.BAD_KEY:
        key = "the key" if asked.has_key else "a request without a key"
        text = f"refused {key} ({status}): {said}"
    elif kind is Kind.NO_IMAGES:
        text = f"did not take the images of the thread's messages ({status}): {said}"
    elif status in (402, 429):
        text = f"takes no more for now ({status}): {said}"
    elif status in (404, 405) and kind is None and _NO_SUCH_PATH.search(said):
        hint = f"Is that the base URL of a {asked.api}? It usually ends in /v1."
        if asked.kind == "Responses":
            hint += " ASSISTANTS_MODEL_API=chat, or ChatCompletions, asks the other API."
    elif status < 400:
        text = str(error.args[0])
    if kind in (Kind.THROTTLED, Kind.OVERLOADED) and error.retry_after is not None:
        hint = f"It asks to wait {error.retry_after:g} s."
    if hint and not text.endswith((".", "!", "?", "…")):
        text += "."
    return f"{text} {hint}".strip(), code


def _kind(error: APIStatusError, asked: Asked) -> Kind | None:
    status = error.status_code
    kind = kind_of(error.body)
    if (
        (kind is Kind.NO_IMAGES and not asked.has_images)
        or (kind is Kind.NO_SUCH_MODEL and status not in _ABOUT_MODELS)
        # A thread that is cut for a minute's limit, or an account's, loses its beginning in vain.
        or (kind is Kind.TOO_LONG and status in (402, 429))
    ):
        kind = None
    return _BY_STATUS.get(status) if kind is None else kind


def _hint(kind: Kind | None, asked: Asked) -> str:
    """What to do about it, where something is to be done here."""
    api, other = ("responses", "Responses")
    if asked.api.startswith("Responses"):
        api, other = ("chat", "ChatCompletions")
    return _HINTS.get(kind, "").format(
        asked=asked, api=api, other=other, other_model=_other_model(asked)
    )


def _other_model(asked: Asked) -> str:
    """Where the name comes from, and how another is asked for in its place."""
    if asked.is_fixed:
        return f"ASSISTANTS_MODEL, or model= of {asked.kind}, names it for all runs."
    if asked.model != asked.wanted:
        return (
            f"ASSISTANTS_MODEL_MAP, or model_map= of {asked.kind}, puts it in the place of "
            f"{asked.wanted!r}, which the assistant or the run names."
        )
    return (
        f'The assistant or the run names it. model_map={{"{asked.model}": "…"}} of {asked.kind}, '
        f"or ASSISTANTS_MODEL_MAP={asked.model}=…, puts another in its place; ASSISTANTS_MODEL "
        "names one for all runs."
    )
