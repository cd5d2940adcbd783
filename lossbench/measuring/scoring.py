"""Scores of one picture, or of the frames of one clip, beside its target."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lossbench import metrics
from lossbench.errors import FileError, UserError
from lossbench.formats.pairs import Pair, one_clip, read_pair
from lossbench.formats.partners import Files, partners
from lossbench.metrics import CreatedMetric, Protocol
from lossbench.metrics._protocol import Floats

Request = dict[str, CreatedMetric]
"""Metrics by name, in the order asked for."""


class Unit(NamedTuple):
    """What is scored at once."""

    name: str
    """Of a clip: its folder's path below the one given, which is empty for that folder itself."""
    files: Files
    """One picture, or the frames of a clip in their order."""
    clip: bool


@dataclass
class Scored:
    """What was found of a unit."""

    pictures: dict[str, dict[str, float]] = field(default_factory=dict)
    """By name of the picture and metric."""
    clip: dict[str, float] = field(default_factory=dict)
    """Of the metrics that give one number for a clip."""
    deep: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether it has more than 8 bits and is not rounded."""
    beside_grey: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether one of both files is grey and the other is not."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By name of the picture, its bands, height and width."""


def over(kind: str, request: Request) -> Request:
    """Return the metrics of which one number is of a `picture`, a `clip` or a `set`."""
    return {name: metric for name, metric in request.items() if kind == metrics.load(name).OVER}


def units(prediction: Path, target: Path | None, clips: bool = False, suffix: str = "") -> list[Unit]:
    """List what is to be scored: each picture, or with `clips` each folder of frames.

    `suffix` is what the names of predictions have behind those of their targets. Raises UserError as `partners`.
    """
    files = partners(prediction, target, suffix)
    if not clips:
        return [Unit(name, {name: pair}, clip=False) for name, pair in files.items()]
    folders: dict[str, Files] = {}
    for name, pair in files.items():
        folders.setdefault(name.rpartition("/")[0], {})[name] = pair
    return [Unit(name, frames, clip=True) for name, frames in folders.items()]


def scored(unit: Unit, request: Request, peak: int | None, done: Callable[[], None] | None = None) -> Scored:
    """Score a unit; `done` is called after each picture.

    Raises UserError naming the file that is unreadable, of another size, or that a metric refuses.
    """
    result, single, clips = Scored(), over("picture", request), over("clip", request) if unit.clip else {}
    frames: list[Pair] = []
    for name, (path, partner) in unit.files.items():
        pair = read_pair(path, partner, peak)
        result.deep[name], result.beside_grey[name] = pair.deep, pair.beside_grey
        result.shapes[name] = pair.ours.shape
        values = result.pictures.setdefault(name, {}) if single else {}
        for metric in single.values():
            values[metric.name] = _named(metric, pair, path)
        # frames are held only for a clip
        frames += [pair] if clips else []
        if done is not None:
            done()
    if clips:
        whole = one_clip(frames, list(unit.files.values()))
        folder = next(iter(unit.files.values()))[0].parent
        result.clip = {name: _named(metric, whole, folder) for name, metric in clips.items()}
    return result


def _named(metric: CreatedMetric, pair: Pair, path: Path) -> float:
    """Return the metric of the picture or the clip at `path`, which a UserError names."""
    try:
        return _value(metric, pair)
    except FileError:
        # it is the same of every picture
        raise
    except UserError as error:
        raise UserError(f"{metric.name} of {path}: {error}") from None


def _value(metric: CreatedMetric, pair: Pair) -> float:
    """Return the metric of a picture or of a clip."""
    used = replace(metric, protocol=replace(metric.protocol, rounding=metric.protocol.rounding and not pair.deep))
    ours, theirs = pair.ours, pair.theirs if metrics.load(metric.name).needs_target else None
    if theirs is not None and pair.beside_grey:
        ours, theirs = (_like_grey(image, used.protocol) for image in (ours, theirs))
    if ours.shape[-3] == 1 and metrics.kinds(metrics.load(metric.name)):
        # a grey picture is one of equal bands to a network that was trained on colour
        ours, theirs = np.repeat(ours, 3, axis=-3), None if theirs is None else np.repeat(theirs, 3, axis=-3)
    return used(ours, theirs)


def _like_grey(image: Floats, protocol: Protocol) -> Floats:
    """Return a picture of a pair of which one is grey: three bands under `rgb`, else one."""
    if image.shape[-3] == 3:
        return protocol.beside_grey(image)
    return np.repeat(image, 3, axis=-3) if protocol.colour == "rgb" else image
