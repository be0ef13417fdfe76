"""Reads the text of a PDF, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from assistants_client.engine.search.document_reader.refusal import Refused


def read_pdf(file: BinaryIO) -> Iterator[str]:
    """Yields the text of the pages of a PDF.

    Raises:
        Refused: It is broken, or encrypted with a password.
    """
    import pypdf  # only what is needed is loaded
    from pypdf.errors import DependencyError, PyPdfError

    locked = "The PDF is encrypted: its text cannot be read without a password."
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused(locked)
        for page in reader.pages:
            yield page.extract_text()
            yield "\n\n"
    except DependencyError:
        raise Refused(locked) from None
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise Refused(f"The PDF is broken: {error}"[:300]) from None
