"""Labelled test sets to restore, and EnhanceNet's stand-in for COCO: which pixels, which class, which split."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _prepared import degraded, prepared
from PIL import Image

from lossbench import datasets
from lossbench.datasets import (
    Source,
    coco,
    exemplar_crops,
    exemplars,
    imagenet_validation,
    labelled_photographs,
    photograph_squares,
    photographs,
)
from lossbench.datasets._crops import HELD_OUT, crops, embedded_photographs
from lossbench.errors import UserError
from lossbench.images import read_image, write_png
from lossbench.names import class_names, labels

WNIDS = ("n01440764", "n01443537")
EMBEDDED: dict[str, tuple[Any, int, int]] = {
    "exemplar_crops": (exemplar_crops, 480, 64),
    "labelled_photographs": (labelled_photographs, 72, 224),
}
"""Module, number of crops and their side."""


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_set_is_test_crops_of_one_size_with_their_partners(name: str, tmp_path: Path) -> None:
    module, count, side = EMBEDDED[name]
    found = module.DATASET.locate(None)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 0, "val": 0, "test": count}
    arrays = prepared(name, Path("ignored"), tmp_path / "targets")
    assert [item.name for item in arrays.split("test")] == [source.name for source in found["test"]]
    assert len({item.name for item in arrays.items}) == count
    assert {item.shape for item in arrays.items} == {(side, side, 3)} and arrays.data.dtype == np.uint8
    low = degraded(name, Path("ignored"), tmp_path / "targets", tmp_path / "low", "super_resolution", scale=4)
    assert {item.shape for item in low.items} == {(side // 4, side // 4, 3)}
    # whatever was read before
    for index in (0, count - 1, count // 2):
        assert np.array_equal(module.DATASET.read(found["test"][index]), arrays.read(arrays.items[index]))


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_card_says_what_an_embedded_set_stands_in_for(name: str) -> None:
    module, count, side = EMBEDDED[name]
    assert module.DATASET.card.stand_in_for == "imagenet_validation" and module.DATASET.card.name == name
    assert f"{count} labelled crops of {side} x {side}" in module.DATASET.card.title
    assert datasets.missing(name, None) is None and not module.DATASET.card.needs_root


def test_the_exemplar_crops_have_the_labels_of_the_exemplars() -> None:
    trained = class_names(str(source.group) for source in exemplars.DATASET.locate(None)["train"])
    assert len(trained) == exemplars.DATASET.card.classes
    sources = exemplar_crops.DATASET.locate(None)["test"]
    found = labels({source.name: source.group for source in sources})
    assert found["brick-test~00"] == 0 and found["text-test~23"] == 19
    assert all(trained[found[source.name]] == source.group for source in sources)
    assert Counter(source.picture for source in sources) == {f"{name}-test": 24 for name in trained}


def test_the_exemplar_crops_show_no_column_that_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
        with Image.open(path) as image:
            rows, columns = np.mgrid[: image.height, : image.width]
        return np.stack([columns // 256, columns % 256, rows % 256], 2).astype(np.uint8)

    monkeypatch.setattr(exemplars, "read_image", counted)
    exemplar_crops._region.cache_clear()
    trained = {source.group: exemplars.DATASET.read(source) for source in exemplars.DATASET.locate(None)["train"]}
    for source in exemplar_crops.DATASET.locate(None)["test"]:
        crop = exemplar_crops.DATASET.read(source).astype(int)
        left = trained[source.group].astype(int)
        assert (crop[..., 0] * 256 + crop[..., 1]).min() > (left[..., 0] * 256 + left[..., 1]).max() + 1
        assert np.array_equal(crop[1:, :, 2], (crop[:-1, :, 2] + 1) % 256)
    places = [
        (int(crop[0, 0, 0]) * 256 + int(crop[0, 0, 1]), int(crop[0, 0, 2]))
        for crop in (
            exemplar_crops.DATASET.read(s)
            for s in exemplar_crops.DATASET.locate(None)["test"]
            if s.name.startswith("text-")
        )
    ]
    exemplar_crops._region.cache_clear()
    # 172 rows by 448 columns, from column 314 to the right border
    assert places == [(column, row) for row in (0, 22, 43, 65, 86, 108) for column in (314, 337, 361, 384)]


def test_the_labelled_photographs_are_the_classifiers_own_crops() -> None:
    found = labelled_photographs.DATASET.locate(None)["test"]
    expected = list(crops(embedded_photographs(), labelled_photographs.SHORT_SIDES))
    assert len(expected) == len(found) == 8 * labelled_photographs.COUNT
    for source, crop in zip(sorted(found, key=lambda source: source.path), expected, strict=True):
        assert np.array_equal(labelled_photographs.DATASET.read(source), crop.pixels)
        assert labelled_photographs.DATASET.label(str(source.group)) == crop.label
    assert found[18].name == "129-imagenet_14~00"
    assert {labelled_photographs.DATASET.label(str(source.group)) for source in found} == {
        741,
        471,
        129,
        99,
        251,
        22,
        317,
        305,
    }


def test_no_photograph_of_a_task_is_labelled() -> None:
    used = {source.path for sources in photographs.DATASET.locate(None).values() for source in sources}
    labelled = {source.path for source in labelled_photographs.DATASET.locate(None)["test"]}
    assert len(labelled) == len(HELD_OUT) and not used & labelled


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an ImageNet of two classes with two validation pictures each."""
    monkeypatch.setattr(imagenet_validation, "COUNT", 4)
    generator = np.random.default_rng(0)
    for wnid in reversed(WNIDS):
        for path, size in (("train/{0}/{0}_1", (40, 30)), ("val/{0}/val_7", (300, 417)), ("val/{0}/val_5", (500, 90))):
            write_png(tmp_path / f"{path.format(wnid)}.png", generator.integers(0, 256, (*size, 3), dtype=np.uint8))
    return tmp_path


