"""Urban100: a hundred photographs of buildings, full of repeated edges."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(card=card("urban100"), benchmark="Urban100", count=100)
