"""What the check of the metrics depends on."""

from __future__ import annotations

from pipeline.specs._base import Strict


class HarnessSpec(Strict):
    """The metrics that must agree with the field before any verdict is printed."""

    golden: str
    """First 12 digits of the SHA-256 of pipeline/golden_metrics.csv."""
    metrics: tuple[str, ...]
    """Files of pipeline/metrics."""
