"""Manga109: one page of each of 109 Japanese comics, as the super-resolution literature tests on them."""

from __future__ import annotations

from pathlib import Path

from lossbench.datasets._card import Card, Source
from lossbench.datasets._super_resolution_sets import PublishedSet, layout, partners, targets

NEEDS_ROOT = True
CARD = Card(
    name="manga109",
    title="Manga109 (Matsui et al. 2017), one page a volume, super-resolution test set",
    licence="academic use after application; redistribution forbidden",
    bytes=0,
    where=(
        "apply at http://www.manga109.org, or with an institutional e-mail address at"
        " https://huggingface.co/datasets/hal-utokyo/Manga109 (gated), then put one page of each of the 109 volumes"
        " into benchmark/Manga109/HR; without LR_bicubic the low-resolution pages are made here"
    ),
    layout=layout("Manga109", "Manga109", 109),
)
PUBLISHED = PublishedSet(CARD, benchmark="Manga109", selfexsr="Manga109", count=109)


def locate(root: Path | None) -> dict[str, list[Source]]:
    """Return the 109 pages as the split test; train and val are empty.

    Raises UserError naming the split and the first folder or file that is missing, or another number of pages, and
    saying how to apply for the set.
    """
    return targets(PUBLISHED, root)


def locate_low_quality(root: Path | None, task: str, scale: int) -> dict[str, list[Source]] | None:
    """Return the shipped partners for `super_resolution` by `scale`; None for what the tree does not ship.

    Raises UserError naming the split and the first file that is missing, damaged or of another size.
    """
    return partners(PUBLISHED, root, task, scale)
