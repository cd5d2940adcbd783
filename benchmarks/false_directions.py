"""How often a loss against itself gets a direction (A/A test): `python benchmarks/false_directions.py [--seed N]`.

First in simulations: two losses without a difference, 1 to 5 seeds each on 6, 15 and 100 pictures, three runs of the
reference lending their noise. Then, with `--results results/demo`, in finished tables: every ordered pair of the
reference's runs, the others lending their noise.
"""

import argparse
import json
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
from interval_coverage import image_effects
from numpy.typing import NDArray

from lossbench.statistics.bootstrap import draws
from lossbench.statistics.comparison import compared
from lossbench.statistics.seed_noise import borrowed
from pipeline.judging.noise import Lender
from pipeline.outputs.scores import paired, read_scores
from pipeline.specs.tabulate import TabulateSpec

Array = NDArray[np.float64]

SEEDS, IMAGES, DEVIATIONS = (1, 2, 3, 5), (6, 15, 100), (0.0, 0.1, 0.3, 1.0)
SHAPES = ("normal", "t3", "log-normal 0.5", "log-normal 1")
DATA_SETS, RESAMPLES = 2000, 2000
"""A printed share of 5 % has a standard error of 0.5 %."""
FURTHER = 2
"""Runs of the reference beside the first seed's, as at the scale demo."""
RESIDUAL = 0.3
"""Deviation of one picture under one seed, in deviations of the pictures."""
LEVEL = 0.95
_BATCH = 500


@dataclass(frozen=True)
class Case:
    """One row: what the differences of pictures look like, and how many lie in one scene, alike by `alike`."""

    shape: str
    scene: int = 1
    alike: float = 0.0

    def __str__(self) -> str:
        clusters = f", scenes of {self.scene} alike by {self.alike:g}, averaged" if self.scene > 1 else ""
        return f"{self.shape}{clusters}"


CASES = (*(Case(shape) for shape in SHAPES), Case("normal", 3, 0.3), Case("normal", 3, 0.8))


def simulated(case: Case, seeds: int, images: int, deviation: float, generator: np.random.Generator) -> Array:
    """Return the share of data sets without a difference whose interval excludes zero."""
    scenes = max(images // case.scene, 2)
    size = (_BATCH, 1, scenes * case.scene)
    own = np.sqrt(1 - case.alike) * image_effects(case.shape, size, generator)
    shared = np.sqrt(case.alike) * image_effects(case.shape, (_BATCH, 1, scenes), generator)
    pictures = own + np.repeat(shared, case.scene, axis=2)
    runs = deviation / np.sqrt(2) * generator.standard_normal((_BATCH, 2, seeds + FURTHER))
    # a run's own mean has the noise of its pictures too
    runs[:, 1] += RESIDUAL / np.sqrt(2 * size[2]) * generator.standard_normal((_BATCH, seeds + FURTHER))
    difference = pictures + (runs[:, 0, :seeds] - runs[:, 1, :seeds])[..., None]
    difference = difference + RESIDUAL * generator.standard_normal((_BATCH, seeds, size[2]))
    units = difference.reshape(_BATCH, seeds, scenes, case.scene).mean(axis=3)
    values = draws([units], RESAMPLES, 0, borrowed(runs[:, 1]))[1]
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1, method="hazen")
    return (low > 0) | (high < 0)


def share(case: Case, seeds: int, images: int, deviation: float, start: int, data_sets: int = DATA_SETS) -> float:
    """Return the share of false directions of one cell of the printed table."""
    generator = np.random.default_rng([start, seeds, images, int(10 * deviation), CASES.index(case)])
    found = [simulated(case, seeds, images, deviation, generator) for _ in range(0, data_sets, _BATCH)]
    return float(np.concatenate(found).mean())


def heading() -> str:
    """Return the two lines above the rows of simulations."""
    names = ["pictures differ as", "pictures", *(f"{k} seed{'s' if k > 1 else ''}" for k in SEEDS)]
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def line(case: Case, images: int, start: int) -> str:
    """Return one row of the table: for each number of seeds the shares at all deviations of seeds, in per cent."""
    cells = [
        " / ".join(f"{100 * share(case, seeds, images, deviation, start):.1f}" for deviation in DEVIATIONS)
        for seeds in SEEDS
    ]
    return f"| {case} | {images} | {' | '.join(cells)} |"


def in_table(path: Path) -> tuple[int, int]:
    """Return directions and comparisons of the A/A tests of a table's verdicts, by picture metric and cell."""
    spec = TabulateSpec.parse(json.loads(path.read_text(encoding="utf-8"))["spec"], str(path))
    if spec.again is None:
        return 0, 0
    runs = read_scores(cell for cell in spec.cells if cell.loss in (spec.reference_loss, spec.again))
    runs = pd.concat([runs, read_scores(spec.noise_cells)], ignore_index=True)
    # each run of the reference, whatever it was called, is one of it
    runs["run"] = runs["loss"] + " " + runs["seed"].astype(str)
    directions = comparisons = 0
    for first, second in permutations(sorted(set(runs["run"])), 2):
        ours, theirs = (runs[runs["run"] == name].assign(seed=0) for name in (first, second))
        pair = pd.concat([ours.assign(loss=spec.again), theirs.assign(loss=spec.reference_loss)])
        further = runs[~runs["run"].isin([first, second])].assign(loss=spec.reference_loss)
        # their seeds tell them apart alone
        further["seed"] = further["run"].factorize()[0] + 1
        lender = Lender(spec, pair, further)
        for column, network, metric in product(spec.columns, spec.networks, spec.metrics):
            place = (metric.name, spec.again, spec.reference_loss, [column], [network])
            comparison = compared(paired(pair, *place), noise=lender.lent(*place).noise)
            if comparison is not None and comparison.bounds.covers_seeds:
                comparisons += 1
                directions += comparison.bounds.p_value < 1 - LEVEL
    return directions, comparisons


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the simulations")
    parser.add_argument("--results", type=Path, help="folder of a finished scale, such as results/demo")
    arguments = parser.parse_args()
    if arguments.results is None:
        print(heading())
        for case, images in product(CASES, IMAGES):
            print(line(case, images, arguments.seed), flush=True)
        return
    print("| table | false directions | comparisons | share |\n| --- | --- | --- | --- |")
    for path in sorted((arguments.results / "verdicts").rglob("*.json")):
        directions, comparisons = in_table(path)
        if comparisons:
            name = path.relative_to(arguments.results / "verdicts").with_suffix("")
            print(f"| {name} | {directions} | {comparisons} | {directions / comparisons:.1%} |", flush=True)


if __name__ == "__main__":
    main()
