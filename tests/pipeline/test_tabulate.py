"""A table: what is averaged over what, what stands beside it, and which files are refused."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from _tables import (
    CONFIG,
    NIQE,
    REASON,
    STAND_IN,
    VGG,
    cell,
    row,
    small_spec,
    write_card,
    write_scores,
    written,
)
from scipy.stats import wilcoxon

from lossbench.errors import UserError
from lossbench.statistics.intervals import interval
from pipeline import tabulate
from pipeline.config import read
from pipeline.planning.plan import Plan
from pipeline.specs.tabulate import TabulateSpec


def test_a_value_is_the_mean_over_seeds_of_the_mean_over_pictures(tmp_path: Path) -> None:
    table = tabulate.long_table(small_spec(tmp_path), "code")
    assert row(table, "original", "psnr")["value"] == 32.0
    assert row(table, "vgg", "psnr")["value"] == 30.5
    assert row(table, "original", "niqe")["value"] == 5.0
    assert row(table, "vgg", "niqe")["value"] == 4.0


def test_a_column_over_two_test_sets_is_the_mean_of_their_means(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    more = []
    # the second set has one picture, of a name that the first one has too
    for given in spec.cells:
        path = tmp_path / "second" / given.network / given.loss / f"{given.seed}.csv"
        value = {"trivial": 20.0}.get(given.network, 22.0 if given.loss == "original" else 25.0)
        write_scores(path, given.seed, {"psnr": {given.seed: (value,)}, "niqe": {given.seed: (7.0,)}})
        more.append(given.model_copy(update={"test_set": "second", "scores": str(path)}))
    table = tabulate.long_table(spec.model_copy(update={"cells": (*spec.cells, *more)}), "code")
    original, vgg = row(table, "original", "psnr"), row(table, "vgg", "psnr")
    assert (original["value"], vgg["value"]) == ((32 + 22) / 2, (30.5 + 25) / 2)
    assert original["trivial"] == (29 + 20) / 2
    assert (original["n_images"], original["n_seeds"], original["test_set"]) == (3, 2, "photographs second")
    expected = interval([np.array([[-1.0, -1.0], [-2.0, -2.0]]), np.array([[3.0], [3.0]])])
    assert (vgg["difference"], vgg["low"], vgg["high"]) == (0.75, expected.low, expected.high)


def test_crops_of_one_picture_count_as_one(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    whole = row(tabulate.long_table(spec, "code"), "original", "psnr")
    for given in spec.cells:
        text = Path(given.scores).read_text(encoding="utf-8")
        lines = [line.replace("a,", "a~00,", 1) if line[0] == "a" else line for line in text.splitlines()]
        lines += [line.replace("a~00,", "a~01,", 1) for line in lines if line.startswith("a~00,")]
        lines = [f"{line},{line.partition(',')[0].partition('~')[0]}" for line in lines]
        lines[0] = f"{text.splitlines()[0]},picture"
        Path(given.scores).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = row(tabulate.long_table(spec, "code"), "original", "psnr")
    # two equal crops of a weigh no more than b
    for name in ("value", "n_images", "sd_over_images", "trivial"):
        assert found[name] == whole[name]


def test_spreads_are_sample_deviations_over_seeds_and_over_pictures(tmp_path: Path) -> None:
    found = row(tabulate.long_table(small_spec(tmp_path), "code"), "original", "psnr")
    # seeds: 31 and 33; pictures, each averaged over seeds: 30.5 and 33.5
    assert found["sd_over_seeds"] == pytest.approx(math.sqrt(2))
    assert found["sd_over_images"] == pytest.approx(3 / math.sqrt(2))
    assert (found["n_seeds"], found["n_images"]) == (2, 2)


def test_a_difference_has_its_interval_and_its_tests(tmp_path: Path) -> None:
    table = tabulate.long_table(small_spec(tmp_path), "code")
    psnr, niqe = row(table, "vgg", "psnr"), row(table, "vgg", "niqe")
    # one row a seed, one column a picture
    expected = interval([np.array([[-1.0, -1.0], [-2.0, -2.0]])])
    assert (psnr["low"], psnr["high"]) == (expected.low, expected.high)
    assert psnr["low"] < psnr["difference"] < psnr["high"]
    assert (niqe["low"], niqe["high"]) == (-1, -1)
    # PSNR fell and NIQE, where less is better, too
    assert (psnr["improved"], niqe["improved"]) == (0, 1)
    assert psnr["image_p_value"] == wilcoxon([-1.5, -1.5]).pvalue
    # marks rest on what the interval rests on; with NIQE, which differs alike everywhere, two are compared
    assert psnr["p_value"] == expected.p_value
    assert psnr["p_holm"] == max(psnr["p_value"], 2 * niqe["p_value"])
    reference = row(table, "original", "psnr")
    assert all(math.isnan(reference[name]) for name in ("low", "high", "p_value", "p_holm", "improved"))


def test_one_seed_has_no_spread_over_seeds(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, seeds=(0,))
    found = row(tabulate.long_table(spec, "code"), "original", "psnr")
    assert math.isnan(found["sd_over_seeds"])
    assert found["sd_over_images"] == pytest.approx(math.sqrt(2))
    files = written(spec, tmp_path)
    assert "31.0000" in files["md"] and "31.0000 ±" not in files["md"]
    assert "one seed, so no spread over seeds" in files["md"]


def test_differences_are_to_the_reference_loss_ours_and_published(tmp_path: Path) -> None:
    table = tabulate.long_table(small_spec(tmp_path), "code")
    assert row(table, "vgg", "psnr")["difference"] == -1.5
    assert row(table, "vgg", "niqe")["difference"] == -1.0
    assert row(table, "original", "psnr")["difference"] == 0.0
    assert row(table, "vgg", "psnr")["published_difference"] == pytest.approx(34.1299 - 34.4167)
    assert math.isnan(row(table, "vgg", "niqe")["published_difference"])


def test_the_published_value_stands_beside_ours_with_its_warning(tmp_path: Path) -> None:
    table = tabulate.long_table(small_spec(tmp_path), "code")
    assert row(table, "vgg", "psnr")["published"] == 34.1299
    assert row(table, "vgg", "psnr")["published_warning"] == REASON
    assert row(table, "original", "psnr")["published_warning"] == ""
    assert math.isnan(row(table, "vgg", "niqe")["published"])


def test_a_gain_over_the_trivial_answer_is_positive_when_ours_is_better(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    table = tabulate.long_table(spec, "code")
    assert row(table, "original", "psnr")["trivial"] == 29.0
    assert row(table, "original", "psnr")["gain_over_trivial"] == 3.0
    assert row(table, "vgg", "niqe")["trivial"] == 7.0
    assert row(table, "vgg", "niqe")["gain_over_trivial"] == 3.0
    better = {"psnr": {0: (40.0, 40.0)}, "niqe": {0: (3.0, 3.0)}}
    write_scores(Path(spec.cells[0].scores), 0, better)
    table = tabulate.long_table(spec, "code")
    assert row(table, "original", "psnr")["gain_over_trivial"] == -8.0
    assert row(table, "vgg", "niqe")["gain_over_trivial"] == -1.0


def test_without_a_scored_trivial_answer_there_is_no_gain(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    runs = tuple(cell for cell in spec.cells if cell.network != "trivial")
    found = row(tabulate.long_table(spec.model_copy(update={"cells": runs}), "code"), "vgg", "psnr")
    assert math.isnan(found["trivial"]) and math.isnan(found["gain_over_trivial"])
    assert not math.isnan(found["value"])


def test_each_row_says_how_and_where_it_was_made(tmp_path: Path) -> None:
    found = row(tabulate.long_table(small_spec(tmp_path), "0123456789ab"), "vgg", "niqe")
    assert (found["paper"], found["table"], found["scale"]) == ("mae_loss", "table3", "ci")
    assert (found["task"], found["dataset"], found["test_set"]) == ("super_resolution_x2", "photographs", "photographs")
    assert found["protocol"] == NIQE.protocol
    assert found["better"] == "down"
    assert (found["steps"], found["seconds"], found["parameters"]) == (6, 3.0, 100)
    assert (found["device"], found["precision"]) == ("a CPU", "float32")
    assert found["stand_ins"] == STAND_IN
    assert found["trivial_method"] == "bicubic"
    assert found["code"] == "0123456789ab"


def test_a_loss_of_its_own_has_a_row_without_published_value(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    cells = (*spec.cells, *(cell(tmp_path, "edsr", "mine", seed, VGG) for seed in (0, 1)))
    changed = spec.model_copy(update={"losses": ("original", "vgg", "mine"), "cells": cells})
    table = tabulate.long_table(changed, "code")
    assert list(table["loss"]) == ["original", "original", "vgg", "vgg", "mine", "mine"]
    assert math.isnan(row(table, "mine", "psnr")["published"])
    assert "not published" in written(changed, tmp_path)["md"]


@pytest.fixture
def table3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TabulateSpec:
    """The shipped table 3 at the scale ci with made-up scores."""
    spec = Plan.from_config({**read.values(CONFIG), "scale": "ci"}, CONFIG).job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    monkeypatch.chdir(tmp_path)
    for index, entry in enumerate(spec.cells):
        values = {"psnr": {entry.seed: (25.0 + index, 26.0 + index)}, "niqe": {entry.seed: (5.0, 6.0 + index)}}
        kept = {metric: by_seed for metric, by_seed in values.items() if not entry.only or metric in entry.only}
        write_scores(Path(entry.scores), entry.seed, kept)
        if entry.card:
            write_card(Path(entry.card))
    return spec


def test_table_3_has_forty_rows_in_the_order_of_the_paper_and_its_controls(table3: TabulateSpec) -> None:
    whole = tabulate.long_table(table3, "code")
    # the ground truth has no distance to itself
    assert len(whole) == 2 * 2 * ((5 + 3 + 1) * 2 + 2 * 2 + 1)
    controls = whole["loss"].isin([*table3.controls, *table3.answers, table3.again])
    assert table3.controls == ("random_tmae", "random_cmae", "original_longer")
    assert whole.loc[controls, "published"].isna().all()
    assert whole.loc[controls, "difference"].notna().all()
    table = whole[~controls]
    assert len(table.drop_duplicates(["column", "network", "loss", "metric"])) == 40
    assert not table["published"].isna().any()
    keys = table[["network", "loss", "column", "metric"]].astype(str).agg(" ".join, axis=1).to_list()
    assert keys[:5] == [
        "rfdn original x2 psnr",
        "rfdn original x2 niqe",
        "rfdn original x4 psnr",
        "rfdn original x4 niqe",
        "rfdn vgg x2 psnr",
    ]
    assert keys[-1] == "edsr ccmae x4 niqe"
    assert list(table["published"])[:4] == [34.1229, 4.2712, 28.4997, 6.3058]
    doubtful = table[table["published_warning"] != ""]
    assert doubtful[["network", "loss", "column", "metric"]].astype(str).to_numpy().tolist() == [
        ["edsr", "vgg", "x2", "niqe"]
    ]


def test_table_3_laid_out_as_in_the_paper_has_eleven_rows_and_controls(table3: TabulateSpec, tmp_path: Path) -> None:
    files = written(table3, tmp_path)
    wide = pd.read_csv(tmp_path / "tables/table3_wide.csv", dtype=str, keep_default_na=False)
    assert len(wide) == 1 + 10 + 6 + 6 + 2
    assert wide.iloc[0, :2].to_list() == ["", "bicubic"]
    assert wide.loc[1:, "network"].to_list() == ["rfdn"] * 12 + ["edsr"] * 12
    assert wide.loc[14, "x2 niqe↓ published"] == "4.2712*"
    assert len([line for line in files["md"].splitlines() if line.startswith("|")]) == 2 + 25
    assert files["html"].count("<tr") == 1 + 1 + 25
    assert files["tex"].count(r"\\") == 1 + 25


@pytest.mark.parametrize("name", ["scores.csv", "card.json"])
@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_a_file_that_cannot_be_read_is_named(name: str, damage: str, tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    file = tmp_path / "edsr/vgg/1" / name
    file.unlink()
    if damage == "empty":
        file.touch()
    with pytest.raises(UserError, match=re.escape(f"{file} can't be read")):
        tabulate.main(spec, "code", tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()


def test_scores_of_other_pictures_or_metrics_than_the_rest_are_refused(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    file = tmp_path / "edsr/vgg/1/scores.csv"
    write_scores(file, 1, {"psnr": {1: (29.0,)}, "niqe": {1: (4.0,)}})
    with pytest.raises(UserError, match=re.escape(f"{file} scores other pictures or metrics than")):
        tabulate.long_table(spec, "code")
    write_scores(file, 1, {"psnr": {1: (29.0, 33.0)}})
    with pytest.raises(UserError, match=re.escape(f"{file} scores other pictures or metrics than")):
        tabulate.long_table(spec, "code")


def test_a_card_without_the_fields_that_a_table_needs_is_named(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    file = tmp_path / "edsr/vgg/1/card.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"{file} can't be read")):
        tabulate.long_table(spec, "code")


def test_perfect_pictures_end_no_table_and_are_named(tmp_path: Path) -> None:
    perfect = {"psnr": {0: (math.inf, 31.0, 30.0), 1: (math.inf, 33.0, 32.0)}, "niqe": {0: (3.0,) * 3, 1: (4.0,) * 3}}
    both = {**perfect, "psnr": {0: (math.inf, 32.0, 30.5), 1: (math.inf, 35.0, 32.5)}}
    spec = small_spec(tmp_path)
    trivial = {"psnr": {0: (28.0, 30.0, 30.0)}, "niqe": {0: (6.0, 8.0, 8.0)}}
    write_scores(tmp_path / "trivial/bicubic/0/scores.csv", 0, trivial)
    for loss, chosen in (("original", both), ("vgg", perfect)):
        for seed in (0, 1):
            write_scores(tmp_path / "edsr" / loss / str(seed) / "scores.csv", seed, chosen)
    found = row(tabulate.long_table(spec, "code"), "vgg", "psnr")
    # alike perfect: no difference on that picture
    assert found["value"] == math.inf and found["left_out"] == ""
    assert found["difference"] == pytest.approx((0 - 1.5 - 0.5) / 3) and found["low"] < found["difference"]
    plain = {**both, "psnr": {0: (30.0, 32.0, 30.5), 1: (30.0, 35.0, 32.5)}}
    for seed in (0, 1):
        write_scores(tmp_path / "edsr/original" / str(seed) / "scores.csv", seed, plain)
    found = row(tabulate.long_table(spec, "code"), "vgg", "psnr")
    assert (found["difference"], found["improved"]) == (math.inf, 1 / 3)
    assert found["low"] < -1 < found["high"]
    said = "psnr of edsr vgg x2: 1 picture has no finite difference (photographs a): the mean over all pictures is +inf"
    assert said in written(spec, tmp_path)["md"]
