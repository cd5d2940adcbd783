"""A user's pictures of any name, from their folder to the statistics: each has its own target and counts for itself."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from _evaluated import METRICS, TASK, evaluate_into, spec
from _prepared import degraded, noise, prepared
from _tables import small_spec

from lossbench import datasets
from lossbench.errors import UserError
from lossbench.images import read_image, write_png
from lossbench.names import fitting
from pipeline import compare, tabulate
from pipeline.command import run
from pipeline.learning.sampling import Crops
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.outputs.scores import read_scores
from pipeline.specs.evaluate import CompareSpec
from pipeline.specs.tabulate import Cell

NAMES = [
    *("icon", "icon@1", "icon@2x", "123@N00", "IMG~1", "IMG~2", "IMG~3", "x~03", "@", "~", "a-b", "-", "NA", "nan"),
    *("None", "null", "1e5", "True", "007", "7", "a,b", 'q"q', "p|p", " x ", "new\nline", "re\rturn", "<b>&amp;"),
    *("caf\u00e9", "cafe\u0301", "😀", "A", "a", "dot.ted", "%20", "[x]", "*", "y" * 251, "é" * 125 + "x"),
]
VERSIONS = 3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a user's folder whose pictures `NAMES` are flat, each of a level of its own."""
    folder = tmp_path_factory.mktemp("own")
    for split in ("train", "test"):
        for place, name in enumerate(NAMES):
            write_png(folder / split / "target" / f"{name}.png", np.full((16, 16, 3), 60 + 4 * place, np.uint8))
    return folder


def test_every_version_of_a_picture_is_trained_against_its_own_target(root: Path, tmp_path: Path) -> None:
    targets = prepared("folder", root, tmp_path / "targets")
    settings = {"noise": "gaussian", "sigma": [1, 2], "versions": VERSIONS}
    noisy = degraded("folder", root, tmp_path / "targets", tmp_path / "low", "denoising", **settings)
    crops = Crops([(noisy, 1), (targets, 1)], "train", patch=16, batch=1, seed=0, augment=False)
    assert len(crops.items) == VERSIONS * len(NAMES)
    for low, target in crops.items:
        level = 60 + 4 * NAMES.index(target.name)
        assert targets.read(target)[0, 0, 0] == level
        assert abs(float(noisy.read(low).mean()) - level) < 1
    assert len(noisy.split("test")) == len(NAMES)


def test_every_picture_is_scored_shown_and_counted_for_itself(root: Path, tmp_path: Path) -> None:
    prepared("folder", root, tmp_path / "targets")
    degraded("folder", root, tmp_path / "targets", tmp_path / "low", "super_resolution", scale=2)
    cards = tmp_path / "targets/target.json", tmp_path / "low/low_quality.json"
    chosen = spec(metrics=METRICS[:1], keep_pictures=len(NAMES))
    rows = evaluate_into(tmp_path, chosen, *cards)
    assert sorted(row["image"] for row in rows) == sorted(NAMES)
    assert all(row["picture"] == row["image"] for row in rows)
    for place, name in enumerate(NAMES):
        picture = read_image(tmp_path / "toy_pictures" / fitting(name, ".png"))
        assert abs(int(picture[8, 8, 0]) - 60 - 4 * place) <= 1
    assert len(list((tmp_path / "toy_pictures").iterdir())) == len(NAMES)
    names = {"column": "x2", "task": "x2", "dataset": "d", "test_set": "t", "network": "trivial", "card": None}
    cell = Cell.model_validate({**names, "loss": "bicubic", "seed": 0, "scores": str(tmp_path / "toy.csv")})
    assert sorted(read_scores([cell])["image"]) == sorted(NAMES)
    fields = {"network": "edsr", "trivial": "bicubic", "labels": ("bicubic",), "pictures": len(NAMES), "crop": 8}
    sheet = CompareSpec(task=TASK, test_set="toy", split="test", **fields)
    compare.main(sheet, "code", *cards, [tmp_path / "toy.csv"], tmp_path / "crops.png")


def test_names_that_are_no_text_are_refused_before_anything_runs(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_png(tmp_path / split / "target/a.png", noise(16, 16))
    (tmp_path / "test/target/a.png").rename(tmp_path / "test/target" / os.fsdecode(b"caf\xe9.png"))
    (tmp_path / "train/target" / os.fsdecode(b"notes \xe9.txt")).write_text("no picture")
    with pytest.raises(UserError, match=r"test/target/caf\\xe9\.png: this file's name .* UTF-8; rename it"):
        prepared("folder", tmp_path, tmp_path / "targets")
    assert not (tmp_path / "targets").exists()
    assert r"caf\xe9.png" in str(datasets.missing("folder", tmp_path))


def test_a_partner_whose_name_looks_alike_is_pointed_out(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_png(tmp_path / split / "target/caf\u00e9.png", noise(16, 16))
        write_png(tmp_path / split / "low_quality/cafe\u0301.png", noise(16, 16))
    with pytest.raises(UserError, match=r"has no partner .*differs in case or Unicode form \(NFC, NFD\) alone"):
        datasets.load("folder").locate_low_quality(tmp_path, "denoising", 1)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    pixels = noise(8, 8)
    entries = [
        Entry("x~03", "test", pixels, "x.png", "CC0", picture="x"),
        Entry("x~03", "train", pixels, "x~03.png", "CC0"),
        Entry("x~03", "test", pixels, "x~03.png", "CC0"),
    ]
    write_arrays(tmp_path, "target", entries[:2], {"dataset": "toy"})
    assert [item.unit for item in Arrays(tmp_path / "target.json").items] == ["x", "x~03"]
    with pytest.raises(UserError, match=r"x\.png and x~03\.png \(split test\) are both 'x~03'; rename one"):
        write_arrays(tmp_path, "target", entries, {"dataset": "toy"})


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_a_table_is_made_whatever_the_terminal_can_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    table = small_spec(tmp_path)
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, write_through=True))
    monkeypatch.setattr(sys, "stdin", io.StringIO(table.canonical()))
    monkeypatch.setattr(sys, "argv", ["tabulate", "--code", "c", "--output", str(tmp_path / "t.csv")])
    run(tabulate.main)
    assert r"\u2191" in printed.getvalue().decode(encoding) or "↑" in printed.getvalue().decode(encoding)
    assert "psnr↑" in (tmp_path / "t.md").read_text(encoding="utf-8")
