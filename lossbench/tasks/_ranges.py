"""A range to draw from, as two numbers in a task's settings."""

from typing import Annotated

from pydantic import AfterValidator


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    lowest, highest = limits
    if not 0 < lowest <= highest:
        raise ValueError(f"[{lowest:g}, {highest:g}] is not [lowest, highest] with 0 < lowest <= highest")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""(lowest, highest), both above 0; equal when nothing is to be drawn."""
