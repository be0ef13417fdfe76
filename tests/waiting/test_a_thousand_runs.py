"""A thousand runs on an engine behind a socket, waited for in one thread under a cap."""

import threading
import time

from thorough import amount

from assistants_client import AdaptiveBackoff

RUNS = amount(80, 1000)
CAP = amount(40, 150)  # polls per second
# Other tests beside this one make both more. The server sees the network's jitter as well.
BUSIEST = CAP * amount(150, 110) / 100  # polls in a second
LATE = amount(10, 2)  # seconds


def test_a_thousand_runs_in_one_thread(engine_process, connected, new_run, monkeypatch):
    """All are found finished, within the cap, the last one soon after its end."""
    # A machine that is busy with other things is not taken for a server that hangs.
    monkeypatch.setattr("assistants_client.waiting.many_runs.HANGS_AFTER", 60)
    engine = engine_process(runs=RUNS, workers=100, shortest=0.05, longest=4.0)
    client = connected(engine.url, max_polls_per_second=CAP)
    assistant = client.assistants.create(model="scripted")
    runs = [new_run(client, assistant.id) for _ in range(RUNS)]
    before = threading.active_count()
    asked = len(engine.moments("requests"))
    engine.go()

    found, threads = {}, 0
    # The default's delays go on growing, and with them the one before the last run is noticed.
    backoff = AdaptiveBackoff(maximum=1.0)
    for run in client.wait_for_runs(runs, timeout=240, backoff=backoff):
        found[run.id] = (run.status, time.time())
        threads = max(threads, threading.active_count())

    assert sorted(found) == sorted(run.id for run in runs)
    assert {status for status, _ in found.values()} == {"completed"}
    assert threads - before <= 1
    polls = engine.moments("requests")[asked:]
    busiest = max(sum(at <= other < at + 1 for other in polls) for at in polls)
    assert busiest <= BUSIEST
    last_end = max(engine.moments("ends"))
    last_found = max(moment for _, moment in found.values())
    assert last_found - last_end < LATE
    print(f"{len(polls)} polls, {busiest} in a second, last after {last_found - last_end:.2f} s")
