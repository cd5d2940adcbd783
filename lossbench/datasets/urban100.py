"""Urban100: a hundred photographs of buildings, full of repeated edges."""

from __future__ import annotations

from pathlib import Path

from lossbench.datasets._card import Card, Source
from lossbench.datasets._super_resolution_sets import (
    ARCHIVE_BYTES,
    PublishedSet,
    fetch_benchmark,
    layout,
    partners,
    targets,
    where,
)

NEEDS_ROOT = True
CARD = Card(
    name="urban100",
    title="Urban100 (Huang et al. 2015), super-resolution test set",
    licence="not stated by its authors; research use",
    bytes=ARCHIVE_BYTES,
    where=where("urban100"),
    layout=layout("Urban100", "Urban100", 100),
)
PUBLISHED = PublishedSet(CARD, benchmark="Urban100", selfexsr="Urban100", count=100)


def locate(root: Path | None) -> dict[str, list[Source]]:
    """Return the 100 high-resolution pictures as the split test; train and val are empty.

    Raises UserError naming the split and the first folder or file that is missing, or another number of pictures.
    """
    return targets(PUBLISHED, root)


def locate_low_quality(root: Path | None, task: str, scale: int) -> dict[str, list[Source]] | None:
    """Return the shipped partners for `super_resolution` by `scale`; None for what the tree does not ship.

    Raises UserError naming the split and the first file that is missing, damaged or of another size.
    """
    return partners(PUBLISHED, root, task, scale)


def fetch(root: Path) -> None:
    """Download and unpack EDSR's benchmark.tar into `root/benchmark`, checked by its MD5.

    Raises UserError naming a folder that is in the way, a failed download or a damaged archive.
    """
    fetch_benchmark(PUBLISHED, root)
