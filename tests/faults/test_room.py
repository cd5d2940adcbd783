"""A disk that is full and memory that is used up: one line, nothing lost, and the same files once there is room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from _forked import run_jobs
from _repository import ROOT
from _stage_jobs import STAGES, Made, Stage, training, visible

from pipeline.outputs.remedies import MORE_MEMORY
from pipeline.specs.train import TrainSpec

SIZES = [f"{pages * 4}k" for pages in (1, 2, 4, 8, 12, 20, 32, 64)] + ["10m"]
"""Of a disk that grows."""


def assert_goes_on_where_there_is_room(made: Made, folder: Path, timed: set[str]) -> None:
    """Give a job more and more room until it ends; files `timed` say how long a run took."""
    job = made(folder / "small")
    whole, *tries = run_jobs([made(folder / "whole"), *(replace(job, disk=size) for size in SIZES)], ROOT)
    codes = [each.code for each in tries]
    full = codes.index(0)
    # made anew beside what is there, it takes more room
    assert full > 1 and set(codes[:full]) == {1}, [each.printed for each in tries]
    kept: dict[str, str] = {}
    for each in tries[:full]:
        (line,) = [line for line in each.printed.splitlines() if "error" in line]
        assert line.startswith(f"error: {job.folder}/") and line.endswith("; make room there and rerun")
        assert "No space left on device" in line
        # the listing and the lock take no room on a disk in memory
        assert not any("partial" in name for name in each.files)
        left = {name: digest for name, digest in visible(each.files).items() if name not in {"last.ckpt", *timed}}
        assert kept.items() <= left.items() <= visible(whole.files).items()
        kept = left
    assert visible(tries[full].files).keys() == visible(whole.files).keys()
    for name in visible(whole.files).keys() - timed:
        assert tries[full].files[name] == whole.files[name], name


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_on_a_full_disk_is_one_line_and_ends_where_there_is_room(
    stage: Stage, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    assert_goes_on_where_there_is_room(stage(tmp_path, targets, pairs), tmp_path, set())


@pytest.mark.slow
def test_a_training_on_a_full_disk_keeps_its_checkpoint_and_goes_on(
    train_spec: Callable[..., TrainSpec], targets: Path, pairs: Path, tmp_path: Path
) -> None:
    made = training(train_spec(steps=3).canonical(), targets, pairs)
    assert_goes_on_where_there_is_room(made, tmp_path, {"card.json"})


@pytest.mark.slow
def test_a_training_without_memory_is_one_line_with_what_helps(
    train_spec: Callable[..., TrainSpec], targets: Path, pairs: Path, tmp_path: Path
) -> None:
    small, large = (
        training(train_spec(batch=batch).canonical(), targets, pairs)(tmp_path / name)
        for name, batch in (("small", 2), ("large", 20_000))
    )
    ended = run_jobs([small, replace(large, memory=2 * 10**8)], ROOT)
    assert [each.code for each in ended] == [0, 1], ended[1].printed
    (line,) = ended[1].printed.splitlines()
    assert line.startswith("error: pipeline.train: out of memory (") and line.endswith(f"; {MORE_MEMORY}")
