"""What `measure` says of how it compared, and what it refuses before it reads a picture."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lossbench import __main__ as command_line
from lossbench import create_metric, storage
from lossbench.errors import UserError
from lossbench.metrics import Protocol


def save(path: Path, *shape: int, high: int = 256) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = np.uint8 if high <= 256 else np.uint16
    Image.fromarray(np.random.default_rng(len(path.name)).integers(0, high, shape, dtype=dtype)).save(path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: Path | str) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", "measure", *map(str, arguments)])
    command_line.main()


@pytest.fixture
def error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` and gives the last line that it fails with."""

    def line(*arguments: Path | str) -> str:
        with pytest.raises(SystemExit) as stopped:
            run(monkeypatch, *arguments)
        assert stopped.value.code == 1
        return capsys.readouterr().err.splitlines()[-1]

    return line


@pytest.mark.parametrize("folder", ["ours", "theirs"])
def test_a_frame_of_other_bands_is_named(folder: str, tmp_path: Path, error: Any) -> None:
    for name in ("ours", "theirs"):
        for number in range(4):
            save(tmp_path / name / f"{number}.png", 16, 16, 3)
    odd = save(tmp_path / folder / "2.png", 16, 16)
    line = error(tmp_path / "ours", tmp_path / "theirs", "--metric", "psnr_video", "--clip")
    assert f"error: {odd}: 1x16x16, most frames of its clip are 3x16x16" in line and "several sizes or bands" in line


def test_what_is_not_rounded_anyway_is_not_said_to_differ(tmp_path: Path, measured: Any) -> None:
    for folder in ("ours", "theirs"):
        save(tmp_path / folder / "a.png", 16, 16, high=65536)
        save(tmp_path / folder / "b.png", 16, 16)
    folders = tmp_path / "ours", tmp_path / "theirs"
    assert len(measured(*folders, "--metric", "psnr")[1]) == 1
    found, said = measured(*folders, "--metric", "psnr", "--no-rounding")
    assert said == [] and found["protocol"]["psnr"] == "RGB, crop 0, not rounded"
    # a clip is rounded whole or not at all
    found, said = measured(*folders, "--metric", "psnr_video", "--clip")
    assert said == [] and found["protocol"]["psnr_video"] == "RGB, crop 0, not rounded"


def test_the_printed_colour_is_the_one_that_was_compared(tmp_path: Path, measured: Any) -> None:
    for name in ("a", "b"):
        save(tmp_path / "ours" / f"{name}.png", 16, 16, 3)
        save(tmp_path / "theirs" / f"{name}.png", 16, 16)
    folders = tmp_path / "ours", tmp_path / "theirs"
    for colour, words in (("y601", "gray"), ("y601_rounded", "gray"), ("gray", "gray"), ("rgb", "RGB")):
        found, _ = measured(*folders, "--metric", "psnr", "--protocol", colour)
        assert found["protocol"]["psnr"] == f"{words}, crop 0, 8-bit"
    save(tmp_path / "theirs" / "b.png", 16, 16, 3)
    found, _ = measured(*folders, "--metric", "psnr", "--protocol", "y601")
    assert found["protocol"]["psnr"] == "Y (BT.601), crop 0, 8-bit, 1 of 2 in gray"


def test_weights_are_looked_at_before_any_picture(tmp_path: Path, error: Any) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    other = tmp_path / "vgg.safetensors"
    storage.save(other, torch.nn.Linear(1, 1), {"name": "vgg16"}, "loss_network")
    missing = tmp_path / "none"
    for metric, file, message in (
        ("lpips", missing, f"{missing} is missing"),
        ("psnr", other, f"psnr needs no loss network; leave {other} out"),
        ("lpips", other, f"{other} holds the loss network 'vgg16'; give the file of a 'lpips'"),
    ):
        line = error(tmp_path / "a.png", tmp_path / "a.png", "--metric", "psnr,lpips", "--weights", f"{metric}={file}")
        assert line.startswith(f"error: --weights {metric}={file}: {message}")
    assert "lpips needs weights" in error(tmp_path / "a.png", tmp_path / "a.png", "--metric", "lpips")


def test_weights_of_another_kind_are_refused_when_the_metric_is_made(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    storage.save(path, torch.nn.Linear(1, 1), {"name": "vgg16"}, "loss_network")
    for name in ("lpips", "fid", "r_lpips"):
        with pytest.raises(UserError, match="holds the loss network 'vgg16'; give the file of a"):
            create_metric(name, weights=path)
    with pytest.raises(UserError, match="give the file of a classifier"):
        create_metric("classification_error", weights=path)
    storage.save(path, torch.nn.Linear(1, 1), {"name": "dncnn"})
    with pytest.raises(UserError, match="restoration network 'dncnn'; give the file of a loss network"):
        create_metric("lpips", weights=path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3,), "3 is no colour"),
        ((["rgb"],), r"\['rgb'\] is no colour"),
        (("Y",), "unknown colour 'Y'; did you mean 'y'"),
        (("rgb", "4"), "crop '4' is no whole number; give the pixels"),
        (("rgb", None), "crop None is no whole number"),
        (("rgb", 1.5), "crop 1.5 is no whole number"),
        (("rgb", True), "crop True is no whole number"),
        (("rgb", 0, "no"), "rounding 'no' is neither True nor False"),
    ],
)
def test_a_protocol_of_a_wrong_type_is_refused_when_it_is_made(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Protocol(*arguments)
    if len(arguments) == 1:
        with pytest.raises(UserError, match=message):
            create_metric("psnr", protocol=arguments[0])


def test_numbers_of_numpy_are_taken_for_their_own(tmp_path: Path) -> None:
    assert Protocol("rgb", np.int64(4), np.bool_(False)) == Protocol("rgb", 4, False)  # type: ignore[arg-type]


def test_a_masked_array_is_refused() -> None:
    picture = np.ma.masked_less(np.random.default_rng(0).random((3, 16, 16)), 0.5)
    with pytest.raises(UserError, match=r"a masked array has no numbers where it is masked; fill it"):
        create_metric("psnr")(picture, picture)
