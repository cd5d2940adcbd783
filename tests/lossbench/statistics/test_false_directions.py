"""When a loss against itself gets too many directions."""

import pytest

from lossbench.statistics.false_directions import beyond_nominal


@pytest.mark.parametrize(
    ("directions", "comparisons", "beyond"),
    [(0, 0, False), (0, 14, False), (3, 14, False), (4, 14, True), (2, 4, False), (3, 4, True), (12, 100, True)],
)
def test_the_exact_binomial_bound(directions: int, comparisons: int, beyond: bool) -> None:
    assert beyond_nominal(directions, comparisons) is beyond
