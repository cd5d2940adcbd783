"""The scale of a task on a user's own pairs: given, or found in their sizes before anything is planned."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from _config import Change, PlanOf, both, place, refused
from _own_pairs import COUNTS, write_pairs
from _plans import train_spec

from lossbench.errors import UserError
from lossbench.formats.png import write_levels
from pipeline.planning.plan import Plan

OWN = {"task": "paired", "dataset": "folder", "test_set": {"dataset": "folder"}}
KEY = ("paired", "folder", "edsr", "original", "0")


def on_pairs(settings: dict[str, Any] | None = None) -> Change:
    """Return the change that makes the table one of pairs."""
    return both(
        place("table.columns", {"own": OWN}),
        place("table.networks", ["edsr"]),
        *(place(f"table.metrics.{metric}.crop", 2) for metric in ("psnr", "niqe", "grid")),
        place("config.tasks.paired.settings", settings or {}),
    )


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "data/folder", 2)


def test_the_scale_is_found_in_the_pairs(plan_of: PlanOf, pairs: Path) -> None:
    spec = train_spec(plan_of(on_pairs()), *KEY)
    assert spec.task.settings == {"scale": 2} == {"scale": spec.network.arguments["scale"]}
    shutil.rmtree(pairs)
    write_pairs(pairs, 4)
    assert train_spec(plan_of(on_pairs()), *KEY).task.settings == {"scale": 4}


def test_a_given_scale_is_taken_without_a_look(plan_of: PlanOf, pairs: Path) -> None:
    shutil.rmtree(pairs)
    assert train_spec(plan_of(on_pairs({"scale": 3})), *KEY).task.settings == {"scale": 3}


def test_where_no_table_has_pairs_nothing_is_looked_for(plan_of: PlanOf) -> None:
    assert plan_of(place("config.tasks.paired.settings", {})).config.tasks["paired"].settings == {}


def test_data_that_are_not_there_are_named(plan_of: PlanOf, pairs: Path) -> None:
    shutil.rmtree(pairs / "train/target")
    said = (
        "config/config.yaml: tasks.paired: no scale is given, and none found: data/folder/train/target: folder of split"
    )
    refused(plan_of, (on_pairs(), said))


def test_a_wrong_setting_is_refused(plan_of: PlanOf, pairs: Path) -> None:
    refused(
        plan_of, (on_pairs({"scal": 2}), "config/config.yaml: tasks.paired: settings of task 'paired': unknown key")
    )
    refused(plan_of, (on_pairs({"scale": 0}), "config/config.yaml: tasks.paired: settings of task 'paired': scale: "))


def missing(plan: Plan) -> str:
    with pytest.raises(UserError) as caught:
        plan.require_data()
    return str(caught.value)


def test_names_that_do_not_pair_up_stop_a_run_before_it_starts(plan_of: PlanOf, pairs: Path) -> None:
    plan = plan_of(on_pairs({"scale": 2}))
    plan.require_data(plan.jobs["degrade"].values())
    (pairs / "train/low_quality/p1.png").rename(pairs / "train/low_quality/q1.png")
    assert "target/p1.png has no partner 'p1' in data/folder/train/low_quality" in missing(plan)
    for split in COUNTS:
        shutil.rmtree(pairs / split / "low_quality")
    assert "data set 'folder' in data/folder has no low-quality partners; expected" in missing(plan)


def test_an_edited_pair_is_another_run(plan_of: PlanOf, pairs: Path) -> None:
    before = plan_of(on_pairs()).job("train", KEY).digest
    assert plan_of(on_pairs()).job("train", KEY).digest == before
    write_levels(pairs / "test/low_quality/p1.png", write_and_read(pairs))
    assert plan_of(on_pairs()).job("train", KEY).digest != before


def write_and_read(pairs: Path) -> Any:
    from lossbench.images import read_image

    return read_image(pairs / "test/low_quality/p0.png")
