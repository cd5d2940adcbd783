"""DAVIS, Set8 and e-VDS in their published trees, and what is refused by name and split."""

from pathlib import Path

import numpy as np
import pytest
from _prepared import prepared
from _videos import moving, write_davis, write_frames, write_video

from lossbench import datasets
from lossbench.datasets import davis, evds, set8
from lossbench.errors import UserError

LISTS = {"train": ("bear", "bmx-bumps"), "val": ("bike-packing",), "test-dev": ("aerobatics", "car-race")}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a DAVIS of three sequences to train on and two to score, of 3 frames and one of 4."""
    monkeypatch.setattr(davis, "COUNTS", {"train": 3, "test": 2})
    write_davis(tmp_path, LISTS, lambda sequence, seed: moving(4 if sequence == "bear" else 3, 24, 32, seed))
    return tmp_path


def test_davis_has_90_sequences_to_train_on_and_30_to_score(tree: Path) -> None:
    for given in (tree, tree / "DAVIS"):
        found = davis.DATASET.locate(given)
        names = {split: [source.name for source in sources] for split, sources in found.items()}
        assert names == {"train": ["bear", "bmx-bumps", "bike-packing"], "val": [], "test": ["aerobatics", "car-race"]}
    assert datasets.missing("davis", tree) is None
    digest = davis.CARD.archives[0].digest
    assert digest == "sha256:e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492"


def test_prepared_clips_are_mapped_and_hold_the_frames_in_order(tree: Path, tmp_path: Path) -> None:
    from lossbench.images import read_image

    arrays = prepared("davis", tree, tmp_path / "out")
    assert [item.shape for item in arrays.split("train")] == [(4, 24, 32, 3), (3, 24, 32, 3), (3, 24, 32, 3)]
    for item in arrays.items:
        clip = arrays.read(item)
        assert clip.base is not None and clip.dtype == np.uint8
        for number, frame in enumerate(clip):
            path = tree / f"DAVIS/JPEGImages/480p/{item.name}/{number:05d}.jpg"
            assert np.array_equal(frame, read_image(path))
    bear = davis.DATASET.locate(tree)["train"][0]
    assert np.array_equal(davis.DATASET.read(bear), arrays.read(arrays.split("train")[0]))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda top: (top / "ImageSets/2017/test-dev.txt").unlink(), r"test-dev\.txt: file of split 'test'"),
        (lambda top: (top / "JPEGImages/480p/bear/00001.jpg").unlink(), r"bear/00001\.jpg: frame of split 'train'"),
        (lambda top: (top / "JPEGImages/480p/bear").rename(top / "x"), r"480p/bear: folder of split 'train'"),
        (lambda top: (top / "ImageSets/2017/val.txt").write_text(""), "2 sequences of split 'train' .* where 3 are"),
        (lambda top: (top / "ImageSets/2017/val.txt").write_text("bear\n"), r"'bear' is listed twice \(split train\)"),
        (
            lambda top: (top / "ImageSets/2017/test-dev.txt").write_text("bear/\ncar-race\n"),
            r"'bear' is listed twice \(split train and test\); keep one",
        ),
        (
            lambda top: (top / "ImageSets/2017/val.txt").write_bytes("sch\xf6n\n".encode("latin-1")),
            r"val\.txt: list of split 'train' can't be read .*; save it as UTF-8 text",
        ),
    ],
)
def test_what_davis_lacks_is_named(tree: Path, how: object, message: str) -> None:
    how(tree / "DAVIS")  # type: ignore[operator]
    with pytest.raises(UserError, match=message):
        davis.DATASET.locate(tree)


def test_the_mark_of_an_editor_at_the_start_of_a_list_is_no_part_of_a_name(tree: Path) -> None:
    (tree / "DAVIS/ImageSets/2017/val.txt").write_text("bike-packing\n", "utf-8-sig")
    assert [source.name for source in davis.DATASET.locate(tree)["train"]] == ["bear", "bmx-bumps", "bike-packing"]


def test_a_frame_of_another_size_and_a_damaged_one_are_named(tree: Path, tmp_path: Path) -> None:
    folder = tree / "DAVIS/JPEGImages/480p/car-race"
    write_frames(folder, moving(1, 24, 30), "jpg", first=2)
    with pytest.raises(UserError, match=r"split test: .*car-race/00002\.jpg: 24 x 30 pixels .* 00000\.jpg .* 24 x 32"):
        prepared("davis", tree, tmp_path / "out")
    path = folder / "00002.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"split test: .*car-race/00002\.jpg is not a readable picture"):
        prepared("davis", tree, tmp_path / "out")


def test_set8_is_eight_clips_of_frames_or_files_wherever_they_lie(tmp_path: Path) -> None:
    names = sorted((*set8.DERF, *set8.GOPRO))
    for name in names:
        folder = tmp_path / "Set8" / ("Derfs" if name in set8.DERF else "GoPro")
        if name in ("tractor", "rafting"):
            write_video(folder / f"{name}.mkv", moving(3, 24, 32))
        else:
            write_frames(folder / name, moving(2, 24, 32))
    write_frames(tmp_path / "Set8/Derfs/blue_sky", moving(1))
    found = set8.DATASET.locate(tmp_path)
    assert [source.name for source in found["test"]] == names and not found["train"] and not found["val"]
    clips = {source.name: set8.DATASET.read(source) for source in found["test"]}
    assert {len(clip) for name, clip in clips.items() if name in ("tractor", "rafting")} == {3}
    assert np.array_equal(clips["park_joy"], moving(2, 24, 32)) and np.array_equal(clips["tractor"], moving(3, 24, 32))
    (tmp_path / "Set8/tractor").mkdir()
    with pytest.raises(UserError, match=r"tractor.* and .*tractor.* are both 'tractor'; remove one"):
        set8.DATASET.locate(tmp_path)
    (tmp_path / "Set8/tractor").rmdir()
    (tmp_path / "Set8/GoPro/rafting.mkv").unlink()
    with pytest.raises(UserError, match="rafting: clip of split 'test' of data set 'set8' is missing"):
        set8.DATASET.locate(tmp_path)
    (tmp_path / "Set8/.cache/tractor").mkdir(parents=True)
    write_video(tmp_path / "Set8/rafting.mkv", [np.zeros((720, 1280, 3), np.uint8)])
    big = next(source for source in set8.DATASET.locate(tmp_path)["test"] if source.name == "rafting")
    with pytest.raises(UserError, match=r"rafting\.mkv: 720 x 1280 pixels .* at most 540 x 960 are published"):
        set8.DATASET.read(big)


@pytest.mark.parametrize(
    ("first", "lost", "message"),
    [(0, 1, r"sunflower/0*1\.png: frame of split 'test' .* is missing"), (7, 8, r"0*8\.png: frame of split 'test'")],
)
def test_a_frame_that_set8_lacks_is_named_wherever_its_numbers_begin(
    tmp_path: Path, first: int, lost: int, message: str
) -> None:
    for name in (*set8.DERF, *set8.GOPRO):
        write_frames(tmp_path / name, moving(3, 24, 32), first=first)
    assert len(set8.DATASET.locate(tmp_path)["test"]) == 8
    (path,) = (path for path in (tmp_path / "sunflower").iterdir() if int(path.stem) == lost)
    path.unlink()
    with pytest.raises(UserError, match=message):
        set8.DATASET.locate(tmp_path)
    (tmp_path / "sunflower/last.png").write_bytes(b"")
    for numbered in (tmp_path / "sunflower").glob("0*.png"):
        numbered.unlink()
    with pytest.raises(UserError, match=r"sunflower/last\.png: frame of split 'test' of data set 'set8' has no number"):
        set8.DATASET.locate(tmp_path)


def test_a_link_that_leads_back_gives_no_video_twice(tmp_path: Path) -> None:
    for number in range(3):
        write_video(tmp_path / f"cup/clip{number}.mkv", moving(1))
    (tmp_path / "cup/again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "mug").symlink_to(tmp_path / "cup", target_is_directory=True)
    found = evds.DATASET.locate(tmp_path)
    assert sum(len(sources) for sources in found.values()) == 3


def test_evds_is_any_tree_of_videos_split_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    for number in range(12):
        write_video(root / f"{'cup' if number % 2 else 'sofa'}/clip{number}.mkv", moving(3, 24, 32, number))
    found = evds.DATASET.locate(root)
    assert {split: len(sources) for split, sources in found.items()} == {"train": 11, "val": 0, "test": 1}
    assert {source.group for source in found["train"]} == {"cup", "sofa"}
    assert found == evds.DATASET.locate(root)
    every = {source.name: source for sources in found.values() for source in sources}
    assert set(every) == {f"{'cup' if number % 2 else 'sofa'}-clip{number}" for number in range(12)}
    assert np.array_equal(evds.DATASET.read(every["cup-clip3"]), moving(3, 24, 32, 3))
    monkeypatch.setattr(evds, "FRAMES", 2)
    monkeypatch.setattr(evds, "SHORT_SIDE", 12)
    arrays = prepared("evds", root, tmp_path / "out")
    assert {item.shape for item in arrays.items} == {(2, 12, 16, 3)}
    with pytest.raises(UserError, match="0 videos of splits 'train' and 'test', 2 are needed"):
        (tmp_path / "empty").mkdir()
        evds.DATASET.locate(tmp_path / "empty")


def test_an_unreadable_video_is_named_with_its_split(tmp_path: Path) -> None:
    for number in range(3):
        path = write_video(tmp_path / f"root/cup/clip{number}.mkv", moving(3))
        path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"split train: .*clip\d\.mkv is (cut short|not a readable video)"):
        prepared("evds", tmp_path / "root", tmp_path / "out")
