"""Energy of a training on a GPU, where NVIDIA's management library can be read."""

import importlib

import torch


class EnergyMeter:
    """Counts the joules of one GPU from its making on; a job has a GPU to itself.

    A CPU's counters hold what all jobs of the machine use, so there is none for it.
    """

    def __init__(self, device: torch.device) -> None:
        """Remember the counter of `device`."""
        self._device = device
        self._began = _millijoules(device)

    def joules(self) -> float | None:
        """Return what was used since; None where it can't be read."""
        now = _millijoules(self._device)
        return None if now is None or self._began is None else (now - self._began) / 1000


def _millijoules(device: torch.device) -> int | None:
    """Return the GPU's counter since its driver was loaded; None without a GPU, the package pynvml or the counter."""
    if device.type != "cuda":
        return None
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    # its errors are of a class of the package, which may be missing; a cost that can't be read stops no training
    except Exception:
        return None
