"""docs/paper_hours.py counts the hours of a scale from measured steps, and says what is known and what is not."""

import runpy
from typing import Any

import pytest
from _plans import FOLDER
from _repository import ROOT

from pipeline.config.read import Configuration, values
from pipeline.planning.cost import HOUR, trainings
from pipeline.planning.measured_steps import Measurement, key_of
from pipeline.planning.plan import Plan

SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "docs/paper_hours.py"))
TABLES = ("mae_loss/table7", "beyond/every")


def test_hours_are_parted_into_the_papers_rows_others_and_what_is_unknown() -> None:
    found = Configuration.read({**values(FOLDER), "scale": "paper_every_4", "tables": TABLES}, FOLDER)
    jobs = trainings(Plan(found))
    parts = [one.parts for one in jobs.values() if one.parts]
    whole, bare = {one.whole for one in parts}, {one.bare for one in parts}
    alike = {one.what for one in jobs.values() if not one.parts}
    seconds = {**dict.fromkeys(alike | bare, 1.0), **dict.fromkeys(whole, 5.0)}
    measured = {key_of(what): Measurement(what, cost, 100, "a GPU", "2") for what, cost in seconds.items()}
    hours = SCRIPT["hours"](found, measured)
    losses = {*found.tables["mae_loss/table7"].losses} - {*found.tables["mae_loss/table7"].controls, "original_again"}
    papers = [one for (stage, key), one in jobs.items()
              if stage == "train" and key[0].startswith("pan_sharpening") and key[3] in losses]  # fmt: skip
    assert hours.kinds["unknown"] == 0 and hours.kinds["counted"] == sum(1 for one in jobs.values() if one.parts)
    assert hours.free <= hours.papers < hours.seed and hours.once == 0
    mixed = sum(one.steps for one in papers if one.parts)
    assert mixed and hours.papers - hours.free == pytest.approx(mixed * 1.0 / HOUR / 3)
    del measured[key_of(next(iter(bare)))]
    less = SCRIPT["hours"](found, measured)
    assert less.kinds["unknown"] and less.seed < hours.seed
    assert "| paper | at least " in SCRIPT["line"]("paper", less)
    assert "at least" not in SCRIPT["line"]("paper", hours)


@pytest.mark.parametrize(
    ("seed", "free", "unknown", "said"),
    [
        (299.0, 250.0, 0, "`paper` meets its goal of 300 hours a seed."),
        (299.0, 250.0, 1, "Whether `paper` meets its goal of 300 hours a seed is not known."),
        (301.0, 250.0, 1, "`paper` misses its goal of 300 hours a seed: were all its learned losses free, "
                          "the papers' rows would still take 250."),
        (301.0, 301.0, 0, "`paper` misses its goal of 300 hours a seed."),
    ],
)  # fmt: skip
def test_a_goal_is_met_missed_or_not_known(seed: float, free: float, unknown: int, said: str) -> None:
    hours = SCRIPT["Hours"](seed=seed, papers=seed, free=free, once=0.0, kinds={"unknown": unknown})
    assert SCRIPT["verdict"]("paper", hours) == said
