"""Flask: the engine mounted beside the pages of an application, in the same processes.

1. The pages stay where they are, and their views use the engine without a socket.
2. Under ``/assistants/v1`` it serves the whole protocol to other programs, with a token.

For many users: ``gunicorn --threads 64 mounted_in_flask:app``. Assumes Flask and the extra
``engine``.
"""

from os import environ
from secrets import token_urlsafe

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from assistants_client import Client
from assistants_client.engine import Engine

# Where no token is set, there is one that nobody knows.
engine = Engine.from_environment(token=environ.get("ASSISTANTS_TOKEN") or token_urlsafe())
client = Client(engine=engine)
app = Flask(__name__)


@app.get("/")
def home() -> dict[str, int]:
    """A page of the application."""
    return {"assistants": sum(1 for _ in client.assistants.list())}


app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/assistants": engine})  # type: ignore[method-assign]

if __name__ == "__main__":
    from waitress import serve

    serve(app, host="127.0.0.1", port=int(environ.get("PORT", "8000")), threads=64)
