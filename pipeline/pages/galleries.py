"""Which restored pictures and clips of a table a report shows, beside the ground truth and the trivial answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lossbench import tasks
from lossbench.images import displayed, read_image
from lossbench.names import fitting
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.layout import path_of
from pipeline.outputs.scores import read_values
from pipeline.pages import pictures
from pipeline.pages.clips import MovingClip, folder_of, is_of_clips
from pipeline.pages.clips import compared as clips_beside
from pipeline.pages.clips import shown as moving_clip
from pipeline.pages.inputs import Table
from pipeline.pages.numbers import kind, plain, signed
from pipeline.pages.pictures import Comparison, Pixels, compared
from pipeline.specs.tabulate import CLASSIFICATION, Cell

TRUTH = "ground truth"
DIGITS = 2
JUDGED = ("reference", "loss")
"""Kinds of losses by which pictures are chosen."""


@dataclass
class Gallery:
    """The pictures of one network and column."""

    network: str
    column: str
    left: str
    """Version that the slider shows on its left at first: the reference loss."""
    right: str
    """The best of the other losses by the table's first metric."""
    open: bool
    comparisons: list[Comparison] = field(default_factory=list)
    clips: list[MovingClip] = field(default_factory=list)


def galleries(table: Table, room: int) -> list[Gallery]:
    """Return the pictures of every network and column; each picture takes at most `room` bytes of the page.

    Gaps are noted in the table's. The first gallery is open.
    """
    found: list[Gallery] = []
    # classifiers make no pictures
    shown = any(cell.task != CLASSIFICATION and not _generated(cell) for cell in table.spec.cells)
    for network, column in table.places() if shown else ():
        gallery = _gallery(table, network, column, room)
        if gallery.comparisons or gallery.clips:
            gallery.open = not found
            found.append(gallery)
    return found


def _generated(cell: Cell) -> bool:
    # what an auto-encoder makes is in a figure of its own
    return cell.scores.endswith(path_of("", "generate", "scores", cell.model_dump()))


def _gallery(table: Table, network: str, column: str, room: int) -> Gallery:
    found = {loss: table.cells(column, network, loss) for loss in table.spec.losses}
    # the ground truth stands beside them anyway
    runs = {loss: cells[0] for loss, cells in found.items() if cells and not cells[0].only}
    metric = table.spec.metrics[0]
    scores = {loss: series for loss, cell in runs.items() if (series := _scores(table, cell, metric.name)) is not None}
    reference = table.spec.reference_loss
    means = {loss: float(series.mean()) for loss, series in scores.items() if kind(table, loss) == "loss"}
    best = max(means, key=lambda loss: means[loss] if metric.better == "up" else -means[loss], default=TRUTH)
    gallery = Gallery(network, column, reference, best, open=False)
    judged = {loss: series for loss, series in scores.items() if kind(table, loss) in JUDGED}
    if runs and is_of_clips(table, list(runs.values())):
        gallery.clips = _moving(table, network, column, list(runs.values()), judged, scores, room)
        return gallery
    folders = _folders(table, runs)
    # the name of a file may be a shortened one
    known = {fitting(name, ".png"): name for series in scores.values() for name in series.index}
    names = [{known.get(path.name, path.stem) for path in folder.glob("*.png")} for folder in folders.values()]
    kept = sorted(set.intersection(*names)) if names else []
    if not kept and folders:
        table.gaps.note(table.name, f"pictures of {network}, {column}", next(iter(folders.values())), "no picture kept")
    for name, role in pictures.chosen(judged, reference, kept, metric.better):
        if comparison := _comparison(table, column, name, role, folders, scores, room):
            gallery.comparisons.append(comparison)
    return gallery


def _moving(
    table: Table,
    network: str,
    column: str,
    cells: Sequence[Cell],
    judged: Mapping[str, pd.Series],
    scores: Mapping[str, pd.Series],
    room: int,
) -> list[MovingClip]:
    """Return the clips by which the losses gain and lose most, as pictures are chosen, in all versions."""
    found = clips_beside(table, f"{network}, {column}", cells)
    if found is None:
        return []
    names, folder = [clip.name for clip in found.clips], folder_of(table, cells[0])
    values = {**_untrained(table, column), **scores}
    return [
        moving_clip(table, found, folder, name, role, _captions(table, values, name), room)
        for name, role in pictures.chosen(judged, table.spec.reference_loss, names, table.spec.metrics[0].better)
    ]


