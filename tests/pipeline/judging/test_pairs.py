"""The mean over several pairs of losses: its differences, and the noise that it is lent."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lossbench.statistics.seed_noise import SeedNoise
from pipeline import judge
from pipeline.judging.noise import Lender
from pipeline.judging.pairs import lent_to, paired_mean, share
from pipeline.outputs.scores import paired
from pipeline.specs.judge import Claim, JudgeSpec
from pipeline.specs.tabulate import MetricColumn, PublishedValue, TabulateSpec

IMAGES, SEEDS = 20, (0, 1, 2)
LEVELS = {"e": 0.0, "ep": -0.2, "robust_ep": -0.6, "p": -0.4, "robust_p": -0.5}
PAIRS = (("ep", "robust_ep"), ("p", "robust_p"))
PRINTED = {"ep": 26.3, "robust_ep": 25.3, "p": 26.2, "robust_p": 25.0}


def claim(**changes: Any) -> Claim:
    fields: dict[str, Any] = {"id": "mean", "table": "toy/table2", "source": "section 4", "text": "no better"}
    return Claim(**{**fields, "pairs": PAIRS, "metric": "psnr", **changes})


def table() -> TabulateSpec:
    fields: dict[str, Any] = {"paper": "toy", "table": "table2", "title": "toy", "scale": "ci", "columns": ("x4",)}
    fields |= {"networks": ("net",), "losses": tuple(LEVELS), "reference_loss": "e", "trivials": ("bicubic",)}
    published = [
        PublishedValue(column="x4", network="net", loss=loss, metric="psnr", value=value)
        for loss, value in PRINTED.items()
    ]
    fields |= {"cells": (), "published": tuple(published), "stand_ins": (), "settings": ()}
    return TabulateSpec(**fields, metrics=(MetricColumn(name="psnr", better="up", protocol="rgb"),))


def scores(test_sets: tuple[str, ...] = ("set5", "set14")) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    place = {"column": "x4", "network": "net", "metric": "psnr"}
    rows = [
        {**place, "loss": loss, "seed": seed, "test_set": name, "image": f"{image:02}", "value": value}
        for loss, level in LEVELS.items()
        for seed in SEEDS
        for name in test_sets
        for image, value in enumerate(30 + level + generator.normal(0, 0.1, IMAGES))
    ]
    return pd.DataFrame(rows)


def test_pairs_on_the_same_pictures_are_averaged_picture_by_picture() -> None:
    made = scores()
    found = paired_mean(made, "psnr", claim(), ("x4",), ("net",))
    assert [(one.test_set, one.values.shape) for one in found] == [("set5", (3, IMAGES)), ("set14", (3, IMAGES))]
    alone = [paired(made, "psnr", *pair, ["x4"], ["net"]) for pair in PAIRS]
    for one, first, second in zip(found, *alone, strict=True):
        assert one.values == pytest.approx((first.values + second.values) / 2)
        assert one.images == first.images


def test_one_pair_is_what_two_losses_are() -> None:
    made = scores()
    (one, *_), (two, *_) = (
        paired_mean(made, "psnr", chosen, ("x4",), ("net",))
        for chosen in (claim(pairs=PAIRS[:1]), claim(pairs=(), better="ep", than="robust_ep"))
    )
    assert np.array_equal(one.values, two.values)


def test_a_pair_without_scores_leaves_the_mean_empty() -> None:
    made = scores()
    assert paired_mean(made[made["loss"] != "robust_p"], "psnr", claim(), ("x4",), ("net",)) == []


def test_a_mean_over_pairs_is_judged_and_has_the_mean_printed_size() -> None:
    spec = JudgeSpec(table=table(), claims=(claim(),), full_scale=True, published_runs=1)
    (row,) = judge.judged(spec, scores())
    assert row["difference"] == pytest.approx(0.25, abs=0.03) and row["verdict"] == "confirmed, smaller"
    assert row["published_difference"] == pytest.approx((1.0 + 1.2) / 2)
    # two test sets; the pairs are no further pictures
    assert (row["n_images"], row["cells"]) == (2 * IMAGES, None)
    made = scores()
    (lost,) = judge.judged(spec, made[made["loss"] != "robust_p"])
    assert (lost["verdict"], lost["reason"]) == ("not attempted", "no scores of robust_p")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ((("a", "b"),), 1),
        ((("a", "b"), ("c", "d")), 1 / 2),
        # the variance of a - (b + c) / 2 is one and a half times that of a run
        ((("a", "b"), ("a", "c")), 3 / 4),
        ((("a", "b"), ("b", "a")), 0),
    ],
)
def test_the_noise_of_a_mean_is_that_of_its_runs(pairs: tuple[tuple[str, str], ...], expected: float) -> None:
    assert share(pairs) == pytest.approx(expected)


def test_a_mean_over_pairs_is_lent_its_share() -> None:
    lender = Lender(table(), scores(), pd.DataFrame())
    one, two = (lent_to(lender, claim(pairs=PAIRS[:count]), ("x4",), ("net",)).noise for count in (1, 2))
    assert isinstance(one, SeedNoise) and isinstance(two, SeedNoise)
    assert two.variance == pytest.approx(one.variance / 2) and two.freedom == one.freedom
