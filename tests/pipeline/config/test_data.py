"""Which data set stands for a published one, and mistakes in saying so."""

import pytest
from _config import TABLE, Mistakes, PlanOf, both, content, place, refused, renamed
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan
from pipeline.specs.tabulate import TabulateSpec

MISTAKES: Mistakes = {
    "data set": (
        place("table.columns.x2.dataset", "div2"),
        f"{TABLE}: columns.x2.dataset: unknown dataset 'div2' (no lossbench/datasets/div2.py); did you mean 'div2k'?",
    ),
    "test set": (
        place("table.columns.x2.test_set.dataset", "div2"),
        f"{TABLE}: columns.x2.test_set: unknown dataset 'div2' (no lossbench/datasets/div2.py); did you mean 'div2k'?",
    ),
    "data set of a loss network": (
        place("scale.loss_networks.mae_public.dataset", "imagenett"),
        "config/scale/ci.yaml: loss_networks.mae_public.dataset: unknown dataset 'imagenett' (no",
    ),
    "data set file": (
        renamed("scale.stand_ins.photographs", "photograph"),
        "config/scale/ci.yaml: stand_ins: unknown dataset 'photograph' (no lossbench/datasets/photograph.py); "
        "did you mean 'photographs'?",
    ),
    "published data set that something stands for": (
        place("scale.stand_ins.landsat7", ["worldvew2"]),
        "config/scale/ci.yaml: stand_ins.landsat7: unknown dataset 'worldvew2' (no lossbench/datasets/worldvew2.py); "
        "did you mean 'worldview2'?",
    ),
    "absent data set": (
        place("scale.absent", ["dndd"]),
        "config/scale/ci.yaml: absent: unknown dataset 'dndd' (no lossbench/datasets/dndd.py); did you mean 'dnd'?",
    ),
    "data set that two stand for": (
        place("scale.stand_ins.landsat7", ["worldview2", "div2k"]),
        "config/scale/ci.yaml: stand_ins and absent name div2k more than once; keep one place",
    ),
    "absent data set that something stands for": (
        place("scale.absent", ["dnd", "coco"]),
        "config/scale/ci.yaml: stand_ins and absent name coco more than once; keep one place",
    ),
    "data set that is absent and needed": (
        both(place("scale.stand_ins.photographs", ["sidd"]), place("scale.absent", ["div2k"])),
        "config/scale/ci.yaml: nothing stands for data set 'div2k'; name it in stand_ins",
    ),
    "data set without a file that nothing stands for": (
        both(
            place("scale.stand_ins.labelled_photographs", []), place("table.columns.x2.dataset", "imagenet_photographs")
        ),
        "config/scale/ci.yaml: nothing stands for data set 'imagenet_photographs'; name it in stand_ins",
    ),
    "file of a published data set": (
        place("config.datasets.imagenet_classes", "imagenett"),
        "config/config.yaml: datasets.imagenet_classes: unknown dataset 'imagenett' (no",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_nearest_name(mistake: str, plan_of: PlanOf) -> None:
    refused(plan_of, MISTAKES[mistake])


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("demo", {"div2k": "photographs", "imagenet_classes": "exemplars", "imagenet": "generic_photographs"}),
        ("ci", {"imagenet_photographs": "labelled_photographs", "coco": "photograph_squares"}),
        ("paper", {"div2k": "div2k", "dnd": "dnd", "imagenet_classes": "imagenet"}),
    ],
)
def test_a_published_set_is_its_stand_in_its_file_or_itself(scale: str, expected: dict[str, str]) -> None:
    values = content(ROOT / "config/config.yaml")
    read = Configuration.read({**values, "scale": scale}, ROOT / "config")
    assert {name: read.dataset(name) for name in expected} == expected
    for absent in read.scale.absent:
        with pytest.raises(UserError, match=f"nothing stands for data set '{absent}'"):
            read.dataset(absent)
    assert read.scale.absent == (("imagenet_photographs",) if scale == "paper" else ("dnd",))


def test_a_file_of_another_name_is_no_stand_in() -> None:
    values = content(ROOT / "config/config.yaml")
    plan = Plan.from_config({**values, "scale": "paper", "tables": ["robust_perceptual/table1"]}, ROOT / "config")
    spec = plan.job("tabulate", ("robust_perceptual", "table1")).spec
    assert isinstance(spec, TabulateSpec)
    assert {cell.dataset for cell in spec.cells} == {"imagenet"} and spec.stand_ins == ()


def test_an_optional_column_and_a_submission_need_a_set_that_is_not_absent(plan_of: PlanOf) -> None:
    optional = both(place("table.columns.x4.optional", True), place("table.columns.x4.test_set.dataset", "dnd"))
    crop = place("table.metrics.psnr.crop", 8)
    plan = plan_of(both(optional, crop))
    assert {task for task, *_ in plan.jobs["evaluate"]} == {"super_resolution_x2"}
    server = both(
        place("table.columns.x4.optional", False), place("table.columns.x4.server_only", "its ground truth is private")
    )
    assert "submit" not in plan_of(server).jobs
    assert {key[-1] for key in plan_of(place("scale.absent", [])).jobs["submit"]} == {"dnd"}
