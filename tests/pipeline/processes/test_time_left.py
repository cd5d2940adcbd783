"""The time that a whole run still takes."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from _plans import at_ci
from snakemake_interface_logger_plugins.common import LogEvent

from pipeline.planning import session
from pipeline.planning.cost import seconds
from pipeline.planning.measured_steps import Measurement, cost_words, key_of, loss_network_of
from pipeline.planning.plan import Plan
from pipeline.processes import time_left
from pipeline.processes.time_left import Estimate, Expected, TimeLeft


class Clock:
    """Time as a test sets it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def estimate(**expected: tuple[str, float | None]) -> tuple[Estimate, Clock]:
    """Return the estimate of jobs by number, each with stage and seconds, and its clock."""
    clock = Clock()
    return Estimate({int(name[1:]): Expected(*one) for name, one in expected.items()}, clock), clock


def test_nothing_is_said_before_the_first_job_has_ended() -> None:
    found, clock = estimate(j1=("train", 10.0), j2=("train", 10.0))
    assert found.left() is None
    found.start(1)
    clock.now = 5
    assert found.left() is None


def test_what_trainings_should_take_is_corrected_by_what_they_take_here() -> None:
    found, clock = estimate(j1=("train", 10.0), j2=("train", 30.0), j3=("train", 20.0))
    found.start(1)
    clock.now = 20
    found.end(1)
    # twice as long as expected, one at a time: 60 and 40 s
    assert found.left() == pytest.approx(100)
    found.start(2)
    clock.now = 50
    assert found.left() == pytest.approx(70)


def test_what_trains_nothing_takes_as_long_as_others_of_its_stage() -> None:
    found, clock = estimate(
        j1=("evaluate", None), j2=("evaluate", None), j3=("evaluate", None), j4=("tabulate", None), j5=("train", 7.0)
    )
    for job, length in ((1, 4), (2, 6)):
        found.start(job)
        clock.now += length
        found.end(job)
    # 5 s as the other scores, 5 s of a table for lack of a better number, 7 s as was expected
    assert found.left() == pytest.approx(17)


def test_jobs_beside_each_other_share_the_time_but_none_ends_before_itself() -> None:
    found, clock = estimate(j1=("train", 10.0), j2=("train", 10.0), j3=("train", 10.0), j4=("train", 30.0))
    found.start(1)
    found.start(2)
    clock.now = 10
    found.end(1)
    found.end(2)
    assert found.left() == pytest.approx(30)
    found.start(3)
    found.start(4)
    clock.now = 12
    assert found.left() == pytest.approx(28)


def test_a_job_that_runs_longer_than_expected_or_is_tried_again_is_no_trouble() -> None:
    found, clock = estimate(j1=("train", 10.0), j2=("train", 10.0))
    found.start(1)
    clock.now = 10
    found.end(1)
    found.start(2)
    clock.now = 25
    assert found.left() == 0
    found.start(2)
    assert found.left() == pytest.approx(10)
    # a job that nothing is known of, such as the target itself
    found.start(77)
    found.end(77)
    assert found.left() == pytest.approx(10)


def record(event: LogEvent, **content: Any) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
    made.__dict__.update(content, event=event)
    return made


def test_a_line_is_printed_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    found, clock = estimate(**{f"j{number}": ("train", 3600.0) for number in range(1, 5)})
    handler = TimeLeft(found)
    for job in (1, 2, 3):
        handler.handle(record(LogEvent.JOB_STARTED, jobs=[job]))
        clock.now += 9 if job == 2 else 3600
        handler.handle(record(LogEvent.JOB_FINISHED, job_id=job))
        handler.handle(record(LogEvent.PROGRESS, done=job, total=4))
        handler.handle(record(LogEvent.JOB_INFO, jobid=job))
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4 jobs in 1:00:00, the others in about 3:00:00",
        "3 of 4 jobs in 2:00:09, the others in about 0:40:03",
    ]
    clock.now += 3600
    handler.handle(record(LogEvent.PROGRESS, done=4, total=4))
    assert not capsys.readouterr().err


def workflow(*jobs: tuple[int, str, dict[str, str]], quiet: tuple[str, ...] = ()) -> Any:
    """Return the state of a Snakemake that is about to run `jobs`."""
    made = [
        SimpleNamespace(jobid=number, rule=SimpleNamespace(name=rule), wildcards_dict=wildcards)
        for number, rule, wildcards in jobs
    ]
    return SimpleNamespace(
        dag=SimpleNamespace(needrun_jobs=lambda: made),
        output_settings=SimpleNamespace(quiet=[SimpleNamespace(name=name) for name in quiet]),
    )


def shown(state: Any, plan: Plan) -> None:
    """Have the time of the run printed as the Snakefile does."""
    time_left.show(state, plan, session.jobs_to_run(state, plan))


def test_a_run_takes_what_was_measured_of_its_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(at_ci(), unmeasured=True)
    job = next(iter(plan.jobs["train"].values()))
    words = str(cost_words(job.spec, loss_network_of(job)))
    measured = {key_of(words): Measurement(words, 0.5, None, "a CPU", "2")}
    steps = job.spec.recipe.steps  # type: ignore[attr-defined]
    assert seconds(plan, measured)[job.name] == steps * 0.5
    monkeypatch.setattr(time_left, "read", lambda path: measured)
    logger = logging.getLogger("snakemake.logging")
    before = list(logger.handlers)
    jobs = ((3, "train", dict(job.wildcards)), (0, "all", {}))
    shown(workflow(*jobs, quiet=("PROGRESS",)), plan)
    assert logger.handlers == before
    shown(workflow(*jobs), plan)
    (handler,) = set(logger.handlers) - set(before)
    logger.removeHandler(handler)
    assert isinstance(handler, TimeLeft)
    assert handler.estimate.expected == {3: Expected("train", steps * 0.5)}
