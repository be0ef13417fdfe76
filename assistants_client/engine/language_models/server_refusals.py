"""Makes messages and codes for the refusals of a model's server, with advice. Pure.

They become a run's ``last_error``: its reader may have the run only, not the server. The
server's message decides, and its status where the message is not recognized.
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
#: Servers' messages for an unknown path.
_NO_SUCH_PATH: Final = re.compile(
    r"not.?found|no further words|no route|cannot (?:get|post)|method.?not.?allowed|<html|<!doctype"
    r"|(?:unknown|invalid|unrecognized) (?:request )?(?:url|path|endpoint|route)",
    re.IGNORECASE,
)
#: Advice by the kind of a refusal: what to do, and with which setting.
_HINTS: Final[Mapping[Kind | None, str]] = {
    Kind.BAD_GENERATION: "The model wrote what its server cannot read: another run may go well.",
    Kind.QUOTA: (
        "That is about the account of the key: ASSISTANTS_MODEL_KEY, or api_key= of "
        "{request.kind}, names another."
    ),
    Kind.MODERATED: "That is about what the instructions or the thread's messages say.",
    Kind.REGION: (
        "That is about where the request comes from: ASSISTANTS_MODEL_URL, or base_url= of "
        "{request.kind}, names another server."
    ),
    Kind.WRONG_API: (
        "ASSISTANTS_MODEL_API={api}, or {other}(…) in the place of {request.kind}(…), asks its "
        "other API."
    ),
    Kind.NO_TOOLS: (
        "{request.model!r} calls no tools there: leave them out, or ask another model. "
        "{other_model}"
    ),
    Kind.BAD_KEY: "Check ASSISTANTS_MODEL_KEY, or api_key= of {request.kind}.",
    Kind.NO_SUCH_MODEL: "{other_model}",
    Kind.NO_IMAGES: (
        "Does the model {request.model!r} see images, and can it reach their addresses?"
    ),
}


@frozen(kw_only=True)
class RequestFacts:
    """The facts of a request that a refusal may be about.

    Attributes:
        kind: The name of the class that sent it.
        api: The name of the API.
        has_key: Whether a key was sent.
        model: The model's name in the request.
        wanted: The name in the assistant or the run.
        is_fixed: Whether one model is requested whatever a run names.
        has_images: Whether there were images in it.
    """

    kind: str
    api: str
    has_key: bool
    model: str
    wanted: str
    is_fixed: bool
    has_images: bool


def refusal(error: APIStatusError, request: RequestFacts) -> tuple[str, str]:
    """Returns a sentence on the refusal, less its subject, the server; and the run's error code."""
    status = error.status_code
    body = error.body if error.body else "no further words"
    message = error_text(body)
    kind = _kind(error, request)
    # Images that the server refuses are an error of the thread, not of the server.
    code = "invalid_prompt" if kind is Kind.NO_IMAGES else error_code_of(kind)
    text, hint = f"answered {status}: {message}", _hint(kind, request)
    if kind is Kind.NO_SUCH_MODEL:
        text = f"does not serve the model {request.model!r} ({status}): {message}"
    elif kind is Kind.BAD_KEY:
        key = "the key" if request.has_key else "a request without a key"
        text = f"refused {key} ({status}): {message}"
    elif kind is Kind.NO_IMAGES:
        text = f"did not take the images of the thread's messages ({status}): {message}"
    elif status in (402, 429):
        text = f"takes no more for now ({status}): {message}"
    elif status in (404, 405) and kind is None and _NO_SUCH_PATH.search(message):
        hint = f"Is that the base URL of a {request.api}? It usually ends in /v1."
        if request.kind == "Responses":
            hint += " ASSISTANTS_MODEL_API=chat, or ChatCompletions, asks the other API."
    elif status < 400:
        text = str(error.args[0])
    if kind in (Kind.THROTTLED, Kind.OVERLOADED) and error.retry_after is not None:
        hint = f"It asks to wait {error.retry_after:g} s."
    if hint and not text.endswith((".", "!", "?", "…")):
        text += "."
    return f"{text} {hint}".strip(), code


def _kind(error: APIStatusError, request: RequestFacts) -> Kind | None:
    status = error.status_code
    kind = kind_of(error.body)
    if (
        (kind is Kind.NO_IMAGES and not request.has_images)
        or (kind is Kind.NO_SUCH_MODEL and status not in _ABOUT_MODELS)
        # A thread truncated for a minute's or an account's limit loses its beginning in vain.
        or (kind is Kind.TOO_LONG and status in (402, 429))
    ):
        kind = None
    return _BY_STATUS.get(status) if kind is None else kind


def _hint(kind: Kind | None, request: RequestFacts) -> str:
    """Returns the advice, where something can be done on this side."""
    api, other = ("responses", "Responses")
    if request.api.startswith("Responses"):
        api, other = ("chat", "ChatCompletions")
    return _HINTS.get(kind, "").format(
        request=request, api=api, other=other, other_model=_other_model(request)
    )


def _other_model(request: RequestFacts) -> str:
    """Returns a sentence on the origin of the model's name, and the setting to replace it."""
    if request.is_fixed:
        return f"ASSISTANTS_MODEL, or model= of {request.kind}, names it for all runs."
    if request.model != request.wanted:
        return (
            f"ASSISTANTS_MODEL_MAP, or model_map= of {request.kind}, puts it in the place of "
            f"{request.wanted!r}, which the assistant or the run names."
        )
    return (
        f'The assistant or the run names it. model_map={{"{request.model}": "…"}} of '
        f"{request.kind}, or ASSISTANTS_MODEL_MAP={request.model}=…, puts another in its place; "
        "ASSISTANTS_MODEL names one for all runs."
    )
