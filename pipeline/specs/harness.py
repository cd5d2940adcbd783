"""What the check of the metrics depends on."""

from lossbench.records import Strict


class HarnessSpec(Strict):
    """The metrics that must agree with the field before any verdict is printed."""

    golden: str
    """First 12 digits of the SHA-256 of lossbench/metrics/golden.csv."""
    metrics: tuple[str, ...]
    """Files of lossbench/metrics."""
