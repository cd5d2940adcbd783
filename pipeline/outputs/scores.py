"""Scores of a table's cells, and the paired differences of two losses on the same images. Needs no torch."""

from collections.abc import Container, Iterable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.statistics.comparison import Paired as Paired
from lossbench.statistics.neighbours import Layout
from pipeline.outputs.rows import read_rows
from pipeline.specs.tabulate import Cell, TabulateSpec

Floats = NDArray[np.float64]

KEY = ["column", "network", "loss", "metric"]
"""What a number of a table is of."""
IMAGE = ["image", "picture", "metric"]
"""What a number of a file of scores is of."""
PLACE = "place"
"""Column of a file of scores of the tiles of a scene: row and column of each, as `written` gives them."""


def read_scores(cells: Iterable[Cell]) -> pd.DataFrame:
    """Return one row a cell, image and metric, after checking that a column's cells on a test set score the same.

    Crops of one picture are not independent: they become one image, the mean of their values.
    No cells give an empty frame. Raises UserError naming the file that can't be read, or whose pictures or metrics are
    not those of its column.
    """
    frames: dict[int, pd.DataFrame] = {}
    first: dict[tuple[str, str], tuple[str, list[tuple[str, str, str]]]] = {}
    # what all metrics score says what the others may be scored by
    for index, cell in sorted(enumerate(cells), key=lambda entry: bool(entry[1].only)):
        frame = _read(cell)
        scored = sorted(zip(frame["image"], frame["picture"], frame["metric"], strict=True))
        other, expected = first.setdefault((cell.column, cell.test_set), (cell.scores, scored))
        if scored != [each for each in expected if not cell.only or each[2] in cell.only]:
            raise UserError(f"{cell.scores} scores other pictures or metrics than {other}; delete both and rerun")
        frames[index] = _whole(frame)
    return pd.concat([frames[index] for index in sorted(frames)], ignore_index=True) if frames else pd.DataFrame()


def read_values(path: Path) -> pd.DataFrame:
    """Return one row an image and metric of a file of scores, with the picture that the image is, or is a crop of.

    Raises UserError naming a file that can't be read, or that scores an image twice.
    """
    try:
        frame = read_rows(path)
        # what was written without crops has no column for them
        frame = frame.assign(picture=frame["picture"] if "picture" in frame else frame["image"])
        frame = frame[[*IMAGE, "value", *([PLACE] if PLACE in frame else [])]].astype({"value": float})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} can't be read ({error}); delete it and rerun") from None
    if (twice := frame.duplicated(IMAGE)).any():
        raise UserError(f"{path} scores '{frame['image'][twice].iloc[0]}' twice; delete it and rerun")
    return frame


def _read(cell: Cell) -> pd.DataFrame:
    frame = read_values(Path(cell.scores))
    for name in ("column", "network", "loss", "seed", "test_set"):
        frame[name] = getattr(cell, name)
    return frame


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row in place of all crops of a picture; frames without crops are left as they are."""
    crops = bool((frame["image"] != frame["picture"]).any())
    named = frame.assign(image=frame["picture"]).drop(columns="picture")
    if not crops:
        return named
    keys = [name for name in named.columns if name != "value"]
    return named.groupby(keys, sort=False)[["value"]].mean().reset_index()[list(named.columns)]


def written(place: tuple[int, int] | None) -> str:
    """Return the place of a tile as a file of scores has it: `row column`."""
    return "" if place is None else f"{place[0]} {place[1]}"


def _layout(cell: pd.DataFrame, images: Iterable[str]) -> Layout | None:
    """Return how `images` of one test set lie in their scene; None where that is not known of each."""
    if PLACE not in cell:
        return None
    known = cell.drop_duplicates("image").set_index("image")[PLACE].reindex(list(images)).fillna("")
    places = [tuple(int(number) for number in str(text).split()) for text in known]
    return tuple((one[0], one[1]) for one in places) if all(len(one) == 2 for one in places) else None


def signs(table: TabulateSpec) -> dict[str, int]:
    """Return by metric of `table` 1 where more is better, else -1."""
    return {metric.name: 1 if metric.better == "up" else -1 for metric in table.metrics}


def averaged(scores: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Return the mean over test sets of the means over their images, by `keys`."""
    means = scores.groupby([*keys, "test_set"], sort=False)["value"].mean()
    return means.groupby(level=list(range(len(keys))), sort=False).mean()


def paired(
    scores: pd.DataFrame,
    metric: str,
    loss: str,
    other: str | None,
    columns: Sequence[str],
    networks: Sequence[str],
    blank: Container[tuple[str, str]] = (),
) -> list[Paired]:
    """Return `loss` minus `other` a test set, mean over the cells on the same test set; equal infinities differ by 0.

    Without `other` the values of `loss` themselves.

    Seeds are those that every cell has; images are in name order. Empty where a cell or a common seed is missing, but
    for columns and networks that are `blank` in the table.
    """
    chosen = scores[(scores["metric"] == metric) & scores["column"].isin(columns) & scores["network"].isin(networks)]
    found: dict[tuple[str, ...], list[pd.DataFrame]] = {}
    layouts: dict[tuple[str, ...], Layout | None] = {}
    for column, network in (place for place in product(columns, networks) if place not in blank):
        cell = chosen[(chosen["column"] == column) & (chosen["network"] == network)]
        if cell.empty:
            return []
        for test_set, own in cell.groupby("test_set", sort=False):
            ours, theirs = (_by_seed(own, name) for name in (loss, other or loss))
            if ours is None or theirs is None:
                return []
            values = ours if other is None else _minus(ours, theirs)
            key = (str(test_set), *ours.columns)
            found.setdefault(key, []).append(values)
            layouts[key] = _layout(own, ours.columns)
    if not found:
        return []
    seeds = set.intersection(*(set(frame.index) for frames in found.values() for frame in frames))
    if not seeds:
        return []
    sets = []
    for (test_set, *images), frames in found.items():
        # unlike infinities of two networks have no mean
        with np.errstate(invalid="ignore"):
            values = np.mean([frame.loc[sorted(seeds)].to_numpy() for frame in frames], axis=0)
        sets.append(Paired(test_set, tuple(images), values, layouts[test_set, *images]))
    return sets


def differences(
    scores: pd.DataFrame, metric: str, loss: str, other: str, columns: Sequence[str], networks: Sequence[str]
) -> list[Floats]:
    """Return the values of `paired` alone: one array (seeds, images) a test set."""
    return [one.values for one in paired(scores, metric, loss, other, columns, networks)]


def _minus(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Return the difference on the seeds that both have."""
    seeds = ours.index.intersection(theirs.index)
    ours, theirs = ours.loc[seeds], theirs.loc[seeds]
    # inf - inf is NaN, though both losses restore the image alike
    return (ours - theirs).mask(ours == theirs, 0.0)


def _by_seed(cell: pd.DataFrame, loss: str) -> pd.DataFrame | None:
    rows = cell[cell["loss"] == loss]
    return None if rows.empty else rows.pivot(index="seed", columns="image", values="value").sort_index(axis=1)
