"""What a job of the plan is, and what names it. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.fingerprint import fingerprint
from pipeline.specs._base import Strict

PUBLIC = "public"
"""Stands for the data set in the path of imported weights."""
TRIVIAL = "trivial"
"""Stands for the network in the path of a task's trivial answer."""

WILDCARDS: dict[str, tuple[str, ...]] = {
    "prepare": ("dataset",),
    "degrade": ("dataset", "task"),
    "import_weights": ("loss_network",),
    "pretrain": ("loss_network", "dataset"),
    "train_classifier": ("classifier", "dataset"),
    "train_distance": ("loss_network", "dataset"),
    "train": ("task", "dataset", "network", "loss", "seed"),
    "evaluate": ("task", "dataset", "network", "loss", "seed", "test_set"),
    "submit": ("task", "dataset", "network", "loss", "seed", "test_set"),
    "compare": ("paper", "table", "task", "dataset", "network", "test_set"),
    "tabulate": ("paper", "table"),
    "chart": ("paper", "table"),
    "harness": (),
    "judge": ("paper", "table"),
    "report": (),
}
"""What names a job of each rule, in the order of its key."""


@dataclass(frozen=True)
class Job:
    """One job: what it depends on, what it reads, and the modules that it runs."""

    spec: Strict
    modules: tuple[str, ...]
    inputs: dict[str, str | list[str]] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Return the fingerprint of the code that the job runs."""
        return fingerprint(*self.modules)


Key = tuple[str, ...]
