"""Data sets whose files ship inside installed packages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lossbench.assets.embedded import catalogue, locate
from lossbench.datasets import Card, Dataset, Source, Splits

LABELS = (243, 559, 438, 990, 949, 853, 609, 609, 915, 455, 541, 630, 741, 471, 129, 99, 251, 22, 317, 305)
"""ImageNet's classes of the photographs of foolbox, in their order there."""
EMBEDDED = tuple(f"foolbox/data/imagenet_{number:02d}_{label}.jpg" for number, label in enumerate(LABELS))
"""The first ten are trained on by tasks and the next two validated on; no task uses the last eight."""


@dataclass(frozen=True)
class EmbeddedSet(Dataset):
    """Whole pictures, split by file; a grey one is read as three equal bands."""

    card: Card
    files: Mapping[str, Iterable[str]]
    """Catalogued paths of the pictures of every split."""

    def locate(self, root: Path | None) -> Splits:
        """Return the pictures of every split; `root` is ignored.

        Raises UserError naming the first file that is missing or whose SHA-256 is not the catalogued one.
        """
        return {split: embedded_sources(paths) for split, paths in self.files.items()}


def embedded_sources(paths: Iterable[str]) -> list[Source]:
    """Return the catalogued files `paths`, sorted by name, each with its own licence and checked SHA-256.

    Raises UserError naming the first file that is missing or altered.
    """
    assets = [catalogue()[path] for path in paths]
    sources = [Source(Path(asset.path).stem, locate(asset.path), asset.licence, asset.sha256) for asset in assets]
    return sorted(sources, key=lambda source: source.name)
