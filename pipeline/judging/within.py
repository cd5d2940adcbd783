"""Claims of this project that two losses differ by less than a stated margin: in the mean, or in every run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossbench.statistics.bootstrap import Interval
from lossbench.statistics.verdicts import Verdict
from pipeline.outputs.scores import Paired
from pipeline.specs.judge import IN_EVERY_RUN, Claim

LEVEL = 0.05
"""Of two one-sided tests."""


def margin(claim: Claim) -> float:
    """Return the margin that the claim states, in the metric's unit."""
    return float(claim.within.removesuffix(IN_EVERY_RUN))


def of_every_run(claim: Claim) -> bool:
    """Return whether the claim is on the worst of its runs, and not on their mean."""
    return claim.within.endswith(IN_EVERY_RUN)


def on_mean(claim: Claim, interval: Interval, tost_p: float) -> Verdict:
    """Return the verdict on a claim of equivalence, of whose margin `tost_p` is the p-value of two one-sided tests.

    Equivalent where these say so, contradicted where the whole interval lies outside the margin, else undecided. The
    margin is this project's and no printed size, so that it is judged at every scale, for that scale.
    """
    bound = margin(claim)
    if not interval.covers_seeds:
        return Verdict("undecided", "the seed's noise is not known, so that one run says nothing of a bound")
    if interval.low > bound or interval.high < -bound:
        return Verdict("contradicted", f"the interval lies outside {bound:g} of 0")
    if tost_p < LEVEL:
        return Verdict("equivalent", f"two one-sided tests: the difference is within {bound:g} of 0")
    return Verdict("undecided", f"the interval does not show that the difference is within {bound:g} of 0")


def in_every_run(claim: Claim, found: Sequence[Paired]) -> dict[str, Any] | None:
    """Return what is said of the worst run, of which no interval speaks; None where there is no run.

    A run's difference is that to the run of the other loss under the same seed, the mean over sets of set means. It is
    counted in these runs, which are all that the claim is about.
    """
    if not found:
        return None
    bound, runs = margin(claim), np.mean([one.values.mean(axis=1) for one in found], axis=0)
    below = int((runs < -bound).sum())
    words = f"{below} of {len(runs)} runs of {claim.better} lie more than {bound:g} below {claim.than} of the same seed"
    return {
        "difference": float(runs.min()),
        "n_images": sum(one.values.shape[1] for one in found),
        "n_seeds": len(runs),
        "method": "the lowest run, counted",
        "verdict": "contradicted" if below else "confirmed",
        "reason": f"{words}; the lowest differs by {runs.min():+.3g}",
    }
