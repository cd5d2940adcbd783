"""What a training step's cost depends on, and what a plan costs by steps that were measured."""

import subprocess
import sys
from typing import Any

import pytest
from _plans import every_step, planned
from _repository import ROOT

from pipeline.planning.cost import STAGES, CostRow, estimates, trainings
from pipeline.planning.measured_steps import (
    FILE,
    Measurement,
    cost_key,
    cost_words,
    key_of,
    loss_network_of,
    read,
    step_of,
)
from pipeline.planning.plan import Plan
from pipeline.specs.classifier import AttackSpec, ClassifierSpec, RobustnessSpec
from pipeline.specs.distance import DistanceAttackSpec, DistanceSpec
from pipeline.specs.pretrain import PretrainSpec, PublicWeights
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec, TrainSpec

RECIPE = Recipe(steps=10, batch=4, patch=32, learning_rate=1e-3)
RUN = TrainSpec(
    task=TaskSpec(name="super_resolution", settings={"scale": 2}),
    dataset="div2k",
    network=NetworkSpec(name="edsr", arguments={"scale": 2, "blocks": 4}),
    loss=LossSpec(name="kmae", arguments={"pixel": "l1", "weight": 1.0}, loss_network="mae"),
    recipe=RECIPE,
    seed=0,
)
MAE = PretrainSpec(loss_network="mae", architecture={"depth": 2}, dataset="div2k", seed=0, recipe=RECIPE)
CLASSIFIER = ClassifierSpec(
    architecture="vgg19",
    dataset="imagenet",
    classes=10,
    side=32,
    recipe=RECIPE,
    attack=AttackSpec(radius=1.0, steps=5),
    evaluation=RobustnessSpec(radius=1.0, each=1),
    seed=0,
)
DISTANCE = DistanceSpec(
    architecture={"layout": "caffe"}, dataset="bapps", side=32, recipe=RECIPE, held_out=1, seed=0, attack=None
)


@pytest.fixture(scope="module")
def paper() -> Plan:
    return planned("paper")


@pytest.fixture(scope="module")
def ci() -> Plan:
    return planned("ci")


def changed(spec: Any, **changes: Any) -> Any:
    """Return `spec` with other values, checked."""
    return type(spec).model_validate({**spec.model_dump(), **changes})


def recipe(**changes: Any) -> dict[str, Any]:
    return {"recipe": changed(RECIPE, **changes).model_dump()}


def loss(name: str = "kmae", **arguments: Any) -> dict[str, Any]:
    return {"loss": {"name": name, "arguments": {**RUN.loss.arguments, **arguments}, "loss_network": "mae"}}


