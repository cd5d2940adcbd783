"""What a figure of a paper shows, and what it depends on: the table whose runs it draws."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from lossbench.records import Strict
from pipeline.specs.tabulate import TabulateSpec


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
        return self

    def named(self) -> list[str]:
        """List the losses that it names."""
        return [*self.losses, *self.against, *(loss for curve in self.curves.values() for loss in curve.values())]


class FigureSpec(Strict):
    """One figure and the table behind it."""

    figure: Figure
    table: TabulateSpec
