"""A job that is killed at whatever moment: what is finished stays, and the next run ends as an undisturbed one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _forked import Ended, run_jobs
from _repository import ROOT
from _runs import TIMED
from _stage_jobs import STAGES, Made, Stage, preparation, training, visible

from pipeline.specs.train import TrainSpec

MOMENTS = 50
"""Of a training; every fifth is told by the clock, of the others every second is a write."""
FEW = 6
"""Of every other stage."""


def moments(count: int) -> Iterator[tuple[str, float]]:
    """Draw when jobs are killed."""
    drawn = random.Random(count)
    for number in range(count):
        yield "seconds" if number % 5 == 4 else ("calls", "writes")[number % 2], drawn.random()


def killed_and_run_again(made: Made, folder: Path, count: int) -> tuple[Ended, list[tuple[Ended, Ended]]]:
    """Return an undisturbed job, and jobs that were killed beside the same run again."""
    jobs = [made(folder / "first"), made(folder / "whole")]
    for number, moment in enumerate(moments(count)):
        job = made(folder / f"killed_{number}")
        jobs += [replace(job, killed=moment), job]
    _, whole, *ended = run_jobs(jobs, ROOT)
    assert whole.code == 0 and whole.writes > 3, whole.printed
    pairs = list(zip(ended[::2], ended[1::2], strict=True))
    assert all(killed.killed and again.code == 0 for killed, again in pairs), [again.printed for _, again in pairs]
    return whole, pairs


def card(folder: Path) -> dict[str, object]:
    content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if name not in TIMED}


@pytest.mark.slow
def test_a_training_killed_at_any_moment_goes_on_to_the_same_files(
    train_spec: Callable[..., TrainSpec], targets: Path, pairs: Path, tmp_path: Path
) -> None:
    made = training(train_spec(steps=6).canonical(), targets, pairs)
    whole, ended = killed_and_run_again(made, tmp_path, MOMENTS)
    same = {"model.safetensors", "history.csv", "record.json"}
    assert whole.files.keys() == {*same, "card.json", "run.lock"}
    begun = 0
    for number, (killed, again) in enumerate(ended):
        # nothing half-written has the name of what is whole
        assert all(killed.files[name] == whole.files[name] for name in same & killed.files.keys())
        assert again.files.keys() == whole.files.keys()
        assert all(again.files[name] == whole.files[name] for name in same)
        folder = tmp_path / f"killed_{number}"
        assert card(folder) == card(tmp_path / "whole")
        if "last.ckpt" in killed.files:
            begun += 1
            assert "resumes at step" in again.printed
    assert len(ended) == MOMENTS and MOMENTS / 4 < begun < MOMENTS


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_another_job_killed_at_any_moment_makes_the_same_files_when_run_again(
    stage: Stage, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    whole, ended = killed_and_run_again(stage(tmp_path, targets, pairs), tmp_path, FEW)
    assert len(visible(whole.files)) >= 2
    for killed, again in ended:
        assert visible(killed.files).items() <= visible(whole.files).items()
        assert visible(again.files) == visible(whole.files)
        if stage is preparation:
            # what was half-written may be as large as a data set
            assert not any("partial" in name for name in again.files)
