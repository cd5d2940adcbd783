"""How often `lossbench compare` finds a planted difference: `python benchmarks/planted_differences.py [--seed N]`.

Simulated PSNR of two folders on the same pictures goes through the function that the command uses.
"""

import argparse
import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from lossbench.comparing.estimates import Estimate, estimates

SIMULATIONS = 200
PICTURES = 20
SEEDS = (1, 3, 5)
DIFFERENCES = (0.0, 0.05, 0.2)
"""In dB."""
OF_PICTURES, OF_SEEDS, OF_RUNS = 0.15, 0.02, 0.05
"""Deviations in dB of differences: of pictures (BSD100's), of the means of seeds, of a picture under a seed."""
_SHARED = 28.0, 3.0
"""Mean and deviation in dB of what a picture has under both."""


def planted(difference: float, seeds: int, generator: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Return the PSNR (seeds, pictures) of two folders, of which `b` is better by `difference` in the truth."""
    shared = generator.normal(*_SHARED, PICTURES)
    parts = (OF_PICTURES, PICTURES), (OF_SEEDS, (seeds, 1)), (OF_RUNS, (seeds, PICTURES))
    first, second = (
        shared + sum(generator.normal(0, deviation / math.sqrt(2), size) for deviation, size in parts) for _ in range(2)
    )
    return {"a": first, "b": second + difference}


def found(difference: float, seeds: int, start: int = 0, simulations: int = SIMULATIONS) -> list[Estimate]:
    """Return what is found in each of so many simulated comparisons."""
    generator = np.random.default_rng([start, seeds, round(1000 * difference)])
    scores = [planted(difference, seeds, generator) for _ in range(simulations)]
    return [one for each in scores for one in estimates({"psnr": each}, "a", {"psnr": "up"})]


def heading() -> str:
    """Return the two lines above the rows."""
    names = ("true difference", "seeds", "better", "worse", "no direction", "interval holds the truth")
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}"


def line(difference: float, seeds: int, results: list[Estimate]) -> str:
    """Return one row: shares of the `results` in per cent."""
    counted = Counter(one.direction for one in results)
    held = sum(one.low <= difference <= one.high for one in results)
    shares = [100 * count / len(results) for count in (*(counted[key] for key in ("better", "worse", None)), held)]
    return f"| {difference:g} dB | {seeds} | {' | '.join(f'{share:.1f}' for share in shares)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the simulations")
    given = parser.parse_args()
    print(heading())
    for difference in DIFFERENCES:
        for seeds in SEEDS:
            print(line(difference, seeds, found(difference, seeds, given.seed)))
