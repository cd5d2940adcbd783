"""Set14: fourteen test pictures of super-resolution, two of them grey."""

from lossbench.datasets import Dataset
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(
    name="set14",
    title="Set14 (Zeyde et al. 2010), super-resolution test set",
    licence="not stated by its authors; research use",
    benchmark="Set14",
    count=14,
)
