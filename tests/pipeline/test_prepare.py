"""Stage prepare: decode, degrade, and refuse damaged files and full disks in one line that names them."""

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _repository import ROOT
from PIL import Image

from lossbench import datasets, plugins
from lossbench.errors import UserError
from lossbench.images import read_image, write_png
from lossbench.resize import resize_bicubic
from pipeline import command, degrade, prepare
from pipeline.learning.lock import LOCK
from pipeline.outputs.arrays import Arrays
from pipeline.specs.prepare import DegradeSpec, PrepareSpec

SIZES = {"train": [(24, 20), (17, 31)], "val": [(16, 16)], "test": [(21, 18)]}
Limit = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder data set of four pictures of noise."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    for split, sizes in SIZES.items():
        for index, (height, width) in enumerate(sizes):
            pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
            write_png(folder / split / "target" / f"p{index}.png", pixels)
    return folder


def prepared(root: Path, output: Path) -> Path:
    prepare.main(PrepareSpec(dataset="folder", root=str(root)), "code", output)
    return output / "target.json"


def degraded(root: Path, targets: Path, output: Path, scale: int = 2) -> Path:
    spec = DegradeSpec(dataset="folder", root=str(root), task="super_resolution", settings={"scale": scale})
    degrade.main(spec, "code", targets / "target.json", output)
    return output / "low_quality.json"


