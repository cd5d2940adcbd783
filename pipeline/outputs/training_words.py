"""What a run's card says of its training, in words that a log and a table's notes share."""

from collections.abc import Mapping

STRENGTH_ROWS = 5
"""First rows of a history over which the strength of a term is taken."""
SHOWN = 3
"""Layers that are named."""


def never_moved(shares: Mapping[str, float]) -> str:
    """Return in words which layers have weights that never moved; `shares` are in (0, 1], empty where all moved."""
    named = [f"{share:.0%} of {layer}" for layer, share in list(shares.items())[:SHOWN]]
    more = len(shares) - len(named)
    return ", ".join(named) + (f" and parts of {more} more layer{'s' if more > 1 else ''}" if more else "")
