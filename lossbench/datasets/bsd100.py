"""BSD100: the hundred test pictures of the Berkeley segmentation set, never to be trained on."""

from lossbench.datasets import Dataset
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(
    name="bsd100",
    title="BSD100 (Martin et al. 2001), super-resolution test set",
    licence="non-commercial research and education (UC Berkeley)",
    benchmark="B100",
    selfexsr="BSD100",
    count=100,
)
