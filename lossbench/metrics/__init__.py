"""Metrics by name: `score("psnr", prediction, target, protocol="y601")`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.metrics._protocol import Colour, Protocol


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


def score(
    name: str,
    prediction: Any,
    target: Any = None,
    *,
    protocol: Protocol | str | None = None,
    weights: Path | str | None = None,
    label: int | None = None,
) -> float:
    """Return the metric `name` of one picture, or of one clip, under `protocol_of(name, protocol)`.

    `prediction` and `target` are float arrays or tensors in [0, 1], on any device: (C, H, W), or (T, C, H, W) for a
    metric of clips; `target` may be left out where the metric needs none. `weights` is the file of the stored network
    of a metric that needs one, `label` the class of the picture where the metric compares with it. Raises UserError for
    an unknown metric or colour, a metric of sets, a missing target, file or label, a file or a label too many, and
    pictures that the protocol refuses (range, NaN, shape, crop).
    """
    metric = load(name)
    if over(metric) == "set":
        raise UserError(f"{name} compares two sets of pictures, not one with its target; use score_set")
    if metric.needs_target and target is None:
        raise UserError(f"{name} compares with a target; give one")
    theirs = _array(target) if metric.needs_target else None
    keywords = {**_label(name, metric, label), **check_weights(name, weights)}
    return float(metric.score(_array(prediction), theirs, protocol_of(name, protocol), **keywords))


def score_set(
    name: str,
    predictions: Iterable[Any],
    targets: Iterable[Any],
    *,
    protocol: Protocol | str | None = None,
    weights: Path | str | None = None,
) -> float:
    """Return the metric `name` of two sets of pictures under `protocol_of(name, protocol)`.

    `predictions` and `targets` give float arrays or tensors (C, H, W) in [0, 1], of any sizes, and are read once.
    Raises UserError as `score`, and for a metric that scores picture by picture.
    """
    metric = load(name)
    if over(metric) != "set":
        raise UserError(f"{name} scores one {over(metric)} at a time; use score")
    keywords = check_weights(name, weights)
    pictures = (map(_array, images) for images in (predictions, targets))
    return float(metric.score_set(*pictures, protocol_of(name, protocol), **keywords))


def over(metric: ModuleType) -> str:
    """Return what one number of `metric` is of: `picture`, `clip` or `set`."""
    return str(getattr(metric, "OVER", "picture"))


def needs_label(metric: ModuleType) -> bool:
    """Return whether `metric` compares with the class of the picture."""
    return bool(getattr(metric, "NEEDS_LABEL", False))


def _label(name: str, metric: ModuleType, label: int | None) -> dict[str, Any]:
    if needs_label(metric) and label is None:
        raise UserError(f"{name} needs the class of the picture; it scores labelled test sets only")
    if label is not None and not needs_label(metric):
        raise UserError(f"{name} compares with no class; leave the label {label} out")
    return {} if label is None else {"label": label}


def check_weights(name: str, weights: Path | str | None) -> dict[str, Path]:
    """Return the keyword `weights` of the metric `name`; raises UserError when a file is missing or too many."""
    metric = load(name)
    needed = getattr(metric, "WEIGHTS", ())
    if not needed and weights is not None:
        raise UserError(f"{name} needs no loss network; leave {weights} out")
    if needed and weights is None:
        kinds = " or ".join(needed)
        raise UserError(f"{name} needs weights=PATH of a stored network '{kinds}'; {metric.WEIGHTS_FROM}")
    return {} if weights is None else {"weights": Path(weights)}


def _array(image: Any) -> NDArray[Any]:
    # numpy has no bfloat16, so tensors go through double
    return np.asarray(image.detach().cpu().double().numpy() if hasattr(image, "detach") else image)


def listing() -> list[dict[str, Any]]:
    """List every metric with its source, unit, direction, what it is over, and what it needs: networks, a class."""
    modules = {name: load(name) for name in plugins.names("metrics")}
    return [
        {
            "name": name,
            "better": module.better,
            "unit": module.unit,
            "over": over(module),
            "weights": list(getattr(module, "WEIGHTS", ())),
            "needs_label": needs_label(module),
            "source": module.SOURCE,
        }
        for name, module in modules.items()
    ]
