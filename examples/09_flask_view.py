"""Flask: a view that begins a conversation, and one that streams an answer into the response.

1. Make one client for all; a question goes with its run, and has 120 seconds for its answer.
2. Return a status for what fails before the first word, and end the answer with words after it.

For many users: ``gunicorn --threads 32 09_flask_view:app``. Assumes Flask and the extra ``engine``.
"""

from functools import cache
from itertools import chain
from os import environ

from flask import Flask, Response, request

from assistants_client import AssistantsError, Client, CodeInterpreterTool, InvalidRequestError

app, client, tools = Flask(__name__), Client(), [CodeInterpreterTool()]


@cache
def tutor() -> str:
    """The id of an assistant: made once by ``assistants create``, otherwise by each process."""
    return environ.get("ASSISTANT_ID") or client.assistants.create(model="gpt-4o", tools=tools).id


@app.post("/threads")
def begin() -> dict[str, str]:
    """A new conversation; keep its id for the user."""
    return {"thread_id": client.threads.create().id}


@app.post("/threads/<thread_id>")
def ask(thread_id: str) -> Response:
    """The answer to the question in the body, as it is written."""

    def broke_off(error: AssistantsError) -> str:
        if not stream.messages:
            raise error  # no word was sent: it becomes a status
        return "\n\n[The answer broke off. Please ask again.]"

    new = [{"role": "user", "content": request.get_data(as_text=True)}]
    stream = client.runs.stream(
        thread_id, assistant_id=tutor(), additional_messages=new, on_active_run="wait", timeout=120
    )
    words = stream.text(on_error=broke_off)
    return Response(chain([next(words, "")], words), mimetype="text/plain")


@app.errorhandler(AssistantsError)
def refused(error: AssistantsError) -> tuple[dict[str, str], int]:
    """No such thread, a run that failed, or no server; the words of errors are for your log."""
    app.logger.error("%s", error)
    status = getattr(error, "status_code", 400 if isinstance(error, InvalidRequestError) else 503)
    return {"error": "There is no answer."}, status if status in (400, 404) else 503


if __name__ == "__main__":
    url = f"/threads/{app.test_client().post('/threads').get_json()['thread_id']}"
    print(app.test_client().post(url, data="How much is 12 * 12?").text)
