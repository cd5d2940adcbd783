"""Folders that hold sub-folders alone: pictures and clips are matched by their paths below them."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _restored import save

from lossbench import __main__ as command_line
from lossbench.errors import UserError, gathered
from lossbench.formats.partners import named, nested, partners


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give predictions and targets in sub-folders, of which two hold pictures of one name."""
    monkeypatch.chdir(tmp_path)
    for place, (folder, frame) in enumerate([("set10", "a"), ("set10", "b"), ("set2", "a"), ("deep/set", "c")]):
        save(tmp_path / "target" / folder / f"{frame}.png", np.full((12, 12, 3), 100.0))
        save(tmp_path / "ours" / folder / f"{frame}.png", np.full((12, 12, 3), 101.0 + place))
    return tmp_path


@pytest.fixture
def measured(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def values(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["lossbench", "measure", "ours", "target", "--json", *arguments])
        command_line.main()
        return json.loads(capsys.readouterr().out)

    return values


def test_pictures_go_by_their_paths_in_natural_order(measured: Any) -> None:
    pictures = measured("--metric", "psnr")["pictures"]
    assert list(pictures) == ["deep/set/c", "set2/a", "set10/a", "set10/b"]
    assert pictures["set2/a"]["psnr"] != pictures["set10/a"]["psnr"]


def test_each_sub_folder_is_a_clip_where_it_is_said(measured: Any) -> None:
    found = measured("--metric", "psnr_video,psnr", "--clip")
    assert list(found["clips"]) == ["deep/set", "set2", "set10"]
    assert found["clips"]["set2"]["psnr_video"] == pytest.approx(found["pictures"]["set2/a"]["psnr"])
    assert found["mean"]["psnr_video"] == pytest.approx(
        np.mean([clip["psnr_video"] for clip in found["clips"].values()])
    )


def test_what_has_no_partner_below_is_named(here: Path) -> None:
    (here / "ours" / "set2" / "a.png").rename(here / "ours" / "set2" / "aa.png")
    with pytest.raises(UserError, match=r"ours/set2/aa\.png has no partner in target; the nearest is a\.png"):
        partners(Path("ours"), Path("target"))
    (here / "ours" / "set2" / "aa.bmp").touch()
    with pytest.raises(UserError, match=r"aa\.bmp and ours/set2/aa\.png have one name"):
        partners(Path("ours"), Path("target"))


def test_a_folder_that_holds_pictures_itself_is_not_one_of_folders(here: Path) -> None:
    assert nested(Path("ours"), Path("target"))
    save(here / "ours" / "top.png", np.zeros((12, 12, 3)))
    assert not nested(Path("ours"), Path("target"))
    with gathered() as notices, pytest.raises(UserError, match=r"target holds no picture .* but the sub-folders"):
        partners(Path("ours"), Path("target"))
    assert "passed over" in str(notices[0])


def test_links_that_lead_back_end_and_hidden_folders_do_not_count(here: Path) -> None:
    (here / "ours" / "set2" / "back").symlink_to(here / "ours")
    save(here / "ours" / ".cache" / "x.png", np.zeros((12, 12, 3)))
    (here / "ours" / "set2" / "notes.txt").touch()
    with gathered() as notices:
        assert list(named(Path("ours"), below=True)) == ["deep/set/c", "set2/a", "set10/a", "set10/b"]
    assert [str(notice) for notice in notices] == ["ours/set2: the file notes.txt passed over"]
    (here / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(UserError, match=r"empty holds no picture .*, nor do its sub-folders"):
        named(Path("empty"), below=True)
