"""Stage judge: planted truths get their verdicts, and what is not there is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lossbench.errors import UserError
from pipeline import judge
from pipeline.outputs.scores import differences, read_scores
from pipeline.specs.judge import Claim, JudgeSpec, MissingCell
from pipeline.specs.tabulate import Cell, MetricColumn, PublishedValue, TabulateSpec

IMAGES, SEEDS = 40, (0, 1, 2)
METRICS = (
    MetricColumn(name="psnr", better="up", protocol="rgb"),
    MetricColumn(name="niqe", better="down", protocol="y601"),
)
# true difference of each loss to `original` in dB; NIQE moves the other way
TRUTH = {"original": 0.0, "gains": 0.3, "loses": -0.3, "same": 0.0}
PUBLISHED = {"original": 30.0, "gains": 30.3, "loses": 30.3, "same": 30.3}


def cells(folder: Path, columns: dict[str, str]) -> tuple[Cell, ...]:
    """Write scores of every loss; `columns` gives the test set of each column."""
    made = []
    generator = np.random.default_rng(0)
    for column, test_set in columns.items():
        image_level = generator.normal(30, 3, IMAGES)
        for loss, gain in TRUTH.items():
            for seed in SEEDS:
                path = folder / column / loss / f"{seed}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                psnr = image_level + gain + generator.normal(0, 0.02) + generator.normal(0, 0.1, IMAGES)
                rows = [(f"{i:04}", "psnr", value) for i, value in enumerate(psnr)]
                rows += [(f"{i:04}", "niqe", 5 - value / 10) for i, value in enumerate(psnr)]
                pd.DataFrame(rows, columns=["image", "metric", "value"]).to_csv(path, index=False)
                names = {"task": "toy", "dataset": test_set, "test_set": test_set, "network": "net"}
                made.append(Cell(column=column, loss=loss, seed=seed, scores=str(path), card="card.json", **names))
    return tuple(made)


def table(folder: Path, columns: dict[str, str] | None = None, **changes: Any) -> TabulateSpec:
    columns = columns or {"x2": "set"}
    published = [
        PublishedValue(column=column, network="net", loss=loss, metric="psnr", value=value)
        for column in columns
        for loss, value in PUBLISHED.items()
    ]
    fields: dict[str, Any] = {
        "paper": "toy",
        "table": "table1",
        "title": "toy",
        "scale": "ci",
        "columns": tuple(columns),
        "networks": ("net",),
        "losses": tuple(TRUTH),
        "reference_loss": "original",
        "trivials": ("bicubic",),
        "metrics": METRICS,
        "cells": cells(folder, columns),
        "published": tuple(published),
        "stand_ins": (),
        "settings": (),
    }
    return TabulateSpec(**{**fields, **changes})


def claim(better: str, than: str = "original", metric: str = "psnr", **changes: Any) -> Claim:
    fields = {"id": f"{better}_{metric}", "table": "toy/table1", "source": "section 1", "text": f"{better} is better"}
    return Claim(**{**fields, "better": better, "than": than, "metric": metric, **changes})


def spec(folder: Path, *claims: Claim, **changes: Any) -> JudgeSpec:
    known = {"full_scale": True, "published_runs": 1, **changes}
    return JudgeSpec(table=known.pop("table", None) or table(folder), claims=claims, **known)


def written(folder: Path, chosen: JudgeSpec, passed: bool = True) -> dict[str, Any]:
    failures = [] if passed else ["psnr of astronaut is 3, not 4"]
    harness = {"passed": passed, "rows": 4, "failures": failures, "skipped": [], "code": "0"}
    (folder / "harness.json").write_text(json.dumps(harness), encoding="utf-8")
    judge.main(chosen, "code", harness=folder / "harness.json", output=folder / "verdict.json")
    content: dict[str, Any] = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
    return content


def test_planted_truths_get_their_verdicts(tmp_path: Path) -> None:
    chosen = spec(tmp_path, claim("gains"), claim("loses"), claim("same"), claim("gains", metric="niqe"))
    rows = {row["id"]: row for row in written(tmp_path, chosen)["claims"]}
    gains, loses, same = rows["gains_psnr"], rows["loses_psnr"], rows["same_psnr"]
    assert gains["verdict"] == "confirmed in size"
    assert gains["low"] < 0.3 < gains["high"]
    assert gains["difference"] == pytest.approx(0.3, abs=0.05)
    assert gains["published_difference"] == pytest.approx(0.3)
    assert (gains["n_images"], gains["n_seeds"]) == (IMAGES, len(SEEDS))
    assert gains["probability_over_seeds"] == 1
    assert loses["verdict"] == "contradicted"
    assert loses["difference"] == pytest.approx(-0.3, abs=0.05)
    assert same["verdict"] == "equivalent"
    # less NIQE is better, so that the claim is favoured by a positive difference; nothing is published
    assert rows["gains_niqe"]["verdict"] == "confirmed"
    assert rows["gains_niqe"]["difference"] == pytest.approx(gains["difference"] / 10)
    assert all(row["p_holm"] >= row["p_value"] for row in rows.values())


def test_no_size_is_judged_at_a_reduced_scale(tmp_path: Path) -> None:
    asked = (claim("gains"), claim("loses"), claim("same"), claim("loses", id="slight", slight=True))
    rows = written(tmp_path, spec(tmp_path, *asked, full_scale=False))["claims"]
    assert [row["verdict"] for row in rows] == ["confirmed", "contradicted", "undecided", "not attempted"]
    assert all("sizes are not judged at a reduced scale" in row["reason"] for row in rows)


def test_columns_on_the_same_pictures_are_one_set(tmp_path: Path) -> None:
    chosen = spec(tmp_path, claim("gains"), table=table(tmp_path, {"x2": "set", "x4": "set", "other": "elsewhere"}))
    (row,) = written(tmp_path, chosen)["claims"]
    assert row["n_images"] == 2 * IMAGES
    scores = read_scores(chosen.table.cells)
    found = differences(scores, "psnr", "gains", "original", ["x2", "x4", "other"], ["net"])
    assert [array.shape for array in found] == [(len(SEEDS), IMAGES)] * 2
    first = differences(scores, "psnr", "gains", "original", ["x2"], ["net"])[0]
    second = differences(scores, "psnr", "gains", "original", ["x4"], ["net"])[0]
    assert np.array_equal(found[0], (first + second) / 2)


def test_differences_are_paired_by_seed_and_picture(tmp_path: Path) -> None:
    chosen = table(tmp_path)
    # rows in another order are the same pictures
    path = Path(chosen.cells[0].scores)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n", encoding="utf-8")
    scores = read_scores(chosen.cells)
    (found,) = differences(scores, "psnr", "gains", "original", ["x2"], ["net"])
    by_hand = [
        scores[(scores["loss"] == loss) & (scores["seed"] == 1) & (scores["metric"] == "psnr")].set_index("image")[
            "value"
        ]
        for loss in ("gains", "original")
    ]
    assert found[1] == pytest.approx((by_hand[0] - by_hand[1]).sort_index().to_numpy())


def test_a_failed_harness_withholds_every_verdict(tmp_path: Path) -> None:
    content = written(tmp_path, spec(tmp_path, claim("gains")), passed=False)
    (row,) = content["claims"]
    assert row["verdict"] == "withheld"
    assert "psnr of astronaut is 3, not 4" in row["reason"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (claim("gians"), "no loss gians"),
        (claim("gains", metric="lpips"), "no metric lpips"),
        (claim("gains", columns=("x3",)), "no column x3"),
        (claim("gains", networks=("edsr",)), "no network edsr"),
    ],
)
def test_a_claim_on_what_the_table_does_not_have_is_not_attempted(tmp_path: Path, asked: Claim, reason: str) -> None:
    (row,) = written(tmp_path, spec(tmp_path, asked))["claims"]
    assert row["verdict"] == "not attempted"
    assert reason in row["reason"]
    assert row["difference"] is None and row["p_holm"] is None


def test_missing_cells_are_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    whole = table(tmp_path)
    left = tuple(cell for cell in whole.cells if cell.loss != "loses" and (cell.loss, cell.seed) != ("gains", 2))
    lost = MissingCell(column="x2", network="net", loss="loses", seed=0, file="x.csv", why="out of memory")
    chosen = spec(
        tmp_path,
        claim("gains"),
        claim("loses"),
        table=whole.model_copy(update={"cells": left}),
        missing=(lost,),
    )
    content = written(tmp_path, chosen)
    gains, loses = content["claims"]
    # two seeds are left that both losses have
    assert (gains["verdict"], gains["n_seeds"]) == ("confirmed in size", 2)
    assert loses["verdict"] == "not attempted"
    assert loses["reason"] == "no scores of loses"
    assert content["missing"] == [lost.model_dump()]
    assert {row["losses"] for row in content["shape"]} == {3}


def test_values_are_compared_at_full_scale_only(tmp_path: Path) -> None:
    reduced = written(tmp_path, spec(tmp_path, full_scale=False))["values"]
    assert {row["verdict"] for row in reduced} == {"not attempted (reduced scale)"}
    rows = {row["loss"]: row for row in written(tmp_path, spec(tmp_path, full_scale=True))["values"]}
    assert set(rows) == set(TRUTH)
    mean = rows["original"]["value"]
    assert rows["original"]["low"] < mean < rows["original"]["high"]
    # the planted level is that of 40 random pictures, not the published 30 dB and 30.3 dB
    inside = {loss: row["low"] <= row["published"] <= row["high"] for loss, row in rows.items()}
    assert {loss: row["verdict"] == "replicated" for loss, row in rows.items()} == inside


def test_the_order_of_the_losses_is_compared_with_the_published_one(tmp_path: Path) -> None:
    published = [
        PublishedValue(column="x2", network="net", loss=loss, metric="psnr", value=value)
        for loss, value in (("original", 30.0), ("gains", 30.5), ("loses", 29.0), ("same", 30.1))
    ]
    (row,) = written(tmp_path, spec(tmp_path, table=table(tmp_path, published=tuple(published))))["shape"]
    assert (row["column"], row["network"], row["metric"], row["losses"]) == ("x2", "net", "psnr", 4)
    assert row["same_winner"] and row["pairs"] == 6 and row["pairs_kept"] >= 5
    assert row["tau"] >= 0.6


def test_a_damaged_harness_report_is_named(tmp_path: Path) -> None:
    (tmp_path / "harness.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"harness\.json can't be read"):
        judge.main(spec(tmp_path), "code", harness=tmp_path / "harness.json", output=tmp_path / "verdict.json")
    assert not (tmp_path / "verdict.json").exists()


def test_a_claim_against_another_metric_is_judged_by_the_difference_of_both_differences(tmp_path: Path) -> None:
    chosen = spec(tmp_path, claim("gains"), claim("gains", against="niqe"), claim("gains", against="ssim"))
    plain, inverted, absent = judge.judged(chosen, read_scores(chosen.table.cells))
    # niqe falls by a tenth of what psnr gains, and lower is better: the gains differ by nine tenths
    assert inverted["difference"] == pytest.approx(0.9 * plain["difference"])
    assert (inverted["verdict"], inverted["published_difference"]) == ("confirmed", None)
    assert (absent["verdict"], absent["reason"]) == ("not attempted", "the table has no metric ssim at this scale")


def test_a_claim_without_columns_speaks_of_those_that_its_metric_is_taken_in(tmp_path: Path) -> None:
    made = table(tmp_path, {"x2": "set", "x4": "other"})
    for cell in made.cells:
        if cell.column == "x4":
            scores = pd.read_csv(cell.scores, dtype={"image": str})
            scores[scores["metric"] == "psnr"].to_csv(cell.scores, index=False)
    spec = JudgeSpec(
        table=made, claims=(claim("gains"), claim("gains", metric="niqe")), full_scale=True, published_runs=1
    )
    both, one = judge.judged(spec, read_scores(made.cells))
    assert (both["columns"], one["columns"]) == (["x2", "x4"], ["x2"])
    assert (both["n_images"], one["n_images"]) == (2 * IMAGES, IMAGES)


def test_a_perfect_picture_is_named_and_the_rest_is_judged(tmp_path: Path) -> None:
    made = table(tmp_path)
    for cell in made.cells:
        scores = pd.read_csv(cell.scores, dtype={"image": str})
        # perfect under every loss, and under one alone
        perfect = ["0001", "0002"] if cell.loss == "gains" else ["0001"]
        scores.loc[scores["image"].isin(perfect) & (scores["metric"] == "psnr"), "value"] = np.inf
        scores.to_csv(cell.scores, index=False)
    gains, same, niqe = written(
        tmp_path, spec(tmp_path, claim("gains"), claim("same"), claim("gains", metric="niqe"), table=made)
    )["claims"]
    assert (gains["verdict"], gains["n_images"], gains["n_seeds"]) == ("confirmed in size", IMAGES - 1, len(SEEDS))
    assert "1 picture has no finite difference (set 0002): the mean over all pictures is +inf" in gains["reason"]
    assert (same["n_images"], niqe["n_images"]) == (IMAGES, IMAGES)
    assert "picture" not in same["reason"] + niqe["reason"]


def test_what_cannot_be_tested_is_not_judged_and_says_why(tmp_path: Path) -> None:
    first = claim("", "", "", id="first", kind="untestable", reason="who was first no training can tell")
    for passed in (True, False):
        row, gains = written(tmp_path, spec(tmp_path, first, claim("gains")), passed=passed)["claims"]
        assert (row["verdict"], row["reason"], row["difference"]) == ("not judged", first.reason, None)
        assert (row["kind"], gains["kind"], row["p_holm"]) == ("untestable", "text", None)


def test_the_published_size_leaves_numbers_with_a_warning_out(tmp_path: Path) -> None:
    made = table(tmp_path, {"x2": "set", "x4": "other"})
    doubtful = [
        value.model_copy(update={"warning": "copied", "value": 20.0})
        if (value.column, value.loss) == ("x4", "original") else value
        for value in made.published
    ]  # fmt: skip
    both, one = written(
        tmp_path,
        spec(tmp_path, claim("gains"), claim("gains", id="x4", columns=("x4",)),
             table=made.model_copy(update={"published": tuple(doubtful)})),
    )["claims"]  # fmt: skip
    assert both["published_difference"] == pytest.approx(0.3)
    assert "; 1 of 2 printed differences carry a warning and are no part of the published size" in both["reason"]
    assert (one["published_difference"], one["verdict"]) == (None, "confirmed")
    assert "no published size; 1 of 1 printed" in one["reason"] and "original x4: copied" in one["published_warning"]


def test_a_slight_loss_is_held_against_twice_the_published_one(tmp_path: Path) -> None:
    made = table(tmp_path)
    for printed, name in ((29.8, "confirmed"), (29.95, "contradicted"), (30.1, "undecided")):
        published = [value if value.loss != "loses" else value.model_copy(update={"value": printed})
                     for value in made.published]  # fmt: skip
        chosen = spec(
            tmp_path, claim("loses", slight=True), table=made.model_copy(update={"published": tuple(published)})
        )
        (row,) = written(tmp_path, chosen)["claims"]
        assert (row["verdict"], row["p_value"]) == (name, None)
        assert row["difference"] == pytest.approx(-0.3, abs=0.05)
