"""What a loss costs beside L1: the same on a machine that is busy, and in words without exponents."""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from lossbench import losses
from lossbench.probe import report
from lossbench.probe.cost import TensorMemory, cost
from lossbench.terms import WeightedTerms


@pytest.fixture(scope="module")
def image() -> Tensor:
    """Return crops of noise."""
    return torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def version(image: Tensor) -> Tensor:
    """Return the same crops, darker."""
    return 0.9 * image


def test_the_memory_of_known_operations_is_counted() -> None:
    weight = torch.ones(100, 100)
    with TensorMemory() as memory:
        view = weight.t()
        assert memory.peak == 0
        for _ in range(3):
            total = (view + 1) * 2
        del total
    # view + 1, its double, and the double of the round before
    assert memory.peak == 3 * weight.numel() * weight.element_size()
    assert not memory.held


def test_l1_costs_as_much_as_l1_and_a_second_l1_more(image: Tensor, version: Tensor) -> None:
    class Twice(WeightedTerms):
        def __init__(self) -> None:
            super().__init__({"first": 1.0, "second": 1.0})

        def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
            return {name: (prediction - target).abs().mean() for name in self.weights}

    single, double = cost(losses.build("original"), image, version), cost(Twice(), image, version)
    assert single.memory_ratio == pytest.approx(1, abs=0.01)
    assert double.memory_ratio > 1.2
    for each in (single, double):
        assert each.l1_milliseconds > 0 and each.least_time_ratio <= each.time_ratio <= each.most_time_ratio
    assert 0.5 < single.time_ratio < 2


def test_other_work_on_the_machine_hardly_counts_and_threads_are_given_back(image: Tensor, version: Tensor) -> None:
    loss, threads = losses.build("ssim"), torch.get_num_threads()
    alone = cost(loss, image, version).time_ratio
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        beside = cost(loss, image, version).time_ratio
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert 0.4 < beside / alone < 2.5
    assert torch.get_num_threads() == threads


def written(**changes: Any) -> str:
    """Return the line on what a loss costs."""
    found = {"loss_milliseconds": 1330.0, "time_ratio": 2350.0, "least_time_ratio": 2300.0, "most_time_ratio": 2400.0}
    found |= {"memory_ratio": 4.31, "loss_bytes": 3 * 2**30, **changes}
    row = {"name": "blur", "psnr": 30.0, "l1": 0.1, "loss": 0.2, "terms": {"a": 1.0}, "gradient_ratios": {"a": 1.0}}
    order = {"loss": [["blur"]], "l1": [["blur"]]}
    told = {"loss": "x", "crops": 1, "crop": 96, "image": "a.png", "device": "cpu", "degradations": [row]}
    lines = report.as_text({**told, "worst_first": order, "cost": found}).splitlines()
    assert lines[0].startswith("x on 1 crop of 96 px of a.png; ")
    return lines[-1]


def test_the_cost_is_said_in_words_without_exponents() -> None:
    assert written() == (
        "forward + backward on one thread of the CPU: about 2,400 times L1 (1.3 s), about 4.3 times its extra memory "
        "(3,072.0 MiB)"
    )
    assert "about 0.94 times L1 (0.13 ms)" in written(
        time_ratio=0.941, least_time_ratio=0.9, most_time_ratio=1.0, loss_milliseconds=0.131
    )
    assert "about 41 times L1, 30 to 110 in single rounds (12 ms)" in written(
        time_ratio=41.2, least_time_ratio=30.4, most_time_ratio=112.0, loss_milliseconds=12.3
    )
