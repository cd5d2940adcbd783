"""Two or more folders of restored pictures: which is better, by how much, and how sure is that."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from lossbench import metrics
from lossbench.comparing.arguments import in_words_of_python, stored, switch, text, white
from lossbench.comparing.estimates import estimates
from lossbench.comparing.folders import methods, reference_of
from lossbench.comparing.result import Findings
from lossbench.comparing.scores import scored_table
from lossbench.comparing.words import in_words
from lossbench.errors import UserError, as_written, nearest, quoted
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
    files = stored(weights)
    with in_words_of_python():
        request = _request(metric, lambda names: requested(names, protocol, crop, rounding, files))
        return compared_folders(
            paths,
            ground_truth,
            request,
            suffix=text(suffix, "suffix", "_x4"),
            seeds=None if seeds is None else text(seeds, "seeds", "_seed{seed}"),
            margins=margins_of(margin, request, "margin"),
            peak=peak_of(white(peak), None),
            clip=switch(clip, "clip"),
            jobs=checked_jobs(jobs),
        )


def _request(metric: str | CreatedMetric | Sequence[str | CreatedMetric], by_name: Callable[[str], Request]) -> Request:
    """Return the metrics asked for, of which those that are names are made by `by_name`."""
    asked = list(metric) if isinstance(metric, list | tuple) else [metric]
    for one in asked:
        if not isinstance(one, str | CreatedMetric):
            raise UserError(f"metric: {quoted(one)} is no name; give names such as 'psnr,ssim'")
    names = ",".join(one for one in asked if isinstance(one, str))
    made = [one for one in asked if isinstance(one, CreatedMetric)]
    found = by_name(names) if names.strip(" ,") else {}
    for one in made:
        if one.name in found:
            raise UserError(f"metric: {one.name} is given twice; give it under one protocol")
        found[one.name] = one
    if not found:
        raise UserError("metric: none named; give one or more, such as 'psnr,ssim'")
    return found


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
        given: dict[str, str] = {}
        for entry in filter(None, map(str.strip, margin.split(","))):
            name, separator, value = (part.strip() for part in entry.partition("="))
            if not (name and separator):
                raise UserError(f"{option} {entry}: no metric named; give each margin as metric=number")
            if given.setdefault(name, value) is not value:
                raise UserError(f"{option} {name}: given twice, {given[name]} and {value}; give one")
        return margins_of(given, known, option)
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
