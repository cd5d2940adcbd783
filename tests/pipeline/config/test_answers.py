"""Rows of a table that cost no training: what is planned for them, and mistakes in naming them."""

from typing import Any

import pytest
from _config import Mistakes, PlanOf, place, refused
from _repository import ROOT

from pipeline.config import read
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.tabulate import TRIVIAL, TabulateSpec

CONFIG = ROOT / "config"


def test_answers_are_planned_of_trainings_that_are_there_anyway() -> None:
    plan = Plan.from_config({**read.values(CONFIG), "scale": "ci", "tables": ["mae_loss/table3"]}, CONFIG)
    run = ("super_resolution_x4", "photographs", "rfdn")
    models = {loss: f"results/ci/train/{'/'.join(run)}/{loss}/1/model.safetensors" for loss in ("original", "vgg")}
    sharp, mix = (
        plan.job("evaluate", (*run, f"original_{how}", "1", "photographs")) for how in ("sharpened", "vgg_mix")
    )
    assert (sharp.inputs["model"], "further_models" in sharp.inputs) == (models["original"], False)
    assert (mix.inputs["model"], mix.inputs["further_models"]) == (models["original"], [models["vgg"]])
    assert isinstance(sharp.spec, EvaluateSpec) and isinstance(mix.spec, EvaluateSpec)
    assert (sharp.spec.answer, mix.spec.answer) == ("sharpened", "mean")
    assert f"--further-models {models['vgg']}" in mix.options
    truth = plan.job("evaluate", (*run[:2], TRIVIAL, "ground_truth", "0", "photographs"))
    assert isinstance(truth.spec, EvaluateSpec)
    assert [metric.name for metric in truth.spec.metrics] == ["niqe"] and truth.spec.network is None
    assert "model" not in truth.inputs
    table = plan.job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(table, TabulateSpec)
    assert table.answers == ("original_sharpened", "original_vgg_mix", "ground_truth")
    assert not {key[3] for key in plan.jobs["train"]} & {*table.answers}
    truths = [one for one in table.cells if one.loss == "ground_truth"]
    assert len(truths) == 2 * 2 * 2 and {(one.only, one.card) for one in truths} == {(("niqe",), None)}
    assert any(text.startswith("original_sharpened: no training; the pictures of original,") for text in table.settings)


def test_a_table_without_a_loss_or_metric_has_no_answer_that_needs_it(plan_of: PlanOf) -> None:
    def change(contents: dict[str, Any]) -> None:
        contents["table"].update(losses=["original", "ctmae"], warnings=[])
        del contents["table"]["metrics"]["niqe"]

    spec = plan_of(change).job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    assert spec.answers == ("original_sharpened",) and "ground_truth" not in spec.losses
    assert "row original_vgg_mix: not made, since the table has no loss vgg" in spec.settings
    assert "row ground_truth: not made, since every metric compares with the ground truth" in spec.settings


MISTAKES: Mistakes = {
    "unknown": (
        place("table.answers.original_vgg_mix", {"make": "mean", "of": ["original", "vvg"]}),
        "config/tables/mae_loss/table3.yaml: answers.original_vgg_mix.of: 'vvg' is not defined; did you mean 'vgg'?",
    ),
    "a loss": (
        place("table.answers.p_ctmae", {"make": "sharpened", "of": ["original"]}),
        "config/tables/mae_loss/table3.yaml: answers.p_ctmae: a loss has this name; give another one",
    ),
    "one of a mean": (
        place("table.answers.original_vgg_mix.of", ["vgg"]),
        "of: mean is made of two losses or more, not of vgg",
    ),
    "none to sharpen": (
        place("table.answers.original_sharpened", {"make": "sharpened"}),
        "of: sharpened is made of one loss, not of none",
    ),
    "twice": (
        place("table.answers.vgg", {"make": "sharpened", "of": ["original"]}),
        "losses, controls and answers: 'vgg' is given twice; keep one",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_answer_that_can_not_be_made_is_refused(mistake: str, plan_of: PlanOf) -> None:
    refused(plan_of, MISTAKES[mistake])
