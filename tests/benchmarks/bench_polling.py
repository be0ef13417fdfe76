"""What polling costs and how late it notices: our default beside fixed and exponential delays.

    python tests/benchmarks/bench_polling.py

Virtual time: what decides about polls in ``wait_for_run`` does so here, on runs whose durations are
drawn from a long-tailed mix, and a clock that only pauses and polls move. The seeds are fixed, so
every run of this program prints the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from attrs import frozen

from assistants_client import AdaptiveBackoff, Run
from assistants_client.backoff import BackoffLike, ConstantBackoff, ExponentialBackoff, as_backoff
from assistants_client.waiting.waiter import Polls

RUNS = 4000
LATENCY = 0.1  # seconds that a poll takes

#: Name, and the policy. The first is what a client does unless told otherwise.
POLICIES: Mapping[str, BackoffLike] = {
    "default (0.45 x sqrt of elapsed)": AdaptiveBackoff(),
    "fixed 0.5 s": ConstantBackoff(0.5),
    "fixed 1 s": ConstantBackoff(1.0),
    "fixed 1.5 s": ConstantBackoff(1.5),
    "x1.5 from 0.25, at most 5 s": ExponentialBackoff(0.25, factor=1.5, maximum=5.0),
}


@frozen
class Figures:
    """What a policy comes to, over all runs."""

    polls: float
    mean_delay: float
    p95_delay: float
    #: The mean of delay divided by duration.
    relative_delay: float


def durations(count: int, seed: int = 11) -> list[float]:
    """Seconds that runs take: short ones (median 1.2), and long ones (median 6, p95 40)."""
    chance = random.Random(seed)
    spread = math.log(40 / 6) / 1.645
    return [
        chance.lognormvariate(math.log(1.2), 1.0)
        if chance.random() < 0.5
        else chance.lognormvariate(math.log(6), spread)
        for _ in range(count)
    ]


def measured(policy: BackoffLike, lengths: list[float]) -> Figures:
    """The figures of a policy."""
    backoff = as_backoff(policy)
    unfinished = Run(id="run", status="in_progress")
    polls = 0
    delays = []
    for length in lengths:
        told: Polls[Run] = Polls(backoff, None)
        now = 0.0
        while True:
            polls += 1
            now += LATENCY
            if now - LATENCY / 2 >= length:  # what the answer tells is as old as its way back
                break
            told.succeeded(unfinished, {})
            now += told.delay(now)
        delays.append(now - length)
    return Figures(
        polls=polls / len(lengths),
        mean_delay=sum(delays) / len(delays),
        p95_delay=sorted(delays)[int(0.95 * len(delays))],
        relative_delay=sum(d / n for d, n in zip(delays, lengths, strict=True)) / len(delays),
    )


def all_figures(count: int = RUNS) -> dict[str, Figures]:
    """The figures of every policy, over the same runs."""
    random.seed(7)  # of the default's jitter
    lengths = durations(count)
    return {name: measured(policy, lengths) for name, policy in POLICIES.items()}


def main() -> None:
    """Prints the table."""
    print(f"{'policy':34}  polls/run  mean delay  p95 delay  delay / length")
    for name, one in all_figures().items():
        print(
            f"{name:34}  {one.polls:9.1f}  {one.mean_delay:8.2f} s  {one.p95_delay:7.2f} s  "
            f"{one.relative_delay:13.0%}"
        )


if __name__ == "__main__":
    main()
