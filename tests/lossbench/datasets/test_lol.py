"""LOL: the published tree, and what is refused by name and split."""

from pathlib import Path

import numpy as np
import pytest
from _prepared import WHY, damage, degraded, noise, prepared

from lossbench import datasets
from lossbench.datasets import lol
from lossbench.errors import UserError
from lossbench.images import read_image, write_png

NAMES = {"our485": ("2", "10", "5"), "eval15": ("1", "22")}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a LOL of three and two pairs."""
    monkeypatch.setattr(lol, "COUNTS", {"train": 3, "test": 2})
    for folder, names in NAMES.items():
        for seed, name in enumerate(names):
            write_png(tmp_path / f"LOLdataset/{folder}/high/{name}.png", noise(400, 600, seed))
            write_png(tmp_path / f"LOLdataset/{folder}/low/{name}.png", noise(400, 600, seed) // 8)
    return tmp_path


def test_the_published_split_is_485_and_15() -> None:
    assert lol.COUNTS == {"train": 485, "test": 15}


def test_pairs_are_found_from_the_folder_above_and_from_the_folder_itself(root: Path) -> None:
    for given in (root, root / "LOLdataset"):
        found = lol.DATASET.locate(given)
        partners = lol.DATASET.locate_low_quality(given, "enhancement", 1)
        assert partners is not None
        for splits in (found, partners):
            names = {split: [source.name for source in sources] for split, sources in splits.items()}
            assert names == {"train": ["10", "2", "5"], "val": [], "test": ["1", "22"]}
        assert found["test"][0].path == root / "LOLdataset/eval15/high/1.png"
        assert partners["test"][0].path == root / "LOLdataset/eval15/low/1.png"
    assert datasets.missing("lol", root) is None


def test_it_ships_nothing_for_other_tasks_or_scales(root: Path) -> None:
    assert lol.DATASET.locate_low_quality(root, "denoising", 1) is None
    assert lol.DATASET.locate_low_quality(root, "enhancement", 2) is None


def test_prepared_pairs_are_those_of_the_files(root: Path, tmp_path: Path) -> None:
    targets = prepared("lol", root, tmp_path / "targets")
    low = degraded("lol", root, tmp_path / "targets", tmp_path / "low", "enhancement")
    assert [item.shape for item in targets.items] == [(400, 600, 3)] * 5
    for folder, split in (("our485", "train"), ("eval15", "test")):
        for item, partner in zip(targets.split(split), low.split(split), strict=True):
            assert np.array_equal(targets.read(item), read_image(root / f"LOLdataset/{folder}/high/{item.name}.png"))
            assert np.array_equal(low.read(partner), targets.read(item) // 8)


@pytest.mark.parametrize(("split", "folder", "name"), [("train", "our485", "10"), ("test", "eval15", "22")])
@pytest.mark.parametrize(("side", "other"), [("low", "high"), ("high", "low")])
def test_a_missing_partner_is_named_with_its_split(
    root: Path, tmp_path: Path, split: str, folder: str, name: str, side: str, other: str
) -> None:
    absent = root / "LOLdataset" / folder / side / f"{name}.png"
    absent.unlink()
    left = root / "LOLdataset" / folder / other / f"{name}.png"
    with pytest.raises(UserError) as caught:
        prepared("lol", root, tmp_path / "targets")
    assert str(caught.value).startswith(f"{left} (split {split}) has no partner '{name}' in {absent.parent}")


def test_a_lost_pair_is_counted(root: Path) -> None:
    for side in ("low", "high"):
        (root / "LOLdataset/our485" / side / "5.png").unlink()
    with pytest.raises(UserError, match=r"our485/high: 2 pictures of split 'train' .* where 3 are published"):
        lol.DATASET.locate(root)


def test_a_missing_folder_is_named_with_its_split_and_the_tree(root: Path) -> None:
    (root / "LOLdataset/eval15/low").rename(root / "elsewhere")
    with pytest.raises(UserError, match=r"eval15/low: folder of split 'test' .* missing; expected: LOLdataset/our485"):
        lol.DATASET.locate(root)


@pytest.mark.parametrize("how", sorted(WHY))
@pytest.mark.parametrize(("split", "folder", "name"), [("train", "our485", "2"), ("test", "eval15", "22")])
def test_a_damaged_target_is_named_with_its_split(
    root: Path, tmp_path: Path, how: str, split: str, folder: str, name: str
) -> None:
    path = root / f"LOLdataset/{folder}/high/{name}.png"
    damage(path, how)
    with pytest.raises(UserError) as caught:
        prepared("lol", root, tmp_path / "targets")
    assert str(caught.value).startswith(f"split {split}: {path}")
    assert WHY[how] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", sorted(WHY))
def test_a_damaged_partner_is_named_with_its_split(root: Path, tmp_path: Path, how: str) -> None:
    prepared("lol", root, tmp_path / "targets")
    path = root / "LOLdataset/eval15/low/1.png"
    damage(path, how)
    with pytest.raises(UserError) as caught:
        degraded("lol", root, tmp_path / "targets", tmp_path / "low", "enhancement")
    assert str(path) in str(caught.value)
    assert "split test" in str(caught.value)
    assert WHY[how] in str(caught.value)


@pytest.mark.parametrize("side", ["high", "low"])
def test_another_size_than_the_published_is_named(root: Path, tmp_path: Path, side: str) -> None:
    path = root / f"LOLdataset/our485/{side}/2.png"
    if side == "low":
        prepared("lol", root, tmp_path / "targets")
    damage(path, "narrow")
    with pytest.raises(UserError, match=r"split train.*2\.png: 400 x 599 pixels .* where 400 x 600 are published"):
        if side == "high":
            prepared("lol", root, tmp_path / "targets")
        degraded("lol", root, tmp_path / "targets", tmp_path / "low", "enhancement")


def test_without_a_root_the_tree_is_told() -> None:
    with pytest.raises(UserError, match=r"'lol' needs 'root'.*expected: LOLdataset/our485.*get it: https://daooshee"):
        lol.DATASET.locate(None)
