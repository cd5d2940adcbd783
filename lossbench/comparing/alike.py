"""Whether folders hold pictures of one kind, so that their scores are of the same thing."""

from collections.abc import Sequence
from pathlib import Path

from lossbench import metrics
from lossbench.errors import UserError
from lossbench.measuring.scoring import Request, Scored, Unit


def paths_of(units: Sequence[Unit]) -> dict[str, Path]:
    """Return the files of `units` by name."""
    return {name: path for unit in units for name, (path, _) in unit.files.items()}


def require_sizes(todo: Sequence[Sequence[Unit]], results: Sequence[Sequence[Scored]]) -> None:
    """Raise UserError naming two pictures of one name and of two sizes, which no target refuses."""
    first, *others = _shapes(results)
    for own, units in zip(others, todo[1:], strict=True):
        for name, (_, *size) in own.items():
            if size != [*first[name][1:]]:
                here, there = ("x".join(map(str, each)) for each in (size, first[name][1:]))
                one, other = paths_of(units)[name], paths_of(todo[0])[name]
                raise UserError(f"{one}: {here} pixels, {other}: {there} pixels; give pictures of one size")


def require_bands(todo: Sequence[Sequence[Unit]], results: Sequence[Sequence[Scored]], request: Request) -> None:
    """Raise UserError naming two pictures of one name of which one is grey and the other is not.

    Beside one target they are scored by different things, the one by luma and the other by its colours. Under `gray`
    both are scored by luma in 0..255.
    """
    coloured = [name for name, metric in request.items() if metric.protocol.colour != "gray"]
    first, *others = _shapes(results) if coloured else [{}]
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


def _shapes(results: Sequence[Sequence[Scored]]) -> list[dict[str, tuple[int, ...]]]:
    return [{name: shape for one in run for name, shape in one.shapes.items()} for run in results]


def _kind(bands: int) -> str:
    return {1: "grey", 3: "in colour"}.get(bands, f"of {bands} bands")
