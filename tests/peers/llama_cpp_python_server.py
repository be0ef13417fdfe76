"""Serve llama-cpp-python's server with the model of tiny_table.py.

What belongs here: the model's file and the server's options. Run by an interpreter that has
``llama-cpp-python[server]``, never imported by a test. What is on the wire is the server's own.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from llama_cpp.server.__main__ import main as serve
from tiny_gguf import write_model
from tiny_table import CONTEXT, MODEL


def main() -> None:
    """Build the model, serve it until a signal comes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", required=True)
    arguments.add_argument("--key", required=True, help="the only API key that is accepted")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again at its end
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.gguf"
        write_model(model)
        given = {"model": model, "model_alias": MODEL, "n_ctx": CONTEXT, "n_threads": 1}
        given |= {"host": "127.0.0.1", "port": options.port, "api_key": options.key}
        # By default, a question ends the answer to the one before.
        given["interrupt_requests"] = False
        sys.argv[1:] = [str(part) for key, value in given.items() for part in (f"--{key}", value)]
        serve()


if __name__ == "__main__":
    main()
