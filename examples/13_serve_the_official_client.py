"""Serving: the engine on a port, and a program of OpenAI's own client that talks to it.

1. Serve the engine: ``assistants serve``, here on a free port.
2. Give the official client the address that it prints, and leave the program as it was.

With ``ASSISTANTS_BASE_URL`` set, that server is used instead, with ``ASSISTANTS_API_KEY``.
Its warning is about OpenAI's own service, which has ended; here everything goes on as before.
Assumes the extra ``engine`` and the official client (``pip install openai``).
"""

# mypy: disable-error-code="import-not-found"
# pyright: reportMissingImports=false

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from openai import OpenAI

ADDRESS = re.compile(r"base_url = (\S+)")


@contextmanager
def served() -> Iterator[str]:
    """The address of a server, which this program starts where the environment names none."""
    if os.environ.get("ASSISTANTS_BASE_URL"):
        yield os.environ["ASSISTANTS_BASE_URL"]
        return
    command = [sys.executable, "-m", "assistants_client", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(said[1] for said in map(ADDRESS.search, server.stdout) if said)
        finally:
            server.terminate()
            server.wait()


with (
    served() as base_url,
    OpenAI(base_url=base_url, api_key=os.environ.get("ASSISTANTS_API_KEY", "none")) as client,
):
    assistant = client.beta.assistants.create(
        instructions="You are a personal math tutor.",
        tools=[{"type": "code_interpreter"}],
        model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
    )
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Solve 4x = 10."}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    print(run.status)
    for message in client.beta.threads.messages.list(thread.id, order="asc"):
        for part in message.content:
            if part.type == "text":
                print(f"{message.role}: {part.text.value}")
