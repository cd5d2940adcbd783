"""Urban100: a hundred photographs of buildings, full of repeated edges."""

from lossbench.datasets import Dataset
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(
    name="urban100",
    title="Urban100 (Huang et al. 2015), super-resolution test set",
    licence="not stated by its authors; research use",
    benchmark="Urban100",
    count=100,
)
