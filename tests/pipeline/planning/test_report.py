"""`python -m pipeline plan`: what a scale costs and what is left to download."""

import json
from pathlib import Path

import pytest
from _plans import every_step, planned
from _repository import ROOT

from pipeline.config.read import values
from pipeline.planning.cost import trainings
from pipeline.planning.measured_steps import FILE, Measurement, key_of, write
from pipeline.planning.plan import Plan
from pipeline.planning.report import described, gpu_hours, in_words, report

CONFIG = ROOT / "config"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned("paper")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run far from data and weights."""
    monkeypatch.chdir(tmp_path)


def test_a_scale_without_gpus_has_no_gpu_hours() -> None:
    content = described(planned("ci"), {})
    assert "gpu_hours" not in content and "GPU-hours" not in in_words(content)
    assert content["download"] == {"bytes": 0, "of_unknown_size": []} and "download" not in in_words(content)


def test_a_plan_without_measurements_says_so_and_names_every_kind(plan: Plan) -> None:
    content = described(plan, {})
    kinds = {one.what for one in trainings(plan).values()}
    assert set(content["gpu_hours"]["unmeasured"]) == kinds
    assert (content["gpu_hours"]["total"], content["gpu_hours"]["devices"]) == (0, [])
    words = in_words(content)
    assert "no step of them is measured" in words and "python benchmarks/gpu_hours.py --scale paper" in words
    assert all(f": {what}\n" in words for what in kinds)
    # no number that looks like an estimate
    assert "all stages" not in words


def test_a_measured_plan_says_hours_by_stage_and_table_and_names_the_device(plan: Plan) -> None:
    measured = every_step(plan, 0.36)
    lost = trainings(plan)["train", ("super_resolution_x4", "div2k", "rfdn", "vgg", "0")]
    del measured[key_of(lost.what)]
    measured["unused"] = Measurement("unused", 1.0, 1, "another GPU", "2")
    content = described(plan, measured)
    found = content["gpu_hours"]
    assert found["devices"] == ["a GPU"]
    steps = sum(one.steps for one in trainings(plan).values()) - 3 * lost.steps
    assert found["total"] == pytest.approx(steps * 0.36 / 3600, abs=0.1)
    assert found["total"] == pytest.approx(sum(row["gpu_hours"] for row in found["stages"]), abs=0.1)
    assert found["total_of_tables"] > found["total"]
    assert {row["table"] for row in found["tables"]} == set(plan.table_names)
    assert found["unmeasured"] == {lost.what: 3}
    words = in_words(content)
    assert "GPU-hours of the trainings on a GPU;" in words
    (row,) = (row for row in found["stages"] if row["stage"] == "pretrain")
    counted = f"{row['jobs']} of {row['jobs']} jobs, {row['steps']:,} steps of 0.36 s"
    assert f"  pretrain: {row['gpu_hours']:,.1f} for {counted}" in words.splitlines()
    jobs = len(plan.jobs["train"])
    assert f" for {jobs - 3} of {jobs} jobs, " in words
    assert f"  all stages: {found['total']:,.1f}\n" in words
    assert all(f"\n  {table}: " in words for table in plan.table_names)
    assert f"tables share jobs: their sum of {found['total_of_tables']:,.1f} counts some more than once" in words
    assert f"not measured and not in them, 3 jobs: {lost.what}\n" in words


def test_the_download_counts_each_missing_archive_once(plan: Plan) -> None:
    content = described(plan, {})
    before = content["download"]
    # four test sets come in one archive, ImageNet's validation pictures with ImageNet, VGG-19 serves twice
    unknown = ["drv", "evds", "gaofen2", "huawei", "manga109", "set8", "t291", "worldview2"]
    assert before["of_unknown_size"] == unknown
    assert 200e9 < before["bytes"] < 215e9
    words = in_words(content)
    assert f"download of what is missing: {before['bytes'] / 1e9:.1f} GB; the size of drv, evds" in words
    Path("weights").mkdir()
    Path("weights/mae_pretrain_vit_base.pth").touch()
    assert before["bytes"] - described(plan, {})["download"]["bytes"] == 343_249_461


def test_the_command_prints_the_measurements_beside_the_configuration(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config.yaml", "losses.yaml", "scale", "tables", "claims"):
        (tmp_path / name).symlink_to(CONFIG / name)
    measured = every_step(plan)
    write(tmp_path / FILE, measured)
    report("paper", tmp_path, as_json=True)
    # the lengths of controls rest on these measurements too
    plan = Plan.from_config({**values(tmp_path), "scale": "paper"}, tmp_path)
    assert json.loads(capsys.readouterr().out)["gpu_hours"] == json.loads(json.dumps(gpu_hours(plan, measured)))
