"""Losses of the two pictures alone: a term of their own, beside a distance of the pixels where one is asked for."""

from __future__ import annotations

from torch import Tensor

from lossbench.losses._inputs import InputError
from lossbench.terms import Distance, WeightedTerms, distance


class PlainLoss(WeightedTerms):
    """`weight` times the term `name`, and the `pixel` distance where there is one; no loss network.

    Of clips (N, T, C, H, W) each frame counts as a picture.
    """

    def __init__(
        self, name: str, term: Distance, least: int, why: str, *, pixel: str | None = None, weight: float = 1.0
    ) -> None:
        """Take the function `term` of prediction and target, a mean over pictures of at least `least` pixels a side.

        `why` says in words where that number comes from. Raises UserError for an unknown distance and for a weight that
        is no number >= 0.
        """
        super().__init__({**({} if pixel is None else {"pixel": 1.0}), name: weight})
        self.name, self.term, self.least, self.why = name, term, least, why
        self.distance = distance("l1" if pixel is None else pixel)

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return the term, behind `pixel` where there is one; raises InputError for pictures that are too small."""
        if min(target.shape[-2:]) < self.least:
            raise InputError(
                f"shape {tuple(target.shape)}: the loss '{self.name}' needs {self.least} pixels a side or more, "
                f"{self.why}; give larger pictures or crops"
            )
        own = {self.name: self.term(prediction, target)}
        return {"pixel": self.distance(prediction, target), **own} if "pixel" in self.weights else own
