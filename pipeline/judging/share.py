"""Claims on the share of pictures on which one loss beats another: counted, with its interval. Needs no torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lossbench.statistics.intervals import SignClaim, sign_claim
from pipeline.outputs.scores import Paired
from pipeline.specs.judge import Claim

HALF = 0.5
UNPRINTED = (1, 2)
"""Stands for a share that no paper prints: its interval is so wide that nothing is smaller or of its size."""


def printed(claim: Claim) -> tuple[int, int] | None:
    """Return the printed number of pictures won, and of how many; None where the paper prints none."""
    wins, mark, count = claim.won.partition("/")
    return (int(wins), int(count)) if mark else None


def judged(claim: Claim, found: Sequence[Paired], full_scale: bool) -> dict[str, Any] | None:
    """Return what is said of the share: numbers less one half, and the verdict; None without a picture that differs.

    Each picture is its mean over seeds, and pictures without a difference count for neither. At a reduced scale the
    printed share is named and not compared with. One seed gives no direction.
    """
    values = np.concatenate([one.values.mean(axis=0) for one in found]) if found else np.zeros(0)
    wins, count = int((values > 0).sum()), int(np.count_nonzero(values))
    if count == 0:
        return None
    share = printed(claim)
    result = sign_claim(wins, count, *(share if share and full_scale else UNPRINTED))
    seeds = len(found[0].values)
    words = f"better on {wins} of {count} pictures: {result.share:.3g} [{result.low:.3g}, {result.high:.3g}]"
    words += f"; the paper prints {share[0]} of {share[1]}" if share else "; the paper prints no number"
    words += "" if seeds > 1 else "; one seed: the interval covers other pictures, not other seeds"
    return {
        "difference": result.share - HALF,
        "low": result.low - HALF,
        "high": result.high - HALF,
        "published_difference": share[0] / share[1] - HALF if share else None,
        # of one run a test says nothing of seeds
        "p_value": result.p_value if seeds > 1 else None,
        "image_p_value": result.p_value,
        "improved": result.share,
        "n_images": count,
        "n_seeds": seeds,
        "method": "Clopper-Pearson over pictures that differ, means over seeds; numbers are shares less one half",
        "verdict": _verdict(result, seeds),
        "reason": words,
    }


def _verdict(result: SignClaim, seeds: int) -> str:
    if seeds > 1:
        return result.verdict.name
    return "higher in one run" if result.low > HALF else "lower in one run" if result.high < HALF else "undecided"
