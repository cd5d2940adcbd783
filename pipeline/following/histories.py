"""Histories of trainings, finished and under way, as the files below a results folder have them."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lossbench.errors import UserError, tell

Row = dict[str, float]
TRAININGS = ("pretrain", "train_classifier", "train_distance", "train")
"""The stages that leave a history."""
HISTORY, CHECKPOINT, CARD = "history.csv", "last.ckpt", "card.json"


@dataclass(frozen=True)
class History:
    """What one training has logged so far."""

    rows: list[Row]
    """One a logged step, without the terms that its step leaves out."""
    seconds: float
    """That the steps up to the last row took; 0 where no file says it."""
    ended: float
    """When the file was written, in seconds since 1970."""


def sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Give the name of each training below `root`, its folder there, and the file that holds its history.

    That is the history of a finished training, and the checkpoint of one that is under way or was cut off.
    """
    for stage in TRAININGS:
        found: dict[Path, Path] = {}
        # a history comes last, and is whole where a checkpoint was left beside it
        for name in (CHECKPOINT, HISTORY):
            found |= {path.parent: path for path in (root / stage).rglob(name)}
        yield from ((folder.relative_to(root).as_posix(), found[folder]) for folder in sorted(found))


def read(path: Path) -> History | None:
    """Return the history in `path`; None where it is gone by now, or a damaged checkpoint, which is said.

    Raises UserError naming a history that is no table of numbers with a step each.
    """
    try:
        ended = path.stat().st_mtime
        return _of_checkpoint(path, ended) if path.name == CHECKPOINT else _of_table(path, ended)
    except FileNotFoundError:
        return None


def _of_table(path: Path, ended: float) -> History:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            # empty is what the step of a row leaves out
            rows = [{name: float(text) for name, text in row.items() if text != ""} for row in csv.DictReader(file)]
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: no history of a training ({error}); delete it to have the run made again") from None
    if not rows or any("step" not in row for row in rows):
        raise UserError(f"{path}: a history without steps; delete it to have the run made again")
    return History(rows, _seconds(path.with_name(CARD)), ended)


def _seconds(card: Path) -> float:
    """Return how long the training of `card` took; 0 where that is not known, which costs the time axis alone."""
    try:
        seconds = json.loads(card.read_text(encoding="utf-8"))["seconds"]
        return float(seconds) if math.isfinite(seconds) else 0.0
    except (OSError, ValueError, LookupError, TypeError):
        return 0.0


def _of_checkpoint(path: Path, ended: float) -> History | None:
    import torch

    from pipeline.learning import checkpoint

    state, reason = checkpoint.load(path, {}, torch.device("cpu"))
    if state is None:
        if reason:
            tell(f"warning: {reason}")
        return None
    # a step is a whole number there and none in a table, and both are one history
    rows = [{name: float(value) for name, value in row.items()} for row in state["history"]]
    return History(rows, state["seconds"], ended)
