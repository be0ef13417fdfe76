"""Words and codes for what a model's server refuses: what it said, and what to do about it. Pure.

They become a run's ``last_error``: whoever reads them may know the run only, not the server.
"""

from __future__ import annotations

import json
import re
from typing import Final

from attrs import frozen

from assistants_client.engine.language_models.wire import error_code, error_text
from assistants_client.errors import APIStatusError

#: Names of models that were retired are refused like those that never were, or in words of their
#: own: deprecated, decommissioned, no longer there.
_NO_SUCH_MODEL: Final = re.compile(
    r"(model|deployment).{0,120}"
    r"(not found|not exist|not available|unknown|deprecated|retired|decommissioned|no longer)"
    r"|(invalid|unknown|no such|missing) model|access to .*model|^model: ",
    re.IGNORECASE | re.DOTALL,
)
_NO_SUCH_MODEL_CODES: Final = re.compile(r"model_?not_?found|deployment_?not_?found", re.IGNORECASE)
#: Also of servers of text alone, which were sent a list of parts where they take a string.
_NO_IMAGES: Final = re.compile(
    r"image|vision|multi-?modal|content.?type|content.{0,60}string|unmarshal array", re.IGNORECASE
)


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
    code = error_code(body)
    everything = body if isinstance(body, str) else json.dumps(body, default=str)
    is_about_model = code == "server_error" and bool(
        _NO_SUCH_MODEL.search(said) or _NO_SUCH_MODEL_CODES.search(everything)
    )
    hint = ""
    if status in (400, 403, 404, 410, 422) and is_about_model:
        text = f"does not serve the model {asked.model!r} ({status}): {said}"
        hint = _other_model(asked)
    elif status in (401, 403):
        code = "server_error"
        key = "the key" if asked.has_key else "a request without a key"
        text = f"refused {key} ({status}): {said}"
        hint = f"Check ASSISTANTS_MODEL_KEY, or api_key= of {asked.kind}."
    elif status == 429:
        code = "rate_limit_exceeded"
        text = f"takes no more for now (429): {said}"
        if error.retry_after is not None:
            hint = f"It asks to wait {error.retry_after:g} s."
    elif asked.has_images and code == "server_error" and _NO_IMAGES.search(said):
        code = "invalid_prompt"
        text = f"did not take the images of the thread's messages ({status}): {said}"
        hint = f"Does the model {asked.model!r} see images, and can it reach their addresses?"
    elif status in (404, 405):
        text = f"answered {status}: {said}"
        hint = f"Is that the base URL of a {asked.api}? It usually ends in /v1."
    elif status < 400:
        text = str(error.args[0])
    else:
        text = f"answered {status}: {said}"
    if hint and not text.endswith((".", "!", "?", "…")):
        text += "."
    return f"{text} {hint}".strip(), code


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
