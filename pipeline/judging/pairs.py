"""The differences that one claim speaks of: of its pair of losses, or the mean over several pairs. Needs no torch."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import product

import pandas as pd

from pipeline.judging.noise import Lender, Lent
from pipeline.outputs.scores import Paired, paired
from pipeline.specs.judge import Claim
from pipeline.specs.tabulate import TabulateSpec

BETTER, THAN = "better", "than"


def columns_of(table: TabulateSpec, scores: pd.DataFrame, metric: str) -> tuple[str, ...]:
    """Return the columns that a claim in `metric` speaks of where it names none: those with scores."""
    # where the metric has no scores all columns count, so that a reason can be given
    scored = set(scores.loc[scores["metric"] == metric, "column"]) or set(table.columns)
    return tuple(column for column in table.columns if column in scored and column not in table.server_only)


def paired_mean(
    scores: pd.DataFrame,
    metric: str,
    claim: Claim,
    columns: Sequence[str],
    networks: Sequence[str],
    blank: Collection[tuple[str, str]] = (),
) -> list[Paired]:
    """Return `scores.paired` of the claim's losses; of several pairs their mean, picture by picture.

    Pairs on the same pictures are no more pictures: they are averaged first, as networks are. Empty where a cell of any
    pair, or a common seed, is missing, but for what is `blank` in the table.
    """
    if len(claim.couples) == 1:
        return paired(scores, metric, *claim.couples[0], columns, networks, blank)
    here = scores[(scores["metric"] == metric) & scores["network"].isin(networks)]
    frames, places, without = [], [], set[tuple[str, str]]()
    for couple, network in product(claim.couples, networks):
        # a pair of losses stands as a network of its own
        place = f"{network} {couple[0]}>{couple[1]}"
        places.append(place)
        without |= {(column, place) for column, other in blank if other == network}
        for role, loss in zip((BETTER, THAN), couple, strict=True):
            chosen = here[(here["network"] == network) & (here["loss"] == loss)]
            frames.append(chosen.assign(network=place, loss=role))
    return paired(pd.concat(frames, ignore_index=True), metric, BETTER, THAN, columns, places, without)


def lent_to(lender: Lender, claim: Claim, columns: Sequence[str], networks: Sequence[str]) -> Lent:
    """Return the noise that the claim's difference is lent: the mean of several pairs has a share of one pair's."""
    lent = lender.lent(claim.metric, *claim.couples[0], columns, networks, claim.against)
    if lent.noise is None:
        return lent
    return replace(lent, noise=replace(lent.noise, variance=lent.noise.variance * share(claim.couples)))


def share(couples: Sequence[tuple[str, str]]) -> float:
    """Return the variance of the mean difference over `couples`, in that of one difference of two runs.

    Runs count as equally noisy and as independent: 1 for one pair, 1 / n for n pairs that have no loss in common.
    """
    weights = Counter[str]()
    for better, than in couples:
        weights[better] += 1
        weights[than] -= 1
    return sum(weight**2 for weight in weights.values()) / 2 / len(couples) ** 2
