"""The verb `measure`: scores of the user's own picture files or folders, each with its protocol."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from lossbench import metrics
from lossbench.assets import pyiqa_models
from lossbench.errors import FileError, Notice, UserError, gathered, nearest, placed, say, shown, summed_up
from lossbench.formats.listing import is_there
from lossbench.formats.pairs import read_levels
from lossbench.formats.partners import named, nested
from lossbench.measuring.json_text import as_json as json_of
from lossbench.measuring.matching import check_suffix, matched
from lossbench.measuring.processes import score_all
from lossbench.measuring.progress import progress as _progress
from lossbench.measuring.scoring import Request, Scored, over
from lossbench.metrics import Colour, CreatedMetric, Protocol
from lossbench.metrics._calling import is_anothers
from lossbench.metrics._protocol import Floats
from lossbench.usage.folding import folded, room, tabled


@dataclass
class Scores:
    """What was measured."""

    pictures: dict[str, dict[str, float]] = field(default_factory=dict)
    """By name of the picture and metric."""
    whole: dict[str, float] = field(default_factory=dict)
    """Of the metrics that give one number for a clip or a set; of several clips their mean."""
    clips: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of several clips, by sub-folder and metric."""
    deep: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether it has more than 8 bits and is not rounded."""
    beside_grey: dict[str, bool] = field(default_factory=dict)
    """By name of the picture, whether one of both files is grey and the other is not."""

    def add(self, one: Scored) -> None:
        """Add what was found of the pictures of a unit."""
        self.pictures |= one.pictures
        self.deep |= one.deep
        self.beside_grey |= one.beside_grey

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


def main(
    prediction: Path,
    target: Path | None,
    request: Request,
    clip: bool,
    as_json: bool,
    peak: int | None = None,
    jobs: int | None = None,
    suffix: str = "",
) -> None:
    """Print a line a picture and the mean, or JSON; raises UserError naming the file that can't be scored.

    What was left out of the files, such as alpha, is said on standard error, and in the JSON.
    """
    with gathered() as notices:
        try:
            scores = measured(prediction, target, request, clip, peak, jobs, suffix)
        except FileError as error:
            raise UserError(f"--weights: {error}") from None
    words = {name: protocol_words(metric, scores, peak) for name, metric in request.items()}
    notes = {"notes": summed_up(notices)} if notices else {}
    values = _values(scores, request, words) | notes
    print(json_of(values) if as_json else _table(scores, request, words))
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
        if request[name].weights is not None:
            raise UserError(f"--weights {entry}: {name} has a file already, {request[name].weights}; give one")
        with placed(f"--weights {entry}"):
            request[name] = metrics.create_metric(name, protocol=wanted[name], weights=file)
    return {
        name: metric if metric.weights else replace(metric, weights=metrics.fetched(name))
        for name, metric in request.items()
    }


def measured(
    prediction: Path,
    target: Path | None,
    request: Request,
    clip: bool = False,
    peak: int | None = None,
    jobs: int | None = None,
    suffix: str = "",
) -> Scores:
    """Score two picture files, or two folders matched by file name without extension; or `prediction` alone.

    The pictures of a folder `prediction` have the `suffix` behind the names of their targets. Folders that hold
    sub-folders alone are matched by the paths below them. With `clip` a folder, or each of its sub-folders, holds the
    frames of one clip, in natural order: 2 before 10. `peak` is the level of 16-bit files that stands for 1, 65535 when
    None. These are not rounded to 8-bit levels, whatever the protocol says, but where two sets are compared. A grey
    picture is one band, which is luma already; a colour picture beside it is compared by its luma, or under `rgb` with
    the band repeated, with a Notice. `jobs` is a number of processes, None for this one alone.
    Raises UserError naming what is missing, unreadable or of another size.
    """
    _check(prediction, target, request, clip)
    scores = Scores()
    single, clips = over("picture", request), over("clip", request)
    if single or clips:
        todo = matched(prediction, target, bool(clips), suffix)
        if prediction.is_dir():
            check_suffix(suffix, prediction, [[path for unit in todo for path, _ in unit.files.values()]])
        done = _progress(sum(len(unit.files) for unit in todo))
        # all at once, since what is stopped between two of them would leave the processes waiting
        for unit, one in zip(todo, list(score_all(todo, [request] * len(todo), peak, jobs, done)), strict=True):
            scores.add(one)
            if clips:
                scores.clips[unit.name] = one.clip
        scores.whole |= {name: float(np.mean([one[name] for one in scores.clips.values()])) for name in clips}
        if len(scores.clips) < 2:
            scores.clips = {}
        if any(metric.protocol.rounding for metric in single.values()):
            say_depths(scores.deep, {name: path for unit in todo for name, (path, _) in unit.files.items()})
    if sets := over("set", request):
        folders = [cast(Path, folder) for folder in (prediction, target)]
        below = nested(*folders)
        listed = [list(named(folder, below).values()) for folder in folders]
        for name, metric in sets.items():
            done = _progress(sum(map(len, listed)))
            scores.whole[name] = metric(*_read(listed, peak, done))
    return scores


def say_depths(deep: Mapping[str, bool], paths: Mapping[str, Path]) -> None:
    """Say with a Notice where some of the pictures are not rounded and others are."""
    if len(set(deep.values())) > 1:
        some = next(path for name, path in paths.items() if deep[name])
        warnings.warn(Notice(some, "not rounded to 8-bit levels, as the other pictures are"), stacklevel=2)


def _read(listed: Iterable[list[Path]], peak: int | None, done: Callable[[int], None]) -> list[Iterator[Floats]]:
    """Return the pictures of each list, read one by one; `done` is told how many are."""
    count = 0

    def read(path: Path) -> Floats:
        nonlocal count
        picture = read_levels(path, peak)[0]
        count += 1
        done(count)
        return picture

    return [map(read, paths) for paths in listed]


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


def protocol_words(metric: CreatedMetric, scores: Scores, peak: int | None) -> str:
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
    """Return what `--json` prints."""
    pictures = {shown(name): values for name, values in scores.pictures.items()}
    result = {"protocol": protocols, "pictures": pictures, "mean": scores.mean()}
    if scores.clips:
        result["clips"] = {shown(name): values for name, values in scores.clips.items()}
    if licences := _licences(request):
        result["licences"] = licences
    return {**result, "equal": scores.equal()} if scores.equal() else result


def _licences(request: Request) -> dict[str, str]:
    """Return of each metric of somebody else's package whose it is, with version and licence."""
    models = {name: pyiqa_models.named(name) for name in request}
    return {name: model.source for name, model in models.items() if model}


