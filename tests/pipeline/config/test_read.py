"""A mistake in the configuration is refused at planning, with its place and the nearest right name."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from _config import TABLE, Change, Contents, Mistakes, PlanOf, both, content, place, refused, renamed
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.planning.plan import Plan

EDSR = "config/scale/ci.yaml: networks has no 'edrs'; did you mean 'edsr'?"

MISTAKES: Mistakes = {
    "scale": (place("config.scale", "papr"), "unknown scale 'papr' (no config/scale/papr.yaml); did you mean 'paper'?"),
    "table": (
        place("config.tables", ["mae_loss/table33"]),
        "unknown table 'mae_loss/table33' (no config/tables/mae_loss/table33.yaml); did you mean 'mae_loss/table3'?",
    ),
    "table by its target": (place("config.tables", ["mae_loss_table3"]), "did you mean 'mae_loss/table3'?"),
    "config key": (
        renamed("config.threads", "thread"),
        "config/config.yaml: key 'threads' is missing; unknown key 'thread'; did you mean 'threads'?",
    ),
    "scale key": (
        renamed("scale.loss_networks", "loss_network"),
        "config/scale/ci.yaml: key 'loss_networks' is missing; unknown key 'loss_network'; did you mean 'loss_net",
    ),
    "table key": (renamed("table.columns", "column"), f"{TABLE}: key 'columns' is missing; unknown key 'column'; did"),
    "recipe key": (
        renamed("scale.networks.edsr.recipe.betas", "beta"),
        "config/scale/ci.yaml: unknown key 'networks.edsr.recipe.beta'; did you mean 'betas'?",
    ),
    "schedule key": (
        renamed("scale.networks.rfdn.recipe.schedule.warm_up", "warmup"),
        "config/scale/ci.yaml: unknown key 'networks.rfdn.recipe.schedule.warmup'; did you mean 'warm_up'?",
    ),
    "recipe key of a task": (
        place("scale.networks.edsr.per_task", {"super_resolution_x4": {"stepz": 3}}),
        "config/scale/ci.yaml: networks.edsr.per_task.super_resolution_x4: unknown key 'stepz'; did you mean 'steps'",
    ),
    "recipe value": (
        place("scale.networks.edsr.recipe.steps", 0),
        "config/scale/ci.yaml: networks.edsr.recipe.steps: Input should be greater than 0 (got 0)",
    ),
    "task of a recipe": (
        place("scale.networks.edsr.per_task", {"super_resolution_x3": {"steps": 3}}),
        "config/scale/ci.yaml: networks.edsr.per_task: 'super_resolution_x3' is not defined; did you mean 'super_res",
    ),
    "network": (place("table.networks", ["edrs"]), EDSR),
    "network file": (
        both(place("table.networks", ["edrs"]), renamed("scale.networks.edsr", "edrs")),
        "unknown network 'edrs' (no lossbench/networks/edrs.py); did you mean 'edsr'?",
    ),
    "network argument": (
        place("scale.networks.edsr.arguments", {"chanels": 24}),
        "'edsr' takes no argument 'chanels'; did you mean 'channels'?",
    ),
    "loss network file": (
        place("scale.loss_networks.mae_task.network", "mea"),
        "unknown loss network 'mea' (no lossbench/loss_networks/mea.py); did you mean 'mae'?",
    ),
    "loss network argument": (
        place("scale.loss_networks.mae_task.architecture", {"dept": 4}),
        "'mae' takes no argument 'dept'; did you mean 'depth'?",
    ),
    "loss network without an origin": (
        place("scale.loss_networks.mae_task.recipe", None),
        "config/scale/ci.yaml: loss_networks.mae_task: give either dataset and recipe, or weights",
    ),
    "task": (
        place("table.columns.x2.task", "super_resolution_x22"),
        f"{TABLE}: columns.x2.task: 'super_resolution_x22' is not defined; did you mean 'super_resolution_x2'?",
    ),
    "task file": (
        place("config.tasks.super_resolution_x2.name", "superresolution"),
        "unknown task 'superresolution' (no lossbench/tasks/superresolution.py); did you mean 'super_resolution'?",
    ),
    "split": (
        place("table.columns.x4.test_set.split", "tests"),
        f"{TABLE}: columns.x4.test_set.split: Input should be 'train', 'val' or 'test' (got 'tests')",
    ),
    "metric": (
        renamed("table.metrics.psnr", "pnsr"),
        "unknown metric 'pnsr' (no lossbench/metrics/pnsr.py); did you mean 'psnr'?",
    ),
    "column of a crop": (
        renamed("table.metrics.psnr.crop.x4", "x44"),
        f"{TABLE}: metrics.psnr.crop: 'x4' is not defined; did you mean 'x44'?",
    ),
    "warning without a number": (
        lambda contents: contents["table"]["warnings"][0].update(network="edrs"),
        f"{TABLE}: warnings: nothing is published for x2 edrs vgg niqe",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_nearest_name(mistake: str, plan_of: PlanOf) -> None:
    refused(plan_of, MISTAKES[mistake])


def test_the_files_as_shipped_are_planned(plan_of: PlanOf) -> None:
    assert plan_of(lambda contents: None).targets() == ["results/ci/tables/mae_loss/table3.csv"]


def reversed_keys(content: Any) -> Any:
    """Return `content` with the keys of every mapping in the opposite order."""
    if isinstance(content, dict):
        return {key: reversed_keys(value) for key, value in reversed(content.items())}
    return [reversed_keys(value) for value in content] if isinstance(content, list) else content


def test_the_order_of_keys_changes_no_spec(plan_of: PlanOf) -> None:
    def specs(change: Change) -> dict[str, str]:
        jobs = plan_of(change).jobs
        return {f"{stage} {key}": job.spec.canonical() for stage in jobs for key, job in jobs[stage].items()}

    def reorder(contents: Contents) -> None:
        contents.update({key: reversed_keys(contents[key]) for key in ("config", "losses", "scale")})

    # the files keep the first change
    before = specs(lambda contents: None)
    assert specs(reorder) == before


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "scale/demo.yaml").write_text("title: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"scale/demo\.yaml is not valid YAML"):
        Plan.from_config(content(folder / "config.yaml"), folder)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "scale/demo.yaml").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"scale/demo\.yaml: value: .*got None"):
        Plan.from_config(content(folder / "config.yaml"), folder)


def test_a_folder_without_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere/config\.yaml is missing; run from the folder of the Snakefile"):
        read.values(tmp_path / "nowhere")


def test_the_tables_are_listed_by_their_targets() -> None:
    tables = {table["name"]: table for table in read.tables(ROOT / "config")}
    robust = [f"robust_perceptual_{name}" for name in ("figure1", "table1", "table2")]
    log_cosh = [f"log_cosh_{name}" for name in ("figure10", "figure6", "samples")]
    mae_loss = [f"mae_loss_table{number}" for number in range(1, 8)]
    ours = ["bench_denoising", "bench_super_resolution", "beyond_every", "beyond_losses", "beyond_pixel_losses"]
    assert list(tables) == [*ours, *log_cosh, *mae_loss, *robust]
    table = tables["mae_loss_table3"]
    assert table["losses"] == ["original", "vgg", "kmae", "ctmae", "ccmae"]
    assert table["networks"] == ["rfdn", "edsr"]
    assert table["metrics"] == ["psnr", "niqe", "grid"]
