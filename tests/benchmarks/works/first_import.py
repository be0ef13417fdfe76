"""From the first line of a script to a client, or to its first response; in a fresh process.

    python first_import.py PEER nothing|client|run

It imports nothing itself that a peer might import, and prints JSON as ``timing.py`` does.
"""

import os
import sys
import time
import warnings

PEER, STEP = sys.argv[1:]
URL = os.environ["CANNED_URL"]
warnings.simplefilter("ignore", DeprecationWarning)


def ours():
    """This client."""
    import assistants_client

    client = assistants_client.Client(URL, api_key="k")
    if STEP == "run":
        client.runs.retrieve("thread_abc123", "run_abc123")


def openai():
    """The client of openai."""
    import openai

    client = openai.OpenAI(base_url=URL, api_key="k")
    if STEP == "run":
        client.beta.threads.runs.retrieve("run_abc123", thread_id="thread_abc123")


CPU, CLOCK = time.process_time(), time.perf_counter()
if STEP != "nothing":
    {"ours": ours, "openai": openai}[PEER]()
CPU, CLOCK = time.process_time() - CPU, time.perf_counter() - CLOCK
print(f'{{"import": {{"cpu": {CPU!r}, "clock": {CLOCK!r}}}}}')
