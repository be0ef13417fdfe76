"""What the same calls cost with requests and json alone, against the canned server."""

from contextlib import contextmanager

import canned
import requests
import timing

URL = f"{canned.URL}/threads/{canned.THREAD}"


@contextmanager
def retrieve():
    """A run by its ids."""
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer k"
        yield timing.many(lambda: session.get(f"{URL}/runs/{canned.RUN}", timeout=60).json())


@contextmanager
def create():
    """A message."""
    document = {"role": "user", "content": canned.QUESTION}
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer k"
        yield timing.many(lambda: session.post(f"{URL}/messages", json=document, timeout=60).json())


if __name__ == "__main__":
    timing.main({"retrieve": retrieve, "create": create})
