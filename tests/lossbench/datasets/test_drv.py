"""DRV in the forms in which it is published, and what is refused by name and split."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import imagecodecs
import numpy as np
import pytest
from _prepared import degraded, prepared

from lossbench.datasets import drv
from lossbench.errors import UserError

SCENES = {"train": ("0003", "0001"), "val": ("0004",), "test": ("0007",)}


def deep(seed: int, height: int = 12, width: int = 16) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.random.default_rng(seed).integers(0, 65536, (height, width, 3)).astype(np.uint16)


def write(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, pixels[..., ::-1]) if path.suffix == ".npy" else path.write_bytes(imagecodecs.png_encode(pixels))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a DRV of four scenes of three frames, one of which is called 10 and comes last."""
    for split, scenes in SCENES.items():
        listed = tmp_path / f"DRV/{split}_list.txt"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text("".join(f"{scene}\n" for scene in scenes))
        for scene in scenes:
            write(tmp_path / f"DRV/long/{scene}/half0001_10s.png", deep(int(scene)))
            (tmp_path / f"DRV/long/{scene}/0001_10s.ARW").write_bytes(b"raw")
            for number in (1, 2, 10):
                write(tmp_path / f"DRV/VBM4D_rawRGB/{scene}/{number}.png", deep(100 * int(scene) + number))
    return tmp_path


def test_the_published_split_is_129_24_and_49() -> None:
    found = drv._scenes(Path("nowhere"))
    assert {split: len(scenes) for split, scenes in found.items()} == {"train": 129, "val": 24, "test": 49}
    assert len({scene for scenes in found.values() for scene in scenes}) == 202
    assert found["test"][:2] == ["0007", "0009"] and found["val"][-1] == "0193" and found["train"][-1] == "0202"


def test_a_still_is_the_target_of_all_frames_in_the_dark(root: Path, tmp_path: Path) -> None:
    targets = prepared("drv", root, tmp_path / "targets")
    low = degraded("drv", root, tmp_path / "targets", tmp_path / "low", "video_enhancement")
    assert [item.name for item in targets.items] == ["0001", "0003", "0004", "0007"]
    for item, partner in zip(targets.items, low.items, strict=True):
        scene = int(item.name)
        assert np.array_equal(targets.read(item), deep(scene)[None])
        assert np.array_equal(low.read(partner), [deep(100 * scene + number) for number in (1, 2, 10)])
    assert drv.DATASET.locate_low_quality(root, "enhancement", 1) is None


def test_arrays_of_eight_bits_are_stored_blue_first(tmp_path: Path) -> None:
    for split, scenes in SCENES.items():
        (tmp_path / f"{split}_list.txt").write_text("\n".join(scenes))
        for scene in scenes:
            write(tmp_path / f"SMID_Long_np/{scene}/0001.npy", deep(int(scene)).astype(np.uint8))
            write(tmp_path / f"SMID_LQ_np/{scene}/0001.npy", deep(9).astype(np.uint8))
    source = drv.DATASET.locate(tmp_path)["test"][0]
    assert np.array_equal(drv.DATASET.read(source), deep(7).astype(np.uint8)[None])
    low = drv.DATASET.locate_low_quality(tmp_path, "video_enhancement", 1)
    assert low is not None
    assert np.array_equal(drv.DATASET.read_low_quality(low["val"][0]), deep(9).astype(np.uint8)[None])
    source.path.write_bytes(source.path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"0001\.npy is not a readable array"):
        drv.DATASET.read(source)
    np.save(source.path, np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"0001\.npy: uint8 \(0, 4, 3\) where"):
        drv.DATASET.read(source)
    np.save(source.path, np.zeros((4, 4), np.float32))
    with pytest.raises(UserError, match=r"0001\.npy: float32 \(4, 4\) where uint8 \(H, W, 3\) is published"):
        drv.DATASET.read(source)


