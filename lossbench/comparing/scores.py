"""The scores of all folders of a comparison, picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench import metrics
from lossbench.comparing.alike import paths_of, require_bands, require_headers, require_sizes, shapes_of
from lossbench.comparing.folders import Method
from lossbench.errors import UserError
from lossbench.files import check_readable_folder
from lossbench.formats.listing import listed
from lossbench.formats.partners import require_the_same
from lossbench.images import EXTENSIONS
from lossbench.measure import Scores, protocol_words, say_depths
from lossbench.measuring.matching import check_suffix, matched
from lossbench.measuring.processes import score_all
from lossbench.measuring.progress import progress
from lossbench.measuring.scoring import Request, Scored, Unit, units

Floats = NDArray[np.float64]
TARGET = "ground truth"
"""What the pictures of the target are called where they are scored themselves."""


@dataclass
class Table:
    """Scores of the same pictures, or clips, of several methods."""

    names: list[str] = field(default_factory=list)
    """Of the pictures, or of the clips."""
    values: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """By metric and method: (seeds, pictures)."""
    target: dict[str, Floats] = field(default_factory=dict)
    """Of the target's own pictures (pictures,), by each metric that needs no target; empty without one."""
    protocols: dict[str, str] = field(default_factory=dict)
    """By metric, the convention under which the pictures were compared."""


def check(methods: Sequence[Method], target: Path | None, request: Request, clip: bool) -> None:
    """Raise UserError where the request needs a target or clips that are not there, or the target is a method's."""
    for name, metric in request.items():
        described = metrics.load(name)
        if target is None and described.needs_target:
            raise UserError(f"{name} compares with a target; give its folder by --target")
        if described.OVER == "set":
            raise UserError(
                f"{name} is one number of a whole set, which no picture has a part of; score each folder by "
                "`lossbench measure`"
            )
        if described.OVER == "clip" and not clip:
            raise UserError(f"{name} is of a clip; add --clip where each sub-folder holds the frames of one")
        metrics.check_weights(name, metric.weights)
    if target is not None:
        check_readable_folder(target, "--target")
        for method in methods:
            for path in method.runs.values():
                if path.samefile(target):
                    raise UserError(f"--target {target} is the folder {path}, which is compared; give the ground truth")


def scored_table(
    methods: Sequence[Method],
    target: Path | None,
    request: Request,
    clip: bool = False,
    suffix: str = "",
    peak: int | None = None,
    jobs: int | None = None,
) -> Table:
    """Score the folders of `methods` against `target`; with `clip` each folder of frames is one clip.

    All folders must hold the same pictures, which is looked at before any is scored. Raises UserError naming those
    that some lack, and as `measure.measured`.
    """
    check(methods, target, request, clip)
    runs = [(method.label, path) for method in methods for path in method.runs.values()]
    todo = [matched(path, target, clip, suffix) for _, path in runs]
    check_suffix(suffix, runs[0][1], [list(paths_of(own).values()) for own in todo])
    for (_, path), own in zip(runs[1:], todo[1:], strict=True):
        require_the_same(paths_of(own), runs[0][1], paths_of(todo[0]))
        require_the_same(paths_of(todo[0]), path, paths_of(own))
    _require_several(methods, todo[0], clip)
    require_headers(todo, request, peak)
    requests = [request] * len(todo)
    alone = {name: metric for name, metric in request.items() if not metrics.load(name).needs_target}
    if target is not None and alone:
        todo, requests = [*todo, units(target, None, clip)], [*requests, alone]
    flat = [(unit, wanted) for own, wanted in zip(todo, requests, strict=True) for unit in own]
    done = progress(sum(len(unit.files) for unit, _ in flat), "compare")
    found = iter(list(score_all([unit for unit, _ in flat], [wanted for _, wanted in flat], peak, jobs, done)))
    results = [[next(found) for _ in own] for own in todo]
    if target is None:
        require_sizes(todo, shapes_of(results))
    require_bands(todo[: len(runs)], shapes_of(results[: len(runs)]), request)
    table = _table(methods, [unit.name for unit in todo[0]], request, todo, results, peak)
    _require_different_runs(methods, table)
    return table


def _require_several(methods: Sequence[Method], todo: Sequence[Unit], clip: bool) -> None:
    """Raise UserError where one picture, or clip, of one run is all that a folder holds."""
    if len(todo) == 1 and len(methods[0].runs) == 1:
        what, folder = "clip" if clip else "picture", next(iter(methods[0].runs.values()))
        raise UserError(
            f"{methods[0].path} holds one {what}{_passed_over(folder)}; an interval needs two or more, or several seeds"
        )


def _passed_over(folder: Path) -> str:
    """Say which sub-folders of `folder` were not looked into, since it holds pictures itself."""
    found = listed(folder, EXTENSIONS, said=False)
    if not (found.pictures and found.folders):
        return ""
    beside = replace(found, others=[]).passed_over()
    return f" itself, and {beside} beside it is passed over: pictures lie in sub-folders alone or in none"


def _require_different_runs(methods: Sequence[Method], table: Table) -> None:
    """Raise UserError where two seeds of a method are one run: its copies say nothing of the spread of seeds."""
    for method in methods:
        values = [by_folder[method.label] for by_folder in table.values.values()]
        for (one, first), (other, second) in combinations(enumerate(method.runs.values()), 2):
            same = all(np.array_equal(each[one], each[other]) for each in values)
            # what all seeds restore perfectly has the same scores too, and is not judged
            if same and any(np.isfinite(each[one]).any() for each in values):
                raise UserError(
                    f"{first} and {second} have the same scores in every metric, as copies of one run have; give the "
                    "run of each seed, or one run a folder"
                )


def _table(
    methods: Sequence[Method],
    names: list[str],
    request: Request,
    todo: Sequence[Sequence[Unit]],
    results: Sequence[Sequence[Scored]],
    peak: int | None,
) -> Table:
    table, place = Table(names), 0
    for method in methods:
        own = results[place : place + len(method.runs)]
        place += len(own)
        for name in request:
            values = np.array([[_value(one, name) for one in run] for run in own])
            table.values.setdefault(name, {})[method.label] = values
    for run in results[place:]:
        alone = [name for name in request if not metrics.load(name).needs_target]
        table.target = {name: np.array([_value(one, name) for one in run]) for name in alone}
    everything, paths = Scores(), dict[str, Path]()
    for number, (units_of, run) in enumerate(zip(todo, results, strict=True)):
        paths |= {f"{number}/{name}": path for name, path in paths_of(units_of).items()}
        for one in run:
            everything.deep |= {f"{number}/{name}": deep for name, deep in one.deep.items()}
            everything.beside_grey |= {f"{number}/{name}": grey for name, grey in one.beside_grey.items()}
    if any(metric.protocol.rounding for metric in request.values()):
        say_depths(everything.deep, paths)
    table.protocols = {name: protocol_words(metric, everything, peak) for name, metric in request.items()}
    return table


def _value(one: Scored, metric: str) -> float:
    """Return the metric of a unit; of a clip that is scored picture by picture the mean over its frames."""
    if metric in one.clip:
        return one.clip[metric]
    return float(np.mean([values[metric] for values in one.pictures.values()]))