def test_the_validation_pictures_are_cut_as_torchvision_cuts_them(root: Path, tmp_path: Path) -> None:
    from torchvision import transforms

    found = imagenet_validation.DATASET.locate(root)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 0, "val": 0, "test": 4}
    names = [source.name for source in found["test"]]
    assert names == [f"{wnid}-val_{number}" for wnid in WNIDS for number in (5, 7)]
    assert list(labels({source.name: source.group for source in found["test"]}).values()) == [0, 0, 1, 1]
    reference = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    arrays = prepared("imagenet_validation", root, tmp_path / "targets")
    for source, item in zip(found["test"], arrays.items, strict=True):
        with Image.open(source.path) as image:
            assert np.array_equal(arrays.read(item), np.asarray(reference(image)))


def test_a_validation_set_that_is_not_whole_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(message: str, folder: Path | None = root) -> None:
        with pytest.raises(UserError, match=message):
            imagenet_validation.DATASET.locate(folder)
        assert datasets.missing("imagenet_validation", folder) is not None

    refused("data set 'imagenet_validation' needs 'root'", None)
    monkeypatch.setattr(imagenet_validation, "COUNT", 50_000)
    refused("4 pictures of split 'test' of data set 'imagenet_validation' where 50000 are published")
    (root / "train" / WNIDS[1]).rename(root / "train" / "n01484850")
    refused(f"val/n01484850: class of split 'test' is missing|train/{WNIDS[1]}: class of split 'train' is missing")


def test_a_name_without_a_class_has_no_label() -> None:
    groups = {"b-1": "b", "a-2~00": "a", "b-3": "b", "a-2~01": "a"}
    assert labels(groups) == {"b-1": 1, "a-2~00": 0, "b-3": 1, "a-2~01": 0}
    with pytest.raises(UserError, match="'astronaut' says no class; take a data set whose pictures have classes"):
        labels({"a-1": "a", "astronaut": None})


def test_the_squares_are_those_that_coco_would_give() -> None:
    found = photograph_squares.DATASET.locate(None)
    files = photographs.DATASET.locate(None)
    assert found == {"train": files["train"], "val": files["val"], "test": []}
    for source in (*found["train"], *found["val"]):
        square = photograph_squares.DATASET.read(source)
        assert square.shape == (256, 256, 3) and np.array_equal(square, coco.DATASET.read(source))
    assert (
        photograph_squares.DATASET.card.stand_in_for == "coco" and datasets.missing("photograph_squares", None) is None
    )


@pytest.mark.parametrize(("height", "width"), [(200, 301), (256, 300)])
def test_a_small_square_is_left_as_it_is(height: int, width: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    write_png(tmp_path / "small.png", pixels)
    found = photograph_squares.DATASET.read(Source("small", tmp_path / "small.png", "CC0"))
    left = (width - height) // 2
    assert np.array_equal(found, read_image(tmp_path / "small.png")[:, left : left + height])
