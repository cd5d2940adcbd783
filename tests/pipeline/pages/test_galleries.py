"""Galleries of the report: which pictures are compared, and in which versions."""

import re
from pathlib import Path

import _report_inputs
import pytest
from _pages import made
from _report_inputs import results

from lossbench.images import write_png
from lossbench.names import fitting


def test_each_comparison_holds_all_versions_of_the_picture_that_gains_and_that_loses_most(page: str) -> None:
    shown = re.findall(r'aria-label="edsr, x2, picture (\w+)"', page)
    assert shown == ["bird", "boat"] * 2
    first = page.split('class="comparison"')[1]
    labels = re.findall(r'figure data-label="([^"]*)"', first)
    assert labels == ["bicubic", "original", "vgg", "ctmae", "random_tmae", "ground truth"]
    assert 'data-left="original" data-right="ctmae"' in first
    assert "PSNR 30.80 (−1.00)" not in first and "PSNR 29.80 (−0.60)" in first
    assert page.count("data:image/webp") == 2 * 2 * 6 + 1


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
