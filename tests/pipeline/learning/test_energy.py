"""Energy of a training: read from NVIDIA's counter, and absent where there is none."""

import sys
from types import SimpleNamespace

import pytest
import torch

from pipeline.learning.energy import EnergyMeter

GPU = torch.device("cuda", 0)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pretend a GPU whose counter holds the last number of the list, in millijoules."""
    values = [5_000_000]
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: {"GPU-1234": values[-1]}[handle],
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="1234"))
    return values


def test_joules_are_what_the_counter_moved_by(counter: list[int]) -> None:
    meter = EnergyMeter(GPU)
    counter.append(5_012_500)
    assert meter.joules() == 12.5


def test_a_gpu_without_the_counter_has_no_energy(counter: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    meter = EnergyMeter(GPU)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert meter.joules() is None
    assert EnergyMeter(GPU).joules() is None


def test_a_cpu_has_none() -> None:
    assert EnergyMeter(torch.device("cpu")).joules() is None
