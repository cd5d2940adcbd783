"""Folders of pictures with a planted difference: `lossbench.compare` finds what is found of the simulated scores.

How often it finds what is there, of 200 simulations, is told of the scores by test_estimates.py; here real files go all
the way, through their listing, matching and scoring.
"""

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _repository import ROOT
from _restored import save
from numpy.typing import NDArray

import lossbench
from lossbench.comparing.estimates import estimates

SEEDS, PICTURES, SIDE, SPARE = 3, 20, 12, 8
GREY = 128
TOLERANCE = 2e-3
"""In dB, of pictures of whole levels."""


@pytest.fixture(scope="module")
def planted() -> Any:
    """Return the function of the benchmark that draws PSNR of two folders, (seeds, pictures) each."""
    return runpy.run_path(str(ROOT / "benchmarks/planted_differences.py"))["planted"]


def errors(decibels: float) -> NDArray[np.int64]:
    """Return whole errors (SIDE, SIDE, 3) that make a PSNR of `decibels`, up to the rounding of their squares' sum."""
    found = np.zeros(SIDE * SIDE * 3, dtype=np.int64)
    left = round(255**2 / 10 ** (decibels / 10) * found.size)
    most = found.size - SPARE
    found[:most] = math.isqrt(left // most)
    left -= int(np.square(found).sum())
    more = left // (2 * int(found[0]) + 1)
    left -= more * (2 * int(found[0]) + 1)
    found[:more] += 1
    for spare in range(most, found.size):
        # what is left is a sum of a few squares
        found[spare] = math.isqrt(left)
        left -= int(found[spare]) ** 2
    assert left == 0
    return found.reshape(SIDE, SIDE, 3)


def write(root: Path, scores: dict[str, NDArray[np.float64]]) -> None:
    """Write pictures of those PSNR to the folders of both methods under each seed, and their targets."""
    for number in range(PICTURES):
        save(root / "target" / f"p{number}.png", np.full((SIDE, SIDE, 3), GREY))
        for name, values in scores.items():
            for seed in range(SEEDS):
                save(root / f"{name}_s{seed}" / f"p{number}.png", GREY + errors(values[seed, number]))


@pytest.mark.parametrize(("difference", "right"), [(0.0, [None]), (0.05, [None, "better"]), (0.2, ["better"])])
def test_folders_of_pictures_are_judged_as_their_scores_are(
    difference: float, right: list[str | None], planted: Any, tmp_path: Path
) -> None:
    scores = planted(difference, SEEDS, np.random.default_rng(5))
    write(tmp_path, scores)
    places = [tmp_path / name for name in ("a", "b", "target")]
    compared = lossbench.compare(*places, "psnr", seeds="_s{seed}")
    found = compared.of("b", "psnr")
    (own,) = estimates({"psnr": scores}, "a", {"psnr": "up"})
    assert (found.direction, found.verdict, found.share) == (own.direction, own.verdict, own.share)
    for name in ("mean", "reference_mean", "difference", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(own, name), abs=TOLERANCE)
    assert (found.seeds, found.pictures) == (SEEDS, PICTURES) and found.direction in right


@pytest.mark.parametrize("decibels", [18.0, 27.3456, 33.33, 39.0])
def test_the_planted_psnr_is_that_of_the_pictures(decibels: float) -> None:
    error = float(np.square(errors(decibels)).mean())
    assert 10 * math.log10(255**2 / error) == pytest.approx(decibels, abs=TOLERANCE)
    assert np.abs(errors(decibels)).max() < GREY
