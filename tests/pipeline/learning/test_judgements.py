"""Triplets and their judgements: what a seed decides, what a severity does, and who is held out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _waves import waves
from numpy.typing import NDArray

from lossbench.datasets import Source
from lossbench.errors import UserError
from pipeline.learning.judgements import DISTORTIONS, GAP, HumanJudgements, PseudoJudgements, distorted
from pipeline.outputs.arrays import Arrays, Entry, write_arrays

SIDE = 24
Picture = Callable[[int, int, int], NDArray[np.uint8]]


def written(folder: Path, picture: Picture = waves, size: tuple[int, int] = (40, 30)) -> Arrays:
    """Prepare three train pictures and two test pictures."""
    entries = [
        Entry(f"{split}{index}", split, picture(*size, index + 10 * len(split)), f"{split}{index}.png", "CC0")
        for split, count in (("train", 3), ("test", 2))
        for index in range(count)
    ]
    write_arrays(folder, "target", entries, {"dataset": "toy"})
    return Arrays(folder / "target.json")


def pseudo(arrays: Arrays, **changes: Any) -> PseudoJudgements:
    return PseudoJudgements(arrays, **{"side": SIDE, "batch": 12, "seed": 3, "augment": False, **changes})


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    return written(tmp_path_factory.mktemp("targets"))


def equal(first: list[NDArray[Any]], second: list[NDArray[Any]]) -> bool:
    return all(np.array_equal(mine, other) for mine, other in zip(first, second, strict=True))


def error(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    return float(np.square(first.astype(float) - second).mean())


def is_crop(image: NDArray[np.uint8], arrays: Arrays, split: str) -> bool:
    """Tell whether `image` is somewhere in a picture of `split`."""
    for item in arrays.split(split):
        windows = np.lib.stride_tricks.sliding_window_view(arrays.read(item), image.shape).squeeze(2)
        if (windows == image).all(axis=(-3, -2, -1)).any():
            return True
    return False


def test_triplets_have_the_stated_shapes_and_types(arrays: Arrays) -> None:
    for reference, first, second, judge in (pseudo(arrays).draw(0), next(pseudo(arrays).held_out(12))[1]):
        for images in (reference, first, second):
            assert images.shape == (12, SIDE, SIDE, 3) and images.dtype == np.uint8
        assert judge.shape == (12,) and judge.dtype == np.float32
        assert set(judge) <= {0.0, 0.5, 1.0}


def test_a_step_depends_on_the_seed_and_the_step_alone(arrays: Arrays) -> None:
    drawn = pseudo(arrays)
    later, again = drawn.draw(5), drawn.draw(5)
    assert equal(later, again) and equal(later, pseudo(arrays).draw(5))
    assert not equal(later, drawn.draw(6))
    assert not equal(later, pseudo(arrays, seed=4).draw(5))


def test_training_sees_train_pictures_and_scoring_test_pictures(arrays: Arrays) -> None:
    references = pseudo(arrays).draw(1)[0]
    assert all(is_crop(image, arrays, "train") for image in references)
    assert len({image.tobytes() for image in references}) == 12
    for _, (held_out, *_) in pseudo(arrays).held_out(3):
        assert all(is_crop(image, arrays, "test") for image in held_out)


def test_each_distortion_is_a_validation_set_that_no_seed_changes(arrays: Arrays) -> None:
    found = list(pseudo(arrays).held_out(40))
    # 40 are a batch of 32 and one of 8
    assert [name for name, _ in found] == [name for name in DISTORTIONS for _ in range(2)]
    assert [len(data[3]) for _, data in found] == [32, 8] * len(DISTORTIONS)
    other = pseudo(arrays, seed=9, batch=2, augment=True).held_out(40)
    assert all(equal(mine, theirs) for (_, mine), (_, theirs) in zip(found, other, strict=True))


def test_both_orders_and_all_distortions_are_drawn(arrays: Arrays) -> None:
    judges = np.concatenate([pseudo(arrays).draw(step)[3] for step in range(10)])
    assert 0.3 < (judges == 1).mean() < 0.7 and 0.3 < (judges == 0).mean() < 0.7
    for _, (_, _, _, judge) in pseudo(arrays).held_out(32):
        assert {0.0, 1.0} <= set(judge)


@pytest.mark.parametrize("name", ["blur", "brightness", "jpeg", "noise", "reduction"])
def test_the_variant_that_is_judged_closer_has_the_smaller_error(arrays: Arrays, name: str) -> None:
    right = []
    for found, (references, first, second, judges) in pseudo(arrays).held_out(32):
        if found == name:
            for reference, one, other, judge in zip(references, first, second, judges, strict=True):
                right.append((error(reference, other) < error(reference, one)) == (judge == 1.0))
    assert len(right) == 32 and np.mean(right) > 0.9


@pytest.mark.parametrize("name", DISTORTIONS)
def test_a_distortion_grows_with_its_severity_and_is_never_nothing(name: str) -> None:
    picture = waves(48, 48, 1)
    means = []
    for severity in (0.0, 0.5, 1.0):
        errors = []
        for seed in range(10):
            found = distorted(picture, name, severity, np.random.default_rng(seed))
            assert found.shape == picture.shape and found.dtype == np.uint8
            errors.append(error(found, picture))
        assert min(errors) > 0
        means.append(np.mean(errors))
    assert means[0] < means[1] < means[2]


def test_distortions_do_what_they_say() -> None:
    picture = waves(64, 64, 2)
    flat = np.full((64, 64, 3), 100, np.uint8)
    generator = np.random.default_rng(0)
    noise = distorted(flat, "noise", 0.5, generator) - 100.0
    assert noise.std() == pytest.approx(10, rel=0.03) and abs(noise.mean()) < 0.3
    levels = {int(distorted(flat, "brightness", 0.0, generator)[0, 0, 0]) for _ in range(20)}
    assert levels == {94, 106}
    contrasts = [distorted(picture, "contrast", 1.0, generator).std() / picture.std() for _ in range(20)]
    assert min(contrasts) == pytest.approx(np.exp(-1.2), rel=0.02) and max(contrasts) > 1.3
    gammas = {int(distorted(flat, "gamma", 1.0, generator)[0, 0, 0]) for _ in range(20)}
    assert gammas == {round(255 * (100 / 255) ** power) for power in (np.e, 1 / np.e)}
    assert np.array_equal(distorted(flat, "warp", 1.0, generator), flat)
    moved = distorted(picture, "warp", 1.0, generator)
    assert abs(float(moved.mean()) - picture.mean()) < 3
    for name in ("blur", "reduction"):
        before, after = (image.astype(float) for image in (picture, distorted(picture, name, 1.0, generator)))
        assert np.diff(after, axis=0).std() < 0.5 * np.diff(before, axis=0).std()


def test_a_flat_crop_that_no_distortion_changes_is_a_draw(tmp_path: Path) -> None:
    flat = written(tmp_path, lambda height, width, seed: np.full((height, width, 3), 3 * seed, np.uint8))
    judged = {name: data[3] for name, data in pseudo(flat).held_out(8)}
    assert all((judged[name] == 0.5).all() for name in ("blur", "contrast", "reduction", "warp"))
    assert set(judged["noise"]) == {0.0, 1.0}


def test_severities_differ_by_the_gap(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    strengths: list[float] = []

    def noted(pixels: NDArray[np.float64], strength: float, _: object) -> NDArray[np.float64]:
        strengths.append(float(np.log2(strength)))
        return pixels * 0 + 100 * strength

    monkeypatch.setattr("pipeline.learning.judgements.DISTORTIONS", {"noted": (noted, 1.0, 2.0)})
    judge = pseudo(arrays, batch=200).draw(0)[3]
    first, second = np.array(strengths).reshape(200, 2).T
    assert np.abs(first - second).min() >= GAP - 1e-9
    assert min(strengths) >= 0 and max(strengths) <= 1 and np.ptp(strengths) > 0.9
    assert ((second < first) == (judge == 1.0)).all()


def test_turning_turns_all_images_of_a_triplet_alike(tmp_path: Path) -> None:
    def counted(height: int, width: int, _: int) -> NDArray[np.uint8]:
        return np.stack([*np.mgrid[:height, :width] * 4 + 20, np.zeros((height, width))], axis=-1).astype(np.uint8)

    def slopes(image: NDArray[np.uint8]) -> tuple[int, ...]:
        """Return in which direction the first two bands grow, down and to the right."""
        down, right = (np.diff(image[..., :2].astype(int), axis=axis).mean(axis=(0, 1)) for axis in (0, 1))
        return tuple(int(np.sign(slope)) if abs(slope) > 1 else 0 for slope in (*down, *right))

    drawn = pseudo(written(tmp_path, counted), augment=True, batch=100).draw(0)
    ways = [tuple(slopes(image) for image in images) for images in zip(*drawn[:3], strict=True)]
    assert {reference for reference, *_ in ways} == {
        (first, 0, 0, second) if straight else (0, first, second, 0)
        for straight in (True, False)
        for first in (-1, 1)
        for second in (-1, 1)
    }
    # few distortions are strong enough to hide the slopes
    assert np.mean([reference == first == second for reference, first, second in ways]) > 0.8


def test_pictures_that_do_not_fit_are_named(tmp_path: Path) -> None:
    small = written(tmp_path / "small", size=(23, 40))
    with pytest.raises(UserError, match=r"train0\.png: \(23, 40, 3\) is smaller than the crop of 24 pixels"):
        pseudo(small)
    grey = written(tmp_path / "grey", lambda *size: waves(*size)[..., :1])
    with pytest.raises(UserError, match=r"train0\.png: uint8 \(40, 30, 1\) is no 8-bit RGB picture"):
        pseudo(grey)
    deep = written(tmp_path / "deep", lambda *size: waves(*size).astype(np.uint16))
    with pytest.raises(UserError, match=r"train0\.png: uint16 \(40, 30, 3\) is no 8-bit RGB picture"):
        pseudo(deep)


def sources(split: str, counts: dict[str, int]) -> list[Source]:
    return [
        Source(f"{name}-{i:03d}", Path(split), "CC0", group=name)
        for name, count in counts.items()
        for i in range(count)
    ]


def read(source: Source, side: int) -> tuple[list[NDArray[np.uint8]], float]:
    """Return images that tell the source: its number everywhere, and the image's place in the first row."""
    number = int(source.name.rpartition("-")[2])
    images = [np.full((side, side, 3), number, np.uint8) for _ in range(3)]
    for place, image in enumerate(images):
        image[0] = place
    return images, number / 100


