"""A file given as weights that is none: what it is, in one line, and what its user can do about it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from _closed import closed

import lossbench
from lossbench import loss_networks
from lossbench.errors import UserError
from pipeline.outputs.remedies import files_of_stages

STAGE_WORDS = ("delete it", "rerun", "run the stage")
OPENED: dict[str, Callable[[Path], object]] = {
    "loss": lambda path: lossbench.create_loss("vgg", weights=path),
    "network": lossbench.load_network,
    "metric": lambda path: lossbench.create_metric("lpips", weights=path)(torch.rand(3, 32, 32), torch.rand(3, 32, 32)),
}
FOREIGN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "page": (b"\n <!DOCTYPE html><html><body>404</body></html>", "it is a web page"),
    "page of errors": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "it is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "a pointer of Git LFS"),
    "archive": (b"\x1f\x8b\x08\x00", "it is compressed by gzip"),
    "pickle": (b"\x80\x02}q\x00.", "it is a checkpoint of PyTorch or another pickle"),
    "text": (b"just a note, longer than a header", "not a whole safetensors file"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.safetensors"


def refusal(kind: str, path: Path) -> str:
    """Return the one line that a user of the library reads; it knows of no stage."""
    with pytest.raises(UserError) as refused:
        OPENED[kind](path)
    text = str(refused.value)
    assert str(path) in text and "\n" not in text
    assert not any(words in text for words in STAGE_WORDS)
    return text


@pytest.mark.parametrize("kind", OPENED)
def test_a_file_of_another_sort_is_named_for_what_it_is(kind: str, path: Path) -> None:
    for content, message in FOREIGN.values():
        path.write_bytes(content)
        assert message in refusal(kind, path)
    torch.save({"weight": torch.zeros(2)}, path)
    text = refusal(kind, path)
    assert "it is a checkpoint of PyTorch" in text and "docs/use-a-loss.md says" in text


@pytest.mark.parametrize("kind", OPENED)
def test_what_is_absent_is_told_from_what_is_closed_and_from_a_folder(kind: str, path: Path) -> None:
    assert f"{path} is missing; check the path" in refusal(kind, path)
    path.symlink_to(path.with_name("nowhere"))
    assert "is a broken link" in refusal(kind, path)
    path.unlink()
    path.write_bytes(b"abc")
    assert "is missing, a part of this path is a file" in refusal(kind, path / "below")
    with closed(path):
        text = refusal(kind, path)
    assert "closed to you" in text and "ask its owner" in text and "missing" not in text
    path.unlink()
    path.mkdir()
    assert "is a folder); give a file, such as network.safetensors" in refusal(kind, path)
    (path / "vgg.safetensors").touch()
    assert "give a file in it: vgg.safetensors" in refusal(kind, path)


@pytest.mark.parametrize("kind", OPENED)
def test_a_file_cut_short_says_how_much_of_it_is_there(kind: str, path: Path, loss_network: Path) -> None:
    whole = loss_network.read_bytes()
    for size in (5, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert "it is cut short: " in refusal(kind, path)
    assert f"{len(whole) - 1} of {len(whole)} bytes" in refusal(kind, path)


def test_a_stage_is_told_how_to_make_its_file_again(path: Path) -> None:
    with pytest.raises(UserError, match=f"{path} is missing; run the stage that makes it"), files_of_stages():
        loss_networks.load(path)
    path.write_bytes(b"abc")
    with pytest.raises(UserError, match=r"is not a whole .*; delete it and rerun"), files_of_stages():
        loss_networks.load(path)
    with closed(path), pytest.raises(UserError, match="ask its owner"), files_of_stages():
        loss_networks.load(path)
    with pytest.raises(UserError, match="as it is"), files_of_stages():
        raise UserError("as it is")
