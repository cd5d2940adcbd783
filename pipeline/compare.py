"""Side-by-side crops of one network: the trivial answer, every loss, the ground truth. Needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lossbench import tasks
from lossbench.errors import room_for
from lossbench.images import displayed, read_image, write_png
from pipeline.command import run
from pipeline.outputs.arrays import Arrays
from pipeline.specs.evaluate import CompareSpec

ZOOM = 2
HEADER = 16
GAP = 4


def main(spec: CompareSpec, code: str, targets: Path, pairs: Path, scores: list[Path], output: Path) -> None:
    """Write one row a picture, one column a loss, to `output`; `scores` name the runs whose pictures are shown.

    Each picture is shown where the trivial answer is worst: there the losses differ most.
    """
    task = tasks.load(spec.task.name)
    arrays = Arrays(targets)
    folders = [path.with_name(f"{path.stem}_pictures") for path in scores]
    rows = []
    for item in arrays.split(spec.split)[: spec.pictures]:
        target = task.reference(arrays.read(item), spec.task.settings)
        shown = [*(read_image(folder / f"{item.name}.png") for folder in folders), displayed(np.asarray(target))]
        top, left = _worst(shown[spec.labels.index(spec.trivial)], shown[-1], spec.crop)
        rows.append([picture[top : top + spec.crop, left : left + spec.crop] for picture in shown])
    with room_for(output):
        write_png(output, _sheet(rows, [*spec.labels, "ground truth"]))


def _worst(trivial: NDArray[np.uint8], target: NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Return top and left of the square window with the largest squared error, on a grid of 8 pixels."""
    error = (trivial.astype(np.float64) - target).sum(axis=2) ** 2
    total = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side_rows, side_columns = min(side, error.shape[0]), min(side, error.shape[1])
    sums = (
        total[side_rows:, side_columns:]
        - total[:-side_rows, side_columns:]
        - total[side_rows:, :-side_columns]
        + total[:-side_rows, :-side_columns]
    )[::8, ::8]
    row, column = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(row) * 8, int(column) * 8


def _sheet(rows: list[list[NDArray[np.uint8]]], labels: list[str]) -> NDArray[np.uint8]:
    side = max(max(crop.shape[:2]) for row in rows for crop in row) * ZOOM
    width, height = len(labels) * (side + GAP), HEADER + len(rows) * (side + GAP)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(labels):
        draw.text((column * (side + GAP) + 2, 2), label, fill="black")
        for row, crops in enumerate(rows):
            crop = Image.fromarray(crops[column])
            crop = crop.resize((crop.width * ZOOM, crop.height * ZOOM), Image.Resampling.NEAREST)
            sheet.paste(crop, (column * (side + GAP), HEADER + row * (side + GAP)))
    return np.asarray(sheet)


if __name__ == "__main__":
    run(main)
