"""How long a first word takes through an engine, and from the model's server alone.

    python first_token.py MODEL_PORT ENGINE_PORT STREAMS TIMES SPREAD

So many streams are asked for at once, ``TIMES`` times of each server in turns; each begins when it
likes within ``SPREAD`` seconds. All are read to their ends. Printed are seconds, as JSON.
"""

import http.client
import json
import random
import sys
import threading
import time

from streaming_model import WORD


def post(port, path, document):
    """A connection and its response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, json.dumps(document), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    return connection, response


def first_word(port, path, document):
    """Seconds from the request to the word; the rest is read as well."""
    begun = time.perf_counter()
    connection, response = post(port, path, document)
    took = None
    for line in response:
        if took is None and b'"' + WORD.encode() + b'"' in line:
            took = time.perf_counter() - begun
    connection.close()
    assert took is not None, "no word came"
    return took


def at_once(streams, spread, act):
    """What so many streams take."""
    ready, found = threading.Barrier(streams), []

    def one():
        ready.wait()
        time.sleep(random.uniform(0, spread))
        found.append(act())

    threads = [threading.Thread(target=one) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == streams, f"{streams - len(found)} of {streams} got no word"
    return found


def main(model, engine, streams, times, spread):
    """Measures and prints."""
    connection, response = post(engine, "/v1/assistants", {"model": "m"})
    assistant = json.loads(response.read())["id"]
    connection.close()
    question = {"role": "user", "content": "Is it so?"}
    chat = {"model": "m", "stream": True, "messages": [question]}
    run = {"assistant_id": assistant, "stream": True, "thread": {"messages": [question]}}
    asked = {
        "model": lambda: first_word(model, "/v1/chat/completions", chat),
        "engine": lambda: first_word(engine, "/v1/threads/runs", run),
    }
    found = {name: [] for name in asked}
    for number in range(times + 1):
        for name, act in asked.items():
            some = at_once(streams, spread, act)
            if number:  # the first opens connections
                found[name] += some
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), float(sys.argv[5]))
