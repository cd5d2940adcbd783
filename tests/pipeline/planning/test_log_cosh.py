"""The plan of the log-cosh paper's figures: which runs they need, with what, and what is refused."""

from dataclasses import replace
from functools import cache

import pytest
from _repository import ROOT

from lossbench import datasets, networks
from lossbench.errors import UserError
from pipeline.config import read
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan
from pipeline.specs.figure import FigureSpec
from pipeline.specs.generate import GenerateSpec
from pipeline.specs.tabulate import TRIVIAL, TabulateSpec
from pipeline.specs.train import TrainSpec

CONFIG = ROOT / "config"
TABLES = ["log_cosh/figure6", "log_cosh/figure10", "log_cosh/samples"]
CURVATURES = (2, 10, 20, 50, 100, 200)
SWEEP = [f"{kind}_{number}" for kind in ("l2", "log_cosh") for number in CURVATURES]


@cache
def configured(scale: str) -> Configuration:
    return Configuration.read({**read.values(CONFIG), "scale": scale, "tables": TABLES}, CONFIG)


@cache
def planned(scale: str) -> Plan:
    return Plan(configured(scale), unmeasured=True)


def trainings(scale: str, dataset: str, task: str) -> dict[tuple[str, str], TrainSpec]:
    """Return the trainings of a task by loss and seed."""
    found = {}
    for key, job in planned(scale).jobs["train"].items():
        if key[:2] == (task, dataset) and isinstance(job.spec, TrainSpec):
            found[key[3], key[4]] = job.spec
    return found


def test_the_sweep_matches_the_curvatures_over_three_seeds() -> None:
    found = trainings("demo", "digits", "generation_mnist")
    assert set(found) == {(loss, str(seed)) for loss in (*SWEEP, "l1") for seed in range(3)}
    for number in CURVATURES:
        ours, theirs = (found[f"{kind}_{number}", "0"].loss for kind in ("log_cosh", "l2"))
        assert (ours.name, ours.arguments) == ("log_cosh", {"a": float(number)})
        assert (theirs.name, theirs.arguments) == ("scaled_l2", {"scale": number / 2})


def test_the_paper_scale_takes_the_networks_of_the_facts() -> None:
    sizes = {"mnist": ("generation_mnist", 429_729), "celeba": ("generation_celeba", 7_095_171)}
    for dataset, (task, count) in sizes.items():
        spec = trainings("paper", dataset, task)["log_cosh_100", "0"]
        assert networks.parameter_count(networks.build(spec.network.name, **spec.network.arguments)) == count
    spec = trainings("paper", "t291", "text_removal")["log_cosh_255", "0"]
    assert networks.parameter_count(networks.build(spec.network.name, **spec.network.arguments)) == 991_203
    assert spec.recipe.steps == 60_000


def test_generators_and_noise2noise_read_the_targets_alone() -> None:
    for job in planned("demo").jobs["train"].values():
        assert set(job.reads) == {"targets"}, job


@pytest.mark.parametrize(
    ("scale", "metric", "kind"), [("demo", "frechet_vgg16", "vgg16"), ("paper", "fid", "inception")]
)
def test_the_distance_of_samples_says_over_what_it_is(scale: str, metric: str, kind: str) -> None:
    jobs = planned(scale).jobs["generate"]
    specs = [job.spec for job in jobs.values() if isinstance(job.spec, GenerateSpec)]
    assert specs and all([(one.name, one.loss_network) for one in spec.metrics] == [(metric, kind)] for spec in specs)
    assert {key[2] for key in jobs} == {TRIVIAL, "vae"}
    table = planned(scale).job("tabulate", ("log_cosh", "figure6")).spec
    assert isinstance(table, TabulateSpec)
    assert [one.name for one in table.metrics] == ["squared_error", "kl", metric]
    assert any("VGG-16" in text for text in table.stand_ins) == (scale == "demo")
    words = table.metrics[2].protocol
    assert f"one number of {specs[0].samples} made pictures" in words and "mean over pictures" not in words
    assert ("of 512 features, so that covariances lack full rank" in words) == (scale == "demo")


def test_every_figure_is_part_of_its_target() -> None:
    targets = planned("demo").tables()
    assert targets["log_cosh_figure6"] == [
        "results/demo/tables/log_cosh/figure6.csv",
        *(f"results/demo/figures/log_cosh/figure6.{ending}" for ending in ("png", "svg", "csv")),
    ]
    kinds = {}
    for (_, table), job in planned("demo").jobs["figure"].items():
        assert isinstance(job.spec, FigureSpec)
        kinds[table] = job.spec.figure.kind
        assert {path.rpartition(".")[2] for path in job.outputs().values()} == {"png", "svg", "csv"}
    assert kinds == {"figure6": "sweep", "figure10": "scatter", "samples": "gallery"}


def test_a_gallery_of_pictures_that_may_not_be_shown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers_only = replace(datasets.card("faces"), pictures=False)
    card = datasets.card
    monkeypatch.setattr(datasets, "card", lambda name: numbers_only if name == "faces" else card(name))
    with pytest.raises(UserError, match=r"log_cosh/samples.yaml: figure: the licence of faces allows no pictures"):
        Plan(configured("ci"))
    alone = replace(configured("ci"), tables={"log_cosh/figure6": configured("ci").tables["log_cosh/figure6"]})
    specs = [job.spec for job in Plan(alone).jobs["generate"].values() if isinstance(job.spec, GenerateSpec)]
    assert specs and all(spec.sheets for spec in specs)


def test_a_patch_that_is_no_whole_picture_is_refused() -> None:
    found = configured("ci")
    vae = found.scale.networks["vae"].model_copy(update={"per_task": {}})
    scale = found.scale.model_copy(update={"networks": {**found.scale.networks, "vae": vae}})
    with pytest.raises(
        UserError, match=r"networks\.vae\.recipe\.patch: 32 px, but pictures of generation_celeba have 64"
    ):
        Plan(replace(found, scale=scale))


def test_a_figure_of_an_unknown_loss_is_refused() -> None:
    found = configured("ci")
    table = found.tables["log_cosh/figure10"]
    assert table.figure is not None
    for changes, message in (
        ({"against": ("l3",)}, "figure: 'l3' is not defined"),
        ({"metric": "sim"}, "figure.metric: 'sim' is not defined; did you mean 'ssim'"),
    ):
        wrong = table.model_copy(update={"figure": table.figure.model_copy(update=changes)})
        with pytest.raises(UserError, match=message):
            replace(found, tables={**found.tables, "log_cosh/figure10": wrong})._check()


def test_each_task_of_the_pixel_losses_has_its_own_answer_to_beat() -> None:
    values = {**read.values(CONFIG), "scale": "ci", "tables": ["beyond/pixel_losses"]}
    plan = Plan(Configuration.read(values, CONFIG), unmeasured=True)
    spec = plan.job("tabulate", ("beyond", "pixel_losses")).spec
    assert isinstance(spec, TabulateSpec)
    made = {cell.column: cell.loss for cell in spec.cells if cell.network == TRIVIAL}
    assert made == {"super_resolution": "bicubic", "denoising": "noisy_input"}
    assert (spec.trivials_of("super_resolution"), spec.trivials_of("denoising")) == (("bicubic",), ("noisy_input",))
