"""By how much the targets of a data set are larger than the low quality that it ships, looked up in one pair."""

from __future__ import annotations

from pathlib import Path

from lossbench.datasets._dataset import Dataset
from lossbench.datasets._located import located, located_low_quality
from lossbench.datasets._read import read_source
from lossbench.errors import UserError

SPLIT = "train"


def scale_of_pairs(dataset: Dataset, root: Path | None, task: str) -> int:
    """Return target size / low-quality size of the first training pair of `dataset` below `root`; others are not read.

    Raises UserError for a data set without pairs, one that lacks files, and for a pair whose sides are no whole
    multiples with one factor; a target may have up to a factor's pixels beyond.
    """
    targets, shipped = located(dataset, root).get(SPLIT), located_low_quality(dataset, root, task, 1)
    if shipped is None:
        raise no_pairs(dataset, root)
    if not targets:
        raise UserError(f"data set '{dataset.card.name}' has no picture of split '{SPLIT}'; give it one")
    target = targets[0]
    partner = next((source for source in shipped.get(SPLIT, ()) if source.name == target.name), None)
    if partner is None:
        raise UserError(f"{target.path} (split {SPLIT}) has no low-quality partner")
    height, width = read_source(dataset.read, target, SPLIT).shape[:2]
    rows, columns = read_source(dataset.read_low_quality, partner, SPLIT).shape[:2]
    factor = int(height // rows)
    if factor < 1 or (height // factor, width // factor) != (rows, columns):
        raise UserError(
            f"{partner.path}: {rows} x {columns} pixels (height x width) are no whole part of the {height} x {width} "
            f"of {target.path}; replace one of them"
        )
    return factor


def no_pairs(dataset: Dataset, root: Path | None) -> UserError:
    """Return the error of a task that needs pairs where `dataset` ships none."""
    place = f" in {root}" if root else ""
    return UserError(
        f"data set '{dataset.card.name}'{place} has no low-quality partners; expected: {dataset.card.layout}"
    )
