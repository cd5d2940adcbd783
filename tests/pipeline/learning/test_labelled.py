"""Labelled crops: what a name says, what a seed decides, and that test pixels are never trained on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from lossbench import datasets
from lossbench.datasets import Source, exemplars, photographs
from lossbench.errors import UserError
from lossbench.images import read_image, write_png
from lossbench.names import class_names, labels, of_class
from pipeline.learning.labelled import AREA, RATIO, LabelledCrops, LabelledFiles, _part, middle, random_crop
from pipeline.outputs.arrays import Arrays, Entry, write_arrays

SIDE = 16


def toy(folder: Path, entries: list[tuple[str, str]], size: int = 24) -> Arrays:
    """Write pictures whose red is 10 times the place in `entries`, and whose other bands count rows and columns."""
    rows, columns = np.mgrid[:size, :size].astype(np.uint8)
    write_arrays(
        folder,
        "target",
        [
            Entry(name, split, pixels, f"{name}.png", "CC0", group=name.partition("-")[0])
            for place, (name, split) in enumerate(entries)
            for pixels in [np.stack([np.full_like(rows, 10 * place), rows, columns], 2)]
        ],
        {"dataset": "toy"},
    )
    return Arrays(folder / "target.json")


NAMES = [("a-0", "train"), ("b-0", "train"), ("b-1", "train"), ("a-2", "test"), ("b-2", "test")]


def crops(arrays: Arrays, **changes: Any) -> LabelledCrops:
    return LabelledCrops(arrays, **{"side": SIDE, "batch": 6, "seed": 3, "augment": True, **changes})


def test_the_class_of_a_picture_is_kept_beside_its_name() -> None:
    assert class_names(["b", "a", "b"]) == ["a", "b"]
    assert of_class("t-shirt", "red-1") == "t-shirt-red-1"
    assert labels({"t-shirt-red-1": "t-shirt", "t-rex-1": "t-rex"}) == {"t-shirt-red-1": 1, "t-rex-1": 0}


def test_classes_that_begin_alike_stay_apart(tmp_path: Path) -> None:
    pixels = np.zeros((24, 24, 3), np.uint8)
    entries = [
        Entry(of_class(group, "1"), split, pixels, f"{group}.png", "CC0", group=group)
        for group in ("t-shirt", "t-rex")
        for split in ("train", "test")
    ]
    write_arrays(tmp_path, "target", entries, {"dataset": "toy"})
    found = crops(Arrays(tmp_path / "target.json"))
    assert found.classes == ["t-rex", "t-shirt"]
    assert found.names(2)[2:] == [("t-shirt~000", "t-shirt"), ("t-shirt~001", "t-shirt")]


def test_a_picture_without_a_class_is_refused(tmp_path: Path) -> None:
    entries = [Entry("a-1", split, np.zeros((24, 24, 3), np.uint8), "a-1.png", "CC0") for split in ("train", "test")]
    write_arrays(tmp_path, "target", entries, {"dataset": "toy"})
    with pytest.raises(UserError, match=r"a-1\.png belongs to no class"):
        crops(Arrays(tmp_path / "target.json"))


def test_a_crop_carries_the_label_of_its_picture(tmp_path: Path) -> None:
    drawn = crops(toy(tmp_path, NAMES))
    seen = set()
    for step in range(20):
        pixels, labels = drawn.draw(step)
        assert pixels.shape == (6, SIDE, SIDE, 3) and pixels.dtype == np.uint8
        assert labels.dtype == np.int64
        for crop, label in zip(pixels, labels, strict=True):
            place = int(crop[0, 0, 0]) // 10
            assert (crop[..., 0] == 10 * place).all()
            assert label == {0: 0, 1: 1, 2: 1}[place]
            seen.add(place)
    assert seen == {0, 1, 2}


def test_a_step_depends_on_the_seed_and_the_step_alone(tmp_path: Path) -> None:
    arrays = toy(tmp_path, NAMES)
    drawn, again = crops(arrays), crops(arrays)
    again.draw(0)
    assert all(np.array_equal(one, two) for one, two in zip(drawn.draw(7), again.draw(7), strict=True))
    assert not np.array_equal(drawn.draw(7)[0], drawn.draw(8)[0])
    assert not np.array_equal(drawn.draw(7)[0], crops(arrays, seed=4).draw(7)[0])


def test_turned_crops_count_backwards_and_across_and_held_out_ones_never(tmp_path: Path) -> None:
    arrays = toy(tmp_path, NAMES)

    def turns(pixels: NDArray[Any]) -> set[tuple[int, int]]:
        differences = pixels.astype(int)
        return {(int(crop[1, 0, 1] - crop[0, 0, 1]), int(crop[0, 1, 2] - crop[0, 0, 2])) for crop in differences}

    upright, across = {(1, 1)}, {(0, 0)}
    mirrored = {(1, -1), (-1, 1), (-1, -1)}
    assert set.union(*(turns(crops(arrays).draw(step)[0]) for step in range(20))) == upright | across | mirrored
    assert set.union(*(turns(crops(arrays, augment=False).draw(step)[0]) for step in range(20))) == upright
    assert set.union(*(turns(pixels) for pixels, _ in crops(arrays).held_out(8))) == upright


def test_held_out_crops_are_fixed_whatever_the_seed_and_come_from_the_test_pictures(tmp_path: Path) -> None:
    arrays = toy(tmp_path, NAMES)
    found, again = list(crops(arrays).held_out(5)), list(crops(arrays, seed=9, batch=2).held_out(5))
    assert [labels.tolist() for _, labels in found] == [[0] * 5, [1] * 5]
    assert [int(pixels[0, 0, 0, 0]) for pixels, _ in found] == [30, 40]
    assert all(np.array_equal(one[0], two[0]) for one, two in zip(found, again, strict=True))
    # more crops do not move the first ones
    assert np.array_equal(next(crops(arrays).held_out(9))[0][:5], found[0][0])


@pytest.mark.parametrize(
    ("entries", "size", "message"),
    [
        ([*NAMES, ("c-0", "test")], 24, r"c-0\.png: class 'c' of split 'test' has no train picture"),
        ([*NAMES, ("c-0", "train")], 24, "toy: no picture of class 'c' in split 'test'"),
        (NAMES, 15, r"a-0\.png: \(15, 15, 3\) is smaller than the crop of 16 pixels"),
        (NAMES[:3], 24, "data set 'toy' has no split 'test'"),
    ],
)
def test_a_set_that_cannot_be_scored_is_refused(
    tmp_path: Path, entries: list[tuple[str, str]], size: int, message: str
) -> None:
    arrays = toy(tmp_path, entries, size)
    with pytest.raises(UserError, match=message):
        crops(arrays)


def test_the_exemplars_are_twenty_pictures_that_no_task_uses() -> None:
    found = exemplars.DATASET.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 20, "val": 0, "test": 20}
    classes = class_names(str(source.group) for source in found["train"])
    assert classes == class_names(str(source.group) for source in found["test"])
    assert len(classes) == 20
    assert (classes[0], classes[-1]) == ("brick", "text")
    used = {source.sha256 for sources in photographs.DATASET.locate(None).values() for source in sources}
    assert not used & {source.sha256 for sources in found.values() for source in sources}
    assert all(source.licence for sources in found.values() for source in sources)
    assert datasets.missing("exemplars", None) is None


def test_train_and_test_regions_of_an_exemplar_are_apart_and_large_enough() -> None:
    found = exemplars.DATASET.locate(None)
    for train, test in zip(found["train"], found["test"], strict=True):
        whole, left, right = read_image(train.path), exemplars.DATASET.read(train), exemplars.DATASET.read(test)
        width = whole.shape[1]
        assert np.array_equal(left, whole[:, : left.shape[1]])
        assert np.array_equal(right, whole[:, width - right.shape[1] :])
        # 5 % of the width are in neither, less what rounding takes
        assert width - left.shape[1] - right.shape[1] >= 0.05 * width - 1
        assert min(*left.shape[:2], *right.shape[:2]) >= 64
        assert left.dtype == np.uint8 and left.shape[2] == 3


def files(folder: Path, sizes: dict[str, tuple[int, int]]) -> list[Source]:
    generator = np.random.default_rng(0)
    for name, size in sizes.items():
        write_png(folder / f"{name}.png", generator.integers(0, 256, (*size, 3), dtype=np.uint8))
    return [Source(name, folder / f"{name}.png", "CC0", group=name.partition("-")[0]) for name in sorted(sizes)]


def read(source: Source) -> NDArray[np.uint8]:
    return read_image(source.path)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., LabelledFiles]:
    train = files(tmp_path / "train", {"a-0": (40, 30), "b-0": (30, 50), "b-1": (20, 20)})
    test = files(tmp_path / "test", {"a-5": (40, 30), "b-5": (30, 50), "b-6": (50, 20)})

    def make(**changes: Any) -> LabelledFiles:
        return LabelledFiles(train, test, read, **{"side": SIDE, "batch": 6, "seed": 3, **changes})

    return make


def test_crops_of_files_do_not_depend_on_the_number_of_threads(stored: Callable[..., LabelledFiles]) -> None:
    one, four = stored().draw(5), stored(workers=4).draw(5)
    assert one[0].shape == (6, SIDE, SIDE, 3)
    assert set(one[1].tolist()) <= {0, 1}
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(one, four, strict=True))
    assert not np.array_equal(one[0], stored().draw(6)[0])


def test_held_out_files_are_the_first_of_every_class(stored: Callable[..., LabelledFiles]) -> None:
    assert [labels.tolist() for _, labels in stored().held_out(1)] == [[0], [1]]
    found = list(stored().held_out(50))
    assert [labels.tolist() for _, labels in found] == [[0], [1, 1]]
    assert np.array_equal(found[1][0][1], middle(read(stored().test[1][1]), SIDE))


def test_the_middle_is_torchvisions_resize_and_centre_crop() -> None:
    from torchvision import transforms

    reference = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    for size in ((300, 417), (417, 300), (256, 256), (100, 97), (500, 375), (333, 500)):
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        assert np.array_equal(middle(pixels, 224), np.asarray(reference(Image.fromarray(pixels))))


def test_a_random_crop_is_torchvisions_resized_crop() -> None:
    from torchvision.transforms import functional

    pixels = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    for seed in range(10):
        part = _part(90, 160, np.random.default_rng(seed))
        expected = np.asarray(functional.resized_crop(Image.fromarray(pixels), *part, [SIDE, SIDE]))
        found = random_crop(pixels, SIDE, np.random.default_rng(seed))
        assert np.array_equal(found, expected) or np.array_equal(found[:, ::-1], expected)


def test_random_crops_are_spread_as_torchvisions_are() -> None:
    from torchvision.transforms import RandomResizedCrop

    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    pixels = np.zeros((90, 160, 3), np.uint8)
    ours = np.array([_part(90, 160, generator) for _ in range(2000)])
    theirs = np.array([RandomResizedCrop.get_params(Image.fromarray(pixels), AREA, RATIO) for _ in range(2000)])
    for found in (ours, theirs):
        assert (
            (found >= 0).all() and (found[:, 0] + found[:, 2] <= 90).all() and (found[:, 1] + found[:, 3] <= 160).all()
        )
    assert ours.mean(0) == pytest.approx(theirs.mean(0), abs=1.5)
    assert ours.std(0) == pytest.approx(theirs.std(0), abs=1.5)
    # a strip has no part of a permitted shape: the widest in its middle
    assert _part(10, 200, generator) == (0, 93, 10, 13)
    assert _part(200, 10, generator) == (93, 0, 13, 10)


def test_half_of_the_random_crops_are_mirrored() -> None:
    pixels = np.tile(np.arange(64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    rising = [
        int(crop[8, -1, 0]) > int(crop[8, 0, 0])
        for crop in (random_crop(pixels, SIDE, np.random.default_rng(seed)) for seed in range(200))
    ]
    assert np.mean(rising) == pytest.approx(0.5, abs=0.1)
