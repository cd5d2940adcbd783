"""What a figure of a paper shows, and what it depends on: the table whose runs it draws."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from lossbench.records import Strict, refuse_twice
from pipeline.specs.tabulate import TabulateSpec

ENTRIES: dict[str, tuple[str, ...]] = {
    "sweep": ("curves", "abscissa"),
    "scatter": ("losses", "against", "metric"),
    "plane": ("curves", "abscissa", "distortion", "perception", "chosen_on"),
    "gallery": (),
}
"""What a figure of each kind needs; it has no other."""
METRICS = ("metric", "distortion", "perception")
"""Entries of a figure that name a metric of its table."""
COLOURS = 4
"""Curves and marks of one panel that an eye can tell apart."""
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")


class Figure(Strict):
    """One figure that is drawn of the runs of a table.

    `sweep`: scores against a number, and histories of trainings. `scatter`: each picture's score under one loss against
    that under another. `plane`: one metric against another, and which losses no other one beats in both. `gallery`:
    what auto-encoders make, side by side.
    """

    kind: Literal["sweep", "scatter", "plane", "gallery"]
    curves: dict[str, dict[str, str]] = {}
    """`sweep`, `plane`: by what a curve is called, its losses by a number: that on the abscissa, or along the curve."""
    abscissa: str = ""
    """`sweep`, `plane`: what that number is."""
    distortion: str = ""
    """`plane`: the metric on the abscissa."""
    perception: str = ""
    """`plane`: the metric on the ordinate."""
    chosen_on: dict[str, str] = {}
    """`plane`: by each column that is drawn, the one by whose perception a curve's loss is chosen."""
    losses: tuple[str, ...] = ()
    """`scatter`: those on the ordinate, each a mark of its own."""
    against: tuple[str, ...] = ()
    """`scatter`: those on the abscissa, a panel each."""
    metric: str = ""
    """`scatter`: a metric of the table."""

    @model_validator(mode="after")
    def _complete(self) -> Figure:
        needed = ENTRIES[self.kind]
        for entry in dict.fromkeys(entry for entries in ENTRIES.values() for entry in entries):
            if entry in needed and not getattr(self, entry):
                raise ValueError(f"a figure of the kind {self.kind} needs {' and '.join(needed)}")
            if entry not in needed and getattr(self, entry):
                raise ValueError(f"{entry}: a figure of the kind {self.kind} has none; leave it out")
        for curve, losses in self.curves.items():
            self._check_curve(curve, losses)
        if self.kind == "sweep" and len(self.curves) > COLOURS:
            raise ValueError(f"curves: {len(self.curves)}, but {COLOURS} colours are told apart; name fewer")
        if len(self.losses) > COLOURS:
            raise ValueError(f"losses: {len(self.losses)}, but {COLOURS} marks are told apart; name fewer")
        if twice := self.chosen_on.keys() & set(self.chosen_on.values()):
            raise ValueError(f"chosen_on: '{min(twice)}' is drawn, where what is chosen on it looks good; name another")
        refuse_twice("losses and against", (*self.losses, *self.against))
        return self

    def _check_curve(self, curve: str, losses: dict[str, str]) -> None:
        if not losses:
            raise ValueError(f"curves.{curve}: it has no point; name losses by their number, or leave it out")
        for number in losses:
            if not NUMBER.fullmatch(number) or not 0 < float(number) < math.inf:
                raise ValueError(f"curves.{curve}: '{number}' is no number above 0, which the abscissa shows")
        refuse_twice(f"curves.{curve}", [float(number) for number in losses])
        refuse_twice(f"curves.{curve}", list(losses.values()))

    def points(self, curve: str) -> list[tuple[float, str]]:
        """List the numbers and losses of a curve, in the order of the numbers: a spec on its way sorts names."""
        return sorted((float(number), loss) for number, loss in self.curves[curve].items())

    def named(self) -> list[str]:
        """List the losses that it names."""
        return [*self.losses, *self.against, *(loss for curve in self.curves.values() for loss in curve.values())]

    def with_metrics(self, replaced: Mapping[str, str]) -> Figure:
        """Return the figure with other metrics in the place of those that are `replaced`."""
        return self.model_copy(
            update={entry: replaced.get(getattr(self, entry), getattr(self, entry)) for entry in METRICS}
        )


class FigureSpec(Strict):
    """One figure and the table behind it."""

    figure: Figure
    table: TabulateSpec
