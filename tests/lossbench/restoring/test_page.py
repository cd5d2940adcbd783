"""docs/restore.md: its commands and its lines of Python run as printed, in the folder that it speaks of."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from _models import EDSR, Verb, levels, save_model
from _repository import ROOT
from _videos import moving, write_frames, write_video
from PIL import Image

from lossbench.exporting.export import REFUSED
from lossbench.images import read_picture

PAGE = (ROOT / "docs/restore.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    save_model(tmp_path / "video_model.safetensors", "fastdvdnet", {"channels": 4, "frame_channels": 6})
    Image.fromarray(levels(24, 32)).save(tmp_path / "photo.jpg")
    (tmp_path / "photos" / "more").mkdir(parents=True)
    Image.fromarray(levels(24, 32)).save(tmp_path / "photos" / "more" / "a.png")
    write_video(tmp_path / "clip.mp4", moving(3, 16, 16), "libx264", "yuv420p")
    write_frames(tmp_path / "clips" / "one", moving(3, 16, 16))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_and_the_lines_run_as_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = "".join(re.findall(r"<!-- run -->\n```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(commands) == 8
    for command in commands:
        program, verb, *arguments = shlex.split(command)
        assert program == "lossbench"
        Verb(verb, monkeypatch, capsys)(*arguments)
    assert sorted(path.name for path in Path("frames/clip").iterdir()) == ["00000.png", "00001.png", "00002.png"]
    assert Path("restored/more/a.png").exists() and Path("restored_clips/one/00002.png").exists()
    [lines] = re.findall(r"<!-- python -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    exec(lines, {})
    np.testing.assert_array_equal(read_picture(Path("by_python.png")).pixels, read_picture(Path("restored.png")).pixels)


def test_what_can_not_be_exported_is_listed() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    listed = {
        name: row.count("ONNX") + row.count("TorchScript") for row in rows for name in re.findall(r"`(\w+)`", row)
    }
    assert listed == {name: len(reasons) for name, reasons in REFUSED.items()}
