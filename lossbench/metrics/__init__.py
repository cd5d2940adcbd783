"""Metrics by name: `score("psnr", prediction, target, protocol="y601")`."""

import importlib
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast, runtime_checkable

from lossbench import plugins
from lossbench.assets import pyiqa_models
from lossbench.errors import UserError
from lossbench.files import given_path
from lossbench.metrics._calling import called, picture_for
from lossbench.metrics._outside import as_read, loaded
from lossbench.metrics._protocol import Better, Over
from lossbench.metrics._protocol import Colour as Colour
from lossbench.metrics._protocol import Pixels as Pixels
from lossbench.metrics._protocol import Protocol as Protocol

FOLDER = "metrics"
AUTO = "auto"
"""What `weights` is where a fetched file is to be found."""
FINDING = "lossbench.weights.finding"
"""Imported by its name: where files lie does not count for a number."""


class Described(typing.Protocol):
    """What every file of this folder says of its metric."""

    better: Better
    unit: str
    """Text behind the number, "" when it has none."""
    needs_target: bool
    """Whether it compares with the ground truth."""
    colours: tuple[Colour, ...]
    """The protocol colours that it is defined for, its usual one first."""
    SOURCE: str
    """Paper and equation."""
    OVER: Over


class Metric(Described, typing.Protocol):
    """A metric of one picture or, as `OVER` says, of one clip."""

    def score(self, prediction: Pixels, target: Any, protocol: Protocol, *_: Any, **keywords: Any) -> float:
        """Return the metric under `protocol`, never NaN; `target` is None where `needs_target` is False.

        A `StoredMetric` takes the path of its file as the keyword `weights`, a `LabelMetric` the place of the class
        among all classes as the keyword `label`. Raises UserError.
        """


@runtime_checkable
class SetMetric(Described, typing.Protocol):
    """A metric of two sets of pictures; its `OVER` is `set`."""

    def score_set(
        self, predictions: Iterable[Pixels], targets: Iterable[Pixels], protocol: Protocol, *_: Any, **keywords: Any
    ) -> float:
        """Return the metric of pictures (C, H, W), each read once; keywords and errors as of `Metric.score`."""


@runtime_checkable
class StoredMetric(typing.Protocol):
    """Of a metric that rests on a stored network."""

    @property
    def WEIGHTS(self) -> tuple[str, ...]:  # noqa: N802
        """Kinds of network of which it needs a file."""

    WEIGHTS_FROM: str
    """How to get one."""


@runtime_checkable
class LabelMetric(typing.Protocol):
    """Of a metric that compares with the class of the picture, which labelled test sets alone know.

    One that rests on a public classifier names it in `CLASSIFIER`, since its code counts as the metric's own.
    """

    NEEDS_LABEL: bool


@runtime_checkable
class ClassifierMetric(StoredMetric, LabelMetric, typing.Protocol):
    """Of a metric that rests on a stored classifier."""

    def require_classes(self, weights: Path, classes: list[str], test_set: str) -> None:
        """Raise UserError when the classifier in `weights` knows others than the `classes` of the test set."""


def load(name: str) -> Metric | SetMetric:
    """Return the metric `name`; raises UserError with the nearest match for an unknown one.

    `pyiqa:NAME` is the model NAME of the package pyiqa. One from outside is a module, an object, or a class that is
    made without arguments, with what `Metric` or `SetMetric` says; raises UserError where it lacks some of that.
    """
    plugins.check_name(FOLDER, name)
    if name.startswith(pyiqa_models.PREFIX):
        # by name, as plugins are: an import would make pyiqa's version count for every metric
        return cast(Metric, importlib.import_module(pyiqa_models.METRIC).metric(name))
    if plugins.is_outside(FOLDER, name):
        return cast("Metric | SetMetric", loaded(name, tuple(typing.get_type_hints(Described))))
    return cast("Metric | SetMetric", plugins.load(FOLDER, name))


