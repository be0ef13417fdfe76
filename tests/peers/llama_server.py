"""Serve llama.cpp's HTTP server with the model of tiny_table.py.

What belongs here: the few settings of the server. Run by the interpreter of the peers' environment,
never imported by a test. The network, the sampler, the chat template, the grammar and the HTTP
layer that use the table are llama.cpp's own, and so is every byte on the wire.
"""

import argparse
import signal
import tempfile
from pathlib import Path

from tiny_gguf import write_model
from tiny_table import CONTEXT, MODEL
from xllamacpp import CommonParams, Server


def main() -> None:
    """Build the model, serve it until a signal comes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--key", required=True, help="the only API key that is accepted")
    options = arguments.parse_args()
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before the server's threads inherit the mask
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.gguf"
        write_model(model)
        params = CommonParams()
        params.model.path = str(model)
        params.model_alias = {MODEL}
        params.hostnames = ["127.0.0.1"]
        params.port = options.port
        params.api_keys = [options.key]
        params.n_ctx = CONTEXT
        params.n_predict = 256  # pieces; a grammar the table cannot end would run to the context
        params.n_parallel = 1
        params.n_threads_http = 4
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.use_jinja = True
        params.offline = True
        params.ui = False
        params.warmup = False
        params.sampling.temp = 0.0
        server = Server(params)
        print(f"llama.cpp listens on {server.listening_address}", flush=True)
        signal.sigwait(stop)


if __name__ == "__main__":
    main()
