"""Django: the engine mounted beside the pages of a project, in the same processes.

1. The pages stay where they are, and their views use the engine without a socket.
2. Under ``/assistants/v1`` it serves the whole protocol to other programs, with a token.

For many users: ``gunicorn --threads 64 mounted_in_django:application``. In a project of yours, the
last lines belong into its ``wsgi.py``. Assumes Django and the extra ``engine``.
"""

# mypy: disable-error-code="import-untyped"
# pyright: reportMissingTypeStubs=false, reportArgumentType=false
from os import environ
from secrets import token_urlsafe

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import path
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from assistants_client import Client
from assistants_client.engine import Engine

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example")

# Where no token is set, there is one that nobody knows.
engine = Engine.from_environment(token=environ.get("ASSISTANTS_TOKEN") or token_urlsafe())
client = Client(engine=engine)


def home(_: HttpRequest) -> HttpResponseBase:
    """A page of the project."""
    return JsonResponse({"assistants": sum(1 for _ in client.assistants.list())})


urlpatterns = [path("", home)]
application = DispatcherMiddleware(get_wsgi_application(), {"/assistants": engine})

if __name__ == "__main__":
    from waitress import serve

    serve(application, host="127.0.0.1", port=int(environ.get("PORT", "8000")), threads=64)
