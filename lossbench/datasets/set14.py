"""Set14: fourteen test pictures of super-resolution, two of them grey."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(card=card("set14"), benchmark="Set14", count=14)
