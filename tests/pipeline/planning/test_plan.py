"""From a scale and its tables to every job's spec."""

import hashlib
import os
import subprocess
import sys

import pytest
from _plans import FOLDER, content, planned, tables_at
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.planning.job import FILES
from pipeline.planning.plan import Plan

SCALES = sorted(file.stem for file in (FOLDER / "scale").glob("*.yaml"))
WHOLE = [name for name in SCALES if "\nextends: " not in (FOLDER / f"scale/{name}.yaml").read_text(encoding="utf-8")]
"""Those that extend none; the others have jobs like theirs."""
COUNTS = {
    "ci": {"prepare": 2, "degrade": 2, "import_weights": 1, "pretrain": 6, "train": 72, "evaluate": 92},
    "demo": {"prepare": 2, "degrade": 2, "import_weights": 1, "pretrain": 3, "train": 44, "evaluate": 56},
    "paper": {"prepare": 1, "degrade": 2, "import_weights": 2, "pretrain": 6, "train": 120, "evaluate": 148},
}


def test_the_shipped_scales_are_known() -> None:
    assert set(COUNTS) <= set(SCALES)


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_plans_every_table(scale: str) -> None:
    plan = planned(scale)
    assert sorted(plan.tables()) == sorted(name.replace("/", "_") for name in tables_at(scale))
    for stage, jobs in plan.jobs.items():
        assert jobs, stage
        for key, job in jobs.items():
            assert len(job.code) == 12, key
            assert plan.job(stage, key) is job


def test_every_table_is_of_a_scale() -> None:
    files = {table["name"] for table in read.tables(FOLDER)}
    assert {name.replace("/", "_") for scale in SCALES for name in tables_at(scale)} == files


@pytest.mark.parametrize("scale", sorted(COUNTS))
def test_table_3_needs_so_many_jobs(scale: str) -> None:
    values = {**read.values(FOLDER), "scale": scale, "tables": ["mae_loss/table3"]}
    plan = Plan.from_config(values, FOLDER)
    found = {stage: len(jobs) for stage, jobs in plan.jobs.items()}
    assert found == {**COUNTS[scale], "compare": 4, "tabulate": 1, "harness": 1, "judge": 1, "report": 1}


@pytest.mark.parametrize("scale", WHOLE)
def test_a_spec_comes_back_equal_from_its_line_of_json(scale: str) -> None:
    for jobs in planned(scale).jobs.values():
        for job in jobs.values():
            text = job.spec.canonical()
            assert "\n" not in text
            assert type(job.spec).from_json(text) == job.spec
            assert type(job.spec).from_json(text).canonical() == text


@pytest.mark.parametrize("scale", WHOLE)
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
        "import hashlib, sys; import _plans as plans;"
        "digests = [hashlib.sha256(plans.content(plans.planned(s)).encode()).hexdigest() for s in ('demo', 'paper')];"
        "heavy = {'torch', 'torchvision', 'timm', 'pandas', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules);"
        "print(*digests, sorted(heavy))"
    )
    ours = [hashlib.sha256(content(planned(scale)).encode()).hexdigest() for scale in ("demo", "paper")]
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    assert printed.split() == [*ours, "[]"]


def test_an_unknown_job_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"no table asks for prepare 'photograph'; did you mean 'photographs'\?"):
        planned("demo").job("prepare", ["photograph"])