def _folders(table: Table, runs: Mapping[str, Cell]) -> dict[str, Path]:
    found = {}
    for loss, cell in runs.items():
        folder = Path(path_of(table.root, "evaluate", "pictures", cell.model_dump()))
        if folder.is_dir():
            found[loss] = folder
        else:
            table.gaps.note(table.name, f"pictures under {loss}", folder, "the folder does not exist")
    return found


def _scores(table: Table, cell: Cell, metric: str) -> pd.Series | None:
    frame = table.gaps.read(table.name, "scores", Path(cell.scores), read_values)
    if frame is None:
        return None
    found = frame[frame["metric"] == metric].set_index("image")["value"]
    return found if len(found) else None


def _comparison(
    table: Table,
    column: str,
    name: str,
    role: str,
    folders: Mapping[str, Path],
    scores: Mapping[str, pd.Series],
    room: int,
) -> Comparison | None:
    versions: dict[str, Pixels] = {}
    for label, folder in {**_folders(table, _trivial(table, column)), **folders}.items():
        picture = table.gaps.read(table.name, f"picture under {label}", folder / fitting(name, ".png"), read_image)
        if picture is not None:
            versions[label] = picture
    truth = _truth(table, column, name)
    if truth is not None and truth.shape == next(iter(versions.values()), truth).shape:
        versions[TRUTH] = truth
    judged = [label for label in folders if kind(table, label) in JUDGED]
    captions = _captions(table, {**_untrained(table, column), **scores}, name)
    try:
        return compared(name, role, versions, captions, room, judged)
    except ValueError as error:
        table.gaps.note(table.name, f"comparison of {name}, {column}", next(iter(folders.values())), str(error))
        return None


def _trivial(table: Table, column: str) -> dict[str, Cell]:
    """Return the answer to beat by its name."""
    named = (column, table.spec.trivials_of(column)[0])
    return {cell.loss: cell for cell in table.spec.cells if (cell.column, cell.loss) == named}


def _untrained(table: Table, column: str) -> dict[str, pd.Series]:
    """Return the first metric of the answer to beat."""
    metric = table.spec.metrics[0].name
    cells = _trivial(table, column)
    return {label: series for label, cell in cells.items() if (series := _scores(table, cell, metric)) is not None}


def _captions(table: Table, scores: Mapping[str, pd.Series], name: str) -> dict[str, str]:
    """Return the first metric of one picture under every loss, with the difference to the reference loss."""
    metric = table.spec.metrics[0]
    values = {loss: float(series[name]) for loss, series in scores.items() if name in series.index}
    words = {loss: f"{metric.name.upper()} {plain(value, DIGITS)}" for loss, value in values.items()}
    reference = table.spec.reference_loss
    if reference in values:
        for loss in values.keys() - {reference}:
            words[loss] += f" ({signed(values[loss] - values[reference], DIGITS)})"
    return words


def _truth(table: Table, column: str, name: str) -> Pixels | None:
    """Return the ground truth of a picture as it is displayed, or None, noted, where there is none."""
    cell = next(cell for cell in table.runs if cell.column == column)
    card = table.cards.get(str(cell.card))
    prepared = Path(path_of(table.root, "prepare", "card", {"dataset": cell.test_set}))

    def read(path: Path) -> Pixels:
        task = (card or {})["spec"]["task"]
        items, arrays = _prepared(path)
        pixels = arrays.read(items[name])
        return displayed(np.asarray(tasks.load(task["name"]).reference(pixels, task["settings"])))

    return table.gaps.read(table.name, f"ground truth of {column}", prepared, read)


@cache
def _prepared(card: Path) -> tuple[dict[str, Any], Arrays]:
    arrays = Arrays(card)
    return {item.name: item for item in arrays.items}, arrays
