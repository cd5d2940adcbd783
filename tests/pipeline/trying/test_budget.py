"""As many steps as end in the time, and one clear line where there are too few."""

import pytest

from lossbench.errors import UserError
from pipeline.trying.budget import AROUND, LEAST, SHARE, SLOWER, START, Runs, budget, makespan


@pytest.mark.parametrize(
    ("durations", "lanes", "expected"),
    [
        ([], 2, 0.0),
        ([5.0], 4, 5.0),
        ([3.0, 3.0, 3.0], 2, 6.0),
        ([4.0, 3.0, 3.0, 2.0], 2, 6.0),
        ([1.0] * 7, 1, 7.0),
    ],
)
def test_jobs_beside_each_other_end_when_the_last_one_does(durations: list[float], lanes: int, expected: float) -> None:
    assert makespan(durations, lanes) == expected


def test_of_one_job_at_a_time_the_steps_are_what_is_left_over_their_cost() -> None:
    found = budget(10, 1, [Runs(0.1, 2), Runs(0.3, 2)], [], [], 5, 2.0)
    left = 600 * SHARE - AROUND - 5 * (START + 2.0) - 4 * START
    assert found.steps == int(left / (2 * 0.1 + 2 * 0.3))
    assert found.pretraining_share == 1 and found.pretraining_seconds == 0
    assert found.seconds <= 600 * SHARE


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
@pytest.mark.parametrize("minutes", [5, 20, 120])
def test_one_step_more_would_not_end_in_time(lanes: int, minutes: float) -> None:
    trainings, loss_networks = [Runs(0.02, 3), Runs(0.05, 3)], [Runs(0.05, 3, 500)]
    found = budget(minutes, lanes, trainings, loss_networks, [], 7, 1.0)
    assert found.seconds <= 60 * minutes * SHARE
    slower = SLOWER if lanes > 1 else 1.0
    longer = [START + (found.steps + 1) * one.seconds * slower for one in trainings for _ in range(one.count)]
    assert found.seconds - found.training_seconds + makespan(longer, lanes) > 60 * minutes * SHARE


def test_runs_of_more_steps_count_for_as_many() -> None:
    alike, longer = (budget(10, 1, [Runs(0.1, 2, factor=factor)], [], [], 3, 0.0) for factor in (1.0, 2.0))
    assert alike.steps // 2 == longer.steps


def test_more_minutes_are_more_steps_and_more_seeds_fewer() -> None:
    def steps(minutes: float, seeds: int) -> int:
        return budget(minutes, 2, [Runs(0.02, seeds), Runs(0.05, seeds)], [], [], 7, 1.0).steps

    assert steps(20, 3) < steps(40, 3) and steps(20, 5) < steps(20, 3)


def test_loss_networks_take_a_third_at_most_and_all_else_has_its_steps() -> None:
    dear = [Runs(0.1, 3, 5000)]
    found = budget(20, 1, [Runs(0.02, 6)], dear, [], 7, 1.0)
    assert found.pretraining_share < 1
    assert found.pretraining_seconds == pytest.approx((1200 * SHARE - AROUND) / 3)
    # what may not be cut is not
    whole = budget(60, 1, [Runs(0.02, 6)], [], dear, 7, 1.0)
    assert whole.pretraining_seconds == pytest.approx(3 * (START + 5000 * 0.1))


def test_a_loss_network_keeps_the_least_number_of_steps() -> None:
    found = budget(4, 1, [Runs(0.001, 2)], [Runs(1.5, 1, 1000)], [], 3, 0.1)
    assert found.pretraining_share == LEAST / 1000


def test_a_time_that_is_too_short_says_how_long_it_must_be() -> None:
    trainings = [Runs(1.0, 6)]
    with pytest.raises(UserError) as caught:
        budget(1, 2, trainings, [], [], 7, 1.0)
    said = str(caught.value)
    assert said.startswith(f"--minutes 1: too short for runs of {LEAST} steps; give ") and "fewer seeds" in said
    needed = int(said.split("give ")[1].split()[0])
    assert budget(needed, 2, trainings, [], [], 7, 1.0).steps >= LEAST
    with pytest.raises(UserError):
        budget(needed - 1, 2, trainings, [], [], 7, 1.0)
