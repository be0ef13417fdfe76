"""Wait for runs in a task queue: a Celery task that asks once and comes back later.

A worker is never held while a run goes on: the task reads the run, and if it is not finished,
schedules itself anew after the delay that ``wait_for_run`` would take. One worker follows hundreds
of runs, and a worker that dies loses none: what is waited for is two ids in the queue.

1. A server of the protocol:        ASSISTANTS_BASE_URL=http://127.0.0.1:8000/v1
2. A broker, such as Redis:         REDIS_URL=redis://127.0.0.1:6379/0
3. A worker, in this folder:        celery -A celery_worker worker
4. In any program of yours:         celery_worker.ask(assistant_id, "Why?").get()
"""

# mypy: disable-error-code="import-untyped, import-not-found, untyped-decorator, misc"
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportFunctionMemberAccess=false

import os
import time
from typing import Any

from assistants_client import AdaptiveBackoff, APIConnectionError, Client, InternalServerError

try:
    from celery import Celery
except ImportError:
    print("This example needs Celery and Redis: pip install celery redis")
    raise SystemExit(0) from None

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
app = Celery("assistants", broker=REDIS, backend=REDIS)
client = Client()
backoff = AdaptiveBackoff()


@app.task(bind=True, acks_late=True, max_retries=None)
def follow(self: Any, thread_id: str, run_id: str, begun: float) -> str:
    """The assistant's answer, once there is one."""
    polls, elapsed = self.request.retries + 1, time.time() - begun
    try:
        run, headers = client.runs.poll(thread_id, run_id)
    except (APIConnectionError, InternalServerError) as error:
        raise self.retry(countdown=5, exc=error, max_retries=100) from None
    if not run.is_final and run.status != "requires_action":
        wish = float(headers.get("openai-poll-after-ms", 0)) / 1000
        raise self.retry(countdown=wish or backoff(polls, elapsed))
    client.wait_for_run(run)  # raises what became of it, where it did not complete
    return "\n\n".join(m.text for m in client.messages.list(thread_id, run_id=run_id, order="asc"))


def ask(assistant_id: str, question: str) -> Any:
    """Starts a run and leaves it to the workers; the result's ``get()`` is the answer."""
    thread = client.threads.create(messages=[{"role": "user", "content": question}])
    run = client.runs.create(thread.id, assistant_id=assistant_id)
    return follow.delay(thread.id, run.id, time.time())


if __name__ == "__main__":
    print(__doc__)
