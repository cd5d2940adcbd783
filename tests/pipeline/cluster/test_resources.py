"""The time that jobs ask of a cluster: by their steps, no longer than its longest, more at every try."""

import re
from collections import Counter

import pytest
import yaml
from _plans import every_step, planned
from _repository import ROOT

from pipeline.cluster import resources
from pipeline.cluster.settings import Cluster
from pipeline.outputs.layout import FILES
from pipeline.planning.cost import trainings
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

PROFILES = ("slurm", "kubernetes", "aws-batch")
RULES = "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflow/rules").glob("*.smk")))


@pytest.fixture(scope="module")
def paper() -> Plan:
    return planned("paper")


def test_a_training_takes_its_steps_times_factor_and_margin_and_a_start(paper: Plan) -> None:
    name = next(name for name in paper.jobs["train"])
    spec = paper.jobs["train"][name].spec
    assert isinstance(spec, TrainSpec)
    steps = spec.recipe.steps
    measured = every_step(paper, seconds=0.6)
    once, slower = (resources.needed_minutes(paper, measured, Cluster(times_slower=factor)) for factor in (1.0, 3.0))
    assert once["train", name] == resources.START_MINUTES + -(-steps * 0.6 * resources.MARGIN // 60)
    assert slower["train", name] == pytest.approx(3 * (once["train", name] - resources.START_MINUTES), abs=20)
    assert once.keys() == trainings(paper).keys()


def test_a_training_whose_step_is_not_measured_is_left_to_its_stage(paper: Plan) -> None:
    assert resources.needed_minutes(paper, {}, Cluster()) == {}


def test_no_job_asks_for_more_than_the_longest_and_every_try_for_more() -> None:
    assert [resources.minutes(100, attempt, 250) for attempt in (1, 2, 3)] == [100, 200, 250]
    assert resources.minutes(100, 4, None) == 400
    # together they are no longer than one job may be
    assert 7 * resources.minutes(60, 3, 250, sharing=7) <= 250
    assert resources.minutes(60, 1, 3, sharing=7) == 1


def test_a_training_longer_than_the_longest_job_gets_the_tries_that_it_takes() -> None:
    needed = {("train", ("long",)): 1015, ("train", ("short",)): 20, ("pretrain", ("x",)): 20}
    assert resources.tries(needed, "train", 115) == 10
    assert resources.tries(needed, "pretrain", 115) == resources.tries(needed, "train", None) == 1
    assert resources.tries({}, "train", 60) == 1


def test_the_longest_training_of_the_papers_ends_within_its_tries(paper: Plan) -> None:
    for slower in (1.0, 2.0, 4.0):
        needed = resources.needed_minutes(paper, every_step(paper, 0.3), Cluster(times_slower=slower))
        room = 1440 - resources.START_MINUTES
        longest = max(minutes for name, minutes in needed.items() if name[0] == "train") - resources.START_MINUTES
        assert longest > 1440 and resources.tries(needed, "train", 1440) * room >= longest


def test_every_stage_that_is_sent_away_asks_for_its_time() -> None:
    local = set(re.findall(r"^rule (\w+):(?:(?!^rule ).)*?localrule: True", RULES, re.MULTILINE | re.DOTALL))
    assert resources.MINUTES.keys() == FILES.keys() - local
    for stage in resources.MINUTES:
        assert f'**session.asks(workflow, plan, "{stage}"' in RULES


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_groups_what_shares_a_job(name: str) -> None:
    profile = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))
    assert dict(entry.split("=") for entry in profile["groups"]) == resources.GROUPS
    assert {entry.split("=")[0] for entry in profile["group-components"]} == set(resources.GROUPS.values())
    Cluster.of(dict(entry.split("=") for entry in profile["default-resources"]))


@pytest.mark.parametrize("scale", ["ci", "paper"])
def test_what_shares_a_job_shares_its_place(scale: str) -> None:
    plan = planned(scale)
    jobs = [job for stage in resources.GROUPS for job in plan.jobs[stage].values()]
    groups: dict[str, set[bool]] = {}
    for job in jobs:
        groups.setdefault(resources.group_of(job) or "", set()).add(resources.uses_gpu(job))
    assert "" not in groups and all(len(places) == 1 for places in groups.values())
    assert resources.sharers(plan) == Counter(resources.group_of(job) for job in jobs)
    assert len(groups) < len(jobs) / 1.5


def test_what_trains_or_restores_uses_a_gpu_and_nothing_else(paper: Plan) -> None:
    using = {stage: {resources.uses_gpu(job) for job in jobs.values()} for stage, jobs in paper.jobs.items()}
    assert all(
        using[stage] == {True} for stage in ("train", "pretrain", "train_classifier", "train_distance", "submit")
    )
    assert all(using[stage] == {False} for stage in ("prepare", "degrade", "tabulate", "judge", "report", "harness"))
    # answers without a network are scored on a CPU
    assert {key[2] for key, job in paper.jobs["evaluate"].items() if not resources.uses_gpu(job)} == {"trivial"}
