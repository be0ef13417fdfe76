"""Django over ASGI: a view whose answer is streamed by an event loop.

1. Ask in a plain view: Django runs it in a thread, and a refusal becomes a status.
2. Take each piece in a thread of a pool, one for each answer under way; leaving closes the stream.

For many users: ``uvicorn 14_django_asgi:application``. Assumes Django 5 and the extra ``engine``.
"""

# mypy: disable-error-code="import-untyped"
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false
import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from os import environ

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient as Browser
from django.urls import path

from assistants_client import Client, RunStream

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example")
client, threads = Client(), ThreadPoolExecutor(100)


@cache
def tutor() -> str:
    """The id of an assistant: made once by ``assistants create``, otherwise by each process."""
    return environ.get("ASSISTANT_ID") or client.assistants.create(model="gpt-4o").id


async def words_of(stream: RunStream) -> AsyncIterator[str]:
    """The text, each piece taken in a thread; leaving it closes the stream."""
    words = stream.text(on_error=lambda error: "\n\n[The answer broke off. Please ask again.]")
    with stream:
        while word := await asyncio.get_running_loop().run_in_executor(threads, next, words, ""):
            yield word


def ask(request: HttpRequest) -> HttpResponseBase:
    """The answer to the question in the body, in a new conversation."""
    asked = {"messages": [{"role": "user", "content": request.body.decode()}]}
    stream = client.runs.stream_thread_and_run(assistant_id=tutor(), thread=asked, timeout=120)
    next(stream)  # it has begun: a refusal is raised here, and not within the response
    return StreamingHttpResponse(words_of(stream), content_type="text/plain; charset=utf-8")


urlpatterns, application = [path("ask", ask)], get_asgi_application()

if __name__ == "__main__":

    async def _browse() -> None:
        answer = await Browser().post("/ask", "12 * 12", content_type="text/plain")
        print("".join([part.decode() async for part in answer]))

    asyncio.run(_browse())
