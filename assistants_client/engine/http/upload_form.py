"""An upload's form, read as it comes in: its file goes to disk, so its size does not cost memory.

Only the form is read here: what may be uploaded is the service's rule.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import IO, BinaryIO, Final, cast

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request

from assistants_client._json.codec import InvalidValueError, parse
from assistants_client.engine.faults import Fault
from assistants_client.engine.services.files import MAX_FILE, Upload
from assistants_client.models.files import FileExpiry

#: Larger forms are refused unread where a header gives their length, in bytes.
MAX_FORM: Final = MAX_FILE + 1024 * 1024
#: The fields beside the file, in bytes and in number. Werkzeug counts also what it has in memory of
#: the file: a block of 64 KiB, and the last line of the one before.
_MAX_FIELDS: Final = 256 * 1024
_MAX_PARTS: Final = 32
#: Smaller files stay in memory, in bytes.
_IN_MEMORY: Final = 1024 * 1024

_FIELDS: Final = frozenset({"purpose", "expires_after[anchor]", "expires_after[seconds]"})


class UploadForm:
    """The form of one request; closed with it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._opened: list[IO[bytes]] = []
        self._upload: Upload | None = None

    def read(self) -> Upload:
        """Returns the upload, from its start; a form can be read only once, so it is cached.

        Raises:
            Fault: It is no form, or not of the fields that an upload has.
        """
        if self._upload is None:
            self._upload = self._read()
        self._upload.source.seek(0)
        return self._upload

    def close(self) -> None:
        """Closes the files of the form, which deletes them."""
        for opened in self._opened:
            opened.close()

    def _read(self) -> Upload:
        request = self._request
        if request.mimetype != "multipart/form-data":
            message = "Expected a form: Content-Type must be 'multipart/form-data'."
            raise Fault(400, message, "invalid_content_type")
        request.max_content_length = MAX_FORM
        parser = FormDataParser(
            stream_factory=self._spool,
            max_form_memory_size=_MAX_FIELDS,
            max_form_parts=_MAX_PARTS,
            silent=False,
        )
        try:
            _, form, files = parser.parse(
                request.stream, request.mimetype, request.content_length, request.mimetype_params
            )
        except ValueError as error:
            raise Fault(400, f"The form cannot be read: {error}.", "invalid_form") from None
        except RequestEntityTooLarge:
            message = f"The file is larger than the maximum of {MAX_FILE} bytes, or its form is."
            raise Fault(413, message, "file_too_large", "file") from None
        for name in (*form, *files):
            if name not in _FIELDS | {"file"}:
                message = f"Unknown parameter: '{name:.80}'."
                raise Fault(400, message, "unknown_parameter", name[:80])
        sent = files.get("file")
        if sent is None:
            raise _missing("file", " (a part with a file name)")
        purpose = form.get("purpose")
        if not purpose:
            raise _missing("purpose")
        source = cast("BinaryIO", sent.stream)
        return Upload(
            source=source,
            size=source.seek(0, os.SEEK_END),
            filename=_name(sent),
            purpose=purpose,
            expires_after=_expiry(form.get),
        )

    def _spool(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        made = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+b")  # noqa: SIM115 - close() ends it
        self._opened.append(made)
        return made


def _missing(field: str, remark: str = "") -> Fault:
    message = f"Missing required parameter: '{field}'{remark}."
    return Fault(400, message, "missing_required_parameter", field)


def _name(sent: FileStorage) -> str:
    """Returns the file's own name, without folders: its name under ``/mnt/data``."""
    name = (sent.filename or "").replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in name if letter.isprintable()).strip()
    return name[:255] if name.strip(".") else "file"


def _expiry(field: Callable[[str], str | None]) -> FileExpiry | None:
    anchor, seconds = field("expires_after[anchor]"), field("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    document: dict[str, object] = {}
    if anchor is not None:
        document["anchor"] = anchor
    if seconds is not None:
        digits = seconds.strip()
        is_number = digits.isascii() and digits.isdigit() and len(digits) < 12
        document["seconds"] = int(digits) if is_number else seconds
    try:
        return parse(FileExpiry, document)
    except InvalidValueError as error:
        outer = error.under("expires_after")
        raise Fault(400, str(outer), outer.code, outer.path) from None
