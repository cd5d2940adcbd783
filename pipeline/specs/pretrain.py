"""What one loss network depends on: an architecture, and a recipe or a file of public weights."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from lossbench.records import Strict
from pipeline.specs.recipe import Recipe


class PublicWeights(Strict):
    """A weight file that somebody else trained."""

    file: str
    """Path under `weights_root`, or the catalogued path of an embedded file."""
    digest: str
    """`sha256:` or `md5:` and the full digest or its published leading digits."""


class PretrainSpec(Strict):
    """One loss network, trained here (`recipe`) or imported (`weights`)."""

    loss_network: str
    architecture: dict[str, Any]
    dataset: str
    seed: int
    recipe: Recipe | None = None
    weights: PublicWeights | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> PretrainSpec:
        if (self.recipe is None) == (self.weights is None):
            raise ValueError("a loss network has either a recipe or weights")
        return self
