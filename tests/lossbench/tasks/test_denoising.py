"""Denoising: how strong each noise is, and what clipping does to it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _prepared import degraded, noise, prepared

from lossbench.errors import UserError
from lossbench.images import write_png
from lossbench.tasks import denoising


def flat(level: int, side: int = 200) -> np.ndarray:
    """Return one grey level."""
    return np.full((side, side, 3), level, np.uint8)


def noisy(target: np.ndarray, seed: int = 0, **settings: Any) -> np.ndarray:
    """Return the degraded `target`."""
    return denoising.degrade(target, settings, np.random.default_rng(seed))


@pytest.mark.parametrize("sigma", [5, 25])
def test_gaussian_noise_has_the_standard_deviation_asked_for(sigma: int) -> None:
    found = noisy(flat(128), sigma=[sigma, sigma])
    assert found.dtype == np.uint8
    assert found.mean() == pytest.approx(128, abs=0.3)
    # rounding adds a variance of 1 / 12
    assert found.std() == pytest.approx(math.sqrt(sigma**2 + 1 / 12), rel=0.01)
    correlation = np.corrcoef(found.reshape(-1, 3).T.astype(float))
    assert np.abs(correlation - np.eye(3)).max() < 0.02


@pytest.mark.parametrize(("level", "away"), [(0, 1), (255, -1)])
def test_black_and_white_keep_half_of_the_noise(level: int, away: int) -> None:
    found = noisy(flat(level), sigma=[25, 25])
    # the mean of a normal value cut off at 0 is sigma / sqrt(2 pi) = 9.9736
    assert away * (found.mean() - level) == pytest.approx(9.9736, rel=0.02)
    assert np.mean(found == level) == pytest.approx(0.5, abs=0.02)


def test_sigma_is_drawn_once_a_picture_and_uniformly() -> None:
    spreads = np.array([noisy(flat(128, 24), seed).std() for seed in range(1000)])
    assert spreads.min() < 8
    # clipping takes a little of the strongest
    assert 44 < spreads.max() < 53
    assert spreads.mean() == pytest.approx(27.5, abs=1)
    halves = noisy(flat(128), 3)
    assert halves[:100].std() == pytest.approx(halves[100:].std(), rel=0.02)


@pytest.mark.parametrize("level", [60, 128, 186])
def test_signal_dependent_noise_grows_with_linear_light(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shot, read = 4e-4, 2e-5
    monkeypatch.setattr(denoising, "noise_levels", lambda generator: (shot, read))
    found = noisy(flat(level), noise="signal_dependent")
    light = (level / 255) ** 2.2
    linear = (found / 255.0) ** 2.2
    # one 8-bit level is this much linear light
    step = 2.2 * (level / 255) ** 1.2 / 255
    assert linear.mean() == pytest.approx(light, rel=0.005)
    assert linear.std() == pytest.approx(math.sqrt(read + shot * light + step**2 / 12), rel=0.015)


def test_noise_levels_are_those_of_brooks() -> None:
    generator = np.random.default_rng(0)
    shot, read = np.log([denoising.noise_levels(generator) for _ in range(20_000)]).T
    assert math.log(1e-4) <= shot.min() < math.log(1.01e-4)
    assert math.log(1.19e-2) < shot.max() <= math.log(1.2e-2)
    assert shot.mean() == pytest.approx((math.log(1e-4) + math.log(1.2e-2)) / 2, abs=0.03)
    slope, offset = np.polyfit(shot, read, 1)
    assert (slope, offset) == (pytest.approx(2.18, abs=0.01), pytest.approx(1.20, abs=0.05))
    assert (read - 2.18 * shot - 1.20).std() == pytest.approx(0.26, rel=0.02)


@pytest.mark.parametrize("kind", ["gaussian", "signal_dependent"])
def test_equal_streams_of_chance_give_equal_pictures(kind: str) -> None:
    target = noise(20, 24)
    assert np.array_equal(noisy(target, 5, noise=kind), noisy(target, 5, noise=kind))
    assert not np.array_equal(noisy(target, 5, noise=kind), noisy(target, 6, noise=kind))


def test_the_answer_to_beat_is_the_noisy_input() -> None:
    target = noise(5, 7)
    assert denoising.scale({}) == 1
    assert denoising.reference(target, {}) is target
    assert denoising.trivial(target, {}) is target


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"noise": "gausian"}, r"settings of task 'denoising': noise: 'gausian' is unknown; did you mean 'gaussian'\?"),
        ({"noise": 3}, r"noise: '3' is unknown; known: gaussian, signal_dependent"),
        ({"noise": ["gaussian"]}, r"is unknown; .*known: gaussian, signal_dependent"),
        ({"sigma": [50, 5]}, r"sigma: \[50, 5\] is not \[lowest, highest\]"),
        ({"sigma": [-5, 5]}, r"sigma: \[-5, 5\] is not"),
        ({"sigma": 25}, r"sigma: .*\(got 25\)"),
        ({"noise": "gaussian", "sigmas": [5, 50]}, r"unknown key 'sigmas'; did you mean 'sigma'\?"),
        ({"noise": "signal_dependent", "sigma": [5, 50]}, r"unknown key 'sigma'"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        denoising.scale(given)
    with pytest.raises(UserError, match=message):
        denoising.degrade(noise(4, 4), given, np.random.default_rng(0))


def test_the_stage_degrade_adds_noise_to_pictures_that_ship_no_partner(tmp_path: Path) -> None:
    for split, seed in (("train", 1), ("test", 2)):
        write_png(tmp_path / f"own/{split}/target/p.png", noise(40, 30, seed))
    targets = prepared("folder", tmp_path / "own", tmp_path / "targets")
    low = degraded("folder", tmp_path / "own", tmp_path / "targets", tmp_path / "low", "denoising", sigma=[10, 10])
    for target, item in zip(targets.items, low.items, strict=True):
        difference = low.read(item).astype(float) - targets.read(target)
        assert item.origin == "denoising of p.png"
        # noise near black and white is clipped
        assert 8.5 < difference.std() < 10
