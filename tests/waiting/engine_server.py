"""An engine on a port, as a program: its model takes as long as it is told, and notes its ends.

    python engine_server.py FOLDER RUNS WORKERS SHORTEST LONGEST

It writes its port to FOLDER/port. Until FOLDER/go exists, no answer is given. Answers take from
SHORTEST to LONGEST seconds, with a long tail; when each was given is noted in FOLDER/ends.
"""

import random
import sys
import threading
import time
from pathlib import Path

import waitress

from assistants_client.engine import Engine, Scripted


def main(folder, runs, workers, shortest, longest):
    """Serves until it is killed."""
    chance = random.Random(5)
    lock = threading.Lock()
    ends = (folder / "ends").open("w", buffering=1)
    requests = (folder / "requests").open("w", buffering=1)

    go = threading.Event()

    def watch():
        while not (folder / "go").exists():
            time.sleep(0.02)
        go.set()

    def answer(conversation):
        go.wait()
        with lock:
            spread = chance.random() ** 4
        time.sleep(shortest + (longest - shortest) * spread)
        with lock:
            ends.write(f"{time.time()}\n")
        return "The answer <script>alert(1)</script> is 42."

    engine = Engine(
        f"sqlite:///{folder / 'engine.db'}", model=Scripted([answer] * runs), workers=workers
    )

    def application(environ, start_response):
        if environ["REQUEST_METHOD"] == "GET":
            with lock:
                requests.write(f"{time.time()}\n")
        return engine(environ, start_response)

    server = waitress.create_server(application, host="127.0.0.1", port=0, threads=8)
    (folder / "port.part").write_text(str(server.effective_port))
    (folder / "port.part").rename(folder / "port")
    threading.Thread(target=watch, daemon=True).start()
    server.run()


if __name__ == "__main__":
    place, *numbers = sys.argv[1:]
    main(Path(place), int(numbers[0]), int(numbers[1]), float(numbers[2]), float(numbers[3]))
