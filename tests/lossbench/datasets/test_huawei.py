"""LSRW-Huawei: both folders pooled, a split that can be drawn again, and what is refused by name."""

import hashlib
import random
from pathlib import Path

import numpy as np
import pytest
from _prepared import WHY, damage, degraded, noise, prepared
from PIL import Image

from lossbench.datasets import huawei
from lossbench.errors import UserError
from lossbench.images import read_image

FOLDERS = {"Training data": ("3", "1", "2", "7"), "Eval": ("4", "1")}
SPLIT = {"train": ["4", "7", "eval_1", "train_1"], "val": [], "test": ["2", "3"]}
"""By SHA-256 of `lossbench/NAME`."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an LSRW of four and two pairs; the name 1 is in both folders."""
    monkeypatch.setattr(huawei, "COUNTS", {"train": 4, "test": 2})
    for folder, names in FOLDERS.items():
        for side in ("low", "high"):
            (tmp_path / "LSRW" / folder / "Huawei" / side).mkdir(parents=True)
            for name in names:
                pixels = noise(48, 64, int(name) + len(folder)) // (8 if side == "low" else 1)
                Image.fromarray(pixels).save(tmp_path / "LSRW" / folder / "Huawei" / side / f"{name}.jpg")
    return tmp_path


def path_of(root: Path, side: str, name: str) -> Path:
    """Return where a pooled name lies."""
    folder = "Eval" if name in ("4", "eval_1") else "Training data"
    return root / "LSRW" / folder / "Huawei" / side / f"{name.split('_')[-1]}.jpg"


def test_the_papers_split_is_2200_and_280() -> None:
    names = [str(number) for number in range(1, 2481)]
    split = huawei.split_names(names)
    assert {key: len(found) for key, found in split.items()} == {"train": 2200, "val": 0, "test": 280}
    assert sorted(split["train"] + split["test"]) == sorted(names)
    assert split["test"][:4] == ["10", "1001", "1005", "1046"]
    assert hashlib.sha256(" ".join(split["test"]).encode()).hexdigest()[:16] == "4519274ac47df1b3"


def test_the_split_does_not_depend_on_the_order_of_the_files() -> None:
    names = [f"{number:04d}" for number in range(2480)]
    shuffled = random.Random(0).sample(names, len(names))
    assert huawei.split_names(shuffled) == huawei.split_names(names)


def test_another_seed_draws_another_split(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:04d}" for number in range(2480)]
    before = huawei.split_names(names)["test"]
    monkeypatch.setattr(huawei, "SEED", "another")
    assert len(set(huawei.split_names(names)["test"]) & set(before)) < 100


def test_both_folders_are_pooled_and_clashing_names_get_a_prefix(root: Path) -> None:
    for given in (root, root / "LSRW"):
        found = huawei.DATASET.locate(given)
        partners = huawei.DATASET.locate_low_quality(given, "enhancement", 1)
        assert partners is not None
        for side, splits in (("high", found), ("low", partners)):
            assert {split: [source.name for source in sources] for split, sources in splits.items()} == SPLIT
            for sources in splits.values():
                assert [source.path for source in sources] == [path_of(root, side, s.name) for s in sources]


def test_it_ships_nothing_for_other_tasks_or_scales(root: Path) -> None:
    assert huawei.DATASET.locate_low_quality(root, "denoising", 1) is None
    assert huawei.DATASET.locate_low_quality(root, "enhancement", 2) is None


def test_prepared_pairs_are_those_of_the_files(root: Path, tmp_path: Path) -> None:
    targets = prepared("huawei", root, tmp_path / "targets")
    low = degraded("huawei", root, tmp_path / "targets", tmp_path / "low", "enhancement")
    for split in ("train", "test"):
        assert [item.name for item in targets.split(split)] == SPLIT[split]
        for side, arrays in (("high", targets), ("low", low)):
            for item in arrays.split(split):
                assert np.array_equal(arrays.read(item), read_image(path_of(root, side, item.name)))


@pytest.mark.parametrize(("folder", "label"), [("Training data", "train"), ("Eval", "eval")])
@pytest.mark.parametrize(("side", "other"), [("low", "high"), ("high", "low")])
def test_a_missing_partner_is_named_with_its_split(
    root: Path, tmp_path: Path, folder: str, label: str, side: str, other: str
) -> None:
    absent = root / "LSRW" / folder / "Huawei" / side / "1.jpg"
    absent.unlink()
    left = root / "LSRW" / folder / "Huawei" / other / "1.jpg"
    with pytest.raises(UserError) as caught:
        prepared("huawei", root, tmp_path / "targets")
    assert str(caught.value).startswith(f"{left} (split {label}) has no partner '1' in {absent.parent}")


def test_lost_pairs_are_counted_over_both_folders(root: Path) -> None:
    for side in ("low", "high"):
        path_of(root, side, "7").unlink()
    with pytest.raises(UserError, match=r"LSRW: 5 pictures of split 'train and test' .* where 6 are published"):
        huawei.DATASET.locate(root)


def test_a_missing_folder_is_named_with_the_tree(root: Path) -> None:
    (root / "LSRW/Eval").rename(root / "elsewhere")
    with pytest.raises(UserError, match=r"Eval/Huawei/low: folder of split 'eval' .* expected: LSRW/Training data"):
        huawei.DATASET.locate(root)


def test_two_files_of_one_name_are_named(root: Path) -> None:
    (root / "LSRW/Eval/Huawei/low/4.JPEG").touch()
    with pytest.raises(UserError, match=r"4\.jpg and 4\.JPEG \(split eval\) have the same name"):
        huawei.DATASET.locate(root)


@pytest.mark.parametrize("how", sorted(WHY))
@pytest.mark.parametrize(("split", "name"), [("train", "eval_1"), ("test", "3")])
def test_a_damaged_target_is_named_with_its_split(root: Path, tmp_path: Path, how: str, split: str, name: str) -> None:
    path = path_of(root, "high", name)
    damage(path, how)
    with pytest.raises(UserError) as caught:
        prepared("huawei", root, tmp_path / "targets")
    assert str(caught.value).startswith(f"split {split}: {path}")
    assert WHY[how] in str(caught.value)


@pytest.mark.parametrize("how", sorted(WHY))
def test_a_damaged_partner_is_named_with_its_split(root: Path, tmp_path: Path, how: str) -> None:
    prepared("huawei", root, tmp_path / "targets")
    path = path_of(root, "low", "2")
    damage(path, how)
    with pytest.raises(UserError) as caught:
        degraded("huawei", root, tmp_path / "targets", tmp_path / "low", "enhancement")
    assert str(path) in str(caught.value)
    assert "split test" in str(caught.value)
    assert WHY[how] in str(caught.value)


def test_a_partner_of_another_size_is_named_with_both_sizes(root: Path, tmp_path: Path) -> None:
    prepared("huawei", root, tmp_path / "targets")
    path = path_of(root, "low", "2")
    damage(path, "narrow")
    with pytest.raises(UserError) as caught:
        degraded("huawei", root, tmp_path / "targets", tmp_path / "low", "enhancement")
    reason = "48 x 63 pixels (height x width) times scale 1 do not give the 48 x 64 of 2.jpg"
    assert f"{path}: {reason}" in str(caught.value)
