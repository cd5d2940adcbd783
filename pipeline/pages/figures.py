"""The drawn figures of papers, as a page shows them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.outputs.layout import FILES, path_of
from pipeline.pages.inputs import Table
from pipeline.pages.pictures import Pixels, data_uri, reduced

DRAWING = ("chart", "figure")
"""Stages that draw."""
LABELS = {"picture": "PNG", "vector": "SVG", "numbers": "numbers as CSV"}
"""Of links to what they write."""
LONGEST, QUALITY = 2000, 88
"""Pixels of a figure on the page, and of its WebP: small letters stay legible."""


@dataclass(frozen=True)
class Shown:
    """One figure of a table."""

    source: str
    """Data URI."""
    width: int
    height: int
    files: list[tuple[str, str]]
    """Label and relative link of each of its files that is there."""


def shown(table: Table, drawn: Sequence[Path], page: Path) -> list[Shown]:
    """Return those of the pictures `drawn` that are of `table`, for the page at `page`.

    What can't be read is noted in the table's gaps.
    """
    place = {"paper": table.spec.paper, "table": table.spec.table}
    found = []
    for stage in DRAWING:
        picture = Path(path_of(table.root, stage, "picture", place))
        if picture not in drawn:
            continue
        pixels = table.gaps.read(table.name, "figure", picture, _read)
        if pixels is None:
            continue
        paths = [(LABELS[name], Path(path_of(table.root, stage, name, place))) for name in FILES[stage]]
        files = [(label, os.path.relpath(path, page.parent)) for label, path in paths if path.is_file()]
        small = reduced(pixels, LONGEST)
        found.append(Shown(data_uri(small, QUALITY), small.shape[1], small.shape[0], files))
    return found


def _read(path: Path) -> Pixels:
    # Matplotlib writes an opaque alpha
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
