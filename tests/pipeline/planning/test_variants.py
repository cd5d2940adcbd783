"""The variants of the scale paper differ from it in what they are named for, and in what follows from that."""

from functools import cache

import pytest
from _plans import FOLDER

from lossbench import plugins
from pipeline.config.read import Configuration, values
from pipeline.planning.job import Key
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

TABLES = ("mae_loss/table3", "mae_loss/table5", "mae_loss/table7", "robust_perceptual/table2", "beyond/every")
"""Together they have every loss with a loss network."""
SAME = ("prepare", "degrade", "import_weights", "pretrain", "train_classifier", "train_distance")
"""Stages on which no variant has an influence."""
LONGER = ("original_longer", "original_longer_paid", "p_original_longer", "p_original_longer_paid")


@cache
def planned(scale: str) -> Plan:
    return Plan(Configuration.read({**values(FOLDER), "scale": scale, "tables": TABLES}, FOLDER))


@cache
def specs(scale: str) -> dict[Key, TrainSpec]:
    return {key: job.spec for key, job in planned(scale).jobs["train"].items() if isinstance(job.spec, TrainSpec)}


def without(spec: TrainSpec, argument: str) -> TrainSpec:
    arguments = {name: value for name, value in spec.loss.arguments.items() if name != argument}
    return spec.model_copy(update={"loss": spec.loss.model_copy(update={"arguments": arguments})})


def without_length(spec: TrainSpec) -> TrainSpec:
    recipe = spec.recipe.model_copy(update={"steps": 1, "schedule": None})
    return spec.model_copy(update={"recipe": recipe})


def with_network(scale: str) -> set[str]:
    """Return the losses of the runs that take a loss network or its architecture."""
    return {key[3] for key, spec in specs(scale).items() if spec.loss.loss_network}


@pytest.mark.parametrize("scale", ["paper_every_4", "paper_short", "paper_difference"])
def test_what_is_made_before_the_runs_is_the_same(scale: str) -> None:
    plan, paper = planned(scale), planned("paper")
    for stage in SAME:
        found, known = ({key: job.spec for key, job in each.jobs.get(stage, {}).items()} for each in (plan, paper))
        assert found == known, stage
    assert {job.root for job in plan.jobs["train"].values()} == {f"results/{scale}"}


def test_difference_is_the_arithmetic_of_every_loss_network_and_nothing_else() -> None:
    found, paper = specs("paper_difference"), specs("paper")
    # no step in it was measured on a GPU, from which these would follow
    assert paper.keys() - found.keys() == {key for key in paper if key[3] in LONGER} and found.keys() <= paper.keys()
    for key, spec in found.items():
        assert without(spec, "precision") == paper[key]
        known = "precision" in plugins.build_arguments("losses", spec.loss.name)
        assert (spec.loss.arguments.get("precision") == "difference") is known is bool(spec.loss.loss_network), key


def test_every_fourth_step_has_the_terms_of_every_loss_that_has_a_pixel_term() -> None:
    found, paper = specs("paper_every_4"), specs("paper")
    assert found.keys() == paper.keys()
    for key, spec in found.items():
        own = paper[key].loss.arguments.get("every", 1)
        no_pixels = "e" not in spec.loss.arguments.get("terms", "e")
        fourth = spec.loss.loss_network and not no_pixels and not key[0].endswith("_every")
        assert spec.loss.arguments.get("every", 1) == (4 if fourth else own), key
        if key[3] not in LONGER:
            assert without(spec, "every") == without(paper[key], "every")
    assert {"p", "pt", "robust_p", "robust_pt"} == {key[3] for key, spec in found.items()
                                                    if "e" not in spec.loss.arguments.get("terms", "e")}  # fmt: skip


def test_controls_last_as_long_as_the_runs_with_the_terms_in_every_fourth_step() -> None:
    steps, theirs = (
        {
            key: spec.recipe.steps
            for key, spec in specs(scale).items()
            if key[3] in LONGER and key[2] in ("edsr", "rfdn")
        }
        for scale in ("paper_every_4", "paper")
    )
    assert steps.keys() == theirs.keys() and all(steps[key] < theirs[key] for key in steps)


def test_the_short_variant_is_that_with_fewer_steps_of_rfdn() -> None:
    found, whole = specs("paper_short"), specs("paper_every_4")
    assert found.keys() == whole.keys()
    for key, spec in found.items():
        if key[2] != "rfdn":
            assert spec == whole[key]
            continue
        assert spec.recipe.steps < whole[key].recipe.steps
        assert without_length(spec) == without_length(whole[key])
        if key[3] not in LONGER:
            assert spec.recipe.steps == 300_000
            ratios = [after / before for after, before in zip(
                spec.recipe.schedule.milestones, whole[key].recipe.schedule.milestones, strict=True)]  # fmt: skip
            assert ratios == pytest.approx([0.3] * 4)


def test_only_where_the_recipes_are_the_papers_are_values_compared() -> None:
    full = {scale: planned(scale).scale.full for scale in ("paper", "paper_difference", "paper_every_4", "paper_short")}
    assert full == {"paper": True, "paper_difference": True, "paper_every_4": False, "paper_short": False}


def test_the_tables_cover_every_loss_with_a_network() -> None:
    losses = planned("paper").configuration.losses
    kept = {name for name, loss in losses.items() if loss.loss_network}
    assert with_network("paper") == kept
