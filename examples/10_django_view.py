"""Django: a view that begins a conversation, and one that streams an answer into the response.

1. Make one client for the whole program; it opens nothing before its first request.
2. Answer a question with ``stream.text()``: the words leave as the language model says them.
3. Tell visitors with a status what they cannot ask. For what else fails Django has its 500.

In your project views stand in an application, and what else is here in the settings. Run by itself,
it asks its own views once; for many users see 09_flask_view.py. Over ASGI, Django would hold an
answer back until it is whole. Assumes Django and the extra ``engine``.
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
        client.messages.create(thread_id, request.body.decode(), on_active_run="wait")
    except (InvalidRequestError, NotFoundError) as error:
        raise BadRequest("no such conversation, or no question") from error
    stream = client.runs.stream(thread_id, assistant_id=assistant_id())
    return StreamingHttpResponse(stream.text(), content_type="text/plain; charset=utf-8")


urlpatterns = [path("threads", begin), path("threads/<str:thread_id>", ask)]
application = get_wsgi_application()

if __name__ == "__main__":
    from django.test import Client as Browser

    url = f"/threads/{Browser().post('/threads').json()['thread_id']}"
    print(Browser().post(url, "12 * 12", content_type="text/plain").getvalue().decode())
