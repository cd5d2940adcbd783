"""Print what the scale `paper` and its variants take of an H200, as docs/performance.md shows it.

`uv run python docs/paper_hours.py`, from the folder of the Snakefile; nothing is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lossbench.errors import exit_with_one_line
from pipeline.config.read import Configuration, values
from pipeline.planning.cost import HOUR, Training, trainings
from pipeline.planning.job import Name
from pipeline.planning.measured_steps import COUNTED, FILE, Measurement, key_of, read, step_of
from pipeline.planning.plan import Plan

FOLDER = Path("config")
GOALS = {"paper": 300, "paper_difference": 300, "paper_every_4": 300, "paper_short": 100}
"""Scales, and at most how many hours a seed they should take."""
OURS = "beyond/"
"""Tables of this project, of no paper."""
ONCE = ("train_classifier", "train_distance")
"""Stages that train for all seeds at once."""
KINDS = ("measured", "counted", "unknown")
HEADING = (
    "| scale | hours a seed | of these for the papers' rows | once for all seeds | goal a seed "
    "| trainings by step: measured | counted | unknown |"
)


@dataclass(frozen=True)
class Hours:
    """What the trainings of a scale take whose steps are known."""

    seed: float
    """A seed, in the mean over them."""
    papers: float
    """Of it, for rows of the papers: without controls, A/A rows and tables of this project."""
    free: float
    """Those where steps with learned terms took what steps without them take; as `papers` where all steps are alike."""
    once: float
    kinds: Mapping[str, int]
    """Trainings by how their step is known, one of KINDS."""


def rows_of_papers(configuration: Configuration) -> Plan:
    """Plan the papers' tables alone, without controls and A/A rows."""
    tables = {}
    for name, table in configuration.tables.items():
        further = {*table.controls, table.again}
        losses = tuple(loss for loss in table.losses if loss not in further)
        changes = {"losses": losses, "controls": (), "again": None}
        tables[name] = table.model_copy(update=changes)
    papers = {name: table for name, table in tables.items() if not name.startswith(OURS)}
    return Plan(replace(configuration, tables=papers), unmeasured=True)


def hours(configuration: Configuration, measured: Mapping[str, Measurement]) -> Hours:
    """Return what the trainings at the scale of `configuration` take by steps that were `measured`."""
    found = trainings(Plan(configuration, unmeasured=True))
    papers = found.keys() & trainings(rows_of_papers(configuration)).keys()
    seeds = len(configuration.scale.seeds)
    each = [name for name in found if name[0] not in ONCE]
    return Hours(
        seed=_sum(found, each, measured) / seeds,
        papers=_sum(found, papers.intersection(each), measured) / seeds,
        free=_sum(found, papers.intersection(each), measured, free=True) / seeds,
        once=_sum(found, found.keys() - {*each}, measured),
        kinds=Counter(kind(one, measured) for one in found.values()),
    )


def kind(one: Training, measured: Mapping[str, Measurement]) -> str:
    """Return how the cost of a step of `one` is known, one of KINDS."""
    step = None if one.undecided else step_of(measured, one.what, one.parts)
    if step is None or step.seconds is None:
        return "unknown"
    return "counted" if step.device.endswith(COUNTED) else "measured"


def _sum(
    found: Mapping[Name, Training], names: Iterable[Name], measured: Mapping[str, Measurement], free: bool = False
) -> float:
    total = 0.0
    for one in (found[name] for name in names):
        if kind(one, measured) == "unknown":
            continue
        step = step_of(measured, one.what, one.parts)
        bare = measured[key_of(one.parts.bare)] if free and one.parts else step
        assert bare is not None and bare.seconds is not None
        total += one.steps * bare.seconds / HOUR
    return total


def line(scale: str, found: Hours) -> str:
    """Return the row of the table for `scale`."""
    # what has no known step is in no hours
    least = "at least " if found.kinds["unknown"] else ""
    numbers = [f"{least}{found.seed:,.0f}", f"{least}{found.papers:,.0f}", f"{found.once:,.0f}", f"{GOALS[scale]}"]
    return f"| {' | '.join([scale, *numbers, *(str(found.kinds[kind]) for kind in KINDS)])} |"


def verdict(scale: str, found: Hours) -> str:
    """Say in a sentence whether the goal of `scale` is met."""
    goal = f"its goal of {GOALS[scale]} hours a seed"
    if found.seed > GOALS[scale]:
        free = ""
        if found.free < found.papers:
            free = f": were all its learned losses free, the papers' rows would still take {found.free:,.0f}"
        return f"`{scale}` misses {goal}{free}."
    if found.kinds["unknown"]:
        return f"Whether `{scale}` meets {goal} is not known."
    return f"`{scale}` meets {goal}."


def main() -> None:
    """Print the table and a sentence for each scale."""
    measured = read(FOLDER / FILE)
    found = {scale: hours(Configuration.read({**values(FOLDER), "scale": scale}, FOLDER), measured) for scale in GOALS}
    print(HEADING)
    print(f"|{' --- |' * (HEADING.count(' | ') + 1)}")
    for scale, one in found.items():
        print(line(scale, one))
    print()
    print("\n".join(verdict(scale, one) for scale, one in found.items()))


if __name__ == "__main__":
    exit_with_one_line(main)
