"""Whether folders hold pictures of one kind, so that their scores are of the same thing."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from lossbench import metrics
from lossbench.errors import UserError, gathered
from lossbench.formats import raster
from lossbench.formats.pairs import read_pair
from lossbench.measuring.scoring import Request, Scored, Unit

Shapes = Mapping[str, tuple[int, ...]]
"""By name of the picture, its bands, height and width."""


def paths_of(units: Sequence[Unit]) -> dict[str, Path]:
    """Return the files of `units` by name."""
    return {name: path for unit in units for name, (path, _) in unit.files.items()}


def require_headers(todo: Sequence[Sequence[Unit]], request: Request, peak: int | None) -> None:
    """Raise UserError, before any is scored, for pictures that do not fit each other by their headers.

    These are read in full, since a header does not say which way up its picture is. Of which headers say nothing, that
    is found as they are scored.
    """
    header = cache(raster.header)
    first = paths_of(todo[0])
    for own in todo:
        for name, (path, partner) in ((name, files) for unit in own for name, files in unit.files.items()):
            ours, theirs, others = (None if each is None else header(each) for each in (path, partner, first[name]))
            if ours and theirs and ours[:2] != theirs[:2]:
                with gathered():
                    read_pair(path, partner, peak)
            sizes_differ = partner is None and ours and others and ours[:2] != others[:2]
            if sizes_differ or (_coloured(request) and ours and others and ours[2] != others[2]):
                with gathered():
                    shapes = [{name: read_pair(each, None, peak).ours.shape} for each in (first[name], path)]
                require_sizes([todo[0], own], shapes)
                require_bands([todo[0], own], shapes, request)


def require_sizes(todo: Sequence[Sequence[Unit]], shapes: Sequence[Shapes]) -> None:
    """Raise UserError naming two pictures of one name and of two sizes, which no target refuses."""
    first, *others = shapes
    for own, units in zip(others, todo[1:], strict=True):
        for name, (_, *size) in own.items():
            if size != [*first[name][1:]]:
                here, there = ("x".join(map(str, each)) for each in (size, first[name][1:]))
                one, other = paths_of(units)[name], paths_of(todo[0])[name]
                raise UserError(f"{one}: {here} pixels, {other}: {there} pixels; give pictures of one size")


def require_bands(todo: Sequence[Sequence[Unit]], shapes: Sequence[Shapes], request: Request) -> None:
    """Raise UserError naming two pictures of one name of which one is grey and the other is not.

    Beside one target they are scored by different things, the one by luma and the other by its colours. Under `gray`
    both are scored by luma in 0..255.
    """
    coloured = _coloured(request)
    first, *others = shapes if coloured else [{}]
    for own, units in zip(others, todo[1:], strict=False):
        for name, (bands, *_) in own.items():
            if bands != first[name][0]:
                one, other = paths_of(units)[name], paths_of(todo[0])[name]
                takes = all("gray" in metrics.load(metric).colours for metric in coloured)
                way = "score both by --protocol gray, or convert one" if takes else "convert one"
                raise UserError(
                    f"{one} is {_kind(bands)}, {other} is {_kind(first[name][0])}: {', '.join(coloured)} would compare "
                    f"other things of the one than of the other; {way}"
                )


def _coloured(request: Request) -> list[str]:
    """Return the metrics that score a grey picture by other things than a colour one."""
    return [name for name, metric in request.items() if metric.protocol.colour != "gray"]


def shapes_of(results: Sequence[Sequence[Scored]]) -> list[Shapes]:
    """Return what was found of each folder."""
    return [{name: shape for one in run for name, shape in one.shapes.items()} for run in results]


def _kind(bands: int) -> str:
    return {1: "grey", 3: "in colour"}.get(bands, f"of {bands} bands")