def test_every_training_of_the_paper_scale_has_a_key_and_words(paper: Plan) -> None:
    found = trainings(paper)
    asked = {
        (stage, key)
        for stage in STAGES
        for key, job in paper.jobs[stage].items()
        if getattr(job.spec, "recipe", None) is not None
    }
    assert set(found) == asked
    assert {stage for stage, _ in found} == set(STAGES)
    for (stage, key), one in found.items():
        job = paper.jobs[stage][key]
        network = loss_network_of(job)
        assert cost_key(job.spec, network) == key_of(one.what)
        assert f"{one.what}".endswith(("adam", "adamw", "sgd", "clipped"))
        # a training with a loss network says of what size that is
        assert (network is not None) == ("weights" in job.inputs)
    kinds = {one.what for one in found.values()}
    assert "edsr (blocks 16, channels 64, scale 4) under kmae (pixel l1) on mae, 16 crops of 48 px, adam" in kinds
    assert "pre-training of mae (bands 4, image_size 128), 256 crops of 128 px, adamw" in kinds
    assert len({key_of(what) for what in kinds}) == len(kinds) < len(found) / 3


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        (RUN, {"seed": 1}),
        (RUN, {"dataset": "lol"}),
        (RUN, loss(weight=0.1)),
        (RUN, loss(seed=3)),
        (RUN, recipe(steps=99, learning_rate=1.0, weight_decay=0.1, schedule={"name": "cosine"}, augment=False)),
        (RUN, {"network": {"name": "edsr", "arguments": {"blocks": 4, "scale": 2}}}),
        (MAE, {"seed": 1, "dataset": "lol"}),
        (CLASSIFIER, {"seed": 1, "dataset": "exemplars", "attack": {"radius": 3.0, "steps": 5, "pairing": 0.1}}),
        (DISTANCE, {"seed": 1, "root": "elsewhere", "held_out": 9}),
    ],
    ids=str,
)
def test_what_costs_nothing_leaves_the_key(spec: Any, changes: dict[str, Any]) -> None:
    assert cost_key(changed(spec, **changes)) == cost_key(spec)


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        (RUN, recipe(batch=8)),
        (RUN, recipe(patch=48)),
        (RUN, recipe(optimizer="sgd")),
        (RUN, recipe(clip=1.0)),
        (RUN, recipe(ema=0.9)),
        (RUN, recipe(precision="float32")),
        (RUN, {"network": {"name": "rfdn", "arguments": RUN.network.arguments}}),
        (RUN, {"network": {"name": "edsr", "arguments": {"scale": 2, "blocks": 5}}}),
        (RUN, loss("ctmae")),
        (RUN, loss(layer=3)),
        (RUN, loss(precision="fast")),
        (RUN, {"own_loss": True}),
        (RUN, {"loss": {**RUN.loss.model_dump(), "loss_network": "vgg19"}}),
        (RUN, {"task": {"name": "any", "settings": {"bands": 4}}}),
        (MAE, {"architecture": {"depth": 3}}),
        (MAE, {"loss_network": "cnn_mae"}),
        (MAE, recipe(batch=8)),
        (CLASSIFIER, {"architecture": "vgg16"}),
        (CLASSIFIER, {"arguments": {"layout": "caffe"}}),
        (CLASSIFIER, {"head": "pooled"}),
        (CLASSIFIER, {"classes": 11}),
        (CLASSIFIER, {"side": 64, **recipe(patch=64)}),
        (CLASSIFIER, {"attack": None}),
        (CLASSIFIER, {"attack": {"radius": 1.0, "steps": 6}}),
        (CLASSIFIER, {"attack": None, "initial": "trunk", "frozen_trunk": True}),
        (DISTANCE, {"attack": DistanceAttackSpec(radius=1.0, steps=10).model_dump()}),
        (DISTANCE, {"architecture": {"layout": "torchvision"}}),
        (DISTANCE, recipe(batch=8)),
    ],
    ids=str,
)
def test_what_costs_something_changes_the_key(spec: Any, changes: dict[str, Any]) -> None:
    assert cost_key(changed(spec, **changes)) != cost_key(spec)


def test_the_architecture_of_the_loss_network_is_in_the_key() -> None:
    keys = {cost_key(RUN, made) for made in (None, MAE, changed(MAE, architecture={"depth": 3}), CLASSIFIER, DISTANCE)}
    assert len(keys) == 5
    assert cost_key(RUN, MAE) == cost_key(RUN, changed(MAE, seed=5, dataset="lol", **recipe(batch=9)))


def test_all_four_kinds_of_steps_differ_and_what_trains_nothing_has_no_key() -> None:
    assert len({cost_key(spec) for spec in (RUN, MAE, CLASSIFIER, DISTANCE)}) == 4
    weights = PublicWeights(file="file.pth", digest="sha256:0123456")
    assert cost_key(changed(MAE, recipe=None, weights=weights.model_dump())) is None
    assert cost_words(changed(CLASSIFIER, recipe=None, attack=None, weights=weights.model_dump())) is None


def test_a_job_holds_what_made_its_loss_network(ci: Plan) -> None:
    key = ("super_resolution_x4", "photographs", "edsr")
    run = ci.job("train", (*key, "kmae", "0"))
    assert loss_network_of(run) == ci.job("pretrain", ("mae_public", "generic_photographs")).spec
    assert loss_network_of(ci.job("train", (*key, "original", "0"))) is None


def totals(rows: list[CostRow], table: str | None) -> dict[str, CostRow]:
    return {row.stage: row for row in rows if row.table == table}


def test_hours_are_steps_times_seconds_and_every_job_counts_once(paper: Plan) -> None:
    found = trainings(paper)
    rows = totals(estimates(paper, every_step(paper, 0.5)), None)
    assert set(rows) == set(STAGES)
    for stage, row in rows.items():
        steps = sum(one.steps for (of, _), one in found.items() if of == stage)
        assert (row.jobs, row.steps) == (sum(of == stage for of, _ in found), steps)
        assert row.gpu_hours == pytest.approx(steps * 0.5 / 3600)
        assert row.seconds_per_step == pytest.approx(0.5)
        assert not row.unmeasured


