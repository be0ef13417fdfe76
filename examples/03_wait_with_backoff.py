"""Waiting: delays between polls, a timeout, and many runs at once.

1. Wait for one run with delays of your own, see each status, and bound the whole wait.
2. Pick the run up again by its ids, as another process would.
3. Start ten runs, wait for all of them in one thread, and take them as they finish.

``progress=True`` shows a live line in a terminal or a notebook, and a few lines in a log file.
Assumes the extra ``engine``, or a server in ``ASSISTANTS_BASE_URL``.
"""

import os

from assistants_client import Client, ExponentialBackoff, WaitTimeoutError

client = Client()
assistant = client.assistants.create(model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"))
thread = client.threads.create(messages=[{"role": "user", "content": "How much is 15% of 80?"}])
run = client.runs.create(thread.id, assistant_id=assistant.id)

try:
    run = client.wait_for_run(
        run,
        timeout=60,  # seconds, for the whole wait
        backoff=ExponentialBackoff(0.1, factor=1.5, maximum=5),
        on_poll=lambda seen: print("status:", seen.status),
    )
except WaitTimeoutError as error:
    print("Still not finished:", error.run)  # the run goes on; it can be waited for again

run = client.wait_for_run(thread_id=thread.id, run_id=run.id)
print(next(iter(client.messages.list(thread.id, run_id=run.id))).text)

started = [
    client.runs.create_thread_and_run(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": f"How much is 7 * {number}?"}]},
    )
    for number in range(10)
]
for done in client.wait_for_runs(started, timeout=60, progress=True):
    answer = next(iter(client.messages.list(done.thread_id, run_id=done.id)))
    print(done.status, answer.text)
