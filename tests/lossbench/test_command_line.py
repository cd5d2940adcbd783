"""The command `lossbench` where something around it is wrong: one line or silence, and no traceback."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _closed import closed
from _repository import ROOT
from conftest import picture
from PIL import Image

from lossbench import __main__ as command_line
from lossbench import datasets, losses
from lossbench.errors import UserError, exit_with_one_line

BROKEN_PIPE = 141


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(picture(120, 120, seed=1)).save(path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", *map(str, arguments)])
    command_line.main()


def one_line_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    return line


def test_an_argument_of_a_loss_of_a_wrong_type_is_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for loss, setting, message in (
        ("random_tmae", "seed=1.5", "seed = 1.5 is not of the right type; give a whole number"),
        ("random_cmae", "architecture={}x", "architecture = '{}x' is not of the right type"),
        ("original", "pixel=3", "pixel: unknown distance 3"),
        ("log_cosh", "a=[1]", "a = [1] is not a positive number"),
        ("vgg", "weights=", "weights: '' is no path"),
    ):
        assert message in one_line_error(monkeypatch, capsys, "probe", loss, file, "--set", setting)


def test_a_folder_that_cannot_be_written_to_is_named_before_the_probe(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lossbench.probe.loss.build", lambda *_: pytest.fail("the work has begun"))
    (tmp_path / "taken").touch()
    line = one_line_error(monkeypatch, capsys, "probe", "original", file, "--output", tmp_path / "taken" / "probe")
    assert line == f"error: --output: {tmp_path / 'taken'} is a file; give a folder"
    (tmp_path / "closed").mkdir()
    with closed(tmp_path / "closed"):
        line = one_line_error(monkeypatch, capsys, "probe", "original", file, "--output", tmp_path / "closed" / "probe")
    assert "--output: " in line and "closed" in line


def test_a_file_of_weights_is_named_with_the_option_as_it_is_typed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probe = "probe", "vgg", file, "--weights", tmp_path / "none"
    assert f"--weights: {tmp_path / 'none'} is missing; check the path" in one_line_error(monkeypatch, capsys, *probe)
    measured = "measure", file, file, "--metric", "lpips", "--weights", f"lpips={tmp_path / 'none'}"
    line = one_line_error(monkeypatch, capsys, *measured)
    assert f"--weights lpips={tmp_path / 'none'}: {tmp_path / 'none'} is missing; check the path" in line


def test_a_folder_of_weights_that_is_asked_for_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = one_line_error(monkeypatch, capsys, "losses", "--weights", tmp_path / "none")
    assert line == f"error: --weights: {tmp_path / 'none'} is missing; give a folder"
    run(monkeypatch, "losses", "--weights", tmp_path)
    assert "weights: vgg19 (none), vgg16 (none)" in capsys.readouterr().out


def test_where_no_folder_is_looked_in_nothing_is_said_of_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "losses")
    words = capsys.readouterr().out
    assert "loss_networks: vgg19, vgg16; auto: " in words and "weights:" not in words
    assert losses.listing()[0]["weights"] == {"cnn_mae": [], "unet_mae": []}


def test_a_size_that_is_not_known_is_called_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "datasets")
    words = capsys.readouterr().out
    assert "bytes: unknown" in words and "bytes: 5301165837" in words
    assert "bytes: 0" not in words and "None" not in words
    sizes = {row["name"]: row["bytes"] for row in datasets.listing()}
    assert sizes["manga109"] is None and sizes["div2k"] == 5_301_165_837


@pytest.mark.parametrize(
    "command", [["-m", "lossbench", "losses"], ["-m", "lossbench", "datasets", "--json"], ["-m", "pipeline", "tables"]]
)
def test_a_reader_that_goes_away_ends_the_command_in_silence(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, "")


def test_a_command_without_standard_output_or_input_ends_well() -> None:
    line = f"{sys.executable} -m lossbench losses >&- <&-"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def failing(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOSPC])
def test_a_place_of_no_use_is_one_line(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        exit_with_one_line(failing(OSError(code, os.strerror(code), "results/file")))
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: results/file: {os.strerror(code)}; check the path")


def test_an_error_that_no_user_can_mend_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (OSError(errno.EIO, "broken"), OSError("no number"), TypeError("a fault of ours")):
        with pytest.raises(type(error)):
            exit_with_one_line(failing(error))
    with pytest.raises(SystemExit) as stopped:
        exit_with_one_line(failing(UserError("one line")))
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: one line\n"


def test_a_home_that_can_not_be_written_is_not_needed(file: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    command = [sys.executable, "-m", "lossbench", "measure", str(file), str(file), "--metric", "psnr,ssim"]
    ran = subprocess.run(command, env={**kept, "HOME": "/proc/nowhere"}, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "inf" in ran.stdout


def test_the_verbs_of_a_clone_are_said_to_be_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.__main__ import OWN

    assert {*command_line.IN_A_CLONE} == OWN.keys() - command_line.VERBS.keys()
    said = one_line_error(monkeypatch, capsys, "try", "ctmae")
    assert said.endswith("run `python -m pipeline try` there")
