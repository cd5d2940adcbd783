"""What a finished training leaves beside its weights: a card and a history."""

from pathlib import Path
from typing import Any

import torch

from lossbench.device import Device
from lossbench.files import write_rows
from pipeline.learning.loop import Result, Row


def run_card(result: Result, chosen: Device) -> dict[str, Any]:
    """Return what a card says of a finished training: size, time, device, arithmetic; memory and energy of a GPU."""
    cuda = chosen.device.type == "cuda"
    return {
        "parameters": sum(parameter.numel() for parameter in result.model.parameters() if parameter.requires_grad),
        "seconds": round(result.seconds, 2),
        "resumed_at": result.resumed_at,
        "device": chosen.name,
        "precision": chosen.precision,
        "peak_gpu_memory_mib": round(torch.cuda.max_memory_allocated(chosen.device) / 2**20) if cuda else None,
        "energy_joules": result.joules,
    }


def write_history(path: Path, history: list[Row]) -> None:
    """Write one line a history row, atomically; the columns are those of the first row."""
    write_rows(path, list(history[0]), history)
