"""Text removal: how much is covered, from which seed, and that source and target know nothing of each other."""

from typing import Any

import numpy as np
import pytest

from lossbench.errors import UserError
from lossbench.tasks import text_removal
from lossbench.tasks._text import with_text


def picture(side: int = 128) -> np.ndarray:
    """Return a ramp that no letter is likely to equal."""
    rows, columns = np.mgrid[:side, :side]
    return np.stack([rows % 256, columns % 256, (rows * 7 + columns * 3) % 256], axis=-1).astype(np.uint8)


def covered(result: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Return where text lies."""
    return np.any(result != clean, axis=-1)


@pytest.mark.parametrize("side", [64, 128, 200])
@pytest.mark.parametrize("occupancy", [0.0, 0.05, 0.25, 0.5, 0.8])
def test_the_share_that_is_asked_for_is_covered_within_two_points(occupancy: float, side: int) -> None:
    clean = picture(side)
    shares = [covered(with_text(clean, occupancy, seed), clean).mean() for seed in range(5)]
    assert max(abs(share - occupancy) for share in shares) < 0.02


def test_a_picture_and_a_seed_give_one_corruption_and_another_seed_another() -> None:
    clean = picture()
    assert np.array_equal(with_text(clean, 0.25, 7), with_text(clean, 0.25, 7))
    assert not np.array_equal(with_text(clean, 0.25, 7), with_text(clean, 0.25, 8))
    # the text does not depend on what lies below it
    dark = np.zeros_like(clean)
    assert (covered(with_text(dark, 0.25, 7), dark) == covered(with_text(clean, 0.25, 7), clean)).mean() > 0.99
    assert np.array_equal(clean, picture())


def test_what_is_not_covered_is_left_and_what_is_has_few_colours() -> None:
    clean = picture()
    found = with_text(clean, 0.25, 3)
    here = covered(found, clean)
    assert np.array_equal(found[~here], clean[~here])
    assert 1 < len(np.unique(found[here], axis=0)) < 60


def test_source_and_target_are_drawn_independently() -> None:
    clean, generator = picture(96), np.random.default_rng(0)
    pairs = [text_removal.training_pair(clean, {}, generator) for _ in range(60)]
    masks = np.array([[covered(version, clean) for version in pair] for pair in pairs])
    shares = masks.mean(axis=(2, 3))
    assert 0.2 < shares.mean() < 0.3 and shares.min() < 0.1 and shares.max() > 0.4
    assert abs(np.corrcoef(shares.T)[0, 1]) < 0.35
    both, expected = (masks[:, 0] & masks[:, 1]).mean(), float(np.mean(shares[:, 0] * shares[:, 1]))
    assert both == pytest.approx(expected, abs=0.01)


def test_clean_targets_may_be_asked_for() -> None:
    clean = picture(64)
    source, target = text_removal.training_pair(clean, {"train_target": "clean"}, np.random.default_rng(1))
    assert np.array_equal(target, clean) and not np.array_equal(source, clean)


def test_a_test_picture_is_covered_by_a_quarter() -> None:
    clean = picture(200)
    found = text_removal.degrade(clean, {}, np.random.default_rng(2))
    assert covered(found, clean).mean() == pytest.approx(0.25, abs=0.02)
    assert text_removal.trivial(found, {}) is found and text_removal.scale({}) == text_removal.versions({}) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"occupancy": [0.5, 0.1]}, r"occupancy: \[0.5, 0.1\] is not \[lowest, highest\]"),
        ({"occupancy": [0.0, 0.95]}, "occupancy"),
        ({"sizes": [0, 5]}, "sizes"),
        ({"ocupancy": 1}, "did you mean 'occupancy'"),
        ({"train_target": "cleen"}, "clean"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        text_removal.scale(settings)
