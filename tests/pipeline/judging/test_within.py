"""Claims that two losses differ by less than a margin, and tables in which not every network is in every column."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from pipeline import judge
from pipeline.judging import joint, within
from pipeline.judging.noise import Lender
from pipeline.judging.summary import summary
from pipeline.outputs.scores import Paired, paired, read_scores
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.tabulate import Cell, MetricColumn, TabulateSpec

PLACES = {("x4", "edsr"): 30.0, ("x2", "rfdn"): 34.0}
GAINS = {"original": 0.0, "ctmae": 0.2, "near": 0.21, "far": -0.4}
COLLAPSED = ("x2", "near", 2)
"""The run that is a whole decibel worse."""


def claim(text: str, better: str = "near", than: str = "ctmae", **changes: Any) -> Claim:
    fields = {"id": "one", "kind": "ours", "table": "beyond/every", "metric": "psnr", "source": "s", "text": "t"}
    return Claim.model_validate({**fields, "better": better, "than": than, "within": text, **changes})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TabulateSpec:
    """Write the scores of three seeds; one network has lost a run."""
    folder, made, generator = tmp_path_factory.mktemp("scores"), [], np.random.default_rng(0)
    for (column, network), level in PLACES.items():
        pictures = level + generator.normal(0, 2, 12)
        for loss, gain in GAINS.items():
            for seed in range(3):
                worse = 1.0 if (column, loss, seed) == COLLAPSED else 0.0
                values = pictures + gain - worse + generator.normal(0, 0.01) + generator.normal(0, 0.02, 12)
                path = folder / f"{column}-{loss}-{seed}.csv"
                rows = [(f"{index:02}", "psnr", value) for index, value in enumerate(values)]
                pd.DataFrame(rows, columns=["image", "metric", "value"]).to_csv(path, index=False)
                names = {"task": column, "dataset": "d", "test_set": "t", "network": network, "column": column}
                made.append(Cell(loss=loss, seed=seed, scores=str(path), card="card.json", **names))
    return TabulateSpec(
        paper="beyond",
        table="every",
        title="t",
        scale="demo",
        columns=("x4", "x2"),
        networks=("edsr", "rfdn"),
        losses=tuple(GAINS),
        reference_loss="original",
        trivials=("bicubic",),
        metrics=(MetricColumn(name="psnr", better="up", protocol="rgb"),),
        cells=tuple(made),
        blank=(("x4", "rfdn"), ("x2", "edsr")),
        published=(),
        stand_ins=(),
        settings=(),
    )


def verdicts(table: TabulateSpec, *claims: Claim, full: bool = False) -> list[dict[str, Any]]:
    spec = JudgeSpec(table=table, claims=claims, full_scale=full, published_runs=1)
    return judge.judged(spec, read_scores(table.cells))


EDSR = {"columns": ("x4",), "networks": ("edsr",)}
RFDN = {"columns": ("x2",), "networks": ("rfdn",)}


@pytest.mark.parametrize(
    ("text", "better", "verdict", "words"),
    [
        ("0.1", "near", "equivalent", "two one-sided tests: the difference is within 0.1 of 0"),
        ("0.1", "far", "contradicted", "the interval lies outside 0.1 of 0"),
        ("0.011", "near", "undecided", "the interval does not show that the difference is within 0.011 of 0"),
    ],
)
@pytest.mark.parametrize("full", [False, True])
def test_a_margin_of_ours_is_judged_at_every_scale(
    text: str, better: str, verdict: str, words: str, full: bool, table: TabulateSpec
) -> None:
    (row,) = verdicts(table, claim(text, better, **EDSR), full=full)
    assert row["verdict"] == verdict
    assert row["reason"].startswith(words)
    assert row["reason"].endswith("; at the reduced scale demo") is not full
    # no test of no difference
    assert row["p_value"] is None and row["low"] < row["difference"] < row["high"]


def test_a_run_that_collapses_is_counted_and_named(table: TabulateSpec) -> None:
    good, bad = verdicts(table, claim("0.5 in every run", **EDSR), claim("0.5 in every run", **RFDN))
    assert good["verdict"] == "confirmed" and good["difference"] == pytest.approx(0.01, abs=0.05)
    assert good["reason"].startswith("0 of 3 runs of near lie more than 0.5 below ctmae of the same seed; the lowest")
    assert bad["verdict"] == "contradicted" and bad["difference"] == pytest.approx(-1.0, abs=0.05)
    assert bad["reason"].startswith("1 of 3 runs of near lie more than 0.5 below ctmae of the same seed")
    assert (bad["low"], bad["p_value"], bad["n_seeds"], bad["n_images"]) == (None, None, 3, 12)
    (absent,) = verdicts(table, claim("0.5 in every run", "nothing", **EDSR))
    assert (absent["verdict"], absent["reason"]) == ("not attempted", "the table has no loss nothing at this scale")


def test_one_run_says_nothing_of_a_margin(table: TabulateSpec) -> None:
    alone = table.model_copy(update={"cells": tuple(cell for cell in table.cells if cell.seed == 0)})
    mean, runs = verdicts(alone, claim("0.1", **EDSR), claim("0.5 in every run", **EDSR))
    assert mean["verdict"] == "undecided" and "the seed's noise is not known" in mean["reason"]
    assert (runs["verdict"], runs["n_seeds"]) == ("confirmed", 1)


def test_the_lowest_run_is_the_mean_over_sets() -> None:
    sets = [Paired("a", ("0",), np.array([[0.0], [-0.8]])), Paired("b", ("0", "1"), np.array([[1.0, 1.0], [0.1, 0.3]]))]
    found = within.in_every_run(claim("0.25 in every run"), sets)
    assert found is not None and found["difference"] == pytest.approx(-0.3)
    assert found["verdict"] == "contradicted" and within.in_every_run(claim("0.25 in every run"), []) is None


@pytest.mark.parametrize("text", ["0", "0.0 in every run", "-0.1", "0.1 dB", "0.1 in each run", "1e-1"])
def test_what_is_no_margin_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        claim(text)


def test_a_claim_without_a_margin_is_written_as_it_was() -> None:
    assert "within" not in claim("").model_dump() and '"within"' not in claim("").canonical()
    assert claim("0.1").model_dump()["within"] == "0.1"


def test_what_a_table_leaves_blank_is_no_missing_cell(table: TabulateSpec) -> None:
    scores = read_scores(table.cells)
    place = ("psnr", "ctmae", "original", table.columns, table.networks)
    assert paired(scores, *place) == []
    (one,) = paired(scores, *place, table.blank)
    # the same pictures in both columns: averaged first
    assert one.values.shape == (3, 12) and one.values.mean() == pytest.approx(0.2, abs=0.03)
    # a cell that is missing still leaves all open
    lost = scores[scores["network"] != "rfdn"]
    assert paired(lost, *place, table.blank) == []
    rows = summary(table, scores, Lender(table, scores, pd.DataFrame()))
    assert {row["loss"]: round(row["difference"], 1) for row in rows}.items() >= {("ctmae", 0.2), ("far", -0.4)}
    over_cells = claim("", "ctmae", "original", every="cell")
    assert [(each.columns, each.networks) for each in joint.cells(over_cells, table, scores)] == [
        (("x4",), ("edsr",)),
        (("x2",), ("rfdn",)),
    ]
    several = claim("", "", "", pairs=(("ctmae", "original"), ("ctmae", "far")))
    (row,) = verdicts(table, several)
    assert row["difference"] == pytest.approx((0.2 + 0.6) / 2, abs=0.05)


def test_a_whole_table_is_written_as_it_was(table: TabulateSpec) -> None:
    whole = table.model_copy(update={"blank": ()})
    assert '"blank"' not in whole.canonical() and '"blank"' in table.canonical()
    assert TabulateSpec.model_validate(table.model_dump()) == table
