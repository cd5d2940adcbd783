"""What a comparison of folders gives: estimates, scores, protocols, and what no interval covers."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossbench.assets.optional import absent
from lossbench.comparing.estimates import Estimate
from lossbench.comparing.scores import Table
from lossbench.errors import UserError, as_written, nearest, one_line

if TYPE_CHECKING:
    import pandas as pd

DIRECTION = {"up": "higher is better", "down": "lower is better"}
ONE_SEED = "other seeds: one run a folder, so that a difference may be of the seed alone; compare several seeds"


class MissingError(UserError, KeyError):
    """A folder or metric that was not compared; the message names those that were."""

    def __str__(self) -> str:
        """Return the message, which a KeyError would quote."""
        return one_line(self.args[0])


@dataclass(frozen=True)
class Findings:
    """A comparison of folders."""

    folders: tuple[str, ...]
    """The reference first."""
    seeds: tuple[str, ...]
    """Empty where folders have none."""
    metrics: dict[str, str]
    """Unit of each metric, by name."""
    better: dict[str, str]
    """By metric, `up` or `down`."""
    estimates: tuple[Estimate, ...]
    """One a metric and folder other than the reference, in the order asked for."""
    table: Table
    """Every score."""
    clips: bool
    """Whether clips were compared, not pictures."""
    folders_of_pictures: int = 1
    """Sub-folders over which the pictures are spread."""

    @property
    def reference(self) -> str:
        """Return the folder that all others are compared with."""
        return self.folders[0]

    @property
    def what(self) -> str:
        """Return what the scores are of."""
        return "clips" if self.clips else "pictures"

    def of(self, folder: str, metric: str) -> Estimate:
        """Return the estimate of `folder` in `metric`; raises MissingError where there is none, as of the reference."""
        for one in self.estimates:
            if (one.folder, one.metric) == (folder, metric):
                return one
        if folder == self.reference:
            raise MissingError(f"{folder} is the reference; ask for {' or '.join(self.folders[1:])}")
        raise self._missing(folder, metric)

    def _missing(self, folder: str, metric: str) -> MissingError:
        """Return an error that says what there is in place of `folder` or `metric`."""
        if metric not in self.metrics:
            return MissingError(f"{as_written(metric)}: no metric compared; {nearest(str(metric), self.metrics)}")
        return MissingError(f"{as_written(folder)}: no folder compared; {nearest(str(folder), self.folders)}")

    def mean(self, folder: str, metric: str) -> float:
        """Return the mean over pictures and seeds; infinite where a picture is equal to its target.

        Raises MissingError for a folder or metric that was not compared.
        """
        if metric not in self.metrics or folder not in self.folders:
            raise self._missing(folder, metric)
        return float(np.mean(self.table.values[metric][folder]))

    def target_mean(self, metric: str) -> float | None:
        """Return the mean of the ground truth's own pictures; None where it has none in this metric."""
        values = self.table.target.get(metric)
        return None if values is None else float(np.mean(values))

    @property
    def not_covered(self) -> tuple[str, ...]:
        """Return what the intervals do not cover, in words."""
        words = [ONE_SEED] if len(self.seeds) < 2 else []
        words.append(f"{self.what} of another kind: the interval is of {self.what} like these")
        if self.folders_of_pictures > 1 and not self.clips:
            words.append(
                f"likeness within the {self.folders_of_pictures} sub-folders: each picture counts as independent; "
                "where a sub-folder holds the frames of a clip, compare them as clips"
            )
        return tuple(words)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what must be read with the numbers."""
        words = [f"{one.metric} of {one.folder}: {one.note}" for one in self.estimates if one.note]
        if (tested := sum(not math.isnan(one.p_value) for one in self.estimates)) > 1:
            words.append(f"p-values are adjusted over all {tested} comparisons (Holm)")
        if any(one.margin is not None and not one.covers_seeds for one in self.estimates):
            words.append("the margin decides nothing: one run a folder gives no direction and no equivalence")
        for name in self.folders[1:]:
            if all(np.array_equal(own[name], own[self.reference]) for own in self.table.values.values()):
                words.append(f"{name} and {self.reference} have the same scores: are these the folders meant?")
        return tuple(words)

    def rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each estimate, as `--csv` and `frame` have them."""
        return [
            {
                **{name: value for name, value in dataclasses.asdict(one).items() if name not in ("method", "note")},
                "unit": self.metrics[one.metric],
                "target_mean": self.target_mean(one.metric),
                "protocol": self.table.protocols[one.metric],
                "method": one.method,
                "note": one.note,
            }
            for one in self.estimates
        ]

    def frame(self) -> pd.DataFrame:
        """Return `rows` as a frame of pandas; raises UserError where that is not installed."""
        return _frame(self.rows())

    def score_rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each score: metric, folder, seed, picture, value."""
        return [
            {"metric": metric, "folder": folder, "seed": seed, "picture": name, "value": float(value)}
            for metric, by_folder in self.table.values.items()
            for folder, values in by_folder.items()
            for seed, run in zip(self.seeds or ("",), values, strict=True)
            for name, value in zip(self.table.names, run, strict=True)
        ]

    def score_frame(self) -> pd.DataFrame:
        """Return `score_rows` as a frame of pandas; raises UserError where that is not installed."""
        return _frame(self.score_rows())


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise absent("pandas", "the frame of a comparison") from None
    return pd.DataFrame(rows)
