"""A planned job is looked at once; what is whole is noted, and what is not is named."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lossbench.records import Strict
from pipeline.planning.job import Job
from pipeline.records import made
from pipeline.records.damage import damage
from pipeline.records.record import mark, write_record

FORGETFUL: Any = SimpleNamespace(metadata=lambda path: None)


class ToySpec(Strict):
    """A spec of nothing."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """The job that prepares a data set, with its files and its record."""
    job = Job(str(tmp_path / "results/ci"), "prepare", ("d",), ToySpec(), ("pipeline.command",))
    files = [Path(path) for path in job.outputs().values()]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.write_text(file.name, encoding="utf-8")
    write_record(Path(job.record), job.digest, job.code, job.spec, made.made(Path(job.root), files))
    return job


def test_what_is_whole_stays_and_its_new_times_are_noted_by_a_run_alone(job: Job) -> None:
    array = Path(job.outputs()["array"])
    os.utime(array, (1, 1))
    before = Path(job.record).read_text(encoding="utf-8")
    assert damage(job, FORGETFUL, noted=False) is None
    assert Path(job.record).read_text(encoding="utf-8") == before
    again = Job(job.root, job.stage, job.key, job.spec, job.modules)
    mark(Path(job.record), "prepare/d/target.npy")
    assert damage(again, FORGETFUL, noted=True) is None
    record = json.loads(Path(job.record).read_text(encoding="utf-8"))
    assert record["files"]["prepare/d/target.npy"]["mtime_ns"] == 10**9 and "damaged" not in record


def test_what_a_reader_marked_is_named_though_size_and_time_are_those_that_it_had(job: Job) -> None:
    array = Path(job.outputs()["array"])
    before = array.stat()
    array.write_text("TARGET.npy", encoding="utf-8")
    os.utime(array, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert damage(Job(job.root, job.stage, job.key, job.spec, job.modules), FORGETFUL, noted=True) is None
    mark(Path(job.record), "prepare/d/target.npy")
    assert damage(job, FORGETFUL, noted=True) == str(array)


def test_the_time_that_snakemake_gave_a_file_is_no_change(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snakemake")
    monkeypatch.setattr(made, "sha256", lambda path: pytest.fail(f"{path} was read"))
    for path in job.outputs().values():
        os.utime(path, (5, 5))
    known = SimpleNamespace(metadata=lambda path: SimpleNamespace(endtime=5.0))
    assert damage(job, known, noted=True) is None


def test_what_was_made_from_something_else_is_not_looked_at(job: Job) -> None:
    Path(job.outputs()["card"]).write_text("changed", encoding="utf-8")
    write_record(Path(job.record), "another", job.code, job.spec, {})
    assert damage(job, FORGETFUL, noted=True) is None
