"""Waiting for a queue, however short: some of CPython's queues then wait for ever."""

import queue
import threading

from assistants_client._http.deadline import take


def test_a_wait_of_next_to_nothing_ends():
    """A timeout that is over before the wait begins is over, on every Python."""
    items = queue.Queue()

    def wait_often():
        for number in range(3000):
            assert take(items, 1e-7 * (number % 20)) is None
            items.put(number)
            assert take(items, 1) == number

    waiter = threading.Thread(target=wait_often, daemon=True)
    waiter.start()
    waiter.join(30)
    assert not waiter.is_alive()


def test_no_queue_of_ours_has_that_flaw():
    """The queue that waits for ever is not used where there is a timeout.

    Where a signal's handler puts something into a queue, it is the one that may be interrupted.
    """
    import assistants_client

    (package,) = assistants_client.__path__
    from pathlib import Path

    texts = {path.name: path.read_text("utf-8") for path in Path(package).rglob("*.py")}
    using = {name: text for name, text in texts.items() if "SimpleQueue(" in text}
    assert using.keys() <= {"gunicorn.py", "stop_signals.py"}
    assert not any("timeout" in text for text in using.values())
