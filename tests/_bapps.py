"""A tree of judgements in the layout of BAPPS."""

from pathlib import Path

import numpy as np
from _prepared import noise

from lossbench.datasets import bapps
from lossbench.images import write_png

NUMBERS = ("000000", "000001", "000002")


SIDE = 16


def triplet(folder: Path, number: str, judgement: float, side: int = SIDE, seed: int = 0) -> None:
    """Write the four files of one triplet, each image another noise."""
    for place, part in enumerate(("ref", "p0", "p1")):
        write_png(folder / part / f"{number}.png", noise(side, side, 3 * seed + place))
    (folder / "judge").mkdir(exist_ok=True)
    np.save(folder / "judge" / f"{number}.npy", np.array([judgement]))


def write_tree(top: Path) -> Path:
    """Write BAPPS's own layout with some triplets in each set; return `top`."""
    for split, sets in bapps.SETS.items():
        for name in sets:
            for seed, number in enumerate(NUMBERS):
                triplet(top / "2afc" / bapps.FOLDERS[split] / name, number, seed / 5, seed=seed)
    return top
