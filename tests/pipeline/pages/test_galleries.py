"""Galleries of the report: which pictures are compared, in which versions, and clips."""

import re
from pathlib import Path

import numpy as np
from _pages import made
from _report_inputs import results

from lossbench.images import write_png


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
