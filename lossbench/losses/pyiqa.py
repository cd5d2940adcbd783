"""`pyiqa:NAME`: a quality model of the package pyiqa, under its non-commercial licence, as a loss."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lossbench.assets import pyiqa_models
from lossbench.errors import UserError
from lossbench.losses._features import NetworkLoss

SOURCE = "by name, `pyiqa:topiq_fr`: a model of the package pyiqa (non-commercial licence)"
REWARDS = "What the quality model of that name scores well, its mistakes included."
LOSS_NETWORKS = ()
VERSIONS_OF = ("pyiqa",)
"""Packages whose versions are part of the fingerprint of whatever imports this."""


def build(metric: str | None = None, pixel: str | None = "l1", weight: float = 1.0, every: int = 1) -> PyiqaLoss:
    """Build `pixel` + `weight` * the mean score that the model `metric` of pyiqa gives RGB images, float32 alone.

    With `pixel` None it is that score alone; it is in every `every`-th step alone, so many times as heavy there. The
    score of a model for which more is better counts with the opposite sign. Raises UserError for no model and an
    unknown one, and where its weights cannot be downloaded.
    """
    if metric is None:
        raise UserError("loss 'pyiqa' needs the name of a model; write it as 'pyiqa:topiq_fr'")
    model = pyiqa_models.named(f"{pyiqa_models.PREFIX}{metric}")
    assert model is not None
    return PyiqaLoss(model, pixel=pixel, weight=weight, every=every)


class PyiqaLoss(NetworkLoss):
    """`pixel` distance of the images plus `weight` times a quality model's score, in float32."""

    def __init__(self, model: pyiqa_models.Model, *, pixel: str | None, weight: float, every: int) -> None:
        """Make the model and freeze it."""
        super().__init__(model.name, pyiqa_models.made(model), pixel=pixel, weight=weight, every=every)
        self.model = model

    def own_term(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the score; raises UserError where the model has no gradient."""
        network: Any = self.network
        found = network(prediction, target) if self.model.needs_target else network(prediction)
        score: Tensor = (found[0] if isinstance(found, tuple) else found).mean()
        if prediction.requires_grad and not score.requires_grad:
            raise UserError(f"loss 'pyiqa:{self.model.name}': the model has no gradient; use it as a metric")
        return score if self.model.lower_better else -score
