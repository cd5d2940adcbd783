"""The verb `measure`: scores of the user's own picture files or folders, each with its protocol."""

import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np

from lossbench import metrics
from lossbench.assets import pyiqa_models
from lossbench.errors import FileError, Notice, UserError, gathered, nearest, placed, say, shown, summed_up, tell
from lossbench.formats.listing import is_there
from lossbench.formats.pairs import Pair, one_clip, read_levels, read_pair
from lossbench.formats.partners import listed_by_number, partners
from lossbench.metrics import Colour, CreatedMetric, Protocol
from lossbench.metrics._protocol import Floats

QUIET = 5.0
"""Seconds between two lines of progress, and before the first."""
Request = dict[str, CreatedMetric]
"""Metrics by name, in the order asked for."""


@dataclass
class Scores:
    """What was measured."""

    pictures: dict[str, dict[str, float]] = field(default_factory=dict)
    """By name of the picture and metric."""
    whole: dict[str, float] = field(default_factory=dict)
    """Of the metrics that give one number for a clip or a set."""
    deep: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether it has more than 8 bits and is not rounded."""
    beside_grey: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether one of both files is grey and the other is not."""

    def mean(self) -> dict[str, float]:
        """Return the mean over the pictures, and the numbers of the whole; infinite where a picture's is."""
        names = next(iter(self.pictures.values()), {})
        means = {name: float(np.mean([values[name] for values in self.pictures.values()])) for name in names}
        return {**means, **self.whole}

    def equal(self) -> dict[str, dict[str, Any]]:
        """Return of each metric that is infinite for some pictures how many they are, and the mean of the others."""
        found: dict[str, dict[str, Any]] = {}
        for name in next(iter(self.pictures.values()), {}):
            values = [each[name] for each in self.pictures.values()]
            finite = [value for value in values if math.isfinite(value)]
            if len(finite) < len(values):
                others = float(np.mean(finite)) if finite else None
                found[name] = {"pictures": len(values) - len(finite), "mean_of_others": others}
        return found


def over(kind: str, request: Request) -> Request:
    """Return the metrics of which one number is of a `picture`, a `clip` or a `set`."""
    return {name: metric for name, metric in request.items() if kind == metrics.load(name).OVER}


def main(
    prediction: Path, target: Path | None, request: Request, clip: bool, as_json: bool, peak: int | None = None
) -> None:
    """Print a line a picture and the mean, or JSON; raises UserError naming the file that can't be scored.

    What was left out of the files, such as alpha, is said on standard error, and in the JSON.
    """
    with gathered() as notices:
        try:
            scores = measured(prediction, target, request, clip, peak)
        except FileError as error:
            raise UserError(f"--weights: {error}") from None
    words = {name: _protocol(metric, scores, peak) for name, metric in request.items()}
    notes = {"notes": summed_up(notices)} if notices else {}
    values = _values(scores, request, words) | notes
    print(json.dumps(values, indent=1) if as_json else _table(scores, request, words))
    say(notices)


def requested(names: str, colour: str | None, crop: int, rounding: bool, weights: list[str]) -> Request:
    """Build the request of the command line: `names` with commas, `colour` (`y` is `y601`), `weights` as metric=file.

    A metric that is not defined for the colour takes its usual one, and so does every metric without a colour. Raises
    UserError for an unknown metric or colour, a metric of labelled pictures, a negative crop, weights of a metric that
    was not asked for or needs none, and a file that does not hold them.
    """
    asked = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not asked:
        raise UserError("--metric names none; give one or more with commas, such as psnr,ssim")
    for name in asked:
        if metrics.needs_label(metrics.load(name)):
            raise UserError(f"{name} needs the class of each picture, which files do not tell; leave it out")
    usual = {name: metrics.load(name).colours[0] for name in asked}
    chosen = {"y": "y601"}.get(str(colour), colour)
    wanted = {name: Protocol(cast(Colour, chosen or usual[name]), crop, rounding) for name in asked}
    request = {name: CreatedMetric(name, metrics.protocol_of(name, protocol)) for name, protocol in wanted.items()}
    for entry in weights:
        name, separator, file = entry.partition("=")
        if not separator or name not in asked:
            raise UserError(f"--weights {entry}: give METRIC=FILE of a metric asked for; {nearest(name, asked)}")
        with placed(f"--weights {entry}"):
            request[name] = metrics.create_metric(name, protocol=wanted[name], weights=file)
    return request


def measured(
    prediction: Path, target: Path | None, request: Request, clip: bool = False, peak: int | None = None
) -> Scores:
    """Score two picture files, or two folders matched by file name without extension; or `prediction` alone.

    With `clip` the folders hold the frames of one clip, in natural order: 2 before 10. `peak` is the level of 16-bit
    files that stands for 1, 65535 when None. These are not rounded to 8-bit levels, whatever the protocol says, but
    where two sets are compared. A grey picture is one band, which is luma already; a colour picture beside it is
    compared by its luma, or under `rgb` with the band repeated, with a Notice. Raises UserError naming what is missing,
    unreadable or of another size.
    """
    _check(prediction, target, request, clip)
    scores = Scores()
    single, clips = over("picture", request), over("clip", request)
    if single or clips:
        pairs = partners(prediction, target)
        # frames are held only for a clip
        kept = [pair for pair in _pictures(pairs, single, scores, peak) if clips]
        if clips:
            whole = one_clip(kept, list(pairs.values()))
            scores.whole |= {name: _scored(metric, whole) for name, metric in clips.items()}
        if len(set(scores.deep.values())) > 1 and any(metric.protocol.rounding for metric in single.values()):
            some = next(path for name, (path, _) in pairs.items() if scores.deep[name])
            warnings.warn(Notice(some, "not rounded to 8-bit levels, as the other pictures are"), stacklevel=2)
    for name, metric in over("set", request).items():
        folders = (listed_by_number(cast(Path, folder)) for folder in (prediction, target))
        scores.whole[name] = metric(*([read_levels(path, peak)[0] for path in folder] for folder in folders))
    return scores


