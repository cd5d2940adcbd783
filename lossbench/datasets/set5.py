"""Set5: five small photographs, the oldest test set of super-resolution."""

from lossbench.datasets import Dataset
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(
    name="set5",
    title="Set5 (Bevilacqua et al. 2012), super-resolution test set",
    licence="not stated by its authors; research use",
    benchmark="Set5",
    count=5,
)
