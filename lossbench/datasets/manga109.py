"""Manga109: one page of each of 109 Japanese comics, as the super-resolution literature tests on them."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(card=card("manga109"), benchmark="Manga109", count=109)
