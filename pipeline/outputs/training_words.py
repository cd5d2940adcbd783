"""What a run's card says of its training, in words that a log and a table's notes share."""

from collections.abc import Iterable, Mapping

STRENGTH_ROWS = 5
"""First rows of a history over which the strength of a term is taken."""
SHOWN = 3
"""Layers that are named."""


def never_moved(shares: Mapping[str, float]) -> str:
    """Return in words which layers have weights that never moved; `shares` are in (0, 1], empty where all moved."""
    named = [f"{share:.0%} of {layer}" for layer, share in list(shares.items())[:SHOWN]]
    more = len(shares) - len(named)
    return ", ".join(named) + (f" and parts of {more} more layer{'s' if more > 1 else ''}" if more else "")


def most_unmoved(runs: Iterable[Mapping[str, float]]) -> str:
    """Return `never_moved` of several `runs` of one cell: of each layer the largest share."""
    shares: dict[str, float] = {}
    for run in runs:
        shares |= {layer: max(share, shares.get(layer, 0.0)) for layer, share in run.items()}
    return never_moved(dict(sorted(shares.items(), key=lambda item: -item[1])))


def mean_strength(runs: Iterable[Mapping[str, float]]) -> str:
    """Return in words the mean strength of each term over the `runs` of one cell; empty where none was measured."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for term, strength in run.items():
            found.setdefault(term, []).append(strength)
    return ", ".join(f"{term} {sum(values) / len(values):.2g}" for term, values in found.items())
