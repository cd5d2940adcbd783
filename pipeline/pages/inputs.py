"""What a report is made of, read from finished files; what can't be read is noted as a gap and never raised."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from lossbench.errors import UserError
from pipeline.outputs import layout
from pipeline.outputs.layout import path_of
from pipeline.outputs.rows import read_rows
from pipeline.specs.tabulate import Cell, TabulateSpec

Card = dict[str, Any]
Value = TypeVar("Value")
KEY = ["column", "network", "loss", "metric", "value"]
"""Columns without which a long table says nothing."""


BLANK = "no part of this table"
UNSCORED = "it is the ground truth itself: only metrics that do without one score it"


@dataclass(frozen=True)
class Gap:
    """One thing that a report would show and can't."""

    where: str
    """Table, or stage."""
    what: str
    file: str
    why: str


@dataclass
class Gaps:
    """All that is missing, each thing once, in the order in which it was found."""

    found: dict[tuple[str, str], Gap] = field(default_factory=dict)

    def note(self, where: str, what: str, file: object, why: str) -> None:
        """Add a gap; a further one with the same file and place is left out."""
        self.found.setdefault((where, str(file)), Gap(where, what, str(file), why))

    def read(self, where: str, what: str, path: Path, read: Callable[[Path], Value]) -> Value | None:
        """Return `read(path)`, or note why it can't be read and return None."""
        try:
            return read(path)
        except FileNotFoundError:
            self.note(where, what, path, "the file does not exist")
        except (OSError, ValueError, LookupError, TypeError, AttributeError, UserError) as error:
            # the text of a KeyError is the key alone
            said = repr(error) if isinstance(error, KeyError) else str(error)
            self.note(where, what, path, f"can't be read: {said}")
        return None


@dataclass(frozen=True)
class Table:
    """One table with its verdicts, its numbers and its runs."""

    spec: TabulateSpec
    root: Path
    """Results folder of the scale."""
    harness: dict[str, Any]
    claims: list[dict[str, Any]]
    shape: list[dict[str, Any]]
    values: list[dict[str, Any]]
    again: list[dict[str, Any]]
    """The A/A test of every network and column: `p_value` and whether it gets a `direction`."""
    summary: list[dict[str, Any]]
    """A row a loss and axis: what `pipeline.judging.summary` says of it."""
    missing: list[dict[str, Any]]
    """Cells that are not in the spec, since there is nothing of them: place, `file` and `why`."""
    long: pd.DataFrame
    """The long table; empty, with the columns of its key, where it can't be read."""
    gaps: Gaps

    @property
    def name(self) -> str:
        """Return `paper/table`."""
        return f"{self.spec.paper}/{self.spec.table}"

    @property
    def runs(self) -> list[Cell]:
        """Return the cells that were trained."""
        return [cell for cell in self.spec.cells if cell.card is not None]

    @cached_property
    def cards(self) -> dict[str, Card]:
        """Return the card of every run that has one, by its path."""
        paths = dict.fromkeys(str(cell.card) for cell in self.runs)
        read = {path: self.gaps.read(self.name, "card of a run", Path(path), read_json) for path in paths}
        return {path: card for path, card in read.items() if card is not None}

    @cached_property
    def histories(self) -> dict[str, pd.DataFrame]:
        """Return the history of every run that has one, by the path of its card."""
        # what others trained has a card that names no recipe
        given = {path for path, card in self.cards.items() if entry(card, "spec", "weights") is not None}
        paths = dict.fromkeys(str(cell.card) for cell in self.runs if cell.card not in given)
        files = {path: Path(path).with_name("history.csv") for path in paths}
        read = {path: self.gaps.read(self.name, "history of a run", file, read_history) for path, file in files.items()}
        return {path: history for path, history in read.items() if history is not None}

    def cells(self, column: str, network: str, loss: str) -> list[Cell]:
        """Return the cells of one place in the table, one a seed."""
        wanted = (column, network, loss)
        return [cell for cell in self.spec.cells if (cell.column, cell.network, cell.loss) == wanted]

    def places(self) -> Iterator[tuple[str, str]]:
        """Give every network and column that were trained here."""
        trained = {(cell.network, cell.column) for cell in self.runs}
        yield from (place for place in product(self.spec.networks, self.spec.columns) if place in trained)

    def reason(self, column: str, network: str, loss: str) -> str:
        """Return why there are no numbers of one place in the table."""
        if column in self.spec.server_only:
            return f"server only: {self.spec.server_only[column]}"
        if (column, network) in self.spec.blank:
            return BLANK
        cells = self.cells(column, network, loss)
        place = (column, network, loss)
        if cells and all(cell.only for cell in cells) and not self.long.empty:
            return UNSCORED
        known = [str(gap["why"]) for gap in self.missing if (gap["column"], gap["network"], gap["loss"]) == place]
        if not cells or known:
            return "; ".join(dict.fromkeys(known)) or "not part of this table"
        files = {cell.scores for cell in cells} | {str(cell.card) for cell in cells}
        why = [gap.why for gap in self.gaps.found.values() if gap.where == self.name and gap.file in files]
        return "; ".join(dict.fromkeys(why)) or ("the table can't be read" if self.long.empty else "no scores")