def _table(scores: Scores, request: Request, protocols: dict[str, str]) -> str:
    """Return aligned columns that fit the terminal: a line a picture, then the mean, each metric under its protocol."""
    head = ["", *(f"{name} ({metric.unit})" if metric.unit else name for name, metric in request.items())]
    body = [[shown(picture), *(_cell(values, name) for name in request)] for picture, values in scores.pictures.items()]
    mean = scores.mean()
    label = f"mean of {len(body)}" if body else f"mean of {len(scores.clips)}" if scores.clips else "whole"
    body += [[shown(clip), *(_cell(values, name) for name in request)] for clip, values in scores.clips.items()]
    rows = [["picture", *protocols.values()], *body, [label, *(_cell(mean, name) for name in request)]]
    lines = [f"{name}: {licence}" for name, licence in _licences(request).items()]
    for name, found in scores.equal().items():
        others = "" if found["mean_of_others"] is None else f"; mean of the others {found['mean_of_others']:.6g}"
        # of another's metric it is not known what makes it infinite
        what = "infinite" if is_anothers(name) else "equal to their targets"
        lines.append(f"{name}: {found['pictures']} of {len(scores.pictures)} pictures are {what}{others}")
    read = [part for line in lines for part in folded(line, room())]
    return "\n".join([*tabled(head, rows, room()), *read])


def _cell(values: dict[str, float], name: str) -> str:
    return f"{values[name]:.6g}" if name in values else "-"
