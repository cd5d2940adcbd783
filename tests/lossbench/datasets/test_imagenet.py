"""ImageNet's WordNet folders: what is found, what is refused by name, and the odd files of the real set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lossbench import datasets
from lossbench.datasets import Source, imagenet
from lossbench.errors import UserError
from lossbench.images import read_image
from pipeline.learning.labelled import LabelledFiles

WNIDS = ("n01440764", "n01443537")


def stored(path: Path, mode: str = "RGB", form: str = "JPEG", size: tuple[int, int] = (40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(
        0, 256, (size[1], size[0], len(Image.new(mode, (1, 1)).getbands())), np.uint8
    )
    Image.fromarray(noise.squeeze(), mode).save(path, form)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for wnid in WNIDS:
        for index in (10, 2):
            stored(tmp_path / "train" / wnid / f"{wnid}_{index}.JPEG")
        stored(tmp_path / "val" / wnid / "ILSVRC2012_val_00000293.JPEG")
    return tmp_path


def test_the_labels_are_the_sorted_wordnet_names(root: Path) -> None:
    found = imagenet.DATASET.locate(root)
    assert [source.name for source in found["train"]] == [
        "n01440764-n01440764_10",
        "n01440764-n01440764_2",
        "n01443537-n01443537_10",
        "n01443537-n01443537_2",
    ]
    assert found["val"] == []
    assert [source.name for source in found["test"]] == [f"{wnid}-ILSVRC2012_val_00000293" for wnid in WNIDS]
    assert found["test"][1].path == root / "val" / WNIDS[1] / "ILSVRC2012_val_00000293.JPEG"
    assert [source.name for source in found["train"]] == sorted(source.name for source in found["train"])


def test_the_folders_of_kaggle_are_found_too(root: Path) -> None:
    nested = root / "ILSVRC" / "Data" / "CLS-LOC"
    nested.mkdir(parents=True)
    for name in ("train", "val"):
        (root / name).rename(nested / name)
    assert len(imagenet.DATASET.locate(root)["train"]) == 4


def test_hidden_files_and_others_are_passed_over(root: Path) -> None:
    (root / "train" / WNIDS[0] / "._n01440764_10.JPEG").write_bytes(b"")
    (root / "train" / WNIDS[0] / "notes.txt").write_text("")
    (root / "train" / ".cache").mkdir()
    (root / "train" / "classes.txt").write_text("")
    assert len(imagenet.DATASET.locate(root)["train"]) == 4


def refused(root: Path | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        imagenet.DATASET.locate(root)
    assert datasets.missing("imagenet", root) is not None


def test_a_missing_root_or_folder_is_named(root: Path, tmp_path: Path) -> None:
    refused(None, "data set 'imagenet' needs 'root'.*train/<wnid>")
    refused(
        tmp_path / "none", "train: folder of split 'train' of data set 'imagenet' is missing; expected: train/<wnid"
    )
    (root / "val").rename(root / "validation")
    refused(root, "val: folder of split 'test' of data set 'imagenet' is missing")


@pytest.mark.parametrize(("folder", "split", "other"), [("val", "test", "train"), ("train", "train", "val")])
def test_a_class_that_one_split_lacks_is_named(root: Path, folder: str, split: str, other: str) -> None:
    stored(root / other / "n01484850" / "x.JPEG")
    refused(root, f"{root / folder / 'n01484850'}: class of split '{split}' is missing, {other} has it")


@pytest.mark.parametrize(("folder", "split"), [("val", "test"), ("train", "train")])
def test_an_empty_class_is_named(root: Path, folder: str, split: str) -> None:
    for file in (root / folder / WNIDS[1]).iterdir():
        file.unlink()
    refused(root, rf"{root / folder / WNIDS[1]}: class without a picture \(split '{split}'\)")


def test_validation_pictures_that_nobody_sorted_are_refused(root: Path) -> None:
    for file in (root / "val").rglob("*.JPEG"):
        file.rename(root / "val" / f"{file.parent.name}{file.name}")
    for folder in (root / "val").iterdir():
        if folder.is_dir():
            folder.rmdir()
    refused(root, r"val: 0 class folders of split 'test'.*sort val into folders")


@pytest.mark.parametrize(
    ("mode", "form"), [("CMYK", "JPEG"), ("L", "JPEG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "PNG")]
)
def test_the_odd_files_become_colour_crops(root: Path, mode: str, form: str) -> None:
    for wnid in WNIDS:
        stored(root / "val" / wnid / "ILSVRC2012_val_00000293.JPEG", mode, form)
        for index in (10, 2):
            stored(root / "train" / wnid / f"{wnid}_{index}.JPEG", mode, form)
    found = imagenet.DATASET.locate(root)
    files = LabelledFiles(found["train"], found["test"], _read, side=16, batch=3, seed=0)
    assert files.classes == list(WNIDS)
    for pixels, labels in (files.draw(0), *files.held_out(1)):
        assert pixels.shape == (len(labels), 16, 16, 3) and pixels.dtype == np.uint8
    if mode == "L":
        assert (pixels[..., 0] == pixels[..., 2]).all()


def test_a_truncated_picture_is_named_with_its_split(root: Path) -> None:
    for path in (root / "val" / WNIDS[1]).iterdir():
        path.write_bytes(path.read_bytes()[:-200])
    for path in (root / "train").rglob("*.JPEG"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = imagenet.DATASET.locate(root)
    files = LabelledFiles(found["train"], found["test"], _read, side=16, batch=3, seed=0)
    with pytest.raises(UserError, match=r"split test: .*val/n01443537/ILSVRC2012_val_00000293\.JPEG is not a readable"):
        list(files.held_out(1))
    with pytest.raises(UserError, match=r"split train: .*JPEG is not a readable picture"):
        files.draw(0)


def _read(source: Source) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return read_image(source.path)


def test_classes_that_begin_alike_are_two_and_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("t-shirt", "t-rex", "t"):
            stored(tmp_path / split / name / "1.jpg")
    found = imagenet.DATASET.locate(tmp_path)["train"]
    assert [(source.name, source.group) for source in found] == [
        ("t-1", "t"),
        ("t-rex-1", "t-rex"),
        ("t-shirt-1", "t-shirt"),
    ]
    stored(tmp_path / "train/t/rex-1.jpg")
    with pytest.raises(UserError, match=r"t-rex/1\.jpg and .*t/rex-1\.jpg \(split train\) are both 't-rex-1'; rename"):
        imagenet.DATASET.locate(tmp_path)
    (tmp_path / "train/t/rex-1.jpg").rename(tmp_path / "train/t/1.png")
    with pytest.raises(UserError, match=r"train/t/1\.png and .*train/t/1\.jpg \(split train\) are both 't-1'; rename"):
        imagenet.DATASET.locate(tmp_path)
