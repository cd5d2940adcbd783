"""What a figure of a paper shows, and what it depends on: the table whose runs it draws."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import model_validator

from lossbench.records import Strict
from pipeline.specs.tabulate import TabulateSpec


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False


class Figure(Strict):
    """One figure that is drawn of the runs of a table.

    `sweep`: scores against a number, and histories of trainings. `scatter`: each picture's score under one loss against
    that under another. `gallery`: what auto-encoders make, side by side.
    """

    kind: Literal["sweep", "scatter", "gallery"]
    curves: dict[str, dict[str, str]] = {}
    """`sweep`: by what a curve is called, its losses by the number on the abscissa."""
    abscissa: str = ""
    """`sweep`: what that number is."""
    losses: tuple[str, ...] = ()
    """`scatter`: those on the ordinate, each a mark of its own."""
    against: tuple[str, ...] = ()
    """`scatter`: those on the abscissa, a panel each."""
    metric: str = ""
    """`scatter`: a metric of the table."""

    @model_validator(mode="after")
    def _complete(self) -> Figure:
        needed = {"sweep": (self.curves, self.abscissa), "scatter": (self.losses, self.against, self.metric)}
        if not all(needed.get(self.kind, ())):
            words = {"sweep": "curves and abscissa", "scatter": "losses, against and metric"}[self.kind]
            raise ValueError(f"a figure of the kind {self.kind} needs {words}")
        for curve, losses in self.curves.items():
            for number in losses:
                if not _positive(number):
                    raise ValueError(f"curves.{curve}: '{number}' is no number above 0, which the abscissa shows")
        return self

    def points(self, curve: str) -> list[tuple[float, str]]:
        """List the numbers and losses of a curve, in the order of the numbers: a spec on its way sorts names."""
        return sorted((float(number), loss) for number, loss in self.curves[curve].items())

    def named(self) -> list[str]:
        """List the losses that it names."""
        return [*self.losses, *self.against, *(loss for curve in self.curves.values() for loss in curve.values())]


class FigureSpec(Strict):
    """One figure and the table behind it."""

    figure: Figure
    table: TabulateSpec
