"""Statements on every cell: planted truths get their verdicts, and the worst cell is named."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lossbench.statistics.false_directions import NOMINAL
from pipeline import judge
from pipeline.judging import joint
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.tabulate import MetricColumn, PublishedValue, TabulateSpec

IMAGES, COLUMNS, NETWORKS, LOSSES = 30, ("x2", "x4"), ("edsr", "rfdn"), ("original", "vgg", "kmae")
Gains = Mapping[tuple[str, str, str, str], float]
"""By metric, column, network and loss, above what the reference loss has; 0 where it is not given."""


def table(**changes: Any) -> TabulateSpec:
    fields: dict[str, Any] = {"paper": "toy", "table": "table1", "title": "toy", "scale": "ci", "columns": COLUMNS}
    fields |= {"networks": NETWORKS, "losses": LOSSES, "reference_loss": "original", "trivials": ("bicubic",)}
    fields |= {"cells": (), "published": (), "stand_ins": (), "settings": ()}
    metrics = (
        MetricColumn(name="psnr", better="up", protocol="rgb"),
        MetricColumn(name="niqe", better="down", protocol="y"),
    )
    return TabulateSpec(**{**fields, "metrics": metrics, **changes})


def scores(gains: Gains, seeds: int = 3, spread: float = 0.1) -> pd.DataFrame:
    """Return scores in which every loss has the pictures' levels, its gain in the cell, and noise of `spread`."""
    generator = np.random.default_rng(0)
    levels = generator.normal(30, 3, IMAGES)
    frames = []
    for metric in ("psnr", "niqe"):
        for column in COLUMNS:
            for network in NETWORKS:
                for loss in LOSSES:
                    for seed in range(seeds):
                        gain = gains.get((metric, column, network, loss), 0.0)
                        values = levels + gain + generator.normal(0, spread, IMAGES)
                        frames.append(
                            pd.DataFrame({"image": [f"{i:02}" for i in range(IMAGES)], "value": values}).assign(
                                metric=metric, column=column, network=network, loss=loss, seed=seed, test_set="set"
                            )
                        )
    return pd.concat(frames, ignore_index=True)


def gains(loss: str = "kmae", psnr: float = 0.3, niqe: float = -0.3, **cells: float) -> dict[Any, float]:
    """Return the same gain in every cell; `cells` as metric_column_network have another."""
    found = {}
    for metric, value in (("psnr", psnr), ("niqe", niqe)):
        for column in COLUMNS:
            for network in NETWORKS:
                found[metric, column, network, loss] = cells.get(f"{metric}_{column}_{network}", value)
    return found


def claim(**changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "id": "all",
        "table": "toy/table1",
        "source": "section 1",
        "text": "always",
        "every": "cell",
    }
    fields |= {"better": "kmae", "than": "original", "metrics": ("psnr", "niqe")}
    return Claim(**{**fields, **changes})