def test_the_cameras_own_files_need_a_library_and_are_averaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = root / "DRV"
    (top / "VBM4D_rawRGB").rename(top / "away")
    for scenes in SCENES.values():
        for scene in scenes:
            (top / f"short/{scene}").mkdir(parents=True)
            (top / f"short/{scene}/0001.ARW").write_bytes(b"raw")
    low = drv.DATASET.locate_low_quality(root, "video_enhancement", 1)
    assert low is not None
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(UserError, match=r"0001\.ARW is a raw file.*needs the package rawpy; install it by `pip"):
        drv.DATASET.read_low_quality(low["test"][0])

    class Raw(SimpleNamespace):
        def __enter__(self) -> "Raw":
            return self

        def __exit__(self, *_: object) -> None:
            return None

    # red 612, greens 312 and 712, blue 100 on a sensor that is black at 112 and white at 1112
    values = np.tile(np.array([[612, 312], [712, 100]], np.uint16), (4, 6))
    raw = Raw(
        raw_image_visible=values,
        raw_colors_visible=np.tile(np.array([[0, 1], [3, 2]]), (4, 6)),
        black_level_per_channel=[112] * 4,
        white_level=1112,
    )
    monkeypatch.setitem(sys.modules, "rawpy", SimpleNamespace(imread=lambda path: raw, LibRawError=OSError))
    found = drv.DATASET.read_low_quality(low["test"][0])
    assert found.shape == (1, 2, 3, 3) and found.dtype == np.uint16
    assert np.array_equal(found, np.broadcast_to(np.rint(65535 * np.array([0.5, 0.4, 0])), found.shape))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda top: (top / "long/0004/half0001_10s.png").unlink(), r"long/0004: no long exposure half0001\*\.png of"),
        (lambda top: (top / "long/0007").rename(top / "x"), "long/0007: folder of split 'test'"),
        (lambda top: (top / "VBM4D_rawRGB").rename(top / "x"), "VBM4D_rawRGB: folder of splits"),
        (lambda top: (top / "VBM4D_rawRGB/0004").rename(top / "x"), "VBM4D_rawRGB/0004: folder of split 'val'"),
        (lambda top: (top / "val_list.txt").unlink(), r"val_list\.txt: file of split 'val'"),
        (lambda top: (top / "test_list.txt").write_text(""), r"test_list\.txt: no scene of split 'test'"),
        (
            lambda top: (top / "test_list.txt").write_text("0007\n0001\n"),
            "'0001' is listed twice .split train and test",
        ),
        (
            lambda top: (top / "val_list.txt").write_bytes(b"\xff\xfe0\x00"),
            r"val_list\.txt: list of split 'val' can't be",
        ),
        (lambda top: write(top / "long/0007/half0001_1s.png", deep(1)), "are both long exposures; remove one"),
    ],
)
def test_what_is_missing_is_named(root: Path, how: Any, message: str) -> None:
    how(root / "DRV")
    with pytest.raises(UserError, match=message):
        drv.DATASET.locate(root)


def test_a_packed_archive_and_an_empty_scene_are_named(root: Path) -> None:
    for path in (root / "DRV/VBM4D_rawRGB/0004").iterdir():
        path.unlink()
    for locate in (drv.DATASET.locate, lambda root: drv.DATASET.locate_low_quality(root, "video_enhancement", 1)):
        with pytest.raises(UserError, match="VBM4D_rawRGB/0004: no short exposure of split 'val'"):
            locate(root)
    (root / "DRV/VBM4D_rawRGB").rename(root / "away")
    (root / "DRV/VBM4D_rawRGB.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"VBM4D_rawRGB\.zip is still packed .*; unpack it there"):
        drv.DATASET.locate(root)


def test_partners_of_another_size_or_depth_are_named(root: Path, tmp_path: Path) -> None:
    prepared("drv", root, tmp_path / "targets")
    write(root / "DRV/VBM4D_rawRGB/0003/2.png", deep(0, 12, 15))
    with pytest.raises(UserError, match=r"split train: .*0003/2\.png: 12 x 15 pixels .* where 1\.png"):
        degraded("drv", root, tmp_path / "targets", tmp_path / "low", "video_enhancement")
    write(root / "DRV/VBM4D_rawRGB/0003/2.png", deep(0).astype(np.uint8))
    with pytest.raises(UserError, match=r"0003/2\.png: RGB of 16 bits is published"):
        degraded("drv", root, tmp_path / "targets", tmp_path / "low", "video_enhancement")
