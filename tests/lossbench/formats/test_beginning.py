"""Files given as pictures that are none, or that this user may not read: one line, and no waiting."""

import os
from pathlib import Path

import numpy as np
import pytest
from _closed import closed

from lossbench.errors import UserError
from lossbench.images import read_image, read_picture, read_tiff, write_png

READERS = (read_image, read_picture, read_tiff)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_closed_picture_is_not_called_damaged(name: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / name
    write_png(path, np.zeros((4, 4, 3), np.uint8))
    for place in (path, path.parent):
        for read in READERS:
            with closed(place), pytest.raises(UserError, match=rf"{path} is there but closed to you.*; ask its owner"):
                read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "a pointer of Git LFS"),
        (b"no picture", r"damaged, or of no kind that is known\); replace"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(content: bytes, message: str, tmp_path: Path) -> None:
    for name in ("a.png", "a.tif"):
        (tmp_path / name).write_bytes(content)
        for read in (read_image, read_picture):
            with pytest.raises(UserError, match=rf"{name} is not a readable picture \(.*{message}"):
                read(tmp_path / name)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for read in READERS:
        with pytest.raises(UserError, match=r"a\.png is not .*readable.* \(it is a pipe or device, no regular file\)"):
            read(tmp_path / "a.png")


def test_paths_that_lead_nowhere_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to("gone.png")
    (tmp_path / "self.png").symlink_to("self.png")
    for name, message in (
        ("gone.png", "is missing"),
        ("link.png", "is a broken link"),
        ("self.png", "can't be read"),
        ("a\0.png", "is no path"),
    ):
        with pytest.raises(UserError, match=message):
            read_image(tmp_path / name)
