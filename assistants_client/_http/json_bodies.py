"""JSON bodies: of requests, as bytes; and of 2xx responses, as documents or the errors in them.

No sending belongs here.
"""

from __future__ import annotations

import json
from typing import Any

import requests

from assistants_client._http.error_mapping import attempts_of, is_error, refusal
from assistants_client.errors import APIResponseError, InvalidRequestError


def json_body(document: object) -> bytes:
    """Returns the JSON text of a request.

    Raises:
        InvalidRequestError: Something in it has no JSON form.
    """
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"the request is not JSON: {error}") from None


def json_of(
    content: bytes | None, response: requests.Response, method: str, path: str, max_bytes: int
) -> Any:
    """Returns the JSON document of a response; no content stands for one that was too large.

    Raises:
        APIStatusError: It is an error's: gateways report theirs with a status of 200, too.
        APIResponseError: It is not JSON, or was too large.
    """
    if content == b"" and method == "DELETE":
        return {}  # a 204: the object is deleted
    if content is None:
        text = f"the response is larger than max_response_bytes, {max_bytes}"
    else:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "no content type")
            text = (
                f"answered {response.status_code} without JSON ({kind}, {len(content)} bytes). "
                "Is the base URL that of an Assistants server, with its /v1?"
            )
        else:
            if is_error(document):
                raise refusal(response, content, method, path)
            return document
    raise APIResponseError(
        text,
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST",
    )
