"""The pictures of a report: which are chosen, which part is shown, and how large they are."""

import base64
import dataclasses
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _report_inputs import results
from PIL import Image

from pipeline.pages import pictures
from pipeline.pages.galleries import galleries
from pipeline.pages.inputs import Gaps, read_table
from pipeline.pages.pictures import Pixels, compared


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    """Return a picture that compresses badly."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def opened(uri: str) -> Image.Image:
    """Decode a data URI."""
    head, content = uri.split(",", 1)
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def series(*values: float) -> pd.Series:
    """Return one value for each of the pictures a, b, c."""
    return pd.Series(values, index=list("abc"))


@pytest.mark.parametrize(("better", "best", "worst"), [("up", "a", "c"), ("down", "c", "a")])
def test_the_pictures_with_the_largest_gain_and_loss_are_chosen(better: str, best: str, worst: str) -> None:
    # means of the differences to `original`: a +2, b 0, c -3
    scores = {"original": series(30, 30, 30), "vgg": series(33, 31, 28), "ctmae": series(31, 29, 26)}
    chosen = pictures.chosen(scores, "original", ["a", "b", "c"], better)
    assert [name for name, _ in chosen] == [best, worst]
    assert pictures.chosen(scores, "original", ["b"], better) == [("b", "the only picture")]


def test_without_scores_the_first_picture_is_chosen_and_without_pictures_none() -> None:
    assert pictures.chosen({}, "original", ["a", "b"], "up") == [("a", "the first picture")]
    assert pictures.chosen({"original": series(1, 2, 3)}, "original", [], "up") == []


def test_the_window_lies_where_the_versions_differ() -> None:
    first = np.zeros((64, 96, 3), dtype=np.uint8)
    second = first.copy()
    second[40:48, 72:80] = 255
    top, left, height, width = pictures.window([first, second], 16)
    assert (height, width) == (16, 16)
    assert top <= 40 and top + 16 >= 48 and left <= 72 and left + 16 >= 80
    assert pictures.window([first, second], 500) == (0, 0, 64, 96)


def test_all_versions_share_one_crop_and_stay_within_their_room() -> None:
    versions = {"original": noise(400, 300), "vgg": noise(400, 300, 1), "ground truth": noise(400, 300, 2)}
    small = compared("a", "role", versions, {"vgg": "PSNR 30"}, 60_000, ["original", "vgg"])
    large = compared("a", "role", versions, {}, 10_000_000, ["original", "vgg"])
    assert sum(len(version.source) for version in small.versions) <= 60_000
    assert {(version.width, version.height) for version in large.versions} == {(256, 256)}
    assert [version.label for version in small.versions] == list(versions)
    assert [version.caption for version in small.versions] == ["", "PSNR 30", ""]
    assert opened(large.versions[0].source).size == (256, 256)
    assert opened(small.overview).size == (120, 160)
    assert all(0 <= value <= 100 for value in small.window)


def test_a_picture_smaller_than_the_crop_is_shown_whole() -> None:
    found = compared("a", "role", {"original": noise(40, 72), "vgg": noise(40, 72, 1)}, {}, 10**6, ["original", "vgg"])
    assert (found.versions[0].width, found.versions[0].height) == (72, 40)
    assert found.overview == "" and found.window == (0, 0, 100, 100)


def test_versions_of_different_sizes_are_an_error_with_their_sizes() -> None:
    with pytest.raises(ValueError, match=r"a: versions differ in size.*40, 72"):
        compared("a", "role", {"original": noise(40, 72), "vgg": noise(40, 70)}, {}, 10**6, ["original", "vgg"])


def test_encoding_keeps_a_difference_of_a_few_levels_visible() -> None:
    flat = np.full((64, 64, 3), 120, dtype=np.uint8)
    flat[:, 32:] += 4
    shown = np.asarray(opened(pictures.data_uri(flat, 84)).convert("RGB")).astype(float)
    assert shown[:, 40:].mean() - shown[:, :24].mean() == pytest.approx(4, abs=1)


def test_a_table_of_classifiers_has_no_gallery_and_lacks_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (verdicts,) = results(tmp_path)
    gaps = Gaps()
    table = read_table(verdicts, gaps)
    assert galleries(table, 10**6)
    cells = tuple(cell.model_copy(update={"task": "classification"}) for cell in table.spec.cells)
    classified = dataclasses.replace(table, spec=table.spec.model_copy(update={"cells": cells}))
    assert galleries(classified, 10**6) == [] and not gaps.found
