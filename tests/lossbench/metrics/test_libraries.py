"""Fidelity metrics against other libraries on random pictures."""

import numpy as np
import pytest
import torch
from _golden import Floats

from lossbench.metrics import score


def random_pair(seed: int, bands: int = 3) -> tuple[Floats, Floats]:
    """Return prediction and target (bands, 40, 37) in 8-bit levels, somewhat alike and nowhere black."""
    generator = np.random.default_rng(seed)
    target = generator.integers(20, 236, (bands, 40, 37))
    return (target + generator.integers(-20, 21, target.shape)) / 255, target / 255


@pytest.mark.parametrize("seed", range(3))
def test_ssim_agrees_with_piq_on_random_pictures(seed: int) -> None:
    import piq

    pair = random_pair(seed)
    expected = piq.ssim(*(torch.from_numpy(image)[None] for image in pair), downsample=False)
    assert score("ssim", *pair) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("ignore")
def test_angle_and_ergas_agree_with_two_libraries_on_random_pictures(seed: int) -> None:
    import sewar
    from torchmetrics.functional import image as metrics

    pair = random_pair(seed, bands=5)
    ours, theirs = (torch.from_numpy(image)[None] for image in pair)
    shown = [np.round(255 * image).astype(np.uint8).transpose(1, 2, 0) for image in pair]
    for name in ("sam", "sam_dropped"):
        assert score(name, *pair) == pytest.approx(float(metrics.spectral_angle_mapper(ours, theirs)), abs=1e-9)
        assert score(name, *pair) == pytest.approx(float(sewar.sam(shown[1], shown[0])), abs=1e-9)
    relative = metrics.error_relative_global_dimensionless_synthesis(ours, theirs)
    assert score("ergas", *pair) == pytest.approx(float(relative), abs=1e-9)
    assert score("ergas", *pair) == pytest.approx(float(sewar.ergas(shown[1], shown[0])), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_gmsd_agrees_with_piq_where_luma_needs_no_rounding(seed: int) -> None:
    import piq

    prediction, target = (np.repeat(image[:1, :, :36], 3, axis=0) for image in random_pair(seed))
    expected = piq.gmsd(*(torch.from_numpy(image)[None] for image in (prediction, target)))
    assert score("gmsd", prediction, target) == pytest.approx(float(expected), abs=1e-4)
