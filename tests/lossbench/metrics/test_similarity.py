"""Structural similarity by banded products: the formula at every edge of a tile, and what is exact."""

import os
import subprocess
import sys

import numpy as np
import pytest
from _golden import Floats
from scipy.ndimage import correlate1d

from lossbench.metrics import _similarity
from lossbench.metrics._windows import gaussian

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def random_pair(height: int, width: int, bands: int = 1) -> tuple[Floats, Floats]:
    """Return two pictures (bands, height, width) in 0..255 with fractions, somewhat alike."""
    generator = np.random.default_rng(height * width)
    target = generator.random((bands, height, width)) * 255
    return np.clip(target + generator.normal(0, 30, target.shape), 0, 255), target


def smooth(values: Floats) -> Floats:
    """Return the means in all windows, the sums of eleven products in scipy's order."""
    window = gaussian(11, 1.5)
    means: Floats = correlate1d(correlate1d(values, window, axis=-2), window, axis=-1)[..., 5:-5, 5:-5]
    return means


def written_out(ours: Floats, theirs: Floats, with_luminance: bool) -> Floats:
    """Return equation 13, or its contrast and structure, of five maps of each band."""
    x, y, xx, yy, xy = (smooth(values) for values in (ours, theirs, ours**2, theirs**2, ours * theirs))
    shares = (2 * (xy - x * y) + C2) / (xx - x**2 + yy - y**2 + C2)
    if with_luminance:
        shares *= (2 * x * y + C1) / (x**2 + y**2 + C1)
    means: Floats = shares.mean(axis=(1, 2))
    return means


@pytest.mark.parametrize("with_luminance", [True, False])
@pytest.mark.parametrize(
    "shape", [(11, 11), (11, 40), (26, 26), (27, 25), (42, 27), (43, 43), (12, 521), (28, 522), (28, 523), (11, 1050)]
)
def test_every_size_of_tile_and_block_agrees_with_the_formula(shape: tuple[int, int], with_luminance: bool) -> None:
    pair = random_pair(*shape, bands=2)
    found = _similarity.similarity(*pair, with_luminance)
    np.testing.assert_allclose(found, written_out(*pair, with_luminance), rtol=0, atol=1e-13)


def test_bright_and_dark_flat_pictures_lose_no_digits() -> None:
    for level in (0.0, 1.0, 127.3, 255.0):
        flat = np.full((1, 40, 60), level)
        near = flat + np.random.default_rng(0).normal(0, 1e-3, flat.shape)
        np.testing.assert_allclose(
            _similarity.similarity(flat, near), written_out(flat, near, True), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("shape", [(11, 11), (45, 61), (30, 540)])
def test_equal_pictures_score_exactly_one_and_order_does_not_matter(shape: tuple[int, int]) -> None:
    ours, theirs = random_pair(*shape, bands=3)
    assert _similarity.similarity(ours, ours).tolist() == [1, 1, 1]
    forth, back = _similarity.similarity(ours, theirs), _similarity.similarity(theirs, ours)
    assert forth.tolist() == back.tolist() == _similarity.similarity(ours, theirs).tolist()


def test_bands_do_not_see_each_other() -> None:
    ours, theirs = random_pair(50, 530, bands=3)
    each = [_similarity.similarity(ours[band : band + 1], theirs[band : band + 1])[0] for band in (0, 1, 2)]
    assert _similarity.similarity(ours, theirs).tolist() == each


def test_the_number_of_threads_changes_no_bit() -> None:
    code = (
        "import numpy as np; from lossbench.metrics._similarity import similarity;"
        "print(similarity(*np.random.default_rng(0).random((2, 3, 90, 1100))).tolist())"
    )
    printed = []
    for threads in ("1", "2", "7"):
        given = {f"{library}_NUM_THREADS": threads for library in ("OMP", "OPENBLAS", "MKL")}
        run = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | given, capture_output=True, text=True, check=True
        )
        printed.append(run.stdout)
    assert printed[0] == printed[1] == printed[2]
