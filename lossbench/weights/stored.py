"""What a stored loss network says of itself: its kind, and what its weights were trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lossbench import plugins, storage
from lossbench.datasets import card as data_card
from lossbench.errors import FileError, UserError, tell
from lossbench.loss_networks import KIND

RGB = 3


@dataclass(frozen=True)
class Stored:
    """A file of a loss network, by its metadata alone."""

    path: Path
    kind: str
    """File of `lossbench/loss_networks`."""
    architecture: dict[str, Any]
    card: dict[str, Any]

    @property
    def released(self) -> bool:
        """Whether its weights are out of a file that somebody published."""
        return "weights_digest" in self.card

    @property
    def dataset(self) -> str | None:
        """The data set that it was trained on, where it was trained here and says so."""
        name = None if self.released else self._spec.get("dataset")
        return name if isinstance(name, str) else None

    @property
    def on_other_imagery(self) -> bool:
        """Whether it was trained on imagery that is no task's: it is a released one, or its data set says so."""
        if self.released:
            return True
        known = self.dataset in plugins.names("datasets")
        return known and self.dataset is not None and data_card(self.dataset).general

    @property
    def rgb(self) -> bool:
        """Whether it looks at pictures of three bands."""
        return bool(self.architecture.get("bands", RGB) == RGB)

    @property
    def seed(self) -> int:
        """The seed that it was trained under; 0 where it was not."""
        found = self._spec.get("seed", 0)
        return found if isinstance(found, int) else 0

    @property
    def recipe(self) -> str:
        """What it was made from, but for its seed: equal for those that differ by their seeds alone."""
        made = {**(self._spec or self.card), "seed": 0}
        return json.dumps([self.kind, self.architecture, made], sort_keys=True, default=str)

    @property
    def words(self) -> str:
        """What it is, for a message: its kind and where its weights come from."""
        if source := self.card.get("source"):
            licence = self.card.get("licence")
            return f"{self.kind}, {source}{f'; licence: {licence}' if licence else ''}"
        if self.released:
            return f"{self.kind}, imported from {self._imported_from}"
        seed = f" with seed {self.seed}" if self.seed else ""
        return f"{self.kind}, trained on {self.dataset}{seed}" if self.dataset else f"{self.kind}, of unknown origin"

    @property
    def _imported_from(self) -> str:
        weights = self._spec.get("weights")
        return str(weights.get("file", "a file")) if isinstance(weights, dict) else str(self.card.get("file", "a file"))

    @property
    def _spec(self) -> dict[str, Any]:
        spec = self.card.get("spec")
        return spec if isinstance(spec, dict) else {}


def described(path: Path) -> Stored:
    """Return what the file `path` says of its loss network.

    Raises UserError naming it when it is missing, damaged, or holds something else.
    """
    found = storage.describe(path, KIND)
    return Stored(path, str(found["name"]), dict(found.get("architecture") or {}), dict(found.get("card") or {}))


def readable(paths: Iterable[Path]) -> Iterator[Stored]:
    """Give those of `paths` that hold loss networks; one line on standard error names each that is damaged."""
    for path in paths:
        try:
            yield described(path)
        except FileError as error:
            tell(f"warning: passed over: {error}")
        except UserError:
            # another kind of network
            continue
