"""Low-light enhancement: how dark, how noisy, and the two answers to beat."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _prepared import degraded, noise, prepared
from hypothesis import given, settings
from hypothesis import strategies as st

from lossbench.errors import UserError
from lossbench.images import write_png
from lossbench.tasks import enhancement

FIXED: dict[str, Any] = {"gamma": [2, 2], "alpha": [0.9, 0.9], "beta": [0.5, 0.5], "peak": 1e12}
"""Nothing is drawn, and so many photons that no noise is left."""


def dark(target: np.ndarray, seed: int = 0, **changes: Any) -> np.ndarray:
    """Return the degraded `target`."""
    return enhancement.degrade(target, changes, np.random.default_rng(seed))


def psnr(prediction: np.ndarray, target: np.ndarray) -> float:
    """Return the PSNR in dB of 8-bit pictures."""
    error = np.mean((prediction.astype(float) - target) ** 2)
    return float(10 * np.log10(255**2 / error))


def test_without_noise_and_chance_the_curve_is_the_formula() -> None:
    target = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    found = dark(target, **FIXED)
    assert found.dtype == np.uint8
    # 255 * 0.5 * 0.9 ** 2 = 103.275; 255 * 0.5 * (0.9 * 128 / 255) ** 2 = 26.0216
    assert found[15, 15].tolist() == [103] * 3
    assert found[8, 0].tolist() == [26] * 3
    assert np.array_equal(found, np.rint(127.5 * (0.9 * target / 255) ** 2))


def test_the_noise_is_that_of_as_many_photons_as_the_peak() -> None:
    white = np.full((200, 200, 3), 255, np.uint8)
    found = dark(white, **{**FIXED, "alpha": [1, 1], "peak": 200})
    # 100 photons: mean 127.5, standard deviation 255 * 10 / 200 = 12.75
    assert found.mean() == pytest.approx(127.5, abs=0.2)
    assert found.std() == pytest.approx(12.75, rel=0.01)
    correlation = np.corrcoef(found.reshape(-1, 3).T.astype(float))
    assert np.abs(correlation - np.eye(3)).max() < 0.02


def test_gamma_alpha_and_beta_are_drawn_once_a_picture_within_their_ranges() -> None:
    grey = np.full((4, 4, 3), 128, np.uint8)
    means = []
    for seed in range(300):
        found = dark(grey, seed, peak=1e12)
        assert np.ptp(found) == 0
        means.append(int(found[0, 0, 0]))
    x = 128 / 255
    assert min(means) >= int(255 * 0.5 * (0.9 * x) ** 3.5)
    assert max(means) <= round(255 * 1.0 * (1.0 * x) ** 2)
    assert len(set(means)) > 30


def test_equal_streams_of_chance_give_equal_pictures() -> None:
    target = noise(20, 24)
    assert np.array_equal(dark(target, 5), dark(target, 5))
    assert not np.array_equal(dark(target, 5), dark(target, 6))


def test_the_answers_keep_the_shape_and_the_dark_input_is_itself() -> None:
    target = noise(5, 7)
    low = dark(target)
    assert enhancement.scale({}) == 1
    assert enhancement.reference(target, {}) is target
    assert np.array_equal(enhancement.trivial(low, {}), low)
    assert enhancement.gamma_corrected(low, {}).shape == low.shape
    assert all(callable(getattr(enhancement, name)) for name in enhancement.ALSO_TRIVIAL)


def test_gamma_correction_undoes_a_curve_that_left_the_mean_at_its_aim() -> None:
    # two levels: their mean is 0.45 before the curve
    target = np.array([[[51] * 3, [178] * 3]], np.uint8).repeat(8, axis=0)
    assert target.mean() / 255 == pytest.approx(enhancement.MEAN, abs=0.002)
    low = dark(target, **{**FIXED, "alpha": [1, 1], "beta": [1, 1]})
    assert low[0, :, 0].tolist() == [10, 124]
    found = enhancement.gamma_corrected(low, {})
    assert np.abs(found.astype(int) - target).max() <= 1


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 99), brightness=st.floats(0.1, 1))
def test_gamma_correction_brings_the_mean_to_its_aim(seed: int, brightness: float) -> None:
    low = (np.random.default_rng(seed).integers(1, 255, (16, 16, 3)) * brightness).astype(np.uint8)
    found = enhancement.gamma_corrected(low, {})
    assert found.dtype == np.uint8
    assert found.mean() / 255 == pytest.approx(enhancement.MEAN, abs=0.003)
    order = np.argsort(low, axis=None, kind="stable")
    assert (np.diff(found.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_stay_what_they_are(level: int) -> None:
    flat = np.full((6, 6, 3), level, np.uint8)
    assert np.array_equal(enhancement.gamma_corrected(flat, {}), flat)


def test_gamma_correction_is_the_harder_answer_on_a_photograph() -> None:
    from lossbench.datasets import photographs
    from lossbench.images import read_image

    source = next(s for s in photographs.DATASET.locate(None)["test"] if s.name == "astronaut")
    target = read_image(source.path)
    low = dark(target, 1)
    assert psnr(low, target) < 13
    assert psnr(enhancement.gamma_corrected(low, {}), target) > psnr(low, target) + 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gama": [2, 3]}, r"settings of task 'enhancement': unknown key 'gama'; did you mean 'gamma'\?"),
        ({"gamma": [3, 2]}, r"gamma: \[3, 2\] is not \[lowest, highest\] with 0 < lowest <= highest"),
        ({"alpha": [0, 1]}, r"alpha: \[0, 1\] is not"),
        ({"beta": 0.5}, r"beta: .*\(got 0\.5\)"),
        ({"beta": [0.5, 0.7, 1]}, r"beta"),
        ({"peak": 0}, r"peak: .*greater than 0 \(got 0\)"),
        ({"peak": "bright"}, r"peak: .*\(got 'bright'\)"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        enhancement.scale(given)
    with pytest.raises(UserError, match=message):
        enhancement.degrade(noise(4, 4), given, np.random.default_rng(0))


def test_the_stage_degrade_darkens_pictures_that_ship_no_partner(tmp_path: Path) -> None:
    for split, seed in (("train", 1), ("test", 2)):
        write_png(tmp_path / f"own/{split}/target/p.png", noise(40, 30, seed))
    targets = prepared("folder", tmp_path / "own", tmp_path / "targets")
    low = degraded("folder", tmp_path / "own", tmp_path / "targets", tmp_path / "low", "enhancement", peak=200)
    assert low.card["settings"] == {"peak": 200}
    for target, item in zip(targets.items, low.items, strict=True):
        assert item.shape == target.shape
        assert item.origin == "enhancement of p.png"
        assert low.read(item).mean() < 0.6 * targets.read(target).mean()