def human(**changes: Any) -> HumanJudgements:
    train, test = sources("train", {"a": 50, "b": 20}), sources("test", {"b": 40, "a": 10})
    values = {"side": 4, "batch": 7, "seed": 3, "augment": False, **changes}
    return HumanJudgements(train, test, read, **values)


def test_human_triplets_come_with_their_own_judgement_whatever_the_threads_do() -> None:
    for workers in (1, 4):
        drawn = human(workers=workers).draw(2)
        reference, first, second, judge = drawn
        assert equal(drawn, human().draw(2))
        assert reference.shape == (7, 4, 4, 3) and judge.dtype == np.float32
        np.testing.assert_allclose(reference[:, 3, 3, 0] / 100, judge, rtol=1e-6)
        for place, images in enumerate((reference, first, second)):
            assert (images[:, 0] == place).all()
    assert not equal(human().draw(2), human().draw(3)) and not equal(human().draw(2), human(seed=4).draw(2))
    assert len(set(np.concatenate([human().draw(step)[3] for step in range(60)]))) == 50


def test_human_validation_sets_are_scored_apart_and_the_same_for_every_seed() -> None:
    found = [(name, data[3]) for name, data in human(seed=1).held_out(35)]
    assert [(name, len(judge)) for name, judge in found] == [("b", 32), ("b", 3), ("a", 10)]
    again = [(name, data[3]) for name, data in human(seed=2, workers=3).held_out(35)]
    assert all(np.array_equal(mine, other) for (_, mine), (_, other) in zip(found, again, strict=True))
    # from the whole set, not its beginning, and none twice
    chosen = np.concatenate([judge for name, judge in found if name == "b"])
    assert len(set(chosen)) == 35 and chosen.max() > 0.37
    assert np.array_equal(np.sort(chosen), chosen)
    assert set(found[2][1]) == set((np.arange(10) / 100).astype(np.float32))


def test_human_triplets_are_turned_alike() -> None:
    def counted(source: Source, side: int) -> tuple[list[NDArray[np.uint8]], float]:
        return [np.arange(3 * side**2, dtype=np.uint8).reshape(side, side, 3)] * 3, 0.5

    drawn = HumanJudgements(
        sources("train", {"a": 5}), [], counted, side=4, batch=60, seed=3, augment=True, workers=2
    ).draw(0)
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])
    assert len({image.tobytes() for image in drawn[0]}) == 8
    assert {tuple(sorted(image.ravel())) for image in drawn[0]} == {tuple(range(48))}