def ship(root: Path, scale: int = 2) -> None:
    """Put low-quality partners beside the targets: recognisable ones, all of one colour."""
    for split, sizes in SIZES.items():
        for index, (height, width) in enumerate(sizes):
            pixels = np.full((height // scale, width // scale, 3), 40 + index, np.uint8)
            write_png(root / split / "low_quality" / f"p{index}.png", pixels)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK)


def test_prepared_pictures_are_those_of_the_files(root: Path, tmp_path: Path) -> None:
    arrays = Arrays(prepared(root, tmp_path / "targets"))
    assert names(tmp_path / "targets") == ["target.json", "target.npy"]
    assert (arrays.card["dataset"], arrays.card["code"], arrays.card["role"]) == ("folder", "code", "target")
    assert {split: [item.shape[:2] for item in arrays.split(split)] for split in SIZES} == SIZES
    for item in arrays.items:
        assert np.array_equal(arrays.read(item), read_image(root / item.split / "target" / item.origin))


def test_what_is_stored_in_one_band_is_known_as_grey(root: Path, tmp_path: Path) -> None:
    folder = root / "test" / "target"
    for name, mode in (("grey", "L"), ("bilevel", "1"), ("colour", "RGB")):
        Image.new("L", (20, 18), 255).convert(mode).save(folder / f"{name}.png")
    items = Arrays(prepared(root, tmp_path / "targets")).split("test")
    assert {item.name: item.grey for item in items} == {"bilevel": True, "colour": False, "grey": True, "p0": False}
    assert {item.shape[-1] for item in items} == {3}


def test_photographs_shrink_by_two_with_bicubic(root: Path, tmp_path: Path) -> None:
    targets = Arrays(prepared(root, tmp_path / "targets"))
    low = Arrays(degraded(root, tmp_path / "targets", tmp_path / "low"))
    assert low.card["settings"] == {"scale": 2}
    assert [item.shape for item in low.items] == [(12, 10, 3), (8, 15, 3), (8, 8, 3), (10, 9, 3)]
    for item, small in zip(targets.items, low.items, strict=True):
        height, width = small.shape[:2]
        assert (small.name, small.split) == (item.name, item.split)
        assert small.origin == f"super_resolution of {item.origin}"
        expected = resize_bicubic(np.array(targets.read(item)[: 2 * height, : 2 * width]), Fraction(1, 2))
        assert np.array_equal(low.read(small), expected)


def test_shipped_partners_are_taken_as_they_are(root: Path, tmp_path: Path) -> None:
    ship(root)
    prepared(root, tmp_path / "targets")
    low = Arrays(degraded(root, tmp_path / "targets", tmp_path / "low"))
    assert [int(low.read(item).max()) for item in low.items] == [40, 41, 40, 40]
    assert [item.origin for item in low.items] == ["p0.png", "p1.png", "p0.png", "p0.png"]


def test_a_shipped_partner_of_another_size_is_named_with_both_sizes(root: Path, tmp_path: Path) -> None:
    ship(root)
    partner = root / "train" / "low_quality" / "p1.png"
    write_png(partner, np.zeros((8, 14, 3), np.uint8))
    prepared(root, tmp_path / "targets")
    with pytest.raises(UserError) as caught:
        degraded(root, tmp_path / "targets", tmp_path / "low")
    # 17 x 31 is cut to 16 x 30 for scale 2
    assert str(caught.value).startswith(f"split train: {partner} does not fit p1.png: ")
    assert "8 x 14 pixels (height x width) times scale 2 do not give the 16 x 30" in str(caught.value)
    assert names(tmp_path / "low") == []


def test_a_target_without_shipped_partner_is_named(root: Path, tmp_path: Path) -> None:
    ship(root)
    prepared(root, tmp_path / "targets")
    # prepared before the pictures were taken away
    for role in ("target", "low_quality"):
        (root / "train" / role / "p1.png").unlink()
    with pytest.raises(UserError, match=r"p1\.png \(split train\) has no low-quality partner"):
        degraded(root, tmp_path / "targets", tmp_path / "low")


def test_random_degradations_depend_on_the_picture_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noise:
        @staticmethod
        def reference(target: Any, settings: dict[str, Any]) -> Any:
            return target

        @staticmethod
        def scale(settings: dict[str, Any]) -> int:
            return 1

        @staticmethod
        def versions(settings: dict[str, Any]) -> int:
            return 1

        @staticmethod
        def degrade(target: Any, settings: dict[str, Any], generator: np.random.Generator) -> Any:
            return generator.integers(0, 256, target.shape, dtype=np.uint8)

    load = plugins.load
    monkeypatch.setattr(plugins, "load", lambda folder, name: Noise if folder == "tasks" else load(folder, name))
    prepared(root, tmp_path / "targets")
    before = Arrays(degraded(root, tmp_path / "targets", tmp_path / "low"))
    # a picture that comes first in its split
    write_png(root / "train" / "target" / "a.png", np.zeros((9, 9, 3), np.uint8))
    prepared(root, tmp_path / "more")
    after = Arrays(degraded(root, tmp_path / "more", tmp_path / "low_more"))
    found = {(item.split, item.name): after.read(item) for item in after.items}
    assert all(np.array_equal(before.read(item), found[item.split, item.name]) for item in before.items)
    first, second = (found[split, "p0"][:16, :16] for split in ("train", "val"))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_truncated_picture_is_named_with_its_split(split: str, root: Path, tmp_path: Path) -> None:
    picture = root / split / "target" / "p0.png"
    picture.write_bytes(picture.read_bytes()[:-200])
    with pytest.raises(UserError) as caught:
        prepared(root, tmp_path / "targets")
    assert str(caught.value).startswith(f"split {split}: {picture} is not a readable picture")
    assert names(tmp_path / "targets") == []


def test_a_file_that_is_not_the_catalogued_one_is_named_with_its_split(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = datasets.load("folder")
    located = folder.locate(root)
    (source,) = located["test"]
    changed = type(source)(source.name, source.path, source.licence, "0" * 64)
    monkeypatch.setattr(folder, "locate", lambda root: {**located, "test": [changed]})
    with pytest.raises(UserError, match=r"p0\.png \(split test\) has another sha256 than 0{64}"):
        prepared(root, tmp_path / "targets")
    assert names(tmp_path / "targets") == []


@pytest.mark.parametrize("size", [100, 3000, 5000])
def test_a_full_disk_ends_in_one_line_and_leaves_nothing_that_looks_finished(
    size: int,
    root: Path,
    tmp_path: Path,
    files_limited_to: Limit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # 24*20*3 + 17*31*3 + 16*16*3 + 21*18*3 = 4923 bytes: 5000 holds the pixels, but not the header too
    output = tmp_path / "targets"
    spec = PrepareSpec(dataset="folder", root=str(root)).canonical()
    monkeypatch.setattr(sys, "argv", ["prepare", "--code", "code", "--output", str(output)])
    monkeypatch.setattr(sys, "stdin", io.StringIO(spec))
    with files_limited_to(size), pytest.raises(SystemExit) as left:
        command.run(prepare.main)
    assert left.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: {output / 'target.npy'}: File too large; make room there and rerun"
    assert names(output) == []


def test_a_full_disk_while_degrading_names_the_file(root: Path, tmp_path: Path, files_limited_to: Limit) -> None:
    prepared(root, tmp_path / "targets")
    with files_limited_to(500), pytest.raises(UserError) as caught:
        degraded(root, tmp_path / "targets", tmp_path / "low")
    assert str(caught.value) == f"{tmp_path / 'low' / 'low_quality.npy'}: File too large; make room there and rerun"
    assert names(tmp_path / "low") == []


def test_a_small_file_system_that_fills_up_is_named(tmp_path: Path) -> None:
    """64 KiB of memory as a disk, for pictures of 192 KiB."""
    disk, root = tmp_path / "disk", tmp_path / "pictures"
    disk.mkdir()
    for split in ("train", "test"):
        write_png(root / split / "target" / "p.png", np.zeros((256, 128, 3), np.uint8))
    mount = f"mount -t tmpfs -o size=64k tmpfs {disk}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False).returncode:
        pytest.skip("this user may not mount a file system")
    spec = PrepareSpec(dataset="folder", root=str(root)).canonical()
    command = [sys.executable, "-m", "pipeline.prepare", "--code", "code", "--output", str(disk / "out")]
    script = f'{mount} && "$@"; code=$?; ls {disk}/out -A --ignore=run.lock; exit $code'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *command],
        input=spec,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {disk}/out/target.npy: No space left on device; make room there and rerun\n"
    # the listing of the folder is all that is printed
    assert done.stdout == ""
