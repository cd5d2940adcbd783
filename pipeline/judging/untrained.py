"""Whether an answer that costs no training gains as much in perception as a loss is said to. Needs no torch."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.outputs.scores import paired, signs
from pipeline.specs.judge import Claim
from pipeline.specs.tabulate import TRIVIAL, TabulateSpec

PERCEPTION = ("lpips", "niqe")
"""Metrics of perception, as papers call them."""
REFUSED = "refused"
"""The verdict on a gain in perception over the reference loss that an answer without a training has as well."""


class Untrained(NamedTuple):
    """An answer that costs no training, and its difference to the reference loss (> 0 is better)."""

    name: str
    difference: float


def as_good(
    claim: Claim,
    table: TabulateSpec,
    scores: pd.DataFrame,
    places: tuple[Sequence[str], Sequence[str]],
    difference: float,
) -> Untrained | None:
    """Return the best answer without a training that gains at least `difference` over the reference loss.

    None where there is none, and for a claim that is not about a loss's gain over the reference in a metric of
    perception. `places` are the claim's columns and networks. The ground truth is no answer.
    """
    printed = {metric.name: metric.published or metric.name for metric in table.metrics}
    perception = printed.get(claim.metric) in PERCEPTION and not (claim.against or claim.slight)
    if not perception or claim.than != table.reference_loss or claim.better in table.answers or difference <= 0:
        return None
    whole = {cell.loss for cell in table.cells if not cell.only}
    names = [*(name for name in table.answers if name in whole), *table.all_trivials]
    known = pd.concat([scores, *_beside(scores, table, places[1])], ignore_index=True)
    found = []
    for name in names:
        sets = paired(known, claim.metric, name, claim.than, *places, table.blank)
        if sets:
            gain = signs(table)[claim.metric] * float(np.mean([one.values.mean() for one in sets]))
            found.append(Untrained(name, gain))
    best = max(found, key=lambda one: one.difference, default=None)
    return best if best is not None and best.difference >= difference else None


def _beside(scores: pd.DataFrame, table: TabulateSpec, networks: Sequence[str]) -> list[pd.DataFrame]:
    """Return the scores of the task's trivial answers once a network and seed, as if each had given them."""
    trivial = scores[scores["network"] == TRIVIAL]
    seeds = sorted(set(scores.loc[scores["loss"] == table.reference_loss, "seed"]))
    return [trivial.assign(network=network, seed=seed) for network, seed in product(networks, seeds)]
