"""Whether a loss held against itself under other seeds gets directions more often than intervals are meant to err."""

NOMINAL = 0.05
"""Share of A/A comparisons that get a direction where intervals at 95 % are right."""
BEYOND = 0.01
"""Probability under which so many false directions are no chance any more."""


def beyond_nominal(directions: int, comparisons: int) -> bool:
    """Return whether `directions` of `comparisons` independent A/A comparisons are too many (exact binomial test)."""
    from scipy.stats import binom

    return bool(binom.sf(directions - 1, comparisons, NOMINAL) < BEYOND)
