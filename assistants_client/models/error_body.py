"""The body of a refusal, as the protocol documents it."""

from __future__ import annotations

from attrs import define

from assistants_client.models._base import Struct


@define(kw_only=True)
class ErrorDetail(Struct):
    """The error; ``param`` is the path of the field, such as ``messages[0].content``."""

    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


@define(kw_only=True)
class ErrorBody(Struct):
    """The wrapper around :class:`ErrorDetail`."""

    error: ErrorDetail
