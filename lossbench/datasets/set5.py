"""Set5: five small photographs, the oldest test set of super-resolution."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(card=card("set5"), benchmark="Set5", count=5)
