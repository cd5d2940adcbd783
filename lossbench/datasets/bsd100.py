"""BSD100: the hundred test pictures of the Berkeley segmentation set, never to be trained on."""

from lossbench.datasets import Dataset, card
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(card=card("bsd100"), benchmark="B100", selfexsr="BSD100", count=100)
