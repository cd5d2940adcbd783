"""The robust-perceptual paper out of the configuration: classifiers, distances, tables, and what stands in."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from _repository import ROOT

from lossbench import datasets
from lossbench.errors import UserError
from pipeline.config.read import Configuration
from pipeline.config.scale import LossNetwork
from pipeline.planning.plan import Plan
from pipeline.specs.chart import ChartSpec
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.evaluate import EvaluateSpec
from pipeline.specs.judge import JudgeSpec
from pipeline.specs.tabulate import TabulateSpec

CONFIG = ROOT / "config"
TABLES = ["robust_perceptual/table1", "robust_perceptual/table2", "robust_perceptual/figure1"]
PAIRS = ("ep", "ept", "et", "p", "pt")
ROWS = ["e", *(loss for pair in PAIRS for loss in (pair, f"robust_{pair}"))]
MEASURED = ("psnr", "ssim", "uqi_sewar", "vif_unit_range", "gmsd_full", "lpips", "r_lpips")
CLASSIFIERS = {"standard_vgg19", "robust_vgg19", "standard_resnet50", "robust_resnet50"}


@cache
def read(scale: str) -> Configuration:
    values = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    return Configuration.read({**values, "scale": scale, "tables": TABLES}, CONFIG)


@cache
def planned(scale: str) -> Plan:
    return Plan(read(scale))


def with_entry(scale: str, section: str, name: str, change: Callable[[Any], Any]) -> Configuration:
    """Return the configuration of `scale` with an entry of a section changed."""
    found = read(scale)
    entries = {**getattr(found.scale, section), name: change(getattr(found.scale, section)[name])}
    return replace(found, scale=found.scale.model_copy(update={section: entries}))


def tabulated(scale: str, table: str) -> TabulateSpec:
    spec = planned(scale).job("tabulate", ("robust_perceptual", table)).spec
    assert isinstance(spec, TabulateSpec)
    return spec


@pytest.mark.parametrize("scale", ["ci", "demo", "paper"])
def test_all_85_published_numbers_stand_beside_a_metric_and_a_row_of_ours(scale: str) -> None:
    counts = []
    for name in ("table1", "table2"):
        spec = tabulated(scale, name)
        ours = {(cell.column, cell.network, cell.loss) for cell in spec.cells}
        metrics = {metric.name for metric in spec.metrics}
        for value in spec.published:
            assert (value.column, value.network, value.loss) in ours and value.metric in metrics
        counts.append(len(spec.published))
    assert counts == [8, 77]


@pytest.mark.parametrize("scale", ["ci", "demo", "paper"])
def test_table_2_has_the_eleven_rows_and_figure_1_the_same(scale: str) -> None:
    for table in ("table2", "figure1"):
        spec = tabulated(scale, table)
        assert [loss for loss in spec.losses if loss not in spec.controls] == [*ROWS, "e_again"]
        losses = {cell.loss for cell in spec.cells if cell.network == "enhancenet"}
        assert losses == set(spec.losses)
    seeds = {cell.seed for cell in tabulated("paper", "table2").cells if cell.loss == "robust_ep"}
    assert seeds == {0, 1, 2}


@pytest.mark.parametrize("scale", ["ci", "demo"])
def test_nothing_is_called_lpips_that_is_not(scale: str) -> None:
    spec = tabulated(scale, "table2")
    names = [metric.name for metric in spec.metrics]
    assert [name for name in names if "lpips" in name] == []
    by_name = {metric.name: metric for metric in spec.metrics}
    assert by_name["pseudo_2afc"].published == "lpips" and by_name["robust_pseudo_2afc"].published == "r_lpips"
    assert {value.value for value in spec.published if value.metric == "pseudo_2afc"} >= {0.2558, 0.1658}
    assert any("pseudo_2afc stands in for lpips" in text and "not LPIPS" in text for text in spec.stand_ins)
    judged = planned(scale).job("judge", ("robust_perceptual", "table2")).spec
    assert isinstance(judged, JudgeSpec)
    assert {name for claim in judged.claims for name in claim.measures} <= {*names}


def test_at_paper_scale_lpips_is_the_released_one_and_r_lpips_is_trained_on_people() -> None:
    plan = planned("paper")
    names = [metric.name for metric in tabulated("paper", "table2").metrics]
    assert names[: len(MEASURED)] == list(MEASURED) and "retrained_lpips" in names
    assert set(plan.jobs["train_distance"]) == {("r_lpips", "bapps"), ("retrained_lpips", "bapps")}
    attacked = plan.job("train_distance", ("r_lpips", "bapps"))
    assert isinstance(attacked.spec, DistanceSpec) and attacked.spec.attack is not None
    assert (attacked.spec.attack.radius, attacked.spec.attack.steps, attacked.spec.side) == (1.33, 10, 64)
    clean = plan.job("train_distance", ("retrained_lpips", "bapps"))
    assert isinstance(clean.spec, DistanceSpec) and clean.spec.attack is None
    # both are scored beside the released heads
    for job in (attacked, clean):
        assert str(job.inputs["released"]).endswith("pretrain/lpips/public/network.safetensors")
        assert str(job.inputs["trunk"]).endswith("pretrain/vgg16/public/network.safetensors")
        assert job.spec.root == "data/bapps"  # type: ignore[attr-defined]


def test_the_attacks_at_paper_scale_are_the_papers() -> None:
    plan = planned("paper")
    assert {name for name, _ in plan.jobs["train_classifier"]} == CLASSIFIERS
    for name in CLASSIFIERS:
        spec = plan.job("train_classifier", (name, "imagenet")).spec
        assert isinstance(spec, ClassifierSpec)
        withstands = spec.evaluation
        assert (spec.side, spec.classes, spec.root) == (224, 1000, "data/imagenet")
        assert (withstands.radius, withstands.steps, withstands.step) == (3.88, 50, 0.155)
        if name.startswith("standard"):
            assert spec.recipe is None and spec.weights is not None and spec.clean_accuracy is not None
            continue
        assert spec.attack is not None and spec.recipe is not None
        assert (spec.attack.radius, spec.attack.steps, spec.attack.pairing) == (5.82, 5, 0.5)
        assert (spec.recipe.optimizer, spec.recipe.momentum, spec.recipe.steps) == ("sgd", 0.9, 450_000)
        assert spec.dropout == 0


@pytest.mark.parametrize("scale", ["ci", "demo"])
def test_radii_keep_their_root_mean_square_at_the_side_of_the_stand_ins(scale: str) -> None:
    for job in planned(scale).jobs["train_classifier"].values():
        assert isinstance(job.spec, ClassifierSpec)
        size = math.sqrt(3) * job.spec.side
        assert job.spec.evaluation.radius / size == pytest.approx(0.010, rel=0.01)
        if job.spec.attack:
            assert job.spec.attack.radius / size == pytest.approx(0.015, rel=0.01)
    for job in planned("demo").jobs["train_distance"].values():
        assert isinstance(job.spec, DistanceSpec)
        if job.spec.attack:
            assert job.spec.attack.radius / (math.sqrt(3) * job.spec.side) == pytest.approx(0.012, rel=0.01)


def test_a_robust_classifier_from_elsewhere_takes_the_place_of_the_training() -> None:
    weights = read("paper").classifier("standard_vgg19").weights
    given = {"recipe": None, "attack": None, "weights": weights, "clean_accuracy": 0.62}
    plan = Plan(with_entry("paper", "classifiers", "robust_vgg19", lambda entry: entry.model_copy(update=given)))
    spec = plan.job("train_classifier", ("robust_vgg19", "imagenet")).spec
    assert isinstance(spec, ClassifierSpec)
    assert spec.weights is not None and (spec.recipe, spec.clean_accuracy) == (None, 0.62)
    # the losses rest on the same file as before
    trained = plan.job("train", ("super_resolution_x4", "coco", "enhancenet", "robust_ep", "0"))
    assert trained.inputs["weights"] == "results/paper/train_classifier/robust_vgg19/imagenet/network.safetensors"


def test_five_test_sets_are_five_cells_and_one_where_one_stand_in_serves_all() -> None:
    for scale, sets in (
        ("paper", ["bsd100", "manga109", "set14", "set5", "urban100"]),
        ("demo", ["photographs"]),
    ):
        cells = tabulated(scale, "table2").cells
        assert [cell.test_set for cell in cells if (cell.loss, cell.seed) == ("robust_pt", 0)] == sets
    text = "data set photographs stands in for bapps, bsd100, manga109, set14, set5, urban100"
    assert text in tabulated("demo", "table2").stand_ins


def test_figure_1_asks_both_classifiers_about_the_same_pictures() -> None:
    for scale, test_set, columns in (
        ("paper", "imagenet_validation", ["classes"]),
        ("demo", "exemplar_crops", ["classes", "photographs"]),
    ):
        plan, spec = planned(scale), tabulated(scale, "figure1")
        assert list(spec.columns) == columns
        data = "coco" if scale == "paper" else "photograph_squares"
        job = plan.job("evaluate", ("super_resolution_x4", data, "enhancenet", "robust_pt", "0", test_set))
        assert isinstance(job.spec, EvaluateSpec)
        assert [(metric.name, metric.file) for metric in job.spec.metrics] == [
            ("robust_error", "classification_error"),
            ("standard_error", "classification_error"),
        ]
        files = [Path(file).parts[3] for file in job.inputs["metric_weights"]]
        assert files == ["robust_resnet50", "standard_resnet50"]
        assert f"lossbench.datasets.{test_set}" in job.modules and "lossbench.loss_networks.resnet50" in job.modules
    photographs = planned("demo").job(
        "evaluate", ("super_resolution_x4", "photograph_squares", "enhancenet", "e", "0", "labelled_photographs")
    )
    assert "metric_weights" not in photographs.inputs
    assert "lossbench.classifiers.efficientnet_lite0" in photographs.modules


def test_the_chart_has_a_panel_a_classifier_and_e_as_its_line() -> None:
    plan = planned("demo")
    spec = plan.job("chart", ("robust_perceptual", "figure1")).spec
    assert isinstance(spec, ChartSpec)
    assert spec.line == "e" and list(spec.losses) == ROWS[1:]
    assert spec.panels == (
        ("classes", "robust_error"),
        ("classes", "standard_error"),
        ("photographs", "efficientnet_error"),
    )
    assert plan.tables()["robust_perceptual_figure1"] == [
        "results/demo/tables/robust_perceptual/figure1.csv",
        "results/demo/charts/robust_perceptual/figure1.png",
    ]


def test_every_pair_is_judged_in_every_metric_as_the_paper_prints_it() -> None:
    judged = planned("paper").job("judge", ("robust_perceptual", "table2")).spec
    assert isinstance(judged, JudgeSpec)
    better = {metric.name: metric.better for metric in judged.table.metrics}
    published = {(value.loss, value.metric): value.value for value in judged.table.published}
    pairs = {(claim.better, claim.than, claim.metric) for claim in judged.claims}
    for pair in PAIRS:
        for metric in MEASURED:
            sign = 1 if better[metric] == "up" else -1
            difference = sign * (published[f"robust_{pair}", metric] - published[pair, metric])
            losses = (f"robust_{pair}", pair) if difference >= 0 else (pair, f"robust_{pair}")
            assert (*losses, metric) in pairs
        assert (pair, f"robust_{pair}", "artefacts") in pairs


def test_a_mistyped_name_stops_at_planning_with_its_neighbour() -> None:
    def wrong(**changes: Any) -> Callable[[Any], Any]:
        return lambda entry: entry.model_copy(update=changes)

    for changed, message in (
        (
            with_entry("ci", "loss_networks", "robust_vgg", wrong(classifier="robust_vg19")),
            "did you mean 'robust_vgg19'",
        ),
        (
            with_entry("ci", "classifiers", "robust_vgg19", wrong(classifier="standard_vgg")),
            "classifiers has no 'standa",
        ),
        (with_entry("ci", "classifiers", "robust_vgg19", wrong(arguments={"layot": "caffe"})), "did you mean 'layout'"),
        (
            with_entry("ci", "classifiers", "robust_vgg19", wrong(classes=21)),
            "classifiers.robust_vgg19.classes: 21, data set 'exemplars' has 20; make them equal",
        ),
        (
            with_entry(
                "ci",
                "loss_networks",
                "robust_2afc",
                lambda entry: entry.model_copy(
                    update={"judgements": entry.judgements.model_copy(update={"trunk": "mae_public"})}
                ),
            ),
            "robust_2afc.judgements.trunk: 'mae_public' is of kind 'mae'; give one of kind 'vgg16'",
        ),
    ):
        with pytest.raises(UserError, match=message):
            Plan(changed)


def test_a_classifier_has_no_task_to_train_its_trunk_on() -> None:
    changed = with_entry(
        "ci", "classifiers", "standard_vgg19", lambda entry: entry.model_copy(update={"trunk": "mae_task"})
    )
    with pytest.raises(UserError, match=r"loss_networks\.mae_task\.dataset: 'task', but what reads it has no task"):
        Plan(changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"classifier": "robust_vgg19", "dataset": "coco"},
            "give either dataset and recipe, or weights, or classifier",
        ),
        ({"judgements": {"trunk": "vgg", "held_out": 4}, "classifier": "x"}, "judgements need a recipe and a dataset"),
        ({}, "give either dataset and recipe, or weights, or classifier"),
    ],
)
def test_a_loss_network_has_one_origin(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LossNetwork.parse({"network": "vgg16", "source": "toy", **changes}, "test")


def test_the_table_prints_attack_recipe_and_origin_of_what_it_rests_on() -> None:
    settings = tabulated("demo", "table2").settings
    (robust,) = (text for text in settings if text.startswith("robust_vgg19:"))
    assert "from standard_vgg19, against PGD-5 of L2 radius 0.8314" in robust and "pairing 0.5" in robust
    (loss,) = (text for text in settings if text.startswith("robust_pt:"))
    assert "trunk of the classifier robust_vgg19" in loss
    (metric,) = (text for text in settings if text.startswith("metric robust_pseudo_2afc "))
    assert "heads trained on judgements under PGD-10" in metric
    assert datasets.card("imagenet_validation").folder_of == "imagenet"
    assert read("paper").data_root("imagenet_validation") == "data/imagenet"
