"""Runs works and prints what each took: the part that all programs of works share.

    python PROGRAM.py [NAME=COUNT ...]

A work is a context manager that makes ready and yields ``act(count)``, which does so much work. It
is done half as often first, so that what happens once is not in the figures. Printed is a JSON
object by names: seconds of CPU and of the clock for one operation, or what ``act`` returned.
"""

import json
import sys
import time


def measured(work, count):
    """Seconds of an operation, by CPU of all threads of this process and by the clock."""
    with work() as act:
        act((count + 1) // 2)
        cpu, clock = time.process_time(), time.perf_counter()
        value = act(count)
        found = {
            "cpu": (time.process_time() - cpu) / count,
            "clock": (time.perf_counter() - clock) / count,
        }
    return found if value is None else {**found, "value": value}


def main(works):
    """Measures the works that the arguments name."""
    found = {}
    for word in sys.argv[1:]:
        name, _, count = word.partition("=")
        found[name] = measured(works[name], int(count))
    print(json.dumps(found))


def many(operation):
    """An ``act`` that does an operation so many times."""

    def act(count):
        for _ in range(count):
            operation()

    return act


def in_threads(operation, threads=32):
    """An ``act`` whose operations are shared among threads."""
    from concurrent.futures import ThreadPoolExecutor

    def act(count):
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(many(operation), [max(1, count // threads)] * threads))

    return act