def _check(prediction: Path, target: Path | None, request: Request, clip: bool) -> None:
    for name in request:
        if target is None and metrics.load(name).needs_target:
            raise UserError(f"{name} compares with a target; give one behind the prediction")
    for path in (prediction, target):
        if path is not None and not is_there(path):
            raise UserError(f"{path} is missing; give a picture file or a folder of pictures")
    folders = [path.is_dir() for path in (prediction, target) if path is not None]
    if len(set(folders)) > 1:
        raise UserError(f"{prediction} and {target}: one is a folder and one is not; give two files or two folders")
    for name in (*over("clip", request), *over("set", request)):
        if not all(folders):
            raise UserError(f"{name} is of a {metrics.load(name).OVER}; give folders, {prediction} is a file")
    for name in over("clip", request):
        if not clip:
            raise UserError(f"{name} is of a clip; add --clip where a folder holds the frames of one")
    for name, metric in request.items():
        metrics.check_weights(name, metric.weights)


def _pictures(
    pairs: dict[str, tuple[Path, Path | None]], request: Request, scores: Scores, peak: int | None
) -> Iterator[Pair]:
    """Score picture by picture and pass the pictures on."""
    progress = _progress(len(pairs))
    for number, (name, (path, partner)) in enumerate(pairs.items(), 1):
        pair = read_pair(path, partner, peak)
        scores.deep[name], scores.beside_grey[name] = pair.deep, pair.beside_grey
        values = scores.pictures.setdefault(name, {}) if request else {}
        for metric in request.values():
            try:
                values[metric.name] = _scored(metric, pair)
            except FileError:
                # it is the same of every picture
                raise
            except UserError as error:
                raise UserError(f"{metric.name} of {path}: {error}") from None
        progress(number)
        yield pair


def _scored(metric: CreatedMetric, pair: Pair) -> float:
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


def _progress(total: int, clock: Callable[[], float] = time.monotonic) -> Callable[[int], None]:
    """Return a function that says on standard error how many of `total` pictures are done, every few seconds."""
    began = printed = clock()

    def done(number: int) -> None:
        nonlocal printed
        now = clock()
        if now - printed >= QUIET and number < total:
            printed = now
            left = timedelta(seconds=round((now - began) / number * (total - number)))
            tell(f"measure  {number}/{total} pictures  ETA {left}")

    return done


def _protocol(metric: CreatedMetric, scores: Scores, peak: int | None) -> str:
    """Return the convention under which the pictures were compared."""
    described, kind = metrics.load(metric.name), metric.protocol
    # what is not rounded may stand beside what is, which a notice says; a clip is rounded whole or not at all
    deep = scores.deep.values()
    if described.OVER != "set" and (any(deep) if described.OVER == "clip" else deep and all(deep)):
        kind = replace(kind, rounding=False)
    mixed = sum(scores.beside_grey.values()) if described.needs_target and kind.colour != "rgb" else 0
    grey = replace(kind, colour="gray", exact_luma=False)
    text = grey.describe() if mixed and mixed == len(scores.beside_grey) else kind.describe()
    if mixed and grey.describe() != text:
        text += f", {mixed} of {len(scores.beside_grey)} in gray"
    return text if peak is None else f"{text}, peak {peak}"


def _values(scores: Scores, request: Request, protocols: dict[str, str]) -> dict[str, Any]:
    """Return what `--json` prints; infinities as text, since JSON has none."""
    pictures = {shown(name): _plain(values) for name, values in scores.pictures.items()}
    result = {"protocol": protocols, "pictures": pictures, "mean": _plain(scores.mean())}
    if licences := _licences(request):
        result["licences"] = licences
    return {**result, "equal": scores.equal()} if scores.equal() else result


def _licences(request: Request) -> dict[str, str]:
    """Return of each metric of somebody else's package whose it is, with version and licence."""
    models = {name: pyiqa_models.named(name) for name in request}
    return {name: model.source for name, model in models.items() if model}


def _plain(values: dict[str, float]) -> dict[str, float | str]:
    return {name: value if math.isfinite(value) else str(value) for name, value in values.items()}


def _table(scores: Scores, request: Request, protocols: dict[str, str]) -> str:
    """Return aligned columns: a line a picture, then the mean, each metric under its protocol."""
    head = [["", *(f"{name} ({metric.unit})" if metric.unit else name for name, metric in request.items())]]
    head.append(["picture", *protocols.values()])
    body = [[shown(picture), *(_cell(values, name) for name in request)] for picture, values in scores.pictures.items()]
    mean = scores.mean()
    label = f"mean of {len(body)}" if body else "whole"
    rows = [*head, *body, [label, *(_cell(mean, name) for name in request)]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    lines += [f"{name}: {licence}" for name, licence in _licences(request).items()]
    for name, found in scores.equal().items():
        others = "" if found["mean_of_others"] is None else f"; mean of the others {found['mean_of_others']:.6g}"
        lines.append(f"{name}: {found['pictures']} of {len(body)} pictures are equal to their targets{others}")
    return "\n".join(lines)


def _cell(values: dict[str, float], name: str) -> str:
    return f"{values[name]:.6g}" if name in values else "-"
