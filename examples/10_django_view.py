"""Django: a view that begins a conversation, and one that streams an answer into the response.

1. Make one client for the whole program; it opens nothing before its first request.
2. Send a question with its run: of two at once each gets its answer, as the model writes it.
3. Return a status for what visitors cannot ask. For other failures Django has its 500.

Assumes Django over WSGI (ASGI would buffer responses) and the extra ``engine``; see also 09.
"""

# mypy: disable-error-code="import-untyped"
# pyright: reportAttributeAccessIssue=false, reportMissingTypeStubs=false
import os
from functools import cache

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

from assistants_client import Client, CodeInterpreterTool, InvalidRequestError, NotFoundError

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example")
client = Client()


@cache
def assistant_id() -> str:
    """Each process makes an assistant of its own; yours is made once, its id in the settings."""
    model = os.environ.get("ASSISTANTS_MODEL", "gpt-4o")
    return client.assistants.create(tools=[CodeInterpreterTool()], model=model).id


def begin(_: HttpRequest) -> HttpResponseBase:
    """A new conversation; keep its id for the user."""
    return JsonResponse({"thread_id": client.threads.create().id})


def ask(request: HttpRequest, thread_id: str) -> HttpResponseBase:
    """The answer to the question in the body, as it is written."""
    try:
        asked = [{"role": "user", "content": request.body.decode()}]
        stream = client.runs.stream(
            thread_id, assistant_id=assistant_id(), additional_messages=asked, on_active_run="wait"
        )
        next(stream)  # it has begun: a refusal can still become a status
    except (InvalidRequestError, NotFoundError) as error:
        raise BadRequest("no such conversation, or no question") from error
    return StreamingHttpResponse(stream.text(), content_type="text/plain; charset=utf-8")


urlpatterns = [path("threads", begin), path("threads/<str:thread_id>", ask)]
application = get_wsgi_application()

if __name__ == "__main__":
    from django.test import Client as Browser

    url = f"/threads/{Browser().post('/threads').json()['thread_id']}"
    print(Browser().post(url, "12 * 12", content_type="text/plain").getvalue().decode())
