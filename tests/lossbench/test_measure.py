"""The verb measure: hand-computed scores of files and folders, and one line for everything that does not fit."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from lossbench import measure, storage
from lossbench.metrics import score
from pipeline import __main__ as command_line

STEP = 20 * math.log10(255)
"""PSNR in dB of pictures that differ by one level everywhere."""


def flat(level: int, height: int = 12, width: int = 14) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def save(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Give predictions and targets: `a` differs by one level, `b` by two, the files by their formats."""
    for name, level in (("a", 101), ("b", 102)):
        save(tmp_path / "predictions" / f"{name}.bmp", flat(level))
        save(tmp_path / "targets" / f"{name}.png", flat(100))
    return tmp_path / "predictions", tmp_path / "targets"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: Path | str) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", "measure", *map(str, arguments)])
    command_line.main()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` and gives its JSON."""

    def values(*arguments: Path | str) -> Any:
        run(monkeypatch, *arguments, "--json")
        return json.loads(capsys.readouterr().out)

    return values


@pytest.fixture
def error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` and gives the one line that it fails with."""

    def line(*arguments: Path | str) -> str:
        with pytest.raises(SystemExit) as stopped:
            run(monkeypatch, *arguments)
        assert stopped.value.code == 1
        (text,) = capsys.readouterr().err.splitlines()
        return str(text)

    return line


def test_two_folders_are_matched_by_name_and_averaged(folders: tuple[Path, Path], printed: Any) -> None:
    found = printed(*folders, "--metric", "psnr,ssim")
    assert found["protocol"] == {"psnr": "RGB, crop 0, 8-bit", "ssim": "RGB, crop 0, 8-bit"}
    assert {name: values["psnr"] for name, values in found["pictures"].items()} == {
        "a": pytest.approx(STEP),
        "b": pytest.approx(STEP - 20 * math.log10(2)),
    }
    assert found["mean"]["psnr"] == pytest.approx(STEP - 10 * math.log10(2))
    c = (0.01 * 255) ** 2
    assert found["pictures"]["a"]["ssim"] == pytest.approx((2 * 101 * 100 + c) / (101**2 + 100**2 + c))
    assert "equal" not in found


def test_two_files_may_have_two_names(folders: tuple[Path, Path], printed: Any) -> None:
    found = printed(folders[0] / "a.bmp", folders[1] / "b.png", "--metric", "psnr")
    assert found["pictures"] == {"a": {"psnr": pytest.approx(STEP)}} and found["mean"] == found["pictures"]["a"]


@pytest.mark.parametrize(
    ("options", "protocol", "gain"),
    [
        (["--protocol", "y", "--crop", "2"], "Y (BT.601), crop 2, 8-bit", 255 / 219),
        (["--protocol", "y601"], "Y (BT.601), crop 0, 8-bit", 255 / 219),
        # 101.88 and 102.74 are both rounded up to whole levels
        (["--protocol", "y601_rounded"], "Y (BT.601, rounded), crop 0, 8-bit", 1.0),
        (["--protocol", "gray", "--no-rounding"], "gray, crop 0, not rounded", 1.0),
    ],
)
def test_the_protocol_is_the_one_asked_for(
    options: list[str], protocol: str, gain: float, folders: tuple[Path, Path], printed: Any
) -> None:
    found = printed(folders[0] / "a.bmp", folders[1] / "a.png", "--metric", "psnr", *options)
    assert found["protocol"] == {"psnr": protocol}
    assert found["mean"]["psnr"] == pytest.approx(STEP + 20 * math.log10(gain), abs=1e-4)


def test_a_metric_keeps_its_usual_colour_where_it_is_not_defined_for_the_one_asked_for(
    folders: tuple[Path, Path], printed: Any
) -> None:
    found = printed(*folders, "--metric", "sam,psnr", "--protocol", "y", "--crop", "1")
    assert found["protocol"] == {"sam": "RGB, crop 1, 8-bit", "psnr": "Y (BT.601), crop 1, 8-bit"}
    assert found["mean"]["sam"] == pytest.approx(0, abs=1e-9)


def test_the_table_is_aligned_and_states_the_protocol(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, *folders, "--metric", "psnr,ergas", "--crop", "1")
    head, protocols, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["psnr", "(dB)", "ergas"] and protocols.count("RGB, crop 1, 8-bit") == 2
    assert [line.split()[0] for line in lines] == ["a", "b", "mean"]
    assert lines[0].split()[1:] == ["48.1308", "0.25"] and lines[2].split()[3:] == ["45.1205", "0.375"]
    assert len({len(line) for line in (protocols, *lines)}) == 1


def test_equal_pictures_are_infinite_and_counted(
    folders: tuple[Path, Path], printed: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folders[0] / "b.bmp", flat(100))
    found = printed(*folders, "--metric", "psnr,ssim")
    assert found["pictures"]["b"] == {"psnr": "inf", "ssim": 1.0} and found["mean"]["psnr"] == "inf"
    assert found["equal"] == {"psnr": {"pictures": 1, "mean_of_others": pytest.approx(STEP)}}
    run(monkeypatch, *folders, "--metric", "psnr")
    text = capsys.readouterr().out
    assert "psnr: 1 of 2 pictures are equal to their targets; mean of the others 48.1308" in text
    assert [line.split()[-1] for line in text.splitlines()[3:5]] == ["inf", "inf"]


def test_a_metric_without_target_takes_the_prediction_alone(tmp_path: Path, printed: Any, error: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (192, 200, 3)).astype(np.uint8)
    path = save(tmp_path / "one.png", noise)
    found = printed(path, "--metric", "niqe")
    assert found["mean"]["niqe"] == pytest.approx(score("niqe", noise.transpose(2, 0, 1) / 255))
    assert found["protocol"] == {"niqe": "Y (BT.601), crop 0, 8-bit"}
    assert printed(tmp_path, "--metric", "niqe")["pictures"] == found["pictures"]
    assert "psnr compares with a target; give one" in error(path, "--metric", "niqe,psnr")


def test_tiff_files_keep_all_their_bands_and_their_16_bits(tmp_path: Path, printed: Any, error: Any) -> None:
    target = np.full((12, 12, 4), 30000, np.uint16)
    for name, pixels in (("target", target), ("prediction", target + np.uint16(257)), ("three", target[..., :3])):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels, photometric="minisblack", planarconfig="contig")
    paths = (tmp_path / "prediction.tif", tmp_path / "target.tif")
    assert printed(*paths, "--metric", "psnr", "--no-rounding")["mean"]["psnr"] == pytest.approx(STEP)
    assert printed(*paths, "--metric", "ergas", "--no-rounding")["mean"]["ergas"] == pytest.approx(25 * 257 / 30000)
    assert "4 bands, " in error(paths[0], tmp_path / "three.tif", "--metric", "psnr")
    assert "4 bands have no luma 'y601'" in error(*paths, "--metric", "psnr", "--protocol", "y")
    tifffile.imwrite(tmp_path / "target.tif", target.astype(np.float32), photometric="minisblack")
    assert "float32 values; convert the file to 8 or 16 bit" in error(*paths, "--metric", "psnr")


def test_a_file_without_partner_is_named_with_the_nearest(folders: tuple[Path, Path], error: Any) -> None:
    save(folders[0] / "img_01.png", flat(1))
    save(folders[1] / "img-01.png", flat(1))
    line = error(*folders, "--metric", "psnr")
    assert "predictions/img_01.png has no partner in" in line and "the nearest is img-01.png" in line
    (folders[0] / "img_01.png").unlink()
    assert "targets/img-01.png has no partner in" in error(*folders, "--metric", "psnr")


def test_what_can_not_be_compared_is_named(folders: tuple[Path, Path], tmp_path: Path, error: Any) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture", encoding="utf-8")
    assert "empty holds no picture" in error(tmp_path / "empty", folders[1], "--metric", "psnr")
    assert "nowhere is missing" in error(tmp_path / "nowhere", folders[1], "--metric", "psnr")
    assert "give two files or two folders" in error(folders[0], folders[1] / "a.png", "--metric", "psnr")
    save(folders[0] / "a.png", flat(1))
    assert "a.bmp and" in error(*folders, "--metric", "psnr")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"no picture"), "b.bmp is not a readable picture"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "b.bmp is not a readable picture"),
        (lambda path: save(path, flat(7, height=11)), "b.bmp: 11x14 pixels, "),
        (lambda path: Image.new("LAB", (14, 12)).save(path.with_suffix(".tif")), "are no levels of light"),
    ],
)
def test_a_picture_that_does_not_fit_is_named(
    damage: Any, message: str, folders: tuple[Path, Path], error: Any
) -> None:
    damage(folders[0] / "b.bmp")
    if (folders[0] / "b.tif").exists():
        (folders[0] / "b.bmp").unlink()
    line = error(*folders, "--metric", "psnr")
    assert message in line and "/b." in line


def test_a_metric_that_refuses_a_picture_names_it(folders: tuple[Path, Path], error: Any) -> None:
    line = error(*folders, "--metric", "psnr,ssim", "--crop", "1")
    assert "ssim of " in line and "a.bmp: " in line and "smaller than the 11x11 window" in line


def test_a_clip_is_a_folder_of_frames_only_when_it_is_said(
    folders: tuple[Path, Path], printed: Any, error: Any
) -> None:
    found = printed(*folders, "--metric", "psnr_video,psnr", "--clip")
    assert found["mean"]["psnr_video"] == found["mean"]["psnr"] == pytest.approx(STEP - 10 * math.log10(2))
    assert set(found["pictures"]["a"]) == {"psnr"}
    assert "add --clip" in error(*folders, "--metric", "psnr_video")
    files = (folders[0] / "a.bmp", folders[1] / "a.png")
    assert "psnr_video is of a clip; give folders" in error(*files, "--metric", "psnr_video", "--clip")
    for folder in folders:
        save(next(folder.glob("b.*")), flat(3, width=20))
    assert "several sizes" in error(*folders, "--metric", "psnr_video", "--clip")


def test_a_metric_of_sets_compares_the_folders(
    folders: tuple[Path, Path], printed: Any, error: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def scored(name: str, predictions: Any, targets: Any, **settings: Any) -> float:
        assert name == "fid" and settings["weights"] == tmp_path / "w"
        return float(sum(image.mean() for image in predictions) - sum(image.mean() for image in targets))

    monkeypatch.setattr("lossbench.metrics.score_set", scored)
    storage.save(tmp_path / "w", torch.nn.Linear(1, 1), {"name": "inception"}, "loss_network")
    (folders[1] / "a.png").rename(folders[1] / "another.png")
    found = printed(*folders, "--metric", "fid", "--weights", f"fid={tmp_path / 'w'}")
    assert found["mean"] == {"fid": pytest.approx(3 / 255)} and found["pictures"] == {}
    files = (folders[0] / "a.bmp", folders[1] / "b.png")
    assert "fid is of a set; give folders" in error(*files, "--metric", "fid")
    monkeypatch.undo()
    assert "fid needs weights" in error(*folders, "--metric", "fid")


def test_bad_options_give_one_line(folders: tuple[Path, Path], error: Any) -> None:
    assert "did you mean 'psnr'?" in error(*folders, "--metric", "psnr,psrn")
    assert "unknown colour 'yy'" in error(*folders, "--metric", "psnr", "--protocol", "yy")
    assert "crop -1 is negative" in error(*folders, "--metric", "psnr", "--crop", "-1")
    assert "names none" in error(*folders, "--metric", ",")
    assert "give METRIC=FILE" in error(*folders, "--metric", "psnr", "--weights", "ssim=file")
    assert "psnr needs no loss network" in error(*folders, "--metric", "psnr", "--weights", "psnr=file")


def test_a_metric_of_labelled_pictures_is_refused_since_files_tell_no_class(
    folders: tuple[Path, Path], error: Any
) -> None:
    for name in ("classification_error", "efficientnet_error"):
        line = error(*folders, "--metric", f"psnr,{name}", "--weights", f"{name}=file")
        assert line == f"error: {name} needs the class of each picture, which files do not tell; leave it out"


def test_progress_is_said_after_five_seconds_only(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 2.0, 6.0, 7.0, 12.0])
    done = measure._progress(4, clock=lambda: next(times))
    for number in range(1, 5):
        done(number)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["measure  2/4 pictures  ETA 0:00:06"] and captured.out == ""
