"""Installed packages: what they offer by entry points, and which one a module is of. Nothing of them is imported."""

import re
from functools import cache
from importlib import metadata
from typing import NamedTuple

from lossbench.assets.optional import DISTRIBUTIONS

PREFIX = "lossbench."
"""A group of entry points is this and the name of a shelf."""
SHELVES = ("datasets", "losses", "metrics", "networks")
"""Those whose plugins may come from outside."""
NAME = re.compile(r"[A-Za-z_][\w.-]*")
"""A name that stands in paths and commands as it is."""
OF_LICENCE = "License ::"
"""What a classifier of a licence begins with."""
LONGEST = 60
"""Characters of a licence that are shown."""


class Offer(NamedTuple):
    """A plugin that an installed package offers by an entry point."""

    name: str
    value: str
    """`package.module:Name`, or a module alone."""
    package: str
    """Name and version of the distribution."""


@cache
def offers(shelf: str) -> dict[str, tuple[Offer, ...]]:
    """Return what installed packages offer for `shelf` by name, sorted; a name may be offered more than once."""
    found: dict[str, tuple[Offer, ...]] = {}
    for group, offer in _all():
        if group == f"{PREFIX}{shelf}":
            found[offer.name] = (*found.get(offer.name, ()), offer)
    return dict(sorted(found.items()))


@cache
def _all() -> tuple[tuple[str, Offer], ...]:
    found: dict[str, list[tuple[str, Offer]]] = {}
    for one in metadata.distributions():
        # most packages offer nothing here, and their metadata take long to read
        if PREFIX not in (one.read_text("entry_points.txt") or ""):
            continue
        owner = f"{one.metadata['Name']} {one.version}"
        entries = [(entry.group, Offer(entry.name, entry.value, owner)) for entry in one.entry_points]
        # of two installations of one package the first is imported
        found.setdefault(one.metadata["Name"], [each for each in entries if each[0].startswith(PREFIX)])
    return tuple(each for entries in found.values() for each in entries)


@cache
def distribution_of(module: str) -> str | None:
    """Return the distribution that brings the top-level `module`; None for what comes with none."""
    known = DISTRIBUTIONS.get(module, module)
    try:
        metadata.version(known)
    except metadata.PackageNotFoundError:
        found = metadata.packages_distributions().get(module)
        return sorted(found)[0] if found else None
    return known


def described(distribution: str) -> str:
    """Return name, version and licence of an installed distribution; raises PackageNotFoundError for another."""
    found = metadata.distribution(distribution)
    entries: list[tuple[str, str]] = [*found.metadata.items()]  # type: ignore[attr-defined]
    stated = [text for field in ("License-Expression", "License") for name, text in entries if name == field]
    stated += [
        text.rpartition(" :: ")[2] for name, text in entries if name == "Classifier" and text.startswith(OF_LICENCE)
    ]
    # some state all of its text
    licence = next((text.strip().splitlines()[0] for text in stated if text.strip()), "licence not stated")
    return f"{found.metadata['Name']} {found.version}, {licence[:LONGEST]}"


def forget() -> None:
    """Forget what was found, so that packages installed since are seen."""
    offers.cache_clear()
    _all.cache_clear()
    distribution_of.cache_clear()
