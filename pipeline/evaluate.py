"""Stage evaluate: one model on one test set, every metric a picture, and some pictures to look at."""

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench import datasets, metrics, tasks
from lossbench.datasets import Labelled
from lossbench.errors import UserError, room_for
from lossbench.files import write_rows
from lossbench.images import displayed, largest, write_png
from lossbench.metrics import ClassifierMetric, Protocol
from lossbench.names import class_names, fitting
from lossbench.names import labels as labels_of
from lossbench.restorer import restorer
from lossbench.tasks._answers import made
from pipeline.command import run
from pipeline.outputs.arrays import Arrays, Item
from pipeline.outputs.metric_cache import MetricCache, digest
from pipeline.outputs.remedies import files_of_stages
from pipeline.outputs.scores import PLACE, written
from pipeline.specs.evaluate import EvaluateSpec

CLIPS = "pipeline.clips.scoring"
"""Imported by its name, as plugins are: what scores clips is no part of what scores pictures."""
COLUMNS = ("image", "metric", "value", "colour", "crop", "rounding", "code", "picture")

Integers = NDArray[np.uint8 | np.uint16]
FromIntegers = Callable[[Integers, Integers], NDArray[np.float32]]


def main(
    spec: EvaluateSpec,
    code: str,
    *,
    targets: Path,
    scores: Path,
    pictures: Path,
    pairs: Path | None = None,
    model: Path | None = None,
    further_models: list[Path] | None = None,
    metric_weights: dict[str, Path] | None = None,
    threads: int = 1,
) -> None:
    """Write one row a picture and metric to `scores`, and the first restored pictures to the folder `pictures`.

    The column `picture` says what a crop is of, since crops of one picture count as one; a whole one is of itself. The
    column `place` says where a tile lies in its scene, since neighbours resemble each other; only tiles have one.

    `targets` and `pairs` are the cards of the prepared data, the second of tasks that store their low quality,
    `further_models` those that an answer is made of beside `model`, `metric_weights` the stored networks of the metrics
    that rest on one. Metrics that compare with the class of a picture are given it by the test set. Clips have a row
    each and metric, see `pipeline.clips.scoring`. Raises UserError when the model is of another network, for a metric
    without its network, for pictures that a metric can't score, and for a full disk.
    """
    models = [*([model] if model else []), *(further_models or [])]
    rows: list[dict[str, Any]]
    if spec.clip is not None:
        with room_for(scores):
            pictures.mkdir(parents=True, exist_ok=True)
            rows = [{**row, "code": code} for row in _clips(spec, targets, pairs, models, pictures, threads)]
            write_rows(scores, COLUMNS, [{name: row[name] for name in COLUMNS} for row in rows])
        _say(spec, scores, rows, "clips")
        return
    assert pairs is not None
    task = tasks.load(spec.task.name)
    target_arrays, low_arrays = Arrays(targets), Arrays(pairs)
    low_items = {item.name: item for item in low_arrays.split(spec.split) if item.target is None}
    restored = _restorer(spec, task, models, threads)
    rows = []
    weights = _weights(spec, metric_weights or {})
    cache = MetricCache(scores.with_name(f".{scores.stem}.cache.json"))
    items = target_arrays.split(spec.split)
    labels = _labels(spec, {item.name: item.group for item in items}, weights)
    with room_for(scores):
        pictures.mkdir(parents=True, exist_ok=True)
        for index, item in enumerate(items):
            if item.name not in low_items:
                raise UserError(f"{pairs}: '{item.name}' of split '{spec.split}' is missing; delete it and rerun")
            target = task.reference(target_arrays.read(item), spec.task.settings)
            prediction = restored(low_arrays.read(low_items[item.name]), target)
            label = labels.get(item.name)
            rows.extend({**row, "code": code} for row in _scores(spec, item, prediction, target, label, weights, cache))
            if index < spec.keep_pictures:
                picture = np.rint(prediction * largest(target.dtype)).astype(target.dtype)
                write_png(pictures / fitting(item.name, ".png"), displayed(picture, like=target))
        cache.write()
        # tiles of a scene alone have places
        placed = [PLACE] if any(item.place for item in items) else []
        write_rows(scores, (*COLUMNS, *placed), [{name: row[name] for name in (*COLUMNS, *placed)} for row in rows])
    _say(spec, scores, rows, "pictures")


