"""Objects of all kinds in a database, and all of a database as the protocol shows it."""

from __future__ import annotations

from typing import Any

from assistants_client import Client, to_dict
from assistants_client.engine import Engine, Scripted


def filled(url: str, threads: int = 3) -> dict[str, str]:
    """Fills a database with each kind of object; ids of the oldest of each, by their kind."""
    engine = Engine(url, Scripted(["It is 42, and no otter."] * threads))
    with engine, Client(engine=engine) as client:
        file = client.files.upload(b"Otters hold hands.", filename="otters.txt")
        store = client.vector_stores.create(name="notes", file_ids=[file.id])
        assistant = client.assistants.create(model="m", name="Guide", metadata={"shop": "north"})
        runs = []
        for number in range(threads):
            thread = {
                "messages": [{"role": "user", "content": f"Question {number} about kettles"}],
                "metadata": {"user": str(number)},
            }
            run = client.runs.create_thread_and_run(assistant_id=assistant.id, thread=thread)
            runs.append(client.wait_for_run(run))
        thread_id, run_id = runs[0].thread_id, runs[0].id
        return {
            "assistants": assistant.id,
            "threads": thread_id,
            "messages": next(iter(client.messages.list(thread_id, order="asc"))).id,
            "runs": run_id,
            "steps": next(iter(client.run_steps.list(thread_id, run_id))).id,
            "files": file.id,
            "vector-stores": store.id,
        }


def everything(url: str) -> dict[str, Any]:
    """All objects of a database by their ids, without those that processing would change."""
    found: dict[str, Any] = {}
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        for resource in (client.assistants, client.files, client.vector_stores):
            found.update({one.id: to_dict(one) for one in resource.list()})
        for thread in client.threads.list(page_size=100):
            found[thread.id] = to_dict(thread)
            found.update({one.id: to_dict(one) for one in client.messages.list(thread.id)})
            for run in client.runs.list(thread.id):
                found[run.id] = to_dict(run)
                steps = client.run_steps.list(thread.id, run.id)
                found.update({one.id: to_dict(one) for one in steps})
    return found
