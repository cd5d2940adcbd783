"""Structural similarity at five scales: closed forms, the formula written out, and what is refused."""

import numpy as np
import pytest
import torch
from _golden import Floats, floats, photograph
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, score

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def pooled(band: Floats) -> Floats:
    """Return the means of 2x2 pixels as the author's imfilter(..., 'symmetric') and every second of its pixels."""
    means: Floats = convolve2d(np.pad(band, (0, 1), mode="symmetric"), np.full((2, 2), 0.25), mode="valid")[::2, ::2]
    return means


def written_out(ours: Floats, theirs: Floats) -> float:
    """Return equation 7 for one band of 0..255; the contrast of a scale is its SSIM against means of zero."""
    product = 1.0
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    for scale, exponent in enumerate(EXPONENTS):
        if scale:
            ours, theirs = pooled(ours), pooled(theirs)
        if scale == len(EXPONENTS) - 1:
            factor = structural_similarity(  # type: ignore[no-untyped-call]
                ours, theirs, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        else:
            x, y, xx, yy, xy = (
                convolve2d(values, window, mode="valid") for values in (ours, theirs, ours**2, theirs**2, ours * theirs)
            )
            factor = np.mean((2 * (xy - x * y) + C2) / (xx - x**2 + yy - y**2 + C2))
        product *= max(factor, 0) ** exponent
    return float(product)


@pytest.mark.parametrize("shape", [(161, 176), (163, 170), (164, 181), (192, 161)])
def test_any_size_agrees_with_the_formula(shape: tuple[int, int]) -> None:
    target = photograph("chelsea")[: shape[0], : shape[1]]
    noise = np.random.default_rng(0).normal(0, 20, target.shape)
    prediction = np.clip(np.round(target + noise), 0, 255).astype(np.uint8)
    expected = np.mean(
        [written_out(*(image[..., band].astype(float) for image in (prediction, target))) for band in (0, 1, 2)]
    )
    assert score("ms_ssim", floats(prediction), floats(target)) == pytest.approx(expected, abs=1e-10)


def test_an_odd_size_agrees_with_a_library_that_leaves_the_last_row_out() -> None:
    torchmetrics = pytest.importorskip("torchmetrics.functional.image")
    target = photograph("astronaut")[:427, :321]
    noise = np.random.default_rng(0).normal(0, 20, target.shape)
    pair = [floats(np.clip(np.round(image), 0, 255).astype(np.uint8)) for image in (target + noise, target)]
    tensors = (torch.from_numpy(image)[None] for image in pair)
    theirs = torchmetrics.multiscale_structural_similarity_index_measure(*tensors, data_range=1.0)
    assert score("ms_ssim", *pair) == pytest.approx(float(theirs), abs=1e-3)


def test_two_flat_pictures_have_the_closed_form() -> None:
    ours, theirs = np.full((4, 176, 176), 100 / 255), np.full((4, 176, 176), 200 / 255)
    luminance = (2 * 100 * 200 + C1) / (100**2 + 200**2 + C1)
    assert score("ms_ssim", ours, theirs) == pytest.approx(luminance**0.1333, abs=1e-12)
    assert score("ms_ssim", ours, ours) == 1


def test_equal_pictures_score_one_and_noise_lowers_it() -> None:
    target, generator = floats(photograph("chelsea")), np.random.default_rng(0)
    assert score("ms_ssim", target, target) == 1
    noisy = [np.clip(target + generator.normal(0, sigma / 255, target.shape), 0, 1) for sigma in (5, 15, 50)]
    values = [score("ms_ssim", image, target) for image in noisy]
    assert values == sorted(values, reverse=True) and values[-1] < 0.9
    assert score("ms_ssim", noisy[0], target) == pytest.approx(score("ms_ssim", target, noisy[0]), abs=1e-12)


def test_a_negative_counts_zero_and_not_nan() -> None:
    target = np.random.default_rng(0).random((3, 161, 161))
    assert score("ms_ssim", 1 - target, target) == 0


def test_bands_are_averaged() -> None:
    target = floats(photograph("chelsea"))[:, :170, :170]
    prediction = np.clip(target + np.random.default_rng(0).normal(0, 0.1, target.shape), 0, 1)
    each = [score("ms_ssim", ours[None], theirs[None]) for ours, theirs in zip(prediction, target, strict=True)]
    assert score("ms_ssim", prediction, target) == pytest.approx(np.mean(each), abs=1e-12)


@pytest.mark.parametrize(("shape", "crop"), [((160, 300), 0), ((300, 160), 0), ((168, 200), 4)])
def test_a_picture_without_five_scales_is_refused(shape: tuple[int, int], crop: int) -> None:
    image = np.zeros((3, *shape))
    with pytest.raises(
        UserError, match=r"prediction: \d+x\d+ pixels after the crop, ms_ssim needs 161x161; use larger"
    ):
        score("ms_ssim", image, image, protocol=Protocol(crop=crop))
    assert score("ms_ssim", np.zeros((3, 161, 161)), np.zeros((3, 161, 161))) == 1


def test_ms_ssim_says_what_it_is() -> None:
    metric = load("ms_ssim")
    assert (metric.better, metric.unit, metric.needs_target, metric.colours[0]) == ("up", "", True, "rgb")
