"""Reads the text of a PDF page by page, with the values of its form and the notes on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from assistants_client.engine.search.document_reader.refusal import Refused

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

#: Annotations whose text is another one's, or is shown by no program.
_SILENT: Final = frozenset({"/Popup", "/Link", "/Widget", "/Sound", "/Movie", "/Screen"})
#: The flags of annotations that no page shows: hidden, and not to be viewed.
_UNSEEN: Final = 2 | 32
#: How many parents a field may have above it, each of which may have its value.
_MOST_PARENTS: Final = 32
#: What a broken file may have pypdf raise.
_BROKEN: Final = (ValueError, LookupError, TypeError, AttributeError, OSError, AssertionError)
#: Page numbers that are told, of many.
_TOLD: Final = 20


def read_pdf(file: BinaryIO, unread: list[str]) -> Iterator[str]:
    """Yields the text of the pages of a PDF, each with its form's values and notes after it.

    Args:
        file: The file.
        unread: What cannot be read is added here.

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
        yield from _Pages(reader, unread, (PyPdfError, *_BROKEN)).text()
    except DependencyError:
        raise Refused(locked) from None
    except (PyPdfError, *_BROKEN) as error:
        raise Refused(f"The PDF is broken: {error}"[:300]) from None


class _Pages:
    """Reads the pages of a PDF, those that are broken left out."""

    def __init__(
        self, reader: PdfReader, unread: list[str], errors: tuple[type[Exception], ...]
    ) -> None:
        self._reader = reader
        self._unread = unread
        self._errors = errors
        #: The fields of the form whose values were yielded, each once.
        self._told: set[tuple[str, str]] = set()
        self._has_fields = False

    def text(self) -> Iterator[str]:
        broken, pictures = list[int](), list[int]()
        first: Exception | None = None
        count = 0
        for count, page in enumerate(self._reader.pages, 1):
            try:
                text = page.extract_text()
                yield text
            except self._errors as error:
                first = first or error
                broken.append(count)
                continue
            yield "\n\n"
            if not text.strip() and self._has_pictures(page):
                pictures.append(count)
            yield from self._beside(page)
        if first is not None and len(broken) == count:
            raise first
        if pictures:
            self._unread.append(f"the text in pictures of {_pages(pictures)}")
        if broken:
            self._unread.append(f"what is broken on {_pages(broken)}")
        self._unread.extend(self._apart())

    def _apart(self) -> Iterator[str]:
        """Yields what the file has that is on no page."""
        try:
            root = self._reader.root_object
            form = root.get("/AcroForm")
            if form is not None and "/XFA" in form.get_object() and not self._has_fields:
                yield "the form, which is of XFA"
            names = root.get("/Names")
            if names is not None and "/EmbeddedFiles" in names.get_object():
                yield "the files attached to it"
        except self._errors:
            return

    def _has_pictures(self, page: PageObject) -> bool:
        try:
            resources: Any = page["/Resources"].get_object()
            objects = resources["/XObject"].get_object()
            return any(one.get_object().get("/Subtype") == "/Image" for one in objects.values())
        except self._errors:
            return False

    def _beside(self, page: PageObject) -> Iterator[str]:
        """Yields the values of fields, and the texts of notes, of a page."""
        try:
            annotations = page.get("/Annots")
            listed = [] if annotations is None else list(annotations.get_object())
        except self._errors:
            return
        for one in listed:
            try:
                annotation = one.get_object()
                text = "" if int(annotation.get("/F", 0)) & _UNSEEN else self._said(annotation)
            except self._errors:
                continue
            if text.strip():
                yield f"{text.strip()}\n\n"

    def _said(self, annotation: Any) -> str:
        kind = annotation.get("/Subtype")
        if kind == "/Widget":
            self._has_fields = True
            return self._value(annotation)
        if kind in _SILENT:
            return ""
        return _string(annotation.get("/Contents"))

    def _value(self, widget: Any) -> str:
        """Returns the name and the value of a field, unless they were told before."""
        above = list(_with_parents(widget))
        kind = _inherited(above, "/FT")
        if kind == "/Btn":
            state = _string(widget.get("/AS")).lstrip("/")
            look = widget["/MK"].get_object() if "/MK" in widget else {}
            caption = _string(look.get("/CA"))
            value = state if state != "Off" else ""
            # The caption of a box that can be ticked is a sign of a symbol font.
            value = value or ("" if "/AS" in widget else caption)
        elif kind == "/Ch":
            value = _chosen(_inherited(above, "/V"), _inherited(above, "/Opt"))
        elif kind == "/Tx":
            value = _string(_inherited(above, "/V"))
        else:
            return ""
        name = _string(_inherited(above, "/TU")) or ".".join(
            _string(one.get("/T")) for one in reversed(above) if one.get("/T") is not None
        )
        if not value.strip() or (name, value) in self._told:
            return ""
        self._told.add((name, value))
        return f"{name}: {value}" if name else value


def _with_parents(field: Any) -> Iterator[Any]:
    for _ in range(_MOST_PARENTS):
        yield field
        if "/Parent" not in field:
            return
        field = field["/Parent"].get_object()


def _inherited(above: Sequence[Any], key: str) -> Any:
    return next((one[key] for one in above if key in one), None)


def _chosen(value: Any, options: Any) -> str:
    """Returns the choices of a list, as it shows them."""
    shown = {}
    for option in [] if options is None else options.get_object():
        pair = option.get_object()
        if isinstance(pair, list) and len(pair) > 1:
            shown[_string(pair[0])] = _string(pair[1])
    given = value if isinstance(value, list) else [value]
    names = [_string(one) for one in given]
    return ", ".join(shown.get(name, name) for name in names if name)


def _string(value: Any) -> str:
    """Returns a value as text; it may be a stream, bytes in an unknown encoding, or none."""
    if value is None:
        return ""
    value = value.get_object() if hasattr(value, "get_object") else value
    if hasattr(value, "get_data"):
        value = value.get_data()
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _pages(numbers: Sequence[int]) -> str:
    told = ", ".join(map(str, numbers[:_TOLD])) + (", …" if len(numbers) > _TOLD else "")
    return f"page {told}" if len(numbers) == 1 else f"pages {told}"
