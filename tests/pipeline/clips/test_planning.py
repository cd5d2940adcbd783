"""Plans of tables of video: what fits them, what their jobs read, and how their clips are scored."""

import json
from typing import Any

import pytest
from _config import both, place
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config.read import Configuration, values
from pipeline.config.table import Metric
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.tabulate import TabulateSpec
from pipeline.specs.train import TrainSpec

TABLES = ["mae_loss/table5", "mae_loss/table6"]
KEY = ("video_denoising", "clips")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned("ci")


def planned(scale: str, **changes: Any) -> Plan:
    folder = ROOT / "config"
    return Plan.from_config({**values(folder), "scale": scale, "tables": TABLES, **changes}, folder)


def changed(*changes: Any, tables: list[str] = TABLES) -> Plan:
    """Plan the scale ci after `changes` of what its records hold, each an entry of the scale and its content."""
    folder = ROOT / "config"
    configuration = Configuration.read({**values(folder), "scale": "ci", "tables": tables}, folder)
    content = {"scale": configuration.scale.model_dump(), "tables": {}}
    both(*changes)(content)
    object.__setattr__(
        configuration, "scale", type(configuration.scale).parse(content["scale"], "config/scale/ci.yaml")
    )
    return Plan(configuration)


def specs(plan: Plan, stage: str) -> dict[tuple[str, ...], Any]:
    return {key: job.spec for key, job in plan.jobs[stage].items()}


def test_denoising_reads_targets_alone_and_enhancement_pairs(plan: Plan) -> None:
    assert set(plan.jobs["degrade"]) == {("clips", "video_enhancement")}
    for stage, network in (("train", "fastdvdnet"), ("train", "smoid")):
        task = "video_denoising" if network == "fastdvdnet" else "video_enhancement"
        job = plan.job(stage, (task, "clips", network, "original", "0"))
        assert list(job.inputs) == (["targets"] if network == "fastdvdnet" else ["targets", "pairs"])
        assert "pipeline.clips.training" in job.modules


@pytest.mark.parametrize(
    ("loss", "file", "network"),
    [
        ("original", "original", None),
        ("kmae", "kmae_video", "video_mae_public/panned_photographs"),
        ("ctmae", "ctmae_video", "video_mae_task/clips"),
    ],
)
def test_losses_are_what_they_are_for_clips(plan: Plan, loss: str, file: str, network: str | None) -> None:
    job = plan.job("train", (*KEY, "fastdvdnet", loss, "0"))
    assert isinstance(job.spec, TrainSpec) and job.spec.loss.name == file
    weights = f"results/ci/pretrain/{network}/network.safetensors" if network else None
    assert job.inputs.get("weights") == weights
    if network:
        spec = plan.job("pretrain", network.split("/")).spec
        assert isinstance(spec, PretrainSpec) and spec.recipe is not None
        assert (spec.loss_network, spec.architecture["masked"], spec.recipe.frames) == ("mae_st", "tube", 4)


def test_pacnet_rests_on_its_spatial_network_under_the_reference_loss(plan: Plan) -> None:
    def initial(loss: str) -> Any:
        return plan.job("train", (*KEY, "pacnet", loss, "1")).inputs["initial"]

    first = "results/ci/train/video_denoising/clips/pacnet_s/original/1/model.safetensors"
    assert initial("original") == initial("kmae") == initial("ctmae") == first
    # an A/A row has other seeds in all that it rests on
    assert initial("original_again") == first.replace("original", "original_again")
    assert specs(plan, "train")[*KEY, "pacnet_s", "original_again", "1"].seed == 1001
    own, base = (specs(plan, "train")[*KEY, name, "original", "0"].network.arguments for name in ("pacnet", "pacnet_s"))
    assert base.items() <= own.items()


def test_every_noise_level_has_a_column_and_the_number_of_the_table_is_their_mean(plan: Plan) -> None:
    spec = plan.job("evaluate", (*KEY, "fastdvdnet", "original", "0", "clips")).spec
    assert isinstance(spec, EvaluateSpec)
    found = {metric.name: metric.sigmas for metric in spec.metrics}
    levels = (10.0, 20.0, 30.0, 40.0, 50.0)
    assert found["psnr"] == found["ssim"] == levels
    assert [found[f"psnr_{level:g}"] for level in levels] == [(level,) for level in levels]
    table = plan.job("tabulate", ("mae_loss", "table5")).spec
    assert isinstance(table, TabulateSpec) and len(table.published) == 24
    cells = {(cell.column, cell.network, cell.loss) for cell in table.cells}
    assert {(one.column, one.network, one.loss) for one in table.published} <= cells


def test_clips_of_the_first_seed_and_of_untrained_answers_are_kept(plan: Plan) -> None:
    kept = {key[2:5]: spec.clip.keep_frames for key, spec in specs(plan, "evaluate").items()}
    assert kept["fastdvdnet", "original", "0"] == kept["trivial", "noisy_input", "0"] == 2
    assert kept["fastdvdnet", "original", "1"] == 0
    assert all(
        spec.clip.keep_sigma == (30.0 if "noisy" in key[3] else None)
        for key, spec in specs(plan, "evaluate").items()
        if key[2] == "trivial"
    )
    assert not plan.jobs.get("compare")


