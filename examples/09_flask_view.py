"""Flask: a view that begins a conversation, and one that streams an answer into the response.

1. Make one client for the whole program; it opens nothing before its first request.
2. Send a question with its run: of two at once each gets its answer, as the model writes it.
3. Return a status for what visitors cannot ask; the texts of errors are for your log.

Run by itself, it calls its own views once. For many users, four processes with threads, of which
each answer holds one: ``gunicorn --workers 4 --threads 32 09_flask_view:app``. Their embedded
engines share a database file. Assumes Flask and the extra ``engine``.
"""

import os
from functools import cache
from itertools import chain

from flask import Flask, Response, request

from assistants_client import AssistantsError, Client, CodeInterpreterTool, InvalidRequestError

app = Flask(__name__)
client = Client()


@cache
def assistant_id() -> str:
    """Each process makes an assistant of its own; yours is made once, its id in the settings."""
    model = os.environ.get("ASSISTANTS_MODEL", "gpt-4o")
    return client.assistants.create(tools=[CodeInterpreterTool()], model=model).id


@app.post("/threads")
def begin() -> dict[str, str]:
    """A new conversation; keep its id for the user."""
    return {"thread_id": client.threads.create().id}


@app.post("/threads/<thread_id>")
def ask(thread_id: str) -> Response:
    """The answer to the question in the body, as it is written."""
    asked = [{"role": "user", "content": request.get_data(as_text=True)}]
    words = client.runs.stream(
        thread_id, assistant_id=assistant_id(), additional_messages=asked, on_active_run="wait"
    ).text()
    first = next(words, "")  # a failure before it can still become a status
    return Response(chain([first], words), mimetype="text/plain")


@app.errorhandler(AssistantsError)
def failed(error: AssistantsError) -> tuple[dict[str, str], int]:
    """No such thread, a run that failed, or no server; once words are sent, the response breaks."""
    app.logger.error("%s", error)
    status = getattr(error, "status_code", 400 if isinstance(error, InvalidRequestError) else 503)
    return {"error": "There is no answer."}, status if status in (400, 404) else 503


if __name__ == "__main__":
    browser = app.test_client()
    thread = browser.post("/threads").get_json()
    print(browser.post(f"/threads/{thread['thread_id']}", data="How much is 12 * 12?").text)
