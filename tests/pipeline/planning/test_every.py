"""A loss whose learned term is in every k-th step alone: its spec, what its step costs, and the table of ours on it."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from _plans import FOLDER, at_ci
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config.losses import Loss
from pipeline.config.read import Configuration, values
from pipeline.planning.cost import estimates, trainings
from pipeline.planning.measured_steps import (
    COUNTED,
    FILE,
    Measurement,
    cost_words,
    key_of,
    loss_network_of,
    mixed,
    read,
    step_of,
)
from pipeline.planning.plan import Plan
from pipeline.specs.judge import JudgeSpec
from pipeline.specs.tabulate import TabulateSpec
from pipeline.specs.train import TrainSpec

TABLE = "beyond/every"
PLACE = ("super_resolution_x2", "photographs", "edsr")
STEPS = {1: "ctmae", 2: "ctmae_every_2", 4: "ctmae_every_4", 8: "ctmae_every_8"}


@cache
def planned(scale: str) -> Plan:
    return Plan.from_config({**values(FOLDER), "scale": scale, "tables": [TABLE]}, FOLDER)


def with_loss(loss: Loss, **more: Loss) -> Plan:
    """Plan table 3 at the scale ci where `ctmae` is `loss`."""
    found = at_ci()
    tables = {"mae_loss/table3": found.tables["mae_loss/table3"]}
    return Plan(replace(found, tables=tables, losses={**found.losses, "ctmae": loss, **more}), unmeasured=True)


def ctmae(**changes: Any) -> Loss:
    return at_ci().losses["ctmae"].model_copy(update=changes)


def spec_of(plan: Plan, loss: str = "ctmae") -> TrainSpec:
    spec = plan.job("train", (*PLACE, loss, "0")).spec
    assert isinstance(spec, TrainSpec)
    return spec


def test_every_step_has_no_part_in_the_spec() -> None:
    plain = with_loss(ctmae())
    one = with_loss(ctmae(arguments={"weight": 1.0, "every": 1}))
    assert spec_of(one).canonical() == spec_of(plain).canonical()
    special = with_loss(ctmae(arguments={"weight": 1.0, "every": 4}, per_task={PLACE[0]: {"every": 1}}))
    assert spec_of(special).canonical() == spec_of(plain).canonical()
    other = special.job("train", ("super_resolution_x4", *PLACE[1:], "ctmae", "0")).spec
    assert isinstance(other, TrainSpec) and other.loss.arguments == {"pixel": "l1", "weight": 1.0, "every": 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"arguments": {"every": 0}},
            "ctmae.arguments: every = 0 is no whole number >= 1; 1 means every step, 4 every",
        ),
        ({"arguments": {"every": -1}}, "every = -1 is no whole number >= 1"),
        ({"arguments": {"every": 2.0}}, "every: 'ctmae' takes a whole number (got 2.0)"),
        ({"arguments": {"every": "4"}}, "every: 'ctmae' takes a whole number (got '4'); write 4"),
        ({"per_task": {PLACE[0]: {"every": 0}}}, "ctmae.per_task.super_resolution_x2: every = 0 is no whole number"),
        ({"arguments": {"every": 2, "pixel": None}}, "every = 2, but 'ctmae' has no pixel term, so that most steps"),
        (
            {"loss": "perceptual", "loss_network": "standard_vgg", "arguments": {"terms": "pt", "every": 2}},
            "ctmae.arguments: every = 2, but 'ctmae' has no pixel term, so that most steps would have none at all",
        ),
        (
            {"loss": "original", "loss_network": None, "arguments": {"every": 4}},
            "'original' takes no argument 'every'",
        ),
        ({"loss": "log_cosh", "loss_network": None, "arguments": {"every": 4}}, "'log_cosh' takes no argument 'every'"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_planning(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        with_loss(ctmae(**change))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_step_costs_what_the_steps_cost_that_it_is_mixed_of() -> None:
    plan = planned("paper")
    job = plan.job("train", ("super_resolution_x4_every", "div2k", "edsr", "ctmae_every_4", "0"))
    network = loss_network_of(job)
    words, parts = str(cost_words(job.spec, network)), mixed(job.spec, network)
    assert " under ctmae (every 4, pixel l1) on mae, " in words
    assert parts is not None and parts.every == 4
    assert (parts.whole, parts.bare) == (
        words.replace("every 4, ", ""),
        words.replace("ctmae (every 4, pixel l1) on mae", "original (pixel l1)"),
    )
    whole, bare = (Measurement(each, seconds, memory, "a GPU", "2") for each, seconds, memory in
                   ((parts.whole, 9.0, 700), (parts.bare, 1.0, 70)))  # fmt: skip
    known = {key_of(each.what): each for each in (whole, bare)}
    assert step_of(known, words, parts) == Measurement(words, 3.0, 700, f"a GPU{COUNTED}", "2")
    # one of them alone says nothing, and what was measured is no sum
    assert step_of({key_of(whole.what): whole}, words, parts) is None
    own = Measurement(words, 2.5, 710, "a GPU", "2")
    assert step_of({**known, key_of(words): own}, words, parts) == own
    small = replace(whole, seconds=None)
    found = step_of({**known, key_of(whole.what): small}, words, parts)
    assert found is not None and found.seconds is None
    plain = plan.job("train", ("super_resolution_x4_every", "div2k", "edsr", "ctmae", "0"))
    assert mixed(plain.spec, network) is None and mixed(network or plain.spec) is None


def test_sums_with_the_squared_error_are_held_against_it() -> None:
    loss = Loss(loss="perceptual", loss_network="standard_vgg", arguments={"terms": "ep", "every": 2})
    plan = with_loss(loss)
    job = plan.job("train", (*PLACE, "ctmae", "0"))
    parts = mixed(job.spec, loss_network_of(job))
    assert parts is not None and " under perceptual (terms ep) on vgg16, " in parts.whole
    assert " under original (pixel l2), " in parts.bare


def test_the_hours_of_the_table_are_counted_from_what_was_measured() -> None:
    plan, measured = planned("paper"), read(ROOT / "config" / FILE)
    (row,) = (row for row in estimates(plan, measured) if row.table == TABLE and row.stage == "train")
    assert row.jobs == 36 and not row.unmeasured
    steps = {one.what: step_of(measured, one.what, one.parts) for one in trainings(plan).values()}
    of_edsr = {what: step.seconds for what, step in steps.items() if step and what.startswith("edsr")}
    every = {k: next(seconds for what, seconds in of_edsr.items() if f"(every {k}," in what) for k in (2, 4, 8)}
    assert every[2] is not None and every[4] is not None and every[8] is not None
    assert every[2] > every[4] > every[8]
    assert all(step and (COUNTED in step.device) == ("every" in what) for what, step in steps.items())


def test_a_run_may_last_as_long_as_one_with_the_term_in_every_fourth_step() -> None:
    longer = Loss(loss="original", as_long_as="ctmae_every_4")
    found = Configuration.read({**values(FOLDER), "scale": "paper", "tables": [TABLE]}, FOLDER)
    table = found.tables[TABLE]
    tables = {TABLE: table.model_copy(update={"losses": (*table.losses, "longer")})}
    plan = Plan(replace(found, tables=tables, losses={**found.losses, "longer": longer}))
    measured = read(ROOT / "config" / FILE)
    place = ("super_resolution_x4_every", "div2k", "edsr")
    one = trainings(plan)["train", (*place, "ctmae_every_4", "0")]
    other, plain = step_of(measured, one.what, one.parts), measured[key_of(one.parts.bare)]  # type: ignore[union-attr]
    assert other is not None and other.seconds is not None and plain.seconds is not None
    spec = plan.job("train", (*place, "longer", "0")).spec
    assert isinstance(spec, TrainSpec)
    assert spec.recipe.steps == round(300_000 * other.seconds / plain.seconds) < 450_000


@pytest.mark.parametrize("scale", ["ci", "demo", "paper"])
def test_the_table_of_ours_has_two_places_and_four_k(scale: str) -> None:
    plan = planned(scale)
    spec, judged = (plan.job(stage, tuple(TABLE.split("/"))).spec for stage in ("tabulate", "judge"))
    assert isinstance(spec, TabulateSpec) and isinstance(judged, JudgeSpec)
    assert spec.reference_loss == "original" and spec.again == "original_again"
    places = {(cell.network, cell.column) for cell in spec.cells if cell.network != "trivial"}
    assert places == {("edsr", "x4"), ("rfdn", "x2")}
    assert spec.blank == (("x4", "rfdn"), ("x2", "edsr"))
    runs = {(cell.loss, cell.seed) for cell in spec.cells if cell.column == "x4" and cell.network == "edsr"}
    seeds = range(2 if scale == "ci" else 3)
    assert runs == {(loss, seed) for loss in spec.losses for seed in seeds}
    for k, loss in STEPS.items():
        found = [job.spec for key, job in plan.jobs["train"].items() if key[3] == loss]
        assert {each.loss.arguments.get("every", 1) for each in found if isinstance(each, TrainSpec)} == {k}
        weights = {each.loss.arguments["weight"] for each in found if isinstance(each, TrainSpec)}
        assert weights == {0.05 if scale == "demo" else 1.0}
    own = [claim for claim in judged.claims if claim.kind == "ours"]
    assert {claim.within for claim in own} == {"0.1", "0.5 in every run"}
    assert all((claim.columns, claim.networks) in ((("x4",), ("edsr",)), (("x2",), ("rfdn",))) for claim in own)


def test_its_runs_are_its_own_since_the_weight_of_the_term_is() -> None:
    both = Plan.from_config({**values(FOLDER), "scale": "demo", "tables": ["mae_loss/table3", TABLE]}, FOLDER)
    weights = {
        (key[0], spec.loss.arguments["weight"])
        for key, job in both.jobs["train"].items()
        if key[3] == "ctmae" and isinstance(spec := job.spec, TrainSpec)
    }
    assert weights == {
        (f"super_resolution_{scale}{table}", weight)
        for scale in ("x2", "x4")
        for table, weight in (("", 0.1), ("_every", 0.05))
    }
