"""Files that appear whole, readable for whom the umask says, and places checked before the work."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _closed import closed

from lossbench import files, images, loss_networks, networks, storage
from lossbench.errors import UserError


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def write_network(path: Path) -> None:
    arguments = {"scale": 2, "channels": 4, "blocks": 1}
    storage.save(path, networks.build("edsr", **arguments), {"name": "edsr", "arguments": arguments})


WRITERS: dict[str, Any] = {
    "model.safetensors": write_network,
    "network.safetensors": lambda path: loss_networks.save(loss_networks.build("vgg16"), path, {}),
    "card.json": lambda path: files.write_text(path, "{}"),
    "rows.csv": lambda path: files.write_rows(path, ["a"], [{"a": 1}]),
    "picture.png": lambda path: images.write_png(path, np.zeros((8, 8, 3), np.uint8)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_who_may_read_a_file_is_what_the_umask_says(
    name: str, umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lossbench.loss_networks import vgg16

    monkeypatch.setattr(vgg16, "WIDTHS", ((4, 4),))
    path = tmp_path / name
    for _ in range(2):
        WRITERS[name](path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
        assert [file.name for file in tmp_path.iterdir()] == [name]
        # a file that was there keeps none of its own
        path.chmod(0o600)


def test_a_block_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.written_atomically(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_named_before_the_work(tmp_path: Path) -> None:
    files.check_writable(tmp_path / "new" / "deeper", "--output")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=f"--output: {tmp_path / 'file'} is a file; give a folder"):
            files.check_writable(folder, "--output")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a broken link; give a folder"):
        files.check_writable(tmp_path / "link", "--output")
    with closed(tmp_path), pytest.raises(UserError, match=r"--output: .* can't be written to \(.* is closed to you\)"):
        files.check_writable(tmp_path / "new", "--output")


def test_a_folder_that_is_absent_is_told_from_one_that_is_closed(tmp_path: Path) -> None:
    files.check_readable_folder(tmp_path, "--weights")
    with pytest.raises(UserError, match=r"--weights: .*none is missing; give a folder"):
        files.check_readable_folder(tmp_path / "none", "--weights")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--weights: .*file is no folder"):
        files.check_readable_folder(tmp_path / "file", "--weights")
    (tmp_path / "closed").mkdir()
    with closed(tmp_path / "closed"), pytest.raises(UserError, match="--weights: "):
        files.check_readable_folder(tmp_path / "closed", "--weights")


def test_a_path_is_text_or_a_path_and_its_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert files.given_path("~/vgg.safetensors", "weights") == Path("/somewhere/vgg.safetensors")
    assert files.given_path(Path("a") / "b", "weights") == Path("a/b")
    for value in (None, 3, "", b"a", torch.zeros(1)):
        with pytest.raises(UserError, match=r"weights: .* is no path"):
            files.given_path(value, "weights")
