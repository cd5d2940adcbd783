"""The size that a paper prints of a claim, and what of it is in doubt."""

from dataclasses import dataclass
from itertools import product

from lossbench.statistics.sizes import PublishedSize
from pipeline.outputs.scores import signs
from pipeline.specs.judge import Claim, JudgeSpec


@dataclass(frozen=True)
class PrintedSize:
    """What the paper prints of a claim."""

    published: PublishedSize | None = None
    """None where the paper prints none that is beyond doubt."""
    warnings: str = ""
    """On the numbers behind it, those that are left out among them."""
    note: str = ""
    """How many cells are left out; empty where none is."""


def printed_size(claim: Claim, spec: JudgeSpec, columns: tuple[str, ...], networks: tuple[str, ...]) -> PrintedSize:
    """Return the mean over the cells of which the paper prints both numbers, neither with a warning."""
    table = spec.table
    sign = signs(table).get(claim.metric, 1)
    printed = {(value.column, value.network, value.loss, value.metric): value for value in table.published}
    sizes, warnings, left, step = list[float](), list[str](), 0, 0.0
    for column, network, couple in product(columns, networks, claim.couples):
        pair = [printed.get((column, network, loss, claim.metric)) for loss in couple]
        known = [value for value in pair if value is not None]
        doubtful = [value for value in known if value.warning]
        warnings += [f"{value.network} {value.loss} {value.column}: {value.warning}" for value in doubtful]
        if len(known) == 2 and doubtful:
            left += 1
        elif len(known) == 2:
            ours, theirs = known
            sizes.append(sign * (ours.value - theirs.value))
            step = max(step, ours.step, theirs.step)
    note = f"{left} of {left + len(sizes)} printed differences carry a warning and are no part of the published size"
    mean = PublishedSize(sum(sizes) / len(sizes), step, len(sizes), spec.published_runs) if sizes else None
    return PrintedSize(mean, "; ".join(warnings), note if left else "")