def test_kept_clips_of_the_first_seed_lie_side_by_side_before_the_table_is_made(plan: Plan) -> None:
    job = plan.job("compare_clips", ("mae_loss", "table5", *KEY, "fastdvdnet", "clips"))
    folder = "results/ci/evaluate/video_denoising/clips"
    losses = ("original", "kmae", "ctmae", "original_again")
    runs = ["trivial/noisy_input", *(f"fastdvdnet/{loss}" for loss in losses)]
    targets = "results/ci/prepare/clips/target.json"
    assert job.inputs == {"targets": targets, "scores": [f"{folder}/{run}/0/clips.csv" for run in runs]}
    assert json.loads(job.spec.canonical()) == {
        "clips": 2, "labels": ["noisy_input", *losses], "network": "fastdvdnet", "split": "test", "test_set": "clips",
        "trivial": "noisy_input",
    }  # fmt: skip
    table = plan.job("tabulate", ("mae_loss", "table5"))
    assert job.writes("clips").path in table.inputs["pictures"]


def test_without_kept_frames_nothing_lies_side_by_side() -> None:
    plan = changed(place("scale.evaluation.clips.keep_frames", 0))
    assert not plan.jobs.get("compare_clips")


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_every_scale_plans_all_published_numbers(scale: str) -> None:
    plan = planned(scale)
    for name in ("table5", "table6"):
        table = plan.job("tabulate", ("mae_loss", name)).spec
        assert isinstance(table, TabulateSpec) and len(table.published) == 24
        assert bool(table.stand_ins) == (scale == "demo")
        cells = {(cell.column, cell.network, cell.loss) for cell in table.cells}
        assert {(one.column, one.network, one.loss) for one in table.published} <= cells


@pytest.mark.parametrize(
    ("network", "recipe", "message"),
    [
        ("fastdvdnet", {"frames": None}, "recipe.frames: 'fastdvdnet' is trained on clips; say how many frames"),
        ("mbllven", {"frames": 4}, "recipe.frames: 4, but 'mbllven' needs 13; give an even number from 14 on"),
    ],
)
def test_frames_that_do_not_fit_are_refused(network: str, recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        changed(*(place(f"scale.networks.{network}.recipe.{entry}", value) for entry, value in recipe.items()))


def test_frames_of_a_recipe_of_pictures_are_refused() -> None:
    with pytest.raises(UserError, match=r"recipe\.frames: 4, but 'edsr' is trained on pictures; leave the entry out"):
        changed(place("scale.networks.edsr.recipe.frames", 4), tables=["mae_loss/table3"])


def test_parts_of_clips_too_short_for_a_network_are_refused() -> None:
    with pytest.raises(UserError, match=r"evaluation\.clips\.chunk: 8 frames, but 'mbllven' needs 13; give 13 or more"):
        changed(place("scale.evaluation.clips.chunk", 8))


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        (
            "networks.pacnet.initial",
            None,
            "pacnet.initial: 'pacnet' is built on nothing here; it is built on 'pacnet_s'",
        ),
        ("networks.pacnet.initial", "fastdvdnet", "initial: 'pacnet' is built on fastdvdnet here; .* name that"),
        ("networks.fastdvdnet.initial", "pacnet_s", "'fastdvdnet' is built on pacnet_s here; leave the entry out"),
        ("networks.pacnet.arguments.radius", 4, "arguments.radius: 4, but .* of 'pacnet_s', on which .* both the same"),
        ("evaluation.clips.overlap", 16, "overlap: 16 frames of a chunk of 1[0-9]; give fewer"),
    ],
)
def test_what_would_fail_after_training_is_refused(entry: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        changed(place(f"scale.{entry}", value))


@pytest.mark.parametrize(
    ("table", "metric", "message"),
    [
        ("table6", {"file": "psnr_video", "sigmas": (30.0,)}, "sigmas: task 'video_enhancement' adds no noise; leave"),
        ("table5", {"file": "mabd", "frames": 1}, "frames: 1, but 'mabd' needs 2 and [0-9]+ are scored at this scale"),
        ("table5", {"file": "psnr_video", "frames": 99}, "frames: 99, but 'psnr_video' needs 1 and [0-9]+ are scored"),
    ],
)
def test_a_metric_that_could_not_be_taken_is_refused(table: str, metric: dict[str, Any], message: str) -> None:
    name, folder = f"mae_loss/{table}", ROOT / "config"
    configuration = Configuration.read({**values(folder), "scale": "ci", "tables": [name]}, folder)
    metrics = {"mine": Metric.model_validate({"source": "x", **metric})}
    configuration.tables[name] = configuration.tables[name].model_copy(update={"metrics": metrics})
    with pytest.raises(UserError, match=f"metrics.mine.{message}"):
        Plan(configuration)


@pytest.mark.parametrize(
    ("table", "entry", "value", "message"),
    [
        (
            "table3",
            "networks",
            ["smoid"],
            "'smoid' restores clips, column 'x2' is of pictures; name it in tables of clips",
        ),
        (
            "table6",
            "networks",
            ["sid"],
            "'sid' restores pictures, column 'evds' is of clips; name it in tables of pictures",
        ),
        (
            "table6",
            "losses",
            ["original", "vgg"],
            "losses.*vgg.*'vgg' compares pictures, and 'video_enhancement' is of clips",
        ),
        (
            "table6",
            "metrics",
            {"psnr": {"source": "x"}},
            "metrics.psnr: 'psnr' scores pictures, column 'evds' is of clips",
        ),
        (
            "table3",
            "metrics",
            {"mabd": {"source": "x"}},
            "metrics.mabd: 'mabd' scores clips, column 'x2' is of pictures",
        ),
    ],
)
def test_what_is_of_the_other_kind_is_refused(table: str, entry: str, value: Any, message: str) -> None:
    name = f"mae_loss/{table}"
    folder = ROOT / "config"
    configuration = Configuration.read({**values(folder), "scale": "ci", "tables": [name]}, folder)
    if entry == "metrics":
        value = {metric: Metric.model_validate(content) for metric, content in value.items()}
    configuration.tables[name] = configuration.tables[name].model_copy(update={entry: value})
    with pytest.raises(UserError, match=message):
        Plan(configuration)