def protocol_of(name: str, protocol: Protocol | str | None = None) -> Protocol:
    """Return the protocol that `score` uses for the metric `name`, for printing beside the number.

    None is the metric's usual colour without crop, rounded; a string is a colour. A metric that is not defined for the
    colour asked for (niqe for `rgb`) takes its usual one.
    """
    metric = load(name)
    usual = metric.colours[0]
    asked = (
        protocol if isinstance(protocol, Protocol) else Protocol(cast(Colour, usual if protocol is None else protocol))
    )
    colour = asked.colour if asked.colour in metric.colours else usual
    return replace(asked, colour=colour, exact_luma=getattr(metric, "EXACT_LUMA", False))


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
    an unknown metric or colour, a metric of sets, a missing target, file or label, a file or a label too many,
    pictures that the protocol refuses (range, NaN, shape, crop), and a metric that gives NaN or no number. One from
    outside has pictures of its own, and what it raises is a UserError.
    """
    metric = load(name)
    if isinstance(metric, SetMetric):
        raise UserError(f"{name} compares two sets of pictures, not one with its target; use score_set")
    if metric.needs_target and target is None:
        raise UserError(f"{name} compares with a target; give one")
    if needs_label(metric) and label is None:
        raise UserError(f"{name} needs the class of the picture; it scores labelled test sets only")
    if label is not None and not needs_label(metric):
        raise UserError(f"{name} compares with no class; leave the label {label} out")
    keywords: dict[str, Any] = {} if label is None else {"label": label}
    keywords |= check_weights(name, weights)
    theirs = picture_for(name, target) if metric.needs_target else None
    return called(name, metric.score, picture_for(name, prediction), theirs, protocol_of(name, protocol), **keywords)


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
    if not isinstance(metric, SetMetric):
        raise UserError(f"{name} scores one {metric.OVER} at a time; use score")
    keywords = check_weights(name, weights)
    ours, theirs = (map(partial(picture_for, name), images) for images in (predictions, targets))
    return called(name, metric.score_set, ours, theirs, protocol_of(name, protocol), **keywords)


@dataclass(frozen=True)
class CreatedMetric:
    """A metric under one protocol, with all that its number depends on; call it with pictures."""

    name: str
    protocol: Protocol
    """Colour, crop and rounding, to be printed beside the number."""
    weights: Path | None = None
    """The stored network that it rests on."""

    @property
    def better(self) -> str:
        """Return the direction of quality, `up` or `down`."""
        return load(self.name).better

    @property
    def unit(self) -> str:
        """Return the text behind the number, such as `dB`."""
        return load(self.name).unit

    def __call__(self, prediction: Any, target: Any = None, *, label: int | None = None) -> float:
        """Return the metric of one picture (C, H, W) in [0, 1], of one clip (T, C, H, W), or of two sets of pictures.

        Arrays or tensors on any device; `label` is the class where the metric compares with it. Raises UserError as
        `score` and `score_set`.
        """
        keywords: dict[str, Any] = {"protocol": self.protocol, "weights": self.weights}
        if load(self.name).OVER == "set":
            return score_set(self.name, prediction, target, **keywords)
        return score(self.name, prediction, target, label=label, **keywords)


def create_metric(
    name: str, *, protocol: Protocol | str | None = None, weights: Path | str | None = AUTO
) -> CreatedMetric:
    """Return the metric `name` under `protocol`: a colour, a whole `Protocol`, or the metric's usual one when None.

    `weights` is the file of the stored network of a metric that rests on one; with `auto` the public one is taken where
    `lossbench fetch weights` stored it, which a line on standard error says. Raises UserError with the nearest match
    for an unknown metric or colour, and when weights are missing, too many, or of another kind of network.
    """
    checked = check_weights(name, fetched(name) if weights == AUTO else weights)
    for file in checked.values():
        _check_kind(name, file)
    return CreatedMetric(name, protocol_of(name, protocol), checked.get("weights"))


def fetched(name: str) -> Path | None:
    """Return the file of the public network that the metric `name` rests on, which is said.

    It is None where the metric needs none, or where it was not fetched. Raises UserError for an unknown metric and for
    a file that is damaged.
    """
    needed = kinds(load(name))
    # reading a file needs torch, which most metrics do not
    return importlib.import_module(FINDING).for_metric(name, needed) if needed else None


def needs_label(metric: Metric | SetMetric) -> bool:
    """Return whether `metric` compares with the class of the picture."""
    return isinstance(metric, LabelMetric) and metric.NEEDS_LABEL


def kinds(metric: Metric | SetMetric) -> Sequence[str]:
    """Return the kinds of stored network of which `metric` needs a file; empty where it needs none."""
    return metric.WEIGHTS if isinstance(metric, StoredMetric) else ()


def check_weights(name: str, weights: Path | str | None) -> dict[str, Path]:
    """Return the keyword `weights` of the metric `name`; raises UserError when a file is missing or too many."""
    metric = load(name)
    if not isinstance(metric, StoredMetric):
        if weights is not None:
            raise UserError(f"{name} needs no loss network; leave {weights} out")
        return {}
    if weights is None:
        needed = " or ".join(metric.WEIGHTS)
        raise UserError(f"{name} needs weights=PATH of a stored network '{needed}'; {metric.WEIGHTS_FROM}")
    return {"weights": given_path(weights, f"{name}: weights")}


def _check_kind(name: str, file: Path) -> None:
    """Raise UserError unless `file` holds a network on which the metric `name` may rest; no weights are read."""
    # reading a file needs torch, which most metrics do not
    from lossbench import storage

    metric = load(name)
    if isinstance(metric, ClassifierMetric):
        storage.describe(file, "classifier")
    elif (held := storage.describe(file, "loss_network")["name"]) not in kinds(metric):
        raise UserError(f"{file} holds the loss network '{held}'; give the file of a '{' or '.join(kinds(metric))}'")


def listing() -> list[dict[str, Any]]:
    """List every metric with its source, unit, direction, what it is over, and what it needs: networks, a class.

    What an installed package offers is read and not imported, and has its name and version as `package`.
    """
    modules = {name: load(name) for name in plugins.names(FOLDER)}
    ours: list[dict[str, Any]] = [
        {
            "name": name,
            "better": module.better,
            "unit": module.unit,
            "over": module.OVER,
            "weights": list(kinds(module)),
            "needs_label": needs_label(module),
            "source": module.SOURCE,
        }
        for name, module in modules.items()
    ]
    return [*ours, *plugins.offered_rows(FOLDER, as_read)]
