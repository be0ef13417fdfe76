"""Images of messages, from the files of the engine to the model's server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from chat_bench import Server, answers, says

from assistants_client import Client, RunFailedError
from assistants_client.engine import (
    ChatCompletions,
    Engine,
    LanguageModelError,
    Responses,
    Scripted,
)
from assistants_client.engine.domain.images import MAX_IMAGE, Images
from assistants_client.engine.faults import Fault
from assistants_client.engine.language_models.base import Image, LanguageModel
from assistants_client.models.files import File
from assistants_client.models.messages import ImageFile

PNG = b"\x89PNG\r\n\x1a\nand so on"
JPEG = b"\xff\xd8\xff\xe0and so on"
URL = "https://example.org/cat.gif"


def data_url(media_type: str, content: bytes) -> str:
    """The URL that holds an image."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


# --- files as images ----------------------------------------------------------------------------


class Shelf:
    """Files in memory, which may claim to be of another size than they are."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents
        self.sizes: dict[str, int] = {}
        self.read: list[str] = []
        self.images = Images(self.open)

    def open(self, file_id: str) -> tuple[File, Iterator[bytes]] | None:
        """What the database answers."""
        self.read.append(file_id)
        if file_id not in self.contents:
            return None
        content = self.contents[file_id]
        size = self.sizes.get(file_id, len(content))
        return File(id=file_id, bytes=size, filename="photo.txt"), iter([content[:4], content[4:]])

    def shown(self, file_id: str, detail: Any = None) -> Image | str:
        """One of them, as a model is shown it."""
        return self.images.shown(ImageFile(file_id=file_id, detail=detail))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a-", "image/gif"),
        (b"GIF87a-", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_the_type_is_what_the_content_is(content: bytes, media_type: str) -> None:
    """Whatever a file is named, its first bytes say what it is."""
    assert Shelf(a=content).shown("a", "low") == Image(
        url=data_url(media_type, content), detail="low"
    )


def test_what_cannot_be_shown_is_said() -> None:
    """A file that is gone, and one that is no image, are told in words."""
    shelf = Shelf(text=b"RIFF no image WEBP")

    assert "file gone: it was deleted" in str(shelf.shown("gone"))
    assert "file text: its content is no PNG" in str(shelf.shown("text"))


def test_a_file_that_is_deleted_while_it_is_read() -> None:
    """It is gone, and the run goes on."""

    def blocks() -> Iterator[bytes]:
        yield PNG
        raise Fault(404, "gone")

    images = Images(lambda file_id: (File(id=file_id, bytes=9), blocks()))

    assert "was deleted" in str(images.shown(ImageFile(file_id="a")))


def test_each_file_is_read_once() -> None:
    """However often it is shown, and with whichever detail."""
    shelf = Shelf(a=PNG)

    assert shelf.shown("a", "low") != shelf.shown("a", "high")
    shelf.shown("gone")
    shelf.shown("gone")
    assert shelf.read == ["a", "gone"]


def test_an_image_that_is_too_large() -> None:
    """It is an error that names the file, its size and the bound."""
    shelf = Shelf(a=PNG)
    shelf.sizes["a"] = MAX_IMAGE + 1

    with pytest.raises(LanguageModelError, match=r"'photo.txt' \(a\) .* 20971521 bytes") as caught:
        shelf.shown("a")
    assert "20 MiB" in str(caught.value)
    assert caught.value.code == "invalid_prompt"


def test_images_that_are_too_large_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes when the room is used up is told in words, and so is what comes once more."""
    url = data_url("image/png", PNG)
    monkeypatch.setattr("assistants_client.engine.domain.images.MAX_IMAGES", len(url))
    shelf = Shelf(a=PNG, b=PNG)

    for _ in range(2):
        shelf.images.afresh()
        assert shelf.shown("a") == Image(url=url)
        assert "left out" in str(shelf.shown("b"))
        assert "left out" in str(shelf.shown("a"))
    assert shelf.read == ["a", "b"]


# --- to the model's server ----------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    yield made
    made.close()


def show(model: LanguageModel, *, delete: bool = False) -> str:
    """The answer to a message with an uploaded image and one on the web."""
    with Engine("sqlite://", model=model) as engine, Client(engine=engine) as client:
        photo = client.files.upload(PNG, purpose="vision", filename="photo")
        content: list[dict[str, Any]] = [
            {"type": "text", "text": "What is it?"},
            {"type": "image_file", "image_file": {"file_id": photo.id, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": URL}},
        ]
        thread = client.threads.create(messages=[{"role": "user", "content": content}])
        if delete:
            client.files.delete(photo.id)
        assistant = client.assistants.create(model="gpt-x")
        run = client.wait_for_run(client.runs.create(thread.id, assistant_id=assistant.id))
        [message] = client.messages.list(thread.id, run_id=run.id)
        return message.text


def test_images_reach_a_server_of_the_chat_completions_api(server: Server) -> None:
    """As content parts, in the order in which they were shown."""
    server.reply = answers(says({"content": "A cat."}))

    assert show(ChatCompletions(server.url)) == "A cat."

    [(_, _, body)] = server.requests
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {
                    "type": "image_url",
                    "image_url": {"url": data_url("image/png", PNG), "detail": "low"},
                },
                {"type": "image_url", "image_url": {"url": URL}},
            ],
        }
    ]


def test_images_reach_a_server_of_the_responses_api(server: Server) -> None:
    """As input images, whose detail is always told."""
    part = {"type": "output_text", "text": "A cat."}
    server.reply = answers({"output": [{"type": "message", "content": [part]}]})

    assert show(Responses(server.url)) == "A cat."

    [(_, _, body)] = server.requests
    assert body["input"] == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {
                    "type": "input_image",
                    "image_url": data_url("image/png", PNG),
                    "detail": "low",
                },
                {"type": "input_image", "image_url": URL, "detail": "auto"},
            ],
        }
    ]


def test_a_file_that_was_deleted_does_not_fail_the_run(server: Server) -> None:
    """The model is told in the image's place, and still sees the other."""
    server.reply = answers(says({"content": "A cat."}))

    assert show(ChatCompletions(server.url), delete=True) == "A cat."

    content = server.requests[0][2]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "text", "image_url"]
    assert "it was deleted" in content[1]["text"]


def test_models_that_do_not_see_are_told_of_images() -> None:
    """The text of the turn names them."""
    model = Scripted(["I cannot see."])

    show(model)

    [turn] = model.conversations[0].turns
    assert turn.text.startswith("What is it?\n[image file: file-")
    assert turn.text.endswith(f"]\n[image: {URL}]")
    assert "base64" not in repr(turn)[:100]
    assert len(repr(turn)) < 1000


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "Invalid content type. image_url is only supported by certain models."),
        (400, "gpt-x is not a multimodal model"),
        (400, "json: cannot unmarshal array into Go struct field .messages.content of type string"),
        (422, "messages.0.content: Input should be a valid string"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
        (400, "Timeout while downloading the image"),
    ],
)
@pytest.mark.parametrize("kind", [ChatCompletions, Responses])
def test_a_server_that_takes_no_images(
    server: Server, kind: type[ChatCompletions | Responses], status: int, said: str
) -> None:
    """The run fails, and says that it is for the images."""
    server.reply = answers({"error": {"message": said}}, status)

    with pytest.raises(RunFailedError) as caught:
        show(kind(server.url))

    run = caught.value.run
    assert run is not None
    error = run.last_error
    assert error is not None
    assert error.code == "invalid_prompt"
    assert f"did not take the images of the thread's messages ({status}): {said}" in error.message
    assert "Does the model 'gpt-x' see images" in error.message
