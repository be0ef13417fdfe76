"""Our default delays against the usual ones, in virtual time; see tests/benchmarks."""

import importlib.util
import itertools
import math
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "bench_polling.py"


@pytest.fixture(scope="module")
def figures():
    """The benchmark's figures."""
    spec = importlib.util.spec_from_file_location("bench_polling", PATH)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    return bench.all_figures(4000)


def at(fixed, polls, name):
    """What the front of the fixed delays has for that many polls: a line between neighbours.

    A fixed delay's costs go with its inverse, so the line is drawn over 1 / polls.
    """
    ordered = sorted(fixed, key=lambda one: 1 / one.polls)
    for left, right in itertools.pairwise(ordered):
        if 1 / left.polls <= 1 / polls <= 1 / right.polls:
            part = (1 / polls - 1 / left.polls) / (1 / right.polls - 1 / left.polls)
            return getattr(left, name) + part * (getattr(right, name) - getattr(left, name))
    raise AssertionError(f"{polls} polls are outside of the front")


def test_the_default_lies_beyond_the_front_of_fixed_delays(figures):
    """With as many polls as a fixed delay it notices sooner, above all in proportion."""
    default = next(iter(figures.values()))
    fixed = [one for name, one in figures.items() if name.startswith("fixed")]
    assert default.mean_delay <= at(fixed, default.polls, "mean_delay")
    assert default.relative_delay <= 0.75 * at(fixed, default.polls, "relative_delay")


def test_nothing_usual_is_better_in_everything(figures):
    """Every other policy polls more, or notices later, or later in proportion."""
    default, *others = figures.values()
    for other in others:
        assert (
            other.polls > default.polls
            or other.mean_delay > default.mean_delay
            or other.relative_delay > default.relative_delay
        )


def test_exponential_delays_are_late(figures):
    """Fewer polls, paid for with twice the delay."""
    default, exponential = figures[next(iter(figures))], list(figures.values())[-1]
    assert exponential.mean_delay > 1.5 * default.mean_delay
    assert exponential.relative_delay > default.relative_delay


def test_the_figures_are_the_same_every_time(figures):
    """The clock is virtual and chance has a seed."""
    assert all(math.isfinite(one.mean_delay) for one in figures.values())