def judged(given: Claim, made: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    spec = JudgeSpec(table=table(**changes), claims=(given,), full_scale=False, published_runs=1)
    (row,) = judge.judged(spec, made)
    return row


def test_it_is_confirmed_where_every_cell_shows_it() -> None:
    row = judged(claim(), scores(gains()))
    assert (row["verdict"], row["cells"], row["cells_shown"], row["cells_clear"]) == ("confirmed", 8, 8, 8)
    assert row["reason"] == "the interval is above 0 in every cell, which needs no adjustment; at the reduced scale ci"
    assert (row["columns"], row["networks"]) == ([*COLUMNS], [*NETWORKS])
    # cells have p-values of their own
    assert row["p_value"] is None and np.isnan(row["p_holm"])
    assert (row["metric"], row["metrics"]) == ("", ("psnr", "niqe"))


def test_one_cell_below_zero_contradicts_it_though_the_mean_gains() -> None:
    made = scores(gains(niqe_x4_rfdn=0.2))
    row = judged(claim(), made)
    assert (row["verdict"], row["cells_shown"], row["cells_clear"]) == ("contradicted", 7, 7)
    assert "1 of 8 cells are below 0 (p < 0.05 after Holm over the cells)" in row["reason"]
    worst = row["worst"]
    assert (worst["metric"], worst["column"], worst["network"]) == ("niqe", "x4", "rfdn")
    # oriented as the claim: less NIQE is better
    assert row["difference"] == worst["difference"] == pytest.approx(-0.2, abs=0.05)
    assert (row["low"], row["high"]) == (worst["low"], worst["high"]) and row["high"] < 0
    assert judged(claim(metrics=(), metric="niqe", every=""), made)["verdict"] == "confirmed"


def test_a_cell_without_an_effect_leaves_it_open() -> None:
    row = judged(claim(), scores(gains(psnr_x2_edsr=0.0)))
    assert (row["verdict"], row["cells_clear"]) == ("undecided", 7)
    assert row["worst"]["metric"] == "psnr" and row["low"] < 0 < row["high"]


def test_one_chance_cell_among_many_is_not_below_zero_after_holm() -> None:
    base = {"difference": 1.0, "low": 0.5, "high": 1.5, "p_value": 0.001, "verdict": "confirmed", "metric": "psnr"}
    base |= {"columns": ["x2"], "networks": ["edsr"], "better": "a", "than": "b"}
    chance = {**base, "difference": -1.0, "low": -1.9, "high": -0.1, "p_value": 0.03}
    assert joint.every([base, chance]).name == "undecided"
    # p-values of cells that gain do not count as evidence against the claim
    assert joint.every([base, {**chance, "p_value": 0.02}]).name == "contradicted"
    assert joint.every([base] * 9 + [{**chance, "p_value": 0.004}]).name == "contradicted"


def test_of_one_run_there_is_no_direction() -> None:
    everywhere = judged(claim(), scores(gains(), seeds=1))
    assert (everywhere["verdict"], everywhere["cells_clear"]) == ("higher in one run", 8)
    somewhere = judged(claim(), scores(gains(niqe_x4_rfdn=0.2), seeds=1))
    assert somewhere["verdict"] == "lower in one run" and "below 0 in 1 of 8 cells" in somewhere["reason"]
    assert judged(claim(), scores(gains(psnr_x2_edsr=0.0), seeds=1))["verdict"] == "undecided"


def test_a_cell_without_scores_leaves_it_unjudged() -> None:
    made = scores(gains())
    gone = (
        (made["column"] == "x4") & (made["network"] == "rfdn") & (made["loss"] == "kmae") & (made["metric"] == "niqe")
    )
    row = judged(claim(), made[~gone])
    assert (row["verdict"], row["difference"], row["worst"]) == ("not attempted", None, None)
    why = "some of its cells are missing or have no common seed (x4 rfdn niqe; 1 of 8 cells)"
    assert row["reason"] == why
    # what the others show is enough against it
    below = scores(gains(psnr_x2_edsr=-0.3))
    row = judged(claim(), below[~gone])
    assert (row["verdict"], row["cells"], row["cells_shown"]) == ("contradicted", 8, 6)
    assert "; 1 of 8 cells are not there" in row["reason"] and row["worst"]["metric"] == "psnr"
    other = judged(claim(metrics=("psnr", "ssim")), made)
    assert other["verdict"] == "not attempted" and "no metric ssim at this scale" in other["reason"]


def test_several_pairs_of_losses_are_cells_of_their_own() -> None:
    both = claim(better="", than="", pairs=(("kmae", "original"), ("kmae", "vgg")), metrics=(), metric="psnr")
    row = judged(both, scores({**gains(), **gains("vgg", psnr=0.5)}))
    assert (row["verdict"], row["cells"], row["cells_shown"]) == ("contradicted", 8, 4)
    assert (row["worst"]["better"], row["worst"]["than"]) == ("kmae", "vgg")
    assert judged(both, scores({**gains(), **gains("vgg", psnr=0.1)}))["verdict"] == "confirmed"


def test_a_claim_on_named_places_has_their_cells_alone() -> None:
    row = judged(claim(networks=("edsr",), columns=("x2",)), scores(gains(niqe_x4_rfdn=0.2)))
    assert (row["verdict"], row["cells"], row["networks"]) == ("confirmed", 2, ["edsr"])


def test_the_papers_own_cells_are_counted() -> None:
    printed = {("x2", "edsr"): 0.2, ("x2", "rfdn"): -0.1, ("x4", "edsr"): 0.3}
    published = [
        PublishedValue(column=column, network=network, loss=loss, metric="psnr", value=30 + gain * (loss == "kmae"))
        for (column, network), gain in printed.items()
        for loss in ("original", "kmae")
    ]
    row = judged(claim(), scores(gains()), published=tuple(published))
    assert (row["cells_printed"], row["cells_printed_shown"]) == (3, 2)


def test_a_gain_in_perception_that_needs_no_training_refuses_it() -> None:
    made = scores(gains())
    sharpened = made[made["loss"] == "original"].assign(loss="sharpened", value=lambda frame: frame["value"] - 1)
    cells = tuple(
        {"column": "x2", "network": "edsr", "loss": loss, "task": "t", "dataset": "d", "test_set": "set", "seed": 0}
        | {"scores": "s", "card": None}
        for loss in ("sharpened",)
    )
    spec = {"answers": ("sharpened",), "losses": (*LOSSES, "sharpened"), "cells": cells}
    row = judged(claim(), pd.concat([made, sharpened], ignore_index=True), **spec)
    assert row["verdict"] == "refused" and "x2 edsr niqe" in row["reason"]
    assert row["trivial_answer"]["name"] == "sharpened"


@pytest.mark.parametrize("seed", range(2))
def test_without_any_effect_it_is_rarely_contradicted(seed: int) -> None:
    generator = np.random.default_rng(seed)
    base = {"low": -1.0, "high": 1.0, "verdict": "undecided", "metric": "psnr"}
    base |= {"columns": ["x2"], "networks": ["edsr"], "better": "a", "than": "b"}
    found = []
    for _ in range(2000):
        signs, p_values = generator.choice([-1.0, 1.0], 12), generator.uniform(0, 1, 12)
        rows = [{**base, "difference": sign, "p_value": p} for sign, p in zip(signs, p_values, strict=True)]
        found.append(joint.every(rows).name == "contradicted")
    assert np.mean(found) < NOMINAL
