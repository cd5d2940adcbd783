"""Metrics by name: `score("psnr", prediction, target, protocol="y601")`."""

from __future__ import annotations

from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline import plugins
from pipeline.errors import UserError
from pipeline.metrics._protocol import Colour, Protocol


def load(name: str) -> ModuleType:
    """Return the metric `name`, a module as described in `_protocol`; raises UserError for an unknown name."""
    return plugins.load("metrics", name)


def protocol_of(name: str, protocol: Protocol | str | None = None) -> Protocol:
    """Return the protocol that `score` uses for the metric `name`, for printing beside the number.

    None is the metric's usual colour without crop, rounded; a string is a colour. A metric that is not defined for the
    colour asked for (niqe for `rgb`) takes its usual one.
    """
    colours = load(name).colours
    if protocol is None:
        return Protocol(colours[0])
    asked = protocol if isinstance(protocol, Protocol) else Protocol(cast(Colour, protocol))
    return asked if asked.colour in colours else asked.with_colour(colours[0])


def score(name: str, prediction: Any, target: Any = None, *, protocol: Protocol | str | None = None) -> float:
    """Return the metric `name` of one picture under `protocol_of(name, protocol)`.

    `prediction` and `target` are float arrays or tensors (C, H, W) in [0, 1], on any device; `target` may be left out
    where the metric needs none. Raises UserError for an unknown metric or colour, a missing target, and pictures
    that the protocol refuses (range, NaN, shape, crop).
    """
    metric = load(name)
    if metric.needs_target and target is None:
        raise UserError(f"{name} compares with a target; give one")
    theirs = _array(target) if metric.needs_target else None
    return float(metric.score(_array(prediction), theirs, protocol_of(name, protocol)))


def _array(image: Any) -> NDArray[Any]:
    # numpy has no bfloat16, so tensors go through double
    return np.asarray(image.detach().cpu().double().numpy() if hasattr(image, "detach") else image)


def listing() -> list[dict[str, Any]]:
    """List every metric with its source, unit and direction."""
    modules = {name: load(name) for name in plugins.names("metrics")}
    return [
        {"name": name, "better": module.better, "unit": module.unit, "source": module.SOURCE}
        for name, module in modules.items()
    ]
