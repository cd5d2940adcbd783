"""What lies in a folder, as one text: a change of any file changes it, and looking twice does not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config.manifest import manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of three files in two folders."""
    folder = tmp_path / "data"
    for name in ("train/a.png", "train/b.png", "test/c.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
        os.utime(folder / name, (1000, 1000))
    return folder


def test_it_repeats_and_does_not_depend_on_where_the_folder_is(root: Path) -> None:
    found = manifest(root)
    assert found is not None and len(found) == 16
    assert manifest(root) == found
    assert manifest(root.rename(root.with_name("elsewhere"))) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "train/a.png").write_bytes(b"other bytes!"),
        lambda root: os.utime(root / "train/a.png", ns=(0, 1000 * 10**9 + 1)),
        lambda root: (root / "train/new.png").touch(),
        lambda root: (root / "train/a.png").unlink(),
        lambda root: (root / "train/a.png").rename(root / "train/d.png"),
        lambda root: (root / "train/a.png").rename(root / "test/a.png"),
        lambda root: (root / "train/broken.png").symlink_to(root / "nowhere"),
    ],
    ids=["size", "time", "added", "removed", "renamed", "moved", "broken link"],
)
def test_any_change_of_a_file_changes_it(root: Path, change: Callable[[Path], object]) -> None:
    before = manifest(root)
    change(root)
    assert manifest(root) != before


def test_hidden_files_and_what_systems_leave_behind_do_not_count(root: Path) -> None:
    before = manifest(root)
    for name in (".DS_Store", "train/.a.png.swp", "test/Thumbs.db", "desktop.ini"):
        (root / name).touch()
    (root / ".cache").mkdir()
    (root / ".cache/a.png").touch()
    assert manifest(root) == before


def test_links_are_followed_and_one_that_leads_back_ends(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "train/linked").symlink_to(outside)
    (root / "train/back").symlink_to(root)
    before = manifest(root)
    (outside / "a.png").touch()
    assert manifest(root) != before


@pytest.mark.parametrize(
    ("name", "target"), [("val", "test"), ("aaa", "train"), ("train/more", "test"), ("zzz", "train")]
)
def test_a_second_way_to_a_folder_counts(root: Path, name: str, target: str) -> None:
    before = manifest(root)
    (root / name).symlink_to(root / target)
    assert manifest(root) != before


def test_a_link_that_leads_elsewhere_counts_though_the_files_are_alike(root: Path) -> None:
    for name in ("dark", "light"):
        (root / name).mkdir()
        (root / name / "a.png").touch()
        os.utime(root / name / "a.png", (1000, 1000))
    (root / "low_quality").symlink_to(root / "dark")
    before = manifest(root)
    (root / "low_quality").unlink()
    (root / "low_quality").symlink_to(root / "light")
    assert manifest(root) != before


def test_a_name_that_is_no_text_counts(root: Path) -> None:
    before = manifest(root)
    Path(os.fsdecode(os.fsencode(root) + b"/train/\xff.png")).touch()
    assert manifest(root) != before


def test_no_folder_has_none(tmp_path: Path) -> None:
    assert manifest(tmp_path / "absent") is None
