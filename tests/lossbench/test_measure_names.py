"""The verb measure on files of any name: no score is lost in printing, and frames follow their numbers."""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lossbench import __main__ as command_line
from lossbench import measure, metrics
from lossbench.formats.partners import listed_by_number
from lossbench.metrics import CreatedMetric

NAMES = [
    *(
        "NA",
        "None",
        "1e5",
        "007",
        "7",
        "x~01",
        "icon@2x",
        "a,b",
        'q"q',
        "p|p",
        " x ",
        "new\nline",
        "<b>&amp;",
        "A",
        "a",
    ),
    *("caf\u00e9", "cafe\u0301", "😀", os.fsdecode(b"caf\xe9"), "y" * 251),
]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Give predictions and targets of the pictures `NAMES`, each a level apart from its target."""
    for folder, level in (("predictions", 101), ("targets", 100)):
        (tmp_path / folder).mkdir()
        for name in NAMES:
            Image.fromarray(np.full((4, 4, 3), level, np.uint8)).save(tmp_path / folder / f"{name}.png")
    return tmp_path / "predictions", tmp_path / "targets"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
@pytest.mark.parametrize("as_json", [False, True])
def test_every_score_is_printed_whatever_its_picture_is_called_and_the_terminal_can_show(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, encoding: str, as_json: bool
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, write_through=True))
    options = ["--json"] if as_json else []
    monkeypatch.setattr(sys, "argv", ["lossbench", "measure", *map(str, folders), "--metric", "psnr", *options])
    command_line.main()
    text = printed.getvalue().decode(encoding)
    assert r"caf\xe9" in (json.loads(text)["pictures"] if as_json else text)
    if as_json:
        assert len(json.loads(text)["pictures"]) == len(NAMES)
    else:
        # two lines of heading, and the mean
        assert len(text.splitlines()) == len(NAMES) + 3
        assert text.splitlines()[-1].startswith(f"mean of {len(NAMES)}")


def test_frames_of_a_clip_follow_their_numbers(tmp_path: Path) -> None:
    for name, bias in (("prediction", 3), ("target", 0)):
        (tmp_path / name).mkdir()
        for number in range(1, 13):
            level = 10 * number + bias * (number % 3)
            Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(tmp_path / name / f"{number}.png")
    request = {"mabd": CreatedMetric("mabd", metrics.protocol_of("mabd", metrics.Protocol("rgb", 0, True)), None)}
    folders = (tmp_path / "prediction", tmp_path / "target")
    found = measure.measured(*folders, request, clip=True).whole
    for folder in folders:
        for number in range(1, 13):
            (folder / f"{number}.png").rename(folder / f"padded {number:03d}.png")
    assert found == measure.measured(*folders, request, clip=True).whole
    listed = [path.stem for path in listed_by_number(tmp_path / "target")]
    assert listed == [f"padded {number:03d}" for number in range(1, 13)]


def test_a_partner_in_another_unicode_form_is_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, name in (("predictions", "caf\u00e9"), ("targets", "cafe\u0301")):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / folder / f"{name}.png")
    arguments = [str(tmp_path / "predictions"), str(tmp_path / "targets"), "--metric", "psnr"]
    monkeypatch.setattr(sys, "argv", ["lossbench", "measure", *arguments])
    with pytest.raises(SystemExit):
        command_line.main()
    assert "differs in case or Unicode form (NFC, NFD) alone" in capsys.readouterr().err
