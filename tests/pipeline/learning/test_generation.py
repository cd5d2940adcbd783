"""What a step of an auto-encoder and of noise2noise sees: by the seed and the step alone."""

from pathlib import Path

import numpy as np
import pytest

from lossbench.tasks import text_removal
from pipeline.learning.generation import WholePictures
from pipeline.learning.sampling import Crops, DrawnPairs
from pipeline.outputs.arrays import Arrays, Entry, write_arrays


@pytest.fixture
def arrays(tmp_path: Path) -> Arrays:
    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (80, 90, 3), dtype=np.uint8) for _ in range(3)]
    entries = [Entry(str(n), "train", picture, "made", "CC0") for n, picture in enumerate(pictures)]
    write_arrays(tmp_path, "target", entries, {"dataset": "toy", "code": "code"})
    return Arrays(tmp_path / "target.json")


def test_whole_pictures_are_sized_and_turned_over_when_they_are_drawn(arrays: Arrays) -> None:
    def sized(picture: np.ndarray) -> np.ndarray:
        return picture[:32, :32]

    plain = WholePictures(arrays, "train", sized, batch=16, seed=3, augment=False)
    (first,) = plain.draw(0)
    assert first.shape == (16, 32, 32, 3)
    assert np.array_equal(first, plain.draw(0)[0]) and not np.array_equal(first, plain.draw(1)[0])
    known = [sized(arrays.read(item)) for item in arrays.items]
    assert all(any(np.array_equal(picture, one) for one in known) for picture in first)
    (turned,) = WholePictures(arrays, "train", sized, batch=16, seed=3, augment=True).draw(0)
    mirrored = sum(any(np.array_equal(picture[:, ::-1], one) for one in known) for picture in turned)
    assert 3 <= mirrored <= 13


def test_pairs_of_corrupted_crops_are_drawn_by_seed_and_step(arrays: Arrays) -> None:
    crops = Crops([(arrays, 1)], "train", patch=64, batch=3, seed=5, augment=True)
    pairs = DrawnPairs(crops, lambda target, generator: text_removal.training_pair(target, {}, generator))
    source, target = pairs.draw(2)
    assert source.shape == target.shape == (3, 64, 64, 3)
    assert all(np.array_equal(one, other) for one, other in zip(pairs.draw(2), (source, target), strict=True))
    (clean,) = crops.draw(2)
    covered = [(one != clean).any(axis=-1) for one in (source, target)]
    assert 0 < covered[0].mean() < 0.52 and not np.array_equal(*covered)
