"""Progress lines: what they say, and how often, by a clock that the test moves."""

import pytest

from pipeline.learning.progress import Progress


class Clock:
    """A clock that stands still unless moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def values() -> dict[str, float]:
    return {"pixel": 0.0123456, "kmae": 12345.6}


def test_a_line_says_step_losses_speed_data_wait_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("train/x", 1000, clock=clock)
    clock.now += 10
    progress.waited = 2.5
    progress.update(40, values)
    # 4 steps a second, 960 steps left
    assert capsys.readouterr().out == (
        "train/x  step 40/1000  pixel 0.01235  kmae 1.235e+04  4.0 steps/s  data wait 25 %  ETA 0:04:00\n"
    )


def test_a_resumed_run_counts_speed_from_where_it_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("run", 1000, start=900, clock=clock)
    clock.now += 10
    progress.update(950, values)
    assert "step 950/1000" in (line := capsys.readouterr().out)
    assert "5.0 steps/s" in line
    assert "ETA 0:00:10" in line


def test_lines_come_every_few_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock, asked = Clock(), []

    def count() -> dict[str, float]:
        asked.append(clock.now)
        return {}

    progress = Progress("run", 100, seconds=5, clock=clock)
    for step in range(1, 101):
        clock.now += 0.3
        progress.update(step, count)
    lines = capsys.readouterr().out.splitlines()
    # due at the first step that is 5 s after the line before: every 17 steps of 0.3 s
    assert [line.split()[2] for line in lines] == ["17/100", "34/100", "51/100", "68/100", "85/100", "100/100"]
    # reading a loss waits for the device, so it is asked for only when printed
    assert len(asked) == 6


def test_no_step_in_the_measured_time_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    progress = Progress("run", 10, start=3, clock=clock)
    clock.now += 6
    progress.update(3, dict)
    assert capsys.readouterr().out == "run  step 3/10    0.0 steps/s  data wait 0 %  ETA unknown\n"
