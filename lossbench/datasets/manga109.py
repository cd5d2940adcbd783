"""Manga109: one page of each of 109 Japanese comics, as the super-resolution literature tests on them."""

from lossbench.datasets import Dataset
from lossbench.datasets._benchmarks import BenchmarkSet

DATASET: Dataset = BenchmarkSet(
    name="manga109",
    title="Manga109 (Matsui et al. 2017), one page a volume, super-resolution test set",
    licence="academic use after application; redistribution forbidden",
    benchmark="Manga109",
    count=109,
    where=(
        "apply at http://www.manga109.org, or with an institutional e-mail address at"
        " https://huggingface.co/datasets/hal-utokyo/Manga109 (gated), then put one page of each of the 109 volumes"
        " into benchmark/Manga109/HR; without LR_bicubic the low-resolution pages are made here"
    ),
)