def test_a_run_that_is_as_long_as_another_counts_its_own_steps(paper: Plan) -> None:
    key = ("super_resolution_x2", "div2k", "edsr")
    found = trainings(paper)
    plain, longer = (found["train", (*key, loss, "1")] for loss in ("original", "original_longer"))
    assert longer.what == plain.what and longer.steps > 2 * plain.steps
    assert not longer.undecided


def test_a_table_counts_what_it_needs_and_shared_jobs_in_each(paper: Plan) -> None:
    rows = estimates(paper, every_step(paper))
    whole = totals(rows, None)
    tables = {name: totals(rows, name) for name in paper.table_names}
    assert all(tables.values())
    for stage in STAGES:
        counted = [found[stage].jobs for found in tables.values() if stage in found]
        assert max(counted) <= whole[stage].jobs <= sum(counted)
    # tables 1 and 2 of the MAE paper share no training, the tables on robust losses share EnhanceNet's
    assert tables["mae_loss/table3"]["train"].jobs == 120
    assert tables["mae_loss/table3"]["pretrain"].jobs == 2 * len(paper.scale.seeds)
    assert set(tables["robust_perceptual/table1"]) == {"train_classifier"}
    assert set(tables["robust_perceptual/table2"]) == {"train_classifier", "train_distance", "train"}
    needed = [set(paper.needed(f"robust_perceptual/{name}")) for name in ("table2", "figure1")]
    assert needed[0] & needed[1]


def test_every_step_of_the_published_recipes_is_measured_once(paper: Plan) -> None:
    measured = read(ROOT / "config" / FILE)
    found = trainings(paper).values()
    # a step that others are mixed to is counted from theirs
    assert all(step_of(measured, one.what, one.parts) for one in found if one.parts is not None)
    planned_steps = {one.what for one in found if one.parts is None}
    unmeasured = planned_steps - {one.what for one in measured.values()}
    assert planned_steps >= {one.what for one in measured.values()}
    # no GPU has taken these yet, which the plan says: of some the times follow from what they compute
    assert {what.split(" ")[0] for what in unmeasured} <= {"vae", "noise2noise", "rfdn"}
    assert {what.split(" under ")[1].split(" ")[0] for what in unmeasured} == {"original", "scaled_l2", "log_cosh"}
    counted = {one.what for one in measured.values() if "counted" in str(one.device)}
    of_pictures = {what.split(" on ")[0] for what in counted if " frames of " not in what}
    assert of_pictures == {f"sfinet (bands 4) under p_random_{kind} (pixel l1)" for kind in ("tmae", "cmae")}
    assert counted >= {what for what in planned_steps if " frames of " in what}
    key = ("super_resolution_x4", "coco", "enhancenet")
    words = {loss: trainings(paper)["train", (*key, loss, "0")].what for loss in ("e", "ep", "robust_ep", "ep_pools")}
    assert " under original (pixel l2), " in words["e"]
    assert " under perceptual (layers enhancenet, terms ep) on vgg19, " in words["ep_pools"]
    assert words["robust_ep"] == words["ep"]


def test_a_step_that_was_not_measured_is_named_and_in_no_number(paper: Plan) -> None:
    measured = every_step(paper, 1.0)
    key = ("super_resolution_x4", "div2k", "rfdn", "vgg", "0")
    lost = trainings(paper)["train", key]
    whole = totals(estimates(paper, measured), None)["train"]
    del measured[key_of(lost.what)]
    row = totals(estimates(paper, measured), None)["train"]
    # three seeds
    assert row.unmeasured == {lost.what: 3}
    assert row.summary()["unmeasured_jobs"] == 3
    assert row.jobs == whole.jobs
    assert row.steps == whole.steps - 3 * lost.steps
    measured[key_of(lost.what)] = Measurement(lost.what, None, None, "a small GPU", "2")
    row = totals(estimates(paper, measured), None)["train"]
    assert row.unmeasured == {f"{lost.what} (out of memory on a small GPU)": 3}
    nothing = totals(estimates(paper, {}), None)["train"]
    assert (nothing.steps, nothing.gpu_hours, nothing.seconds_per_step) == (0, 0.0, None)
    assert sum(nothing.unmeasured.values()) == nothing.jobs == whole.jobs


def test_estimating_loads_no_torch() -> None:
    script = "import sys, pipeline.planning.cost, pipeline.planning.report; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
