"""Side-by-side crops of one network: the trivial answer, every loss, the ground truth. Needs no torch."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lossbench import tasks
from lossbench.images import densest, displayed, read_image, write_png
from lossbench.names import fitting
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
        shown = [
            *(read_image(folder / fitting(item.name, ".png")) for folder in folders),
            displayed(np.asarray(target)),
        ]
        error = (shown[spec.labels.index(spec.trivial)].astype(np.float64) - shown[-1]).sum(axis=2) ** 2
        top, left, height, width = densest(error, spec.crop)
        rows.append([picture[top : top + height, left : left + width] for picture in shown])
    write_png(output, _sheet(rows, [*spec.labels, "ground truth"]))


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
