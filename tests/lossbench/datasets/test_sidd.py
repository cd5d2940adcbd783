"""SIDD: pictures and MATLAB blocks of both formats, and what is refused by name and split."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from _prepared import WHY, damage, degraded, noise, prepared
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from lossbench import datasets
from lossbench.datasets import Source, sidd
from lossbench.datasets._matlab import read_variable
from lossbench.errors import UserError
from lossbench.images import read_image

FOLDERS = ("0002_001_S6_00100_00020_3200_N", "0001_001_S6_00100_00060_3200_L")
BLOCKS = (2, 3, 8, 6, 3)
"""Height and width differ, so that swapped axes show."""
GT, NOISY = "ValidationGtBlocksSrgb", "ValidationNoisyBlocksSrgb"


def write_matlab(path: Path, key: str, values: NDArray[np.generic], version: str) -> None:
    """Write one array as MATLAB does: `v5`, `v7` (compressed) or `v7.3` (HDF5 below a text header)."""
    if version == "v7.3":
        with h5py.File(path, "w", userblock_size=512) as file:
            file.create_dataset(key, data=values.T, chunks=True, compression="gzip")
        with path.open("rb+") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    else:
        savemat(path, {key: values}, do_compression=version == "v7")


def values_of(key: str) -> NDArray[np.uint8]:
    """Return the validation blocks."""
    return np.random.default_rng(len(key)).integers(0, 256, BLOCKS, dtype=np.uint8)


def build(root: Path, version: str) -> Path:
    """Lay down a SIDD of two scene instances with two pairs each, and two validation pictures of three blocks."""
    for folder in FOLDERS:
        (root / "Data" / folder).mkdir(parents=True)
        for shot in ("010", "011"):
            for kind in ("GT", "NOISY"):
                pixels = noise(10, 14, int(folder[3]) + int(shot) + len(kind))
                Image.fromarray(pixels).save(root / "Data" / folder / f"{folder[:4]}_{kind}_SRGB_{shot}.PNG")
    (root / "Scene_Instances.txt").write_text("\n".join(FOLDERS))
    for key in (GT, NOISY):
        write_matlab(root / f"{key}.mat", key, values_of(key), version)
    return root


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the numbers of the small tree."""
    monkeypatch.setattr(sidd, "PAIRS", 4)
    monkeypatch.setattr(sidd, "BLOCKS", BLOCKS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the small tree, its validation in MATLAB's v5."""
    return build(tmp_path / "sidd", "v5")


def test_the_published_numbers_are_320_pairs_and_1280_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert sidd.PAIRS == 320
    assert sidd.BLOCKS == (40, 32, 256, 256, 3)


def test_pairs_and_blocks_are_found_by_name(root: Path) -> None:
    found = sidd.DATASET.locate(root)
    partners = sidd.DATASET.locate_low_quality(root, "denoising", 1)
    assert partners is not None
    for splits, kind, key in ((found, "GT", GT), (partners, "NOISY", NOISY)):
        assert {split: [source.name for source in sources] for split, sources in splits.items()} == {
            "train": ["0001_010", "0001_011", "0002_010", "0002_011"],
            "val": [],
            "test": ["0001_00", "0001_01", "0001_02", "0002_00", "0002_01", "0002_02"],
        }
        assert splits["train"][1].path == root / "Data" / FOLDERS[1] / f"0001_{kind}_SRGB_011.PNG"
        assert {source.path for source in splits["test"]} == {root / f"{key}.mat"}
        # blocks of one picture count as one
        assert [source.picture for source in splits["test"]] == ["0001"] * 3 + ["0002"] * 3
        assert {source.picture for source in splits["train"]} == {None}
    assert sidd.DATASET.locate_low_quality(root, "enhancement", 1) is None
    assert sidd.DATASET.locate_low_quality(root, "denoising", 2) is None
    assert datasets.missing("sidd", root) is None


def test_the_folder_of_the_archive_may_stand_between(root: Path) -> None:
    (root / "SIDD_Medium_Srgb").mkdir()
    (root / "Data").rename(root / "SIDD_Medium_Srgb/Data")
    assert len(sidd.DATASET.locate(root)["train"]) == 4


@pytest.mark.parametrize("version", ["v5", "v7", "v7.3"])
def test_prepared_pairs_are_those_of_the_files(tmp_path: Path, version: str) -> None:
    root = build(tmp_path / "sidd", version)
    targets = prepared("sidd", root, tmp_path / "targets")
    low = degraded("sidd", root, tmp_path / "targets", tmp_path / "low", "denoising")
    for arrays, kind, key in ((targets, "GT", GT), (low, "NOISY", NOISY)):
        for item in arrays.split("train"):
            instance, shot = item.name.split("_")
            (path,) = (root / "Data").glob(f"{instance}*/{instance}_{kind}_SRGB_{shot}.PNG")
            assert np.array_equal(arrays.read(item), read_image(path))
        expected = values_of(key).reshape(6, 8, 6, 3)
        assert np.array_equal(np.stack([arrays.read(item) for item in arrays.split("test")]), expected)


def test_a_validation_file_is_decoded_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def counted(path: Path, key: str) -> NDArray[Any]:
        decoded.append(key)
        return read_variable(path, key)

    monkeypatch.setattr(sidd, "read_variable", counted)
    partners = sidd.DATASET.locate_low_quality(root, "denoising", 1)
    assert partners is not None
    for ours, theirs in zip(sidd.DATASET.locate(root)["test"], partners["test"], strict=True):
        sidd.DATASET.read(ours)
        sidd.DATASET.read_low_quality(theirs)
    assert decoded == [GT, NOISY]


def test_a_block_cannot_be_changed_for_the_next_reader(root: Path) -> None:
    block = sidd.DATASET.read(sidd.DATASET.locate(root)["test"][0])
    with pytest.raises(ValueError, match="read-only"):
        block[0] = 0


@pytest.mark.parametrize(("kind", "other"), [("GT", "NOISY"), ("NOISY", "GT")])
def test_a_missing_partner_is_named(root: Path, tmp_path: Path, kind: str, other: str) -> None:
    folder = root / "Data" / FOLDERS[0]
    (folder / f"0002_{kind}_SRGB_010.PNG").unlink()
    with pytest.raises(UserError) as caught:
        prepared("sidd", root, tmp_path / "targets")
    left = folder / f"0002_{other}_SRGB_010.PNG"
    assert str(caught.value).startswith(f"{left} (split train) has no {kind} partner beside it")


def test_a_lost_scene_instance_is_counted(root: Path) -> None:
    (root / "Data" / FOLDERS[0]).rename(root / "elsewhere")
    with pytest.raises(UserError, match=r"Data: 2 pictures of split 'train' .* where 4 are published"):
        sidd.DATASET.locate(root)


def test_a_missing_folder_and_a_missing_block_file_are_named_with_their_split(root: Path) -> None:
    (root / f"{NOISY}.mat").unlink()
    with pytest.raises(UserError, match=rf"{NOISY}\.mat: file of split 'test' .* is missing; expected: Data/"):
        sidd.DATASET.locate(root)
    (root / "Data").rename(root / "elsewhere")
    with pytest.raises(UserError, match=r"Data: folder of split 'train' .* is missing"):
        sidd.DATASET.locate(root)


@pytest.mark.parametrize("how", sorted(WHY))
@pytest.mark.parametrize("kind", ["GT", "NOISY"])
def test_a_damaged_picture_is_named_with_its_split(root: Path, tmp_path: Path, how: str, kind: str) -> None:
    path = root / "Data" / FOLDERS[1] / f"0001_{kind}_SRGB_010.PNG"
    if kind == "NOISY":
        prepared("sidd", root, tmp_path / "targets")
    damage(path, how)
    refused(root, tmp_path, kind, path, WHY[how], "train")


def test_a_partner_of_another_size_is_named_with_both_sizes(root: Path, tmp_path: Path) -> None:
    prepared("sidd", root, tmp_path / "targets")
    path = root / "Data" / FOLDERS[1] / "0001_NOISY_SRGB_011.PNG"
    Image.fromarray(noise(10, 13)).save(path)
    with pytest.raises(UserError) as caught:
        degraded("sidd", root, tmp_path / "targets", tmp_path / "low", "denoising")
    reason = "10 x 13 pixels (height x width) times scale 1 do not give the 10 x 14 of 0001_GT_SRGB_011.PNG"
    assert f"{path}: {reason}" in str(caught.value)


WRONG = {
    "shape": (np.zeros((2, 3, 8, 6, 1), np.uint8), "uint8 (2, 3, 8, 6, 1) where uint8 (2, 3, 8, 6, 3) is published"),
    "axes": (np.zeros(BLOCKS[::-1], np.uint8), "uint8 (3, 6, 8, 3, 2) where uint8 (2, 3, 8, 6, 3) is published"),
    "depth": (np.zeros(BLOCKS, np.uint16), "uint16 (2, 3, 8, 6, 3) where uint8 (2, 3, 8, 6, 3) is published"),
}


@pytest.mark.parametrize("version", ["v5", "v7.3"])
@pytest.mark.parametrize("kind", ["GT", "NOISY"])
@pytest.mark.parametrize("wrong", [*sorted(WRONG), "key", "truncated"])
def test_a_wrong_block_file_is_named_with_its_split(tmp_path: Path, version: str, kind: str, wrong: str) -> None:
    root = build(tmp_path / "sidd", version)
    if kind == "NOISY":
        prepared("sidd", root, tmp_path / "targets")
    key = sidd.VALIDATION[kind]
    path = root / f"{key}.mat"
    if wrong == "key":
        write_matlab(path, "x", values_of(key), version)
        reason = f"holds no array '{key}'"
    elif wrong == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
        reason = "is not a readable MATLAB file"
    else:
        write_matlab(path, key, WRONG[wrong][0], version)
        reason = WRONG[wrong][1]
    sidd._blocks.cache_clear()
    refused(root, tmp_path, kind, path, reason, "test")


@pytest.mark.parametrize("version", ["v5", "v7", "v7.3"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_block_file_cut_anywhere_is_one_message(tmp_path: Path, version: str, part: float) -> None:
    path = tmp_path / f"{GT}.mat"
    write_matlab(path, GT, values_of(GT), version)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(UserError, match=rf"{GT}\.mat (is not a readable MATLAB file|holds no array)") as caught:
        sidd.DATASET.read(Source("0001_00", path, "MIT"))
    assert "\n" not in str(caught.value)


def refused(root: Path, folder: Path, kind: str, path: Path, reason: str, split: str) -> None:
    """Check the message of the step that reads pictures of `kind`."""
    with pytest.raises(UserError) as caught:
        if kind == "GT":
            prepared("sidd", root, folder / "targets")
        else:
            degraded("sidd", root, folder / "targets", folder / "low", "denoising")
    assert str(path) in str(caught.value)
    assert f"split {split}" in str(caught.value)
    assert reason in str(caught.value)
