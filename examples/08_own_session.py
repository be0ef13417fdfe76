"""Your own session: proxies, certificates, adapters, hooks, and settings for a single call.

1. Make a ``requests.Session`` with your settings, and give it to the client.
2. See every response in a hook of its own.
3. Vary a single call with ``with_options``, on the same connections.

What you mount on the session decides about connections and retries; the client still keeps its
timeouts, its keys and its errors. Assumes the extra ``engine``, or a server in
``ASSISTANTS_BASE_URL``.
"""

from typing import Any

import requests

from assistants_client import Client

session = requests.Session()
session.headers["X-Department"] = "mathematics"
session.verify = True  # or the path of your own certificates
session.proxies = {}  # or {"https": "http://proxy.example:3128"}


def tell(response: requests.Response, **_: Any) -> None:
    """Prints a line about a response."""
    request = response.request
    print(request.method, request.path_url, response.status_code, request.headers["X-Department"])


session.hooks["response"].append(tell)

with Client(session=session, timeout=(5, 30)) as client:
    thread = client.threads.create(metadata={"course": "algebra"})

    patient = client.with_options(timeout=(5, 120), headers={"X-Department": "statistics"})
    print(patient.threads.retrieve(thread.id).metadata)

session.close()  # yours to close: the client leaves it open
