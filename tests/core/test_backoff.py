"""Delays: arithmetic with bounds."""

import math

import pytest

from assistants_client import AdaptiveBackoff, ConstantBackoff, ExponentialBackoff
from assistants_client.backoff import as_backoff

HUGE = [1, 2, 10, 10**3, 10**6]


def test_the_adaptive_delay_grows_with_the_root_of_the_time_waited():
    """Without jitter: scale times the root, between minimum and maximum."""
    delay = AdaptiveBackoff(jitter=0)
    assert delay(1, 0) == 0.25
    assert delay(1, 4) == pytest.approx(0.9)
    assert delay(1, 100) == pytest.approx(4.5)
    assert delay(1, 10**9) == 5.0
    assert delay(1, -3) == 0.25


def test_the_exponential_delay_grows_by_its_factor():
    """Without jitter: initial, then times factor, up to maximum."""
    delay = ExponentialBackoff(0.5, factor=2, maximum=5)
    assert [delay(polls, 0) for polls in range(1, 7)] == [0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize("polls", HUGE)
@pytest.mark.parametrize("factor", [1, 1.5, 2, 1e10])
def test_no_number_of_polls_overflows(polls, factor):
    """A wait of days ends at the maximum, not in an OverflowError."""
    assert ExponentialBackoff(0.5, factor=factor, maximum=5)(polls, 1e9) <= 5


def test_a_constant_delay_is_constant():
    """The same, whatever happened."""
    assert {ConstantBackoff(3)(polls, polls) for polls in HUGE} == {3}


@pytest.mark.parametrize("made", [AdaptiveBackoff(jitter=0.1), ExponentialBackoff(2, jitter=0.1)])
def test_jitter_stays_within_its_share(made):
    """Ten per cent is at most ten per cent, to both sides."""
    drawn = [made(1, 9) for _ in range(500)]
    middle = {AdaptiveBackoff: 1.35, ExponentialBackoff: 2}[type(made)]
    assert min(drawn) >= middle * 0.9
    assert max(drawn) <= middle * 1.1
    assert min(drawn) < middle < max(drawn)


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (AdaptiveBackoff, {"scale": -1}),
        (AdaptiveBackoff, {"minimum": -0.1}),
        (AdaptiveBackoff, {"maximum": math.nan}),
        (AdaptiveBackoff, {"jitter": -0.1}),
        (AdaptiveBackoff, {"jitter": 1.1}),
        (AdaptiveBackoff, {"scale": "1"}),
        (ExponentialBackoff, {"initial": -1}),
        (ExponentialBackoff, {"factor": 0.9}),
        (ExponentialBackoff, {"factor": math.nan}),
        (ExponentialBackoff, {"maximum": None}),
        (ExponentialBackoff, {"jitter": 2}),
        (ConstantBackoff, {"seconds": -1}),
        (ConstantBackoff, {"seconds": math.nan}),
        (ConstantBackoff, {"seconds": "1"}),
    ],
)
def test_numbers_that_make_no_delay_are_refused(cls, fields):
    """The field is named when the backoff is made, not in the middle of a wait."""
    with pytest.raises(ValueError, match=f"^{next(iter(fields))}: "):
        cls(**fields)


def test_a_bare_number_is_a_constant():
    """Seconds may stand where a backoff is taken."""
    assert as_backoff(2) == ConstantBackoff(2)
    assert as_backoff(0.5) == ConstantBackoff(0.5)


def test_a_callable_is_a_backoff():
    """Any function of polls and elapsed seconds will do."""

    def mine(polls, elapsed):
        return polls + elapsed

    assert as_backoff(mine) is mine


@pytest.mark.parametrize("value", [True, None, "1", [1], -1, math.nan])
def test_what_is_no_backoff_is_refused(value):
    """Neither seconds nor a callable."""
    with pytest.raises((TypeError, ValueError)):
        as_backoff(value)