def read_table(path: Path, gaps: Gaps) -> Table:
    """Read the verdicts of `results/<scale>/verdicts/<paper>/<table>.json` and the table that they judge.

    Raises UserError naming the file when the verdicts can't be read; everything else is noted in `gaps`.
    """
    try:
        content = read_json(path)
        spec = TabulateSpec.parse(content["spec"], f"{path}: spec")
        parts = {
            name: content[name] for name in ("harness", "claims", "shape", "values", "again", "summary", "missing")
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} can't be read ({error!r}); delete it and rerun") from None
    root = path.parents[2]
    name = f"{spec.paper}/{spec.table}"
    for gap in parts["missing"]:
        gaps.note(
            name, f"{gap['network']} under {gap['loss']}, {gap['column']}, seed {gap['seed']}", gap["file"], gap["why"]
        )
    file = Path(path_of(root, "tabulate", "long", {"paper": spec.paper, "table": spec.table}))
    long = gaps.read(name, "numbers of the table", file, read_long)
    return Table(spec, root, **parts, long=pd.DataFrame(columns=KEY) if long is None else long, gaps=gaps)


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_long(path: Path) -> pd.DataFrame:
    """Return a long table; raises ValueError when a column of `KEY` is missing."""
    long = read_rows(path)
    if not set(KEY) <= set(long.columns):
        raise ValueError(f"its columns are {', '.join(map(str, long.columns))}")
    return long


def read_history(path: Path) -> pd.DataFrame:
    """Return a history of a run; raises ValueError when it has no steps."""
    history = read_rows(path)
    if "step" not in history or history.empty:
        raise ValueError("no steps in it")
    return history


def entry(card: Card, *names: str) -> Any:
    """Return what lies in nested parts of a card, None where one of them does not exist."""
    found: Any = card
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


@dataclass(frozen=True)
class LossNetwork:
    """One loss network that was trained or imported."""

    name: str
    dataset: str
    folder: Path
    card: Card
    history: pd.DataFrame | None
    probe: pd.DataFrame | None
    picture: Path | None


def read_loss_networks(root: Path, gaps: Gaps) -> list[LossNetwork]:
    """Return the loss networks of a results folder, by name; imported ones have neither history nor picture."""
    found = []
    for place, path in layout.found(root, "pretrain", "card"):
        files = {file: Path(path_of(root, "pretrain", file, place)) for file in layout.FILES["pretrain"]}
        name, dataset = place["loss_network"], place["dataset"]
        label = f"of the loss network {name} on {dataset}"
        card = gaps.read("pretrain", f"card {label}", path, read_json)
        if card is None:
            continue
        history = probe = picture = None
        if entry(card, "spec", "recipe"):
            history = gaps.read("pretrain", f"history {label}", files["history"], read_history)
            probe = gaps.read("pretrain", f"probe {label}", files["probe"], read_rows)
            picture = files["picture"]
        found.append(LossNetwork(name, dataset, path.parent, card, history, probe, picture))
    return found
