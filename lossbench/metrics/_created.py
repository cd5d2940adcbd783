"""A metric under one protocol, as a function: `create_metric("psnr", protocol="y601")`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench import metrics
from lossbench.metrics import Protocol


@dataclass(frozen=True)
class CreatedMetric:
    """A metric with all that its number depends on; call it with pictures."""

    name: str
    protocol: Protocol
    """Colour, crop and rounding, to be printed beside the number."""
    weights: Path | None = None
    """The stored network that it rests on."""

    @property
    def better(self) -> str:
        """Return the direction of quality, `up` or `down`."""
        return metrics.load(self.name).better

    @property
    def unit(self) -> str:
        """Return the text behind the number, such as `dB`."""
        return metrics.load(self.name).unit

    def __call__(self, prediction: Any, target: Any = None, *, label: int | None = None) -> float:
        """Return the metric of one picture (C, H, W) in [0, 1], of one clip (T, C, H, W), or of two sets of pictures.

        Arrays or tensors on any device; `label` is the class where the metric compares with it. Raises UserError as
        `lossbench.metrics.score` and `score_set`.
        """
        keywords: dict[str, Any] = {"protocol": self.protocol, "weights": self.weights}
        if metrics.load(self.name).OVER == "set":
            return metrics.score_set(self.name, prediction, target, **keywords)
        return metrics.score(self.name, prediction, target, label=label, **keywords)


def create_metric(
    name: str, *, protocol: Protocol | str | None = None, weights: Path | str | None = None
) -> CreatedMetric:
    """Return the metric `name` under `protocol`: a colour, a whole `Protocol`, or the metric's usual one when None.

    `weights` is the file of the stored network of a metric that rests on one. Raises UserError with the nearest match
    for an unknown metric or colour, and when weights are missing or too many.
    """
    metrics.check_weights(name, weights)
    return CreatedMetric(name, metrics.protocol_of(name, protocol), None if weights is None else Path(weights))
