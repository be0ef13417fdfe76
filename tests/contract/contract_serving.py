"""An engine behind a WSGI server, for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import make_server

from assistants_client.engine import Engine


@contextmanager
def served(engine: Engine) -> Iterator[str]:
    """The base URL of an engine behind a WSGI server."""
    server = make_server("127.0.0.1", 0, engine, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
