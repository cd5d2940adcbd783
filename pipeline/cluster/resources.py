"""How long a job may take and how often it is tried, from steps that were measured. Imports no torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from pipeline.cluster.settings import Cluster
from pipeline.planning.cost import STAGES, seconds
from pipeline.planning.job import Job, Name
from pipeline.planning.measured_steps import Measurement
from pipeline.planning.plan import Plan

MARGIN = 2.0
"""How many times the cost of its measured steps a training may take, for busy nodes, slow disks and its last scores."""
START_MINUTES = 15
"""What a training may take beside its steps: to start, to read its data, to go on from a checkpoint."""
MINUTES = {
    "prepare": 240,
    "degrade": 240,
    "import_weights": 60,
    "pretrain": 1440,
    "train_classifier": 1440,
    "train_distance": 1440,
    "train": 1440,
    "evaluate": 60,
    "generate": 60,
    "submit": 60,
    "harness": 30,
}
"""What a job of each stage that runs on a cluster may take; of those that train, one whose step was not measured.
Generous guesses: large data sets are decoded by prepare, slow metrics take seconds a picture."""
GROUPS = {
    "prepare": "data_{dataset}",
    "degrade": "data_{dataset}",
    "evaluate": "evaluate_{task}_{dataset}_{network}_{loss}",
    "generate": "generate_{task}_{dataset}_{network}_{loss}",
}
"""Stages whose jobs are short, and those that are one job of a cluster, run one after the other: `groups` of a
profile. A data set with all that is made of it; the scores of one network under one loss, of all seeds and test sets,
since a training that fails must not keep the scores of another one back."""


def needed_minutes(plan: Plan, measured: Mapping[str, Measurement], cluster: Cluster) -> dict[Name, int]:
    """Return the minutes that each training of `plan` takes on `cluster`, its margin in them.

    One whose step was not measured, or did not fit the device, is left out.
    """
    factor = cluster.times_slower * MARGIN / 60
    return {name: START_MINUTES + math.ceil(cost * factor) for name, cost in seconds(plan, measured).items()}


def minutes(needed: int, attempt: int, longest: int | None, sharing: int = 1) -> int:
    """Return what a job asks for that takes `needed` minutes, more of it at every `attempt`, counted from 1.

    `longest` is the limit of one job of the cluster, of which `sharing` run one after the other.
    """
    asked = needed * attempt
    return asked if longest is None else max(1, min(asked, longest // sharing))


def sharers(plan: Plan) -> Counter[str]:
    """Return how many jobs of `plan` are one of a cluster, by the name of the group."""
    return Counter(group for stage in GROUPS for job in plan.jobs.get(stage, {}).values() if (group := group_of(job)))


def group_of(job: Job) -> str | None:
    """Return the name of the jobs that are one of a cluster with `job`; None for one that is alone."""
    pattern = GROUPS.get(job.stage)
    return pattern and pattern.format(**job.wildcards)


def tries(needed: Mapping[Name, int], stage: str, longest: int | None) -> int:
    """Return how many jobs in a row the longest training of `stage` takes that may each have `longest` minutes."""
    if longest is None:
        return 1
    # every one of them starts anew
    room = max(1, longest - START_MINUTES)
    return max((math.ceil((one - START_MINUTES) / room) for name, one in needed.items() if name[0] == stage), default=1)


def uses_gpu(job: Job) -> bool:
    """Return whether `job` uses a GPU where its scale has one: what trains, and what restores with a trained network.

    Scoring pays there: networks and pictures of published size take hours on a CPU. Answers without a network don't.
    """
    return job.stage in STAGES or "model" in job.reads
