"""Plans of the shipped tables, and every training step of one as if it had been measured."""

import json
from functools import cache

import yaml
from _repository import ROOT

from pipeline.config import read
from pipeline.planning.cost import trainings
from pipeline.planning.measured_steps import Measurement, key_of
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

FOLDER = ROOT / "config"


def tables_at(scale: str) -> list[str]:
    """List the shipped tables of `scale`, those of the configuration in its order: its own, or all that are no scale's.

    A scale's own tables lie on its data and know its losses.
    """
    own = {file.stem: yaml.safe_load(file.read_text("utf-8")).get("tables") for file in FOLDER.glob("scale/*.yaml")}
    if own[scale]:
        return list(own[scale])
    files = [file.relative_to(FOLDER / "tables").with_suffix("") for file in (FOLDER / "tables").rglob("*.yaml")]
    others = {name for tables in own.values() for name in tables or ()}
    return list(dict.fromkeys([*read.values(FOLDER)["tables"], *sorted({*map(str, files)} - others)]))


@cache
def planned(scale: str) -> Plan:
    """Plan every shipped table of `scale`, once a process: a plan does not change."""
    return Plan.from_config({**read.values(FOLDER), "scale": scale, "tables": tables_at(scale)}, FOLDER)


def at_ci() -> read.Configuration:
    """Read the shipped configuration at the scale ci."""
    return read.Configuration.read({**read.values(FOLDER), "scale": "ci"}, FOLDER)


def train_spec(plan: Plan, *key: str) -> TrainSpec:
    """Return the spec of one training."""
    spec = plan.job("train", key).spec
    assert isinstance(spec, TrainSpec)
    return spec


def content(plan: Plan) -> str:
    """Return all that decides what is run, as JSON."""
    jobs = {
        f"{stage} {'/'.join(key)}": [job.spec.canonical(), job.code, job.inputs]
        for stage, jobs in plan.jobs.items()
        for key, job in jobs.items()
    }
    return json.dumps(jobs)


def every_step(plan: Plan, seconds: float = 0.5) -> dict[str, Measurement]:
    """Return a measurement of every kind of step of `plan`."""
    kinds = {one.what for one in trainings(plan).values()}
    return {key_of(what): Measurement(what, seconds, 100, "a GPU", "2") for what in kinds}
