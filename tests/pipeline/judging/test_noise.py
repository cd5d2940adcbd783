"""The noise of seeds that one comparison of a table is lent."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.judging.noise import Lender
from pipeline.specs.tabulate import MetricColumn, TabulateSpec

IMAGES = 8
LEVELS = {
    "original": (30.0, 30.2, 30.4),
    "vgg": (29.0, 29.4, 29.3),
    "kmae": (29.5, 29.6, 29.9),
    "ctmae": (29.1, 29.5, 29.5),
}
WHERE = ("psnr", "vgg", "original", ["x2"], ["edsr"])


def spec(losses: tuple[str, ...]) -> TabulateSpec:
    fields: dict[str, Any] = {"paper": "toy", "table": "table1", "title": "toy", "scale": "ci", "columns": ("x2",)}
    fields |= {"networks": ("edsr",), "losses": losses, "reference_loss": "original", "trivials": ("bicubic",)}
    fields |= {"cells": (), "published": (), "stand_ins": (), "settings": ()}
    return TabulateSpec(
        **fields,
        again="again" if "again" in losses else None,
        metrics=(MetricColumn(name="psnr", better="up", protocol="rgb"),),
    )


def scores(levels: dict[str, tuple[float, ...]], first_seed: int = 0) -> pd.DataFrame:
    """Return scores whose pictures lie apart alike under every run, so that a run is its level alone."""
    place = {"column": "x2", "network": "edsr", "metric": "psnr", "test_set": "set"}
    rows = [
        {**place, "loss": loss, "seed": first_seed + seed, "image": str(image), "value": level + image}
        for loss, given in levels.items()
        for seed, level in enumerate(given)
        for image in range(IMAGES)
    ]
    return pd.DataFrame(rows)


def only(levels: dict[str, tuple[float, ...]], seeds: int) -> dict[str, tuple[float, ...]]:
    return {loss: given[:seeds] for loss, given in levels.items()}


def test_one_seed_is_lent_the_deviation_of_the_references_runs() -> None:
    further = scores({"original": (30.2, 30.4)}, first_seed=1)
    lent = Lender(spec(tuple(LEVELS)), scores(only(LEVELS, 1)), further).lent(*WHERE)
    assert lent.noise is not None
    assert (lent.noise.variance, lent.noise.freedom) == (pytest.approx(2 * 0.04), 2)


def test_one_seed_without_further_runs_is_lent_nothing() -> None:
    lent = Lender(spec(tuple(LEVELS)), scores(only(LEVELS, 1)), pd.DataFrame()).lent(*WHERE)
    assert (lent.noise, lent.note) == (None, "")


def test_several_seeds_are_lent_the_deviation_of_the_other_losses_differences() -> None:
    lent = Lender(spec(tuple(LEVELS)), scores(LEVELS), pd.DataFrame()).lent(*WHERE)
    assert lent.noise is not None
    # of kmae and ctmae, not of vgg itself: its own enters beside
    others = [np.var(np.subtract(LEVELS[loss], LEVELS["original"]), ddof=1) for loss in ("kmae", "ctmae")]
    assert lent.noise.variance == pytest.approx(np.mean(others))
    assert lent.noise.freedom == pytest.approx(2 * 2 / 1.25)


def test_a_loss_whose_runs_collapsed_lends_nothing_and_is_named() -> None:
    levels = {**LEVELS, "kmae": (30.3, 8.4, 25.3)}
    lent = Lender(spec(tuple(levels)), scores(levels), pd.DataFrame()).lent(*WHERE)
    assert lent.noise is not None
    assert lent.noise.variance == pytest.approx(np.var(np.subtract(LEVELS["ctmae"], LEVELS["original"]), ddof=1))
    assert lent.note.startswith("the runs of kmae lie ") and "times as far apart" in lent.note


def test_the_reference_against_itself_lends_nothing_to_others() -> None:
    levels = {**LEVELS, "again": (20.0, 40.0, 30.0)}
    with_it = Lender(spec(tuple(levels)), scores(levels), pd.DataFrame()).lent(*WHERE)
    without = Lender(spec(tuple(LEVELS)), scores(LEVELS), pd.DataFrame()).lent(*WHERE)
    assert with_it == without


def test_a_metric_against_another_is_lent_the_noise_of_their_difference() -> None:
    table = spec(tuple(LEVELS))
    metrics = (*table.metrics, MetricColumn(name="niqe", better="down", protocol="y"))
    both = pd.concat([scores(only(LEVELS, 1)), scores(only(LEVELS, 1)).assign(metric="niqe")])
    further = scores({"original": (30.2, 30.4)}, first_seed=1)
    # where both move alike and lower is better for one, their difference deviates twice as much
    more = pd.concat([further, further.assign(metric="niqe")])
    lent = Lender(table.model_copy(update={"metrics": metrics}), both, more).lent(*WHERE, against="niqe")
    assert lent.noise is not None and lent.noise.variance == pytest.approx(4 * 2 * 0.04)
