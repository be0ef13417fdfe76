"""Reads files as images for language models, and finds those that code made. No SQL, no HTTP.

The place of an image in a conversation is decided in prompt.py.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, evolve, field

from assistants_client.engine.faults import Fault
from assistants_client.engine.language_models.base import Image, LanguageModelError
from assistants_client.models.files import File
from assistants_client.models.messages import ImageFile
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    ImageOutput,
    MessageCreationDetails,
    RunStep,
)

#: Bytes of the largest image that is sent, and of all images of one conversation together: the
#: bounds that OpenAI documents.
MAX_IMAGE: Final = 20 * 1024 * 1024
MAX_IMAGES: Final = 50 * 1024 * 1024

#: The first bytes of each type's files. A file's name may say anything.
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)


@define
class Images:
    """The images of one run, each read once; as many are sent as there is room for.

    Args:
        open_file: Returns a file and its content in blocks, by its id; ``None`` if there is none.
    """

    _open_file: Callable[[str], tuple[File, Iterable[bytes]] | None]
    _seen: dict[str, Image | str] = field(factory=dict, init=False)
    _room: int = field(default=MAX_IMAGES, init=False)

    def afresh(self) -> Callable[[ImageFile], Image | str]:
        """Returns :meth:`shown`, with all the room for another conversation."""
        self._room = MAX_IMAGES
        return self.shown

    def shown(self, image: ImageFile) -> Image | str:
        """Returns the image; or, for the model to read, why it cannot be shown.

        Raises:
            LanguageModelError: It is too large.
        """
        if image.file_id not in self._seen:
            self._seen[image.file_id] = self._read(image.file_id)
        seen = self._seen[image.file_id]
        if isinstance(seen, str):
            return seen
        size = len(seen.url) // 4 * 3
        if size > self._room:
            return _left_out(image.file_id)
        self._room -= size
        return evolve(seen, detail=image.detail)

    def _read(self, file_id: str) -> Image | str:
        gone = f"[image file {file_id}: it was deleted or has expired, and cannot be seen any more]"
        opened = self._open_file(file_id)
        if opened is None:
            return gone
        file, blocks = opened
        if file.bytes > MAX_IMAGE:
            raise LanguageModelError(
                f"The image {file.filename!r} ({file_id}) of a message has {file.bytes} bytes; the "
                f"most that is shown to a language model is {MAX_IMAGE} (20 MiB). Delete the "
                "message, and send the image smaller.",
                code="invalid_prompt",
            )
        if file.bytes > self._room:
            return _left_out(file_id)
        try:
            content = b"".join(blocks)
        except Fault:  # deleted this very moment
            return gone
        kind = media_type(content)
        if kind is None:
            return f"[image file {file_id}: its content is no PNG, JPEG, GIF or WebP image]"
        return Image(url=f"data:{kind};base64,{base64.b64encode(content).decode()}")


def _left_out(file_id: str) -> str:
    return f"[image file {file_id}: left out, since later images take all the room]"


def media_type(content: bytes) -> str | None:
    """Returns the type of an image, by its first bytes; ``None`` for an unknown one."""
    for beginning, place, kind in _SIGNATURES:
        if content.startswith(beginning, place):
            return kind
    return None


def image_of(url: str) -> tuple[str, bytes]:
    """Returns a name for the file of an image that a ``data:`` URL holds, and its content.

    Raises:
        ValueError: It holds none, or a larger one than ``MAX_IMAGE``.
    """
    head, comma, text = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ValueError("its URL is no data: URL in base64")
    if len(text) // 4 * 3 > MAX_IMAGE:
        raise ValueError(f"it has more than {MAX_IMAGE} bytes (20 MiB)")
    content = base64.b64decode(text, validate=True)
    kind = media_type(content)
    if kind is None:
        raise ValueError("it is no PNG, JPEG, GIF or WebP image")
    return f"image.{kind.removeprefix('image/')}", content


def made_by_code(steps: Iterable[RunStep]) -> list[str]:
    """Returns the ids of the images' files that a run's code made since its last message."""
    made: list[str] = []
    for step in steps:
        if isinstance(step.step_details, MessageCreationDetails):
            made = []
        made += (
            output.image.file_id
            for call in step.tool_calls
            if isinstance(call, CodeInterpreterCall)
            for output in call.code_interpreter.outputs
            if isinstance(output, ImageOutput)
        )
    return made
