"""Sources of a data set whose files ship inside installed packages."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lossbench.assets.embedded import catalogue, locate
from lossbench.datasets._card import Source


def embedded_sources(paths: Iterable[str]) -> list[Source]:
    """Return the catalogued files `paths`, sorted by name, each with its own licence and checked SHA-256.

    Raises UserError naming the first file that is missing or altered.
    """
    assets = [catalogue()[path] for path in paths]
    sources = [Source(Path(asset.path).stem, locate(asset.path), asset.licence, asset.sha256) for asset in assets]
    return sorted(sources, key=lambda source: source.name)
