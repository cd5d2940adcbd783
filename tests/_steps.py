"""Plans at one scale, and every training step of one as if it had been measured."""

from __future__ import annotations

from _repository import ROOT

from pipeline.config.read import values
from pipeline.planning.cost import trainings
from pipeline.planning.measured_steps import Measurement, key_of
from pipeline.planning.plan import Plan

FOLDER = ROOT / "config"


def planned(scale: str) -> Plan:
    """Plan the shipped tables at `scale`."""
    return Plan.from_config({**values(FOLDER), "scale": scale}, FOLDER)


def every_step(plan: Plan, seconds: float = 0.5) -> dict[str, Measurement]:
    """Return a measurement of every kind of step of `plan`."""
    kinds = {one.what for one in trainings(plan).values()}
    return {key_of(what): Measurement(what, seconds, 100, "a GPU", "2") for what in kinds}