def _clips(
    spec: EvaluateSpec, targets: Path, pairs: Path | None, models: list[Path], pictures: Path, threads: int
) -> Iterator[dict[str, Any]]:
    arrays, neighbours = (Arrays(targets), Arrays(pairs) if pairs else None), targets.parent / "neighbours"
    scored = importlib.import_module(CLIPS).scored
    yield from scored(spec, *arrays, models, pictures, neighbours, threads)


def _say(spec: EvaluateSpec, scores: Path, rows: list[dict[str, Any]], what: str) -> None:
    for metric in spec.metrics:
        values = [row["value"] for row in rows if row["metric"] == metric.name]
        print(f"{scores.parent}  {metric.name} {np.mean(values):.4f} over {len(values)} {what}", flush=True)


def _weights(spec: EvaluateSpec, given: dict[str, Path]) -> dict[str, Path]:
    """Return the networks `given` by metric, after checking that each metric that rests on one has its own."""
    needed = {metric.name for metric in spec.metrics if metric.loss_network}
    if wrong := needed ^ given.keys():
        name = min(wrong)
        what = "needs a network; give" if name in needed else "needs no network; leave out"
        raise UserError(f"metric '{name}' {what} --metric-weights {name}=FILE")
    return given


def _restorer(spec: EvaluateSpec, task: tasks.Task, models: list[Path], threads: int) -> FromIntegers:
    """Return the function from low quality (h, w, C) and target (H, W, C), integers, to a prediction in [0, 1]."""
    if spec.answer == "ground_truth":
        return lambda _, target: _unit(target)
    if spec.network is None:
        trivial = tasks.answer(task, str(spec.trivial))
        return lambda low_quality, _: _unit(trivial(low_quality, spec.task.settings))
    if not models:
        raise UserError(f"network '{spec.network.name}' needs --model")
    with files_of_stages():
        restored = [restorer(spec.network.name, spec.network.arguments, model, spec.tile, threads) for model in models]
    if (how := spec.answer) is None:
        (alone,) = restored
        return lambda low_quality, _: alone(_unit(low_quality))
    return lambda low_quality, _: made(how, [each(_unit(low_quality)) for each in restored])


def _unit(pixels: Integers) -> NDArray[np.float32]:
    """Return integers of full range in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(largest(pixels.dtype))


def _labels(spec: EvaluateSpec, groups: dict[str, str | None], weights: dict[str, Path]) -> dict[str, int]:
    """Return the label of every picture, whose class is in `groups`; empty where no metric compares with it."""
    needing = [metric for metric in spec.metrics if metrics.needs_label(metrics.load(metric.file))]
    if not needing:
        return {}
    test_set = datasets.load(spec.test_set)
    try:
        found = labels_of(groups)
    except UserError as error:
        raise UserError(f"{needing[0].name} scores labelled test sets only, not '{spec.test_set}': {error}") from None
    known = {name: str(group) for name, group in groups.items()}
    if isinstance(test_set, Labelled):
        return {name: test_set.label(group) for name, group in known.items()}
    for metric in needing:
        if metric.name in weights:
            file = metrics.load(metric.file)
            assert isinstance(file, ClassifierMetric)
            file.require_classes(weights[metric.name], class_names(known.values()), spec.test_set)
    return found


def _scores(
    spec: EvaluateSpec,
    item: Item,
    prediction: NDArray[np.float32],
    target: Integers,
    label: int | None,
    weights: dict[str, Path],
    cache: MetricCache,
) -> Iterator[dict[str, Any]]:
    pictures = digest(prediction, target) + ("-grey" if item.grey else "")
    ours = prediction.transpose(2, 0, 1).astype(np.float64)
    theirs = target.transpose(2, 0, 1) / largest(target.dtype)
    for metric in spec.metrics:
        asked = Protocol(colour=metric.colour, crop=metric.crop, rounding=metric.rounding)
        used = metrics.protocol_of(metric.file, asked)
        pair = [used.beside_grey(image) for image in (ours, theirs)] if item.grey else (ours, theirs)
        try:
            file = weights.get(metric.name)
            known = label if metrics.needs_label(metrics.load(metric.file)) else None
            computed = partial(metrics.score, metric.file, *pair, protocol=used, weights=file, label=known)
            value = cache.score(metric.file, used, pictures, computed, file, known)
        except UserError as error:
            raise UserError(f"{metric.name} of {item.name}: {error}") from None
        convention = {"colour": used.colour, "crop": used.crop, "rounding": used.rounding}
        image = {"image": item.name, "picture": item.unit, PLACE: written(item.place)}
        yield {**image, "metric": metric.name, "value": value, **convention}


if __name__ == "__main__":
    run(main)
