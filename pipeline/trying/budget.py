"""How many steps a trial's runs may have, so that all of it ends in the time that was asked for."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lossbench.errors import UserError

SHARE = 0.8
"""Of the time that is planned with: the rest is for what was not foreseen."""
PRETRAINING = 1 / 3
"""Of the planned time that the training of loss networks may take; above it they get fewer steps."""
SLOWER = 1.25
"""Times that a step takes beside others on this machine, by what it takes alone."""
START = 3.0
"""Seconds that a job takes beside its steps or pictures: its start, its data, its files."""
AROUND = 20.0
"""Seconds for planning, the table, the verdict and the page."""
LEAST = 50
"""Steps below which a run says nothing."""
MOST = 10**6


@dataclass(frozen=True)
class Runs:
    """Jobs of one kind that take steps."""

    seconds: float
    """Of one step, alone on the machine."""
    count: int
    steps: int = 0
    """Of each, where these are known before."""
    factor: float = 1.0
    """Times the chosen steps, of runs that are longer than others."""


@dataclass(frozen=True)
class Budget:
    """What is done with the time."""

    steps: int
    """Of each run under a loss."""
    pretraining_share: float
    """By how much the steps of loss networks are cut; 1 leaves them."""
    pretraining_seconds: float
    training_seconds: float
    scoring_seconds: float

    @property
    def seconds(self) -> float:
        """Return how long all should take."""
        return self.pretraining_seconds + self.training_seconds + self.scoring_seconds + AROUND


def budget(
    minutes: float,
    lanes: int,
    trainings: list[Runs],
    pretrainings: list[Runs],
    others: list[Runs],
    scorings: int,
    scoring: float,
) -> Budget:
    """Return the most steps with which all ends in `minutes`, where `lanes` jobs run beside each other.

    `pretrainings` are those of loss networks, with the steps that they have, of which they may get fewer, `others` what
    has all of its steps, and `scorings` the number of jobs that score, each `scoring` seconds long. Raises UserError
    saying how many minutes there must be where runs would have fewer than `LEAST` steps.
    """
    slower = SLOWER if lanes > 1 else 1.0
    whole = 60 * minutes * SHARE - AROUND
    scored = makespan([START + scoring * slower] * scorings, lanes)

    def pretrained(share: float) -> float:
        parts = [*((share, one) for one in pretrainings), *((1.0, one) for one in others)]
        each = [START + part * one.steps * one.seconds * slower for part, one in parts for _ in range(one.count)]
        return makespan(each, lanes)

    def trained(steps: int) -> float:
        each = [START + steps * one.factor * one.seconds * slower for one in trainings for _ in range(one.count)]
        return makespan(each, lanes)

    share = _largest_share(pretrained, whole * PRETRAINING, pretrainings)
    left = whole - scored - pretrained(share)
    if trained(LEAST) > left:
        needed = (trained(LEAST) + scored + pretrained(share) + AROUND) / SHARE / 60
        raise UserError(
            f"--minutes {minutes:g}: too short for runs of {LEAST} steps; give {math.ceil(needed)} or more, or fewer "
            "seeds"
        )
    low, high = LEAST, MOST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if trained(middle) <= left else (low, middle - 1)
    return Budget(low, share, pretrained(share), trained(low), scored)


def makespan(durations: Iterable[float], lanes: int) -> float:
    """Return when the last job ends where `lanes` jobs run beside each other, the longest first."""
    ends = [0.0] * lanes
    for duration in sorted(durations, reverse=True):
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


def _largest_share(pretrained: Callable[[float], float], most: float, pretrainings: list[Runs]) -> float:
    """Return the share of their steps, at most all and at least `LEAST` of each, that loss networks are trained for."""
    if not pretrainings or pretrained(1.0) <= most:
        return 1.0
    fixed = pretrained(0.0)
    share = max(0.0, (most - fixed) / (pretrained(1.0) - fixed))
    return min(1.0, max(share, *(LEAST / one.steps for one in pretrainings)))
