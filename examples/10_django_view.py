"""Django: a view that begins a conversation, and one that streams an answer into the response.

1. Make one client for all; a question goes with its run, and has 120 seconds for its answer.
2. Return a status for what is refused; a failure of the model ends the answer with words.

Assumes Django over WSGI (14: over ASGI) and the extra ``engine``; see also 09.
"""

# mypy: disable-error-code="import-untyped"
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false
from functools import cache
from os import environ

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

from assistants_client import Client, CodeInterpreterTool, InvalidRequestError, NotFoundError

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example")
client, tools = Client(), [CodeInterpreterTool()]


@cache
def tutor() -> str:
    """The id of an assistant: made once by ``assistants create``, otherwise by each process."""
    return environ.get("ASSISTANT_ID") or client.assistants.create(model="gpt-4o", tools=tools).id


def begin(_: HttpRequest) -> HttpResponseBase:
    """A new conversation; keep its id for the user."""
    return JsonResponse({"thread_id": client.threads.create().id})


def ask(request: HttpRequest, thread: str) -> HttpResponseBase:
    """The answer to the question in the body, as it is written."""
    new = [{"role": "user", "content": request.body.decode()}]
    try:
        stream = client.runs.stream(
            thread, assistant_id=tutor(), additional_messages=new, on_active_run="wait", timeout=120
        )
        next(stream)  # it has begun: a refusal can still become a status
    except (InvalidRequestError, NotFoundError) as error:
        raise BadRequest("no such conversation, or no question") from error
    words = stream.text(on_error=lambda error: "\n\n[The answer broke off. Please ask again.]")
    return StreamingHttpResponse(words, content_type="text/plain; charset=utf-8")


urlpatterns = [path("threads", begin), path("threads/<str:thread>", ask)]
application = get_wsgi_application()

if __name__ == "__main__":
    from django.test import Client as Browser

    url = f"/threads/{Browser().post('/threads').json()['thread_id']}"
    print(Browser().post(url, "12 * 12", content_type="text/plain").getvalue().decode())
