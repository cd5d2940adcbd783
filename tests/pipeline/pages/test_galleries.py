"""Galleries of the report: which pictures are compared, in which versions, and clips."""

import re
from pathlib import Path

import _report_inputs
import numpy as np
import pytest
from _pages import made
from _report_inputs import results

from lossbench.images import write_png
from lossbench.names import fitting
from pipeline.pages.pictures import frames, kept_clips


def test_each_comparison_holds_all_versions_of_the_picture_that_gains_and_that_loses_most(page: str) -> None:
    shown = re.findall(r'aria-label="edsr, x2, picture (\w+)"', page)
    assert shown == ["bird", "boat"] * 2
    first = page.split('class="comparison"')[1]
    labels = re.findall(r'figure data-label="([^"]*)"', first)
    assert labels == ["bicubic", "original", "vgg", "ctmae", "random_tmae", "ground truth"]
    assert 'data-left="original" data-right="ctmae"' in first
    assert "PSNR 30.80 (−1.00)" not in first and "PSNR 29.80 (−0.60)" in first
    assert page.count("data:image/webp") == 2 * 2 * 6 + 1


def test_clips_are_shown_as_a_strip_and_as_an_animation(tmp_path: Path) -> None:
    (verdict,) = results(tmp_path)
    folder = verdict.parents[2] / "evaluate/super_resolution_x2/photographs/edsr/vgg/0/photographs_pictures/walk"
    for number in range(3):
        write_png(folder / f"{number:03d}.png", np.full((24, 32, 3), 80 * number, dtype=np.uint8))
    page = made([verdict])
    assert 'alt="Frames of walk, vgg"' in page and 'alt="Clip walk, vgg"' in page


def test_frames_and_clips_follow_their_numbers(tmp_path: Path) -> None:
    for clip in ("take 10", "take 2"):
        for number in (1, 10, 11, 2, 3):
            write_png(tmp_path / clip / f"{number}.png", np.full((8, 8, 3), number, dtype=np.uint8))
    assert kept_clips(tmp_path) == ["take 2", "take 10"]
    assert [int(frame[0, 0, 0]) for frame in frames(tmp_path / "take 2")] == [1, 2, 3, 10, 11]


def test_pictures_of_any_name_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_report_inputs, "NAMES", ("NA", "y" * 252, "<b>@2"))
    # the longest name does not fit a file and is shortened
    monkeypatch.setattr(_report_inputs, "write_png", lambda path, pixels: write_png(short(path), pixels))
    page = made(results(tmp_path))
    shown = set(re.findall(r'aria-label="edsr, x2, picture ([^"]+)"', page))
    assert len(shown) == 2 and shown <= {"NA", "y" * 252, "&lt;b&gt;@2"}
    assert "can&#39;t be read" not in page and "no picture kept" not in page
    assert page.count('data-label="ground truth"') >= 2


def short(path: Path) -> Path:
    return path.with_name(fitting(path.name.removesuffix(".png"), ".png"))
