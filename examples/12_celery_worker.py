"""Celery: wait for runs in a task queue, with a task that polls once and is scheduled again.

A worker is never held while a run goes on: the task reads the run, and where it is not finished,
schedules itself anew after the delay that ``wait_for_run`` would take. One worker polls hundreds
of runs, and a worker that dies loses none: the queue has the two ids of each.

Run by itself, it is broker, worker and engine in one process. For real, side by side:

1. A server of the protocol:        ASSISTANTS_BASE_URL=http://127.0.0.1:8000/v1
2. A broker, such as Redis:         REDIS_URL=redis://127.0.0.1:6379/0
3. Workers, in this folder:         celery -A 12_celery_worker worker
4. Your program, with the same variables, which calls ``ask`` and waits for its result.
"""

# mypy: disable-error-code="import-untyped, import-not-found, untyped-decorator, misc"
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportFunctionMemberAccess=false
# pyright: reportGeneralTypeIssues=false

import os
import time
from typing import Any

from celery import Celery
from celery.contrib.testing.worker import start_worker

from assistants_client import AdaptiveBackoff, APIConnectionError, Client, InternalServerError

REDIS = os.environ.get("REDIS_URL")
app = Celery("assistants", broker=REDIS or "memory://", backend=REDIS or "cache+memory://")
client, backoff = Client(), AdaptiveBackoff()


@app.task(name="follow", bind=True, acks_late=True, max_retries=None)
def follow(self: Any, thread_id: str, run_id: str, begun: float) -> str:
    """The assistant's answer, once there is one."""
    polls, elapsed = self.request.retries + 1, time.time() - begun
    try:
        run, headers = client.runs.poll(thread_id, run_id)
    except (APIConnectionError, InternalServerError) as error:
        raise self.retry(countdown=5, exc=error, max_retries=100) from None
    if not run.is_final and run.status != "requires_action":
        wish = float(headers.get("assistants-poll-after-ms", 0)) / 1000
        raise self.retry(countdown=wish or backoff(polls, elapsed))
    client.wait_for_run(run)  # raises its error, where it did not complete
    said = client.messages.list(thread_id, run_id=run_id, order="asc")
    return "\n\n".join(one.text or one.refusal for one in said)


def ask(assistant_id: str, question: str) -> Any:
    """Starts a run and leaves it to the workers; the result's ``get()`` is the answer."""
    thread = client.threads.create(messages=[{"role": "user", "content": question}])
    run = client.runs.create(thread.id, assistant_id=assistant_id)
    return follow.delay(thread.id, run.id, time.time())


if __name__ == "__main__":
    assistant = client.assistants.create(model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"))
    with start_worker(app, perform_ping_check=False, loglevel="ERROR"):
        print(ask(assistant.id, "How much is 12 * 12?").get(timeout=60))
