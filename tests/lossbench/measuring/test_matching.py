"""Restored pictures may have a suffix behind the names of their targets, for measure as for compare."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lossbench import __main__ as command_line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with `ours` of two pictures, `_x4` behind the names of their targets in `target`."""
    monkeypatch.chdir(tmp_path)
    for folder, suffix, level in (("ours", "_x4", 101), ("target", "", 100)):
        Path(folder).mkdir()
        for number, name in enumerate(("baby", "bird")):
            Image.fromarray(np.full((8, 8, 3), level + 2 * number * (folder == "ours"), np.uint8)).save(
                f"{folder}/{name}{suffix}.png"
            )
    return tmp_path


@pytest.fixture
def measured(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give what runs measure on both folders and returns its JSON, or what it says is wrong."""

    def values(*arguments: str) -> Any:
        words = ["lossbench", "measure", "ours", "target", "--metric", "psnr", "--json", *arguments]
        monkeypatch.setattr(sys, "argv", words)
        try:
            command_line.main()
        except SystemExit:
            return capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return values


def test_pictures_go_by_the_names_of_their_targets(measured: Any) -> None:
    pictures = measured("--suffix", "_x4")["pictures"]
    assert {name: round(values["psnr"], 2) for name, values in pictures.items()} == {"baby": 48.13, "bird": 38.59}


def test_a_suffix_that_is_needed_missing_or_not_of_all_is_said(measured: Any, here: Path) -> None:
    without = measured()
    assert "has no partner in target" in without and without.endswith("; or give --suffix _x4\n")
    assert measured("--suffix", "_x2").endswith("; no name there ends in --suffix _x2\n")
    (here / "ours/bird_x4.png").rename(here / "ours/bird.png")
    assert "--suffix _x4: ours/baby_x4.png has it, ours/bird.png does not" in measured("--suffix", "_x4")
    (here / "ours/baby_x4.png").unlink()
    (here / "target/baby.png").unlink()
    assert (
        measured("--suffix", "_x4") == "error: --suffix _x4: no picture in ours is called so at its end; leave it out\n"
    )
