"""Each job's spec says what was published, and its files and modules are those that it needs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from _plans import at_ci, planned, train_spec

from pipeline.planning.job import WILDCARDS
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec

CONTROLS = ("random_tmae", "random_cmae", "original_longer", "original_again")


@pytest.mark.parametrize("scale", [2, 4])
def test_edsr_at_paper_scale_is_trained_as_published(scale: int) -> None:
    for seed in "012":
        spec = train_spec(planned("paper"), f"super_resolution_x{scale}", "div2k", "edsr", "original", seed)
        assert spec.network.arguments == {"scale": scale, "channels": 64, "blocks": 16}
        recipe = spec.recipe
        assert (recipe.steps, recipe.batch, recipe.patch) == (300_000, 16, 48)
        assert (recipe.optimizer, recipe.learning_rate, recipe.betas) == ("adam", 1e-4, (0.9, 0.999))
        schedule = recipe.schedule
        assert (schedule.name, schedule.milestones, schedule.factor) == ("steps", (200_000,), 0.5)
        assert (recipe.weight_decay, recipe.clip, recipe.ema, recipe.augment) == (0.0, None, None, True)
        assert spec.loss.arguments == {"pixel": "l1"}
        assert spec.seed == int(seed)


@pytest.mark.parametrize("scale", [2, 4])
def test_rfdn_at_paper_scale_is_trained_as_published(scale: int) -> None:
    spec = train_spec(planned("paper"), f"super_resolution_x{scale}", "div2k", "rfdn", "ccmae", "2")
    assert spec.network.arguments == {"scale": scale, "channels": 50, "blocks": 4}
    recipe = spec.recipe
    assert (recipe.steps, recipe.batch, recipe.patch) == (1_000_000, 64, 64)
    assert (recipe.optimizer, recipe.learning_rate) == ("adam", 5e-4)
    schedule = recipe.schedule
    assert (schedule.name, schedule.factor) == ("steps", 0.5)
    assert schedule.milestones == (200_000, 400_000, 600_000, 800_000)
    assert spec.loss.loss_network == "cnn_mae"
    assert spec.loss.arguments == {"pixel": "l1", "weight": 1.0}


def test_the_five_losses_of_the_paper_use_the_right_loss_networks() -> None:
    plan = planned("paper")
    key = ("super_resolution_x4", "div2k", "edsr")
    weights = {loss: plan.job("train", (*key, loss, "0")).inputs.get("weights") for loss in ("original", "vgg", "kmae")}
    weights |= {loss: plan.job("train", (*key, loss, "0")).inputs.get("weights") for loss in ("ctmae", "ccmae")}
    assert weights == {
        "original": None,
        "vgg": "results/paper/pretrain/vgg/public/network.safetensors",
        "kmae": "results/paper/pretrain/mae_public/public/network.safetensors",
        "ctmae": "results/paper/pretrain/mae_task/div2k/network.safetensors",
        "ccmae": "results/paper/pretrain/cnn_mae_task/div2k/network.safetensors",
    }
    loss_networks = {loss: train_spec(plan, *key, loss, "0").loss.loss_network for loss in weights}
    assert loss_networks == {"original": None, "vgg": "vgg19", "kmae": "mae", "ctmae": "mae", "ccmae": "cnn_mae"}


def test_a_job_runs_its_stage_and_the_plugins_that_its_spec_names() -> None:
    plan = planned("paper")
    modules = {
        ("prepare", "div2k"): {"datasets.div2k"},
        ("degrade", "div2k/super_resolution_x2"): {"datasets.div2k", "tasks.super_resolution"},
        ("import_weights", "vgg"): {"loss_networks.vgg19"},
        ("pretrain", "cnn_mae_task/div2k"): {"loss_networks.cnn_mae"},
        ("train", "super_resolution_x2/div2k/edsr/original/0"): {
            *("networks.edsr", "losses.original", "tasks.super_resolution")
        },
        ("train", "super_resolution_x2/div2k/rfdn/kmae/1"): {
            *("networks.rfdn", "losses.kmae", "tasks.super_resolution", "loss_networks.mae")
        },
        ("evaluate", "super_resolution_x2/div2k/edsr/vgg/0/div2k"): {
            *("networks.edsr", "tasks.super_resolution", "metrics.psnr", "metrics.niqe", "metrics.grid")
        },
        ("evaluate", "super_resolution_x2/div2k/trivial/bicubic/0/div2k"): {
            *("tasks.super_resolution", "metrics.psnr", "metrics.niqe", "metrics.grid")
        },
        ("compare", "mae_loss/table3/super_resolution_x4/div2k/edsr/div2k"): {"tasks.super_resolution"},
        ("tabulate", "mae_loss/table3"): set(),
    }
    for (stage, key), expected in modules.items():
        job = plan.job(stage, key.split("/"))
        assert sorted(job.modules) == sorted([f"pipeline.{stage}", *(f"lossbench.{name}" for name in expected)])
        wildcards = {"scale": "paper", **dict(zip(WILDCARDS[stage], key.split("/"), strict=True))}
        assert plan.of(stage, wildcards) is job


def test_what_a_recipe_says_for_one_task_holds_for_that_task_only() -> None:
    read = at_ci()
    edsr = read.scale.networks["edsr"].model_copy(update={"per_task": {"super_resolution_x4": {"patch": 12}}})
    networks = {**read.scale.networks, "edsr": edsr}
    plan = Plan(replace(read, scale=read.scale.model_copy(update={"networks": networks})))
    first, second = (
        train_spec(plan, f"super_resolution_x{scale}", "photographs", "edsr", "original", "0").recipe
        for scale in (2, 4)
    )
    assert (first.patch, second.patch) == (16, 12)
    assert first.model_copy(update={"patch": 12}) == second
    assert train_spec(plan, "super_resolution_x4", "photographs", "rfdn", "original", "0").recipe.patch == 27


def test_the_crop_of_psnr_is_that_of_its_column_and_niqe_takes_luma() -> None:
    plan = planned("paper")
    for scale, crop in ((2, 8), (4, 10)):
        key = (f"super_resolution_x{scale}", "div2k", "edsr", "vgg", "0", "div2k")
        spec = plan.job("evaluate", key).spec
        assert isinstance(spec, EvaluateSpec)
        protocols = {metric.name: (metric.colour, metric.crop, metric.rounding) for metric in spec.metrics}
        printed = {"psnr": ("rgb", crop, True), "niqe": ("y601", 0, True)}
        assert protocols == {**printed, "grid": ("gray", 0, True)}
        assert (spec.split, spec.tile) == ("test", 512)


def test_a_comparison_shows_the_trivial_answer_and_the_first_seed_of_every_loss() -> None:
    read = at_ci()
    # a first seed other than 0, and seed 0 among the others
    plan = Plan(replace(read, scale=read.scale.model_copy(update={"seeds": (3, 0)})))
    job = plan.job("compare", ("mae_loss", "table3", "super_resolution_x2", "photographs", "edsr", "photographs"))
    runs = [("trivial", "bicubic", "0")]
    runs += [("edsr", loss, "3") for loss in ("original", "vgg", "kmae", "ctmae", "ccmae", *CONTROLS)]
    folder = "results/ci/evaluate/super_resolution_x2/photographs"
    assert job.inputs["scores"] == [f"{folder}/{'/'.join(run)}/photographs.csv" for run in runs]
    assert json.loads(job.spec.canonical())["labels"] == [loss for _, loss, _ in runs]


def test_two_columns_of_one_task_do_not_share_a_comparison() -> None:
    read = at_ci()
    table = read.tables["mae_loss/table3"]
    column = table.columns["x2"]
    other = column.model_copy(update={"test_set": column.test_set.model_copy(update={"dataset": "imagenet"})})
    metrics = {"psnr": table.metrics["psnr"].model_copy(update={"crop": 8})}
    changed = table.model_copy(update={"columns": {"first": column, "second": other}, "metrics": metrics})
    plan = Plan(replace(read, tables={"mae_loss/table3": changed}))
    for test_set in ("photographs", "generic_photographs"):
        job = plan.job("compare", ("mae_loss", "table3", "super_resolution_x2", "photographs", "rfdn", test_set))
        assert len(job.inputs["scores"]) == 6 + len(CONTROLS)
        assert all(Path(file).stem == test_set for file in job.inputs["scores"])


def test_the_specs_of_one_scale_say_all_that_another_changes() -> None:
    key: tuple[Any, ...] = ("super_resolution_x2", "photographs", "edsr", "vgg", "0")
    demo, ci = train_spec(planned("demo"), *key), train_spec(planned("ci"), *key)
    assert demo.recipe.steps > ci.recipe.steps == 6
    assert demo.network.arguments["channels"] > ci.network.arguments["channels"] == 4
    assert ci.loss.arguments == {"pixel": "l1", "layer": "conv1_2", "weight": 0.001}
