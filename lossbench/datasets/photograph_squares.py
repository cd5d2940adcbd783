"""Squares of the embedded photographs, cut and reduced as EnhanceNet's training pictures are, in place of COCO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.datasets import photographs
from lossbench.datasets._card import Card, Source
from lossbench.datasets._embedded import embedded_sources
from lossbench.datasets.coco import SIDE
from lossbench.images import read_image

NEEDS_ROOT = False
CARD = Card(
    name="photograph_squares",
    title="centre squares of 256 x 256 from 14 photographs embedded in foolbox, scikit-image and matplotlib",
    licence=photographs.CARD.licence,
    bytes=photographs.CARD.bytes,
    where=photographs.CARD.where,
    layout=photographs.CARD.layout,
    stand_in_for="coco",
)


def locate(root: Path | None) -> dict[str, list[Source]]:
    """Return the 12 train and 2 val photographs of the data set `photographs`, and no test; `root` is ignored.

    Raises UserError naming the first file that is missing or whose SHA-256 is not the catalogued one.
    """
    return {**{split: embedded_sources(photographs.FILES[split]) for split in ("train", "val")}, "test": []}


def read(source: Source) -> NDArray[np.uint8]:
    """Return the centre square as (256, 256, 3) uint8, reduced by Pillow's Lanczos filter; a smaller one as it is."""
    pixels = read_image(source.path)
    short = min(pixels.shape[:2])
    top, left = ((length - short) // 2 for length in pixels.shape[:2])
    # cut first: a filter that sees beyond the square would give other values at its border
    square = np.ascontiguousarray(pixels[top : top + short, left : left + short])
    if short <= SIDE:
        return square
    return np.asarray(Image.fromarray(square).resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.uint8)
