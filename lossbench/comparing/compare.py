"""Two or more folders of restored pictures: which is better, by how much, and how sure is that."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lossbench import metrics
from lossbench.comparing.estimates import estimates
from lossbench.comparing.folders import methods, reference_of
from lossbench.comparing.result import Findings
from lossbench.comparing.scores import scored_table
from lossbench.comparing.words import in_words
from lossbench.errors import UserError, as_written, nearest
from lossbench.files import given_path
from lossbench.formats.pairs import peak_of
from lossbench.measure import requested
from lossbench.measuring.processes import checked_jobs
from lossbench.measuring.progress import progress
from lossbench.measuring.scoring import Request
from lossbench.metrics import CreatedMetric

Folder = str | Path


class Compared(Findings):
    """A comparison of folders; `str` of it is the table in words."""

    def __str__(self) -> str:
        """Return the comparison in words, no wider than the terminal."""
        return in_words(self)


def compare(
    reference: Folder,
    others: Folder | Sequence[Folder],
    target: Folder | None = None,
    metric: str | CreatedMetric | Sequence[str | CreatedMetric] = (),
    *,
    suffix: str = "",
    seeds: str | None = None,
    margin: float | str | Mapping[str, float] | None = None,
    protocol: str | None = None,
    crop: int = 0,
    rounding: bool = True,
    peak: int | None = None,
    weights: Mapping[str, Folder] | None = None,
    clip: bool = False,
    jobs: int | None = None,
) -> Compared:
    """Compare folders of restored pictures with the folder `reference`, as `lossbench compare` does.

    `others` is one folder or several, `target` that of the ground truth, which metrics such as niqe can do without;
    `metric` holds names, `"psnr,ssim"` or a list, or what `create_metric` made under a protocol of its own. Pictures
    are matched by name, without extension and, in the folders compared, without `suffix`. `seeds` is a pattern such as
    `"_seed{seed}"` by which each folder is several (see `folders.methods`). `margin` is the difference that matters, in
    the metric's unit, one for all metrics or by metric. `protocol` is a colour, `crop` the pixels cut from each side,
    `rounding` whether to round to 8-bit levels, `peak` the white of 16-bit files, `weights` the stored network of each
    metric that rests on one. With `clip` each folder of frames counts as one. `jobs` is a number of processes, None for
    this one; a script that gives it must be guarded by `if __name__ == "__main__":`, as for all of Python's processes.

    Pictures and seeds are paired. Raises UserError naming the folder, file or value that does not fit.
    """
    given = others if isinstance(others, list | tuple) else [others]
    paths = [given_path(folder, "compare") for folder in (reference, *given)]
    ground_truth = None if target is None else given_path(target, "target")
    stored = [f"{name}={given_path(file, f'weights of {name}')}" for name, file in (weights or {}).items()]
    request = _request(metric, lambda names: requested(names, protocol, crop, rounding, stored))
    return compared_folders(
        paths,
        ground_truth,
        request,
        suffix=suffix,
        seeds=seeds,
        margins=margins_of(margin, request, "margin"),
        peak=peak_of(peak, None),
        clip=clip,
        jobs=checked_jobs(jobs),
    )


def _request(metric: str | CreatedMetric | Sequence[str | CreatedMetric], by_name: Callable[[str], Request]) -> Request:
    """Return the metrics asked for, of which those that are names are made by `by_name`."""
    asked = [metric] if isinstance(metric, str | CreatedMetric) else list(metric)
    for one in asked:
        if not isinstance(one, str | CreatedMetric):
            raise UserError(f"metric: {one!r} is no name; give names such as 'psnr,ssim'")
    if not asked:
        raise UserError("metric: none named; give one or more, such as 'psnr,ssim'")
    names = ",".join(one for one in asked if isinstance(one, str))
    created = {one.name: one for one in asked if isinstance(one, CreatedMetric)}
    return {**(by_name(names) if names else {}), **created}


def compared_folders(
    folders: Sequence[Path],
    target: Path | None,
    request: Request,
    *,
    reference: Path | None = None,
    suffix: str = "",
    seeds: str | None = None,
    margins: Mapping[str, float] | None = None,
    peak: int | None = None,
    clip: bool = False,
    jobs: int | None = None,
) -> Compared:
    """Compare `folders`, two or more, with `reference`, one of them (the first when None); see `compare`."""
    found = methods(folders, seeds)
    first = reference_of(found, reference)
    found.sort(key=lambda method: method.label != first)
    table = scored_table(found, target, request, clip, suffix, peak, jobs)
    if len(table.names) == 1 and len(found[0].runs) == 1:
        what = "clip" if clip else "picture"
        raise UserError(f"{folders[0]} holds one {what}; an interval needs two or more, or several seeds")
    better = {name: metrics.load(name).better for name in request}
    done = progress(len(request) * (len(found) - 1), "compare", "comparisons")
    estimated = estimates(table.values, first, better, margins, table.names, done)
    return Compared(
        folders=tuple(method.label for method in found),
        seeds=tuple(seed for seed in found[0].runs if seed),
        metrics={name: metric.unit for name, metric in request.items()},
        better=dict(better),
        estimates=tuple(estimated),
        table=table,
        clips=clip,
        folders_of_pictures=len({name.rpartition("/")[0] for name in table.names}),
    )


def margins_of(margin: object, names: Iterable[str], option: str) -> dict[str, float]:
    """Return the margin of each metric: one number for all, `psnr=0.05,ssim=0.001`, or a mapping.

    Raises UserError naming what is no positive number, and a metric that was not asked for.
    """
    known = list(names)
    if margin is None:
        return {}
    if isinstance(margin, str) and "=" in margin:
        pairs = [entry.partition("=") for entry in margin.split(",")]
        return margins_of({name.strip(): value for name, _, value in pairs}, known, option)
    if not isinstance(margin, Mapping):
        return dict.fromkeys(known, _positive(margin, option))
    for name in margin:
        if name not in known:
            raise UserError(f"{option} {name}: no metric asked for; {nearest(str(name), known)}")
    return {name: _positive(value, f"{option} {name}") for name, value in margin.items()}


def _positive(value: object, option: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        shown = value if isinstance(value, str) else as_written(value)
        raise UserError(f"{option} {shown}: not a positive number; give a difference in the metric's unit")
    return number
