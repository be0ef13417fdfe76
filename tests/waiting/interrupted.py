"""A program that waits, is interrupted, and goes on; what it prints is read by test_ctrl_c.py.

python interrupted.py URL ROUNDS
"""

import sys
import time

from assistants_client import Client

IDS = {"thread_id": "thread_1", "run_id": "run_1"}


def main(url, rounds):
    """Waits in every way, as often as told; Ctrl-C is to end each wait."""
    client = Client(url, retries=0)
    pair = [("thread_1", "run_1")]
    ways = {
        "one": lambda: client.wait_for_run(**IDS),
        "endless": lambda: client.wait_for_run(**IDS, timeout=float("inf")),
        "shown": lambda: client.wait_for_run(**IDS, progress=True),
        "many": lambda: list(client.wait_for_runs(pair)),
        "many shown": lambda: list(client.wait_for_runs(pair, progress=True)),
        "quick": lambda: client.wait_for_run(**IDS, backoff=0.001),
    }
    for _ in range(rounds):
        for name, wait in ways.items():
            try:
                print("ready", name, flush=True)
                wait()
            except KeyboardInterrupt:
                left = time.monotonic()
                used = client.assistants.retrieve("asst_1").id
                print("\nleft", left, used, flush=True)
            else:
                print("\nnot interrupted", flush=True)
    print("over", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
