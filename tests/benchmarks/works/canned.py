"""The canned server, as programs of works see it: its addresses, and what they all ask for."""

import http.client
import os

URL, TLS_URL, STREAMS_URL = (
    os.environ[name] for name in ("CANNED_URL", "CANNED_TLS_URL", "CANNED_STREAMS_URL")
)
THREAD, RUN = "thread_abc123", "run_abc123"
QUESTION = "Solve 3x + 11 = 14"


def page():
    """The JSON of a list of 100 messages."""
    connection = http.client.HTTPConnection(URL.split("/")[2])
    connection.request("GET", f"/v1/threads/{THREAD}/messages")
    return connection.getresponse().read().decode()
