"""What a finished training leaves beside its weights: a card and a history."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lossbench.device import Device
from lossbench.files import write_rows
from pipeline.dividing.division import Division
from pipeline.learning.loop import WHOLE, Result, Row
from pipeline.outputs.training_words import STRENGTH_ROWS


def run_card(result: Result, chosen: Device, division: Division = WHOLE) -> dict[str, Any]:
    """Return what a card says of a finished training: size, time, device, arithmetic; memory and energy of a GPU.

    Memory is that of the first process. How the batch was divided is said where it was.
    """
    cuda = chosen.device.type == "cuda"
    return {
        "parameters": sum(parameter.numel() for parameter in result.model.parameters() if parameter.requires_grad),
        "seconds": round(result.seconds, 2),
        "cpu_seconds": None if cuda else round(result.cpu_seconds, 2),
        "resumed_at": result.resumed_at,
        "device": chosen.name,
        **({} if division.whole else {"processes": division.processes, "accumulate": division.parts}),
        "precision": chosen.precision,
        "peak_gpu_memory_mib": round(torch.cuda.max_memory_allocated(chosen.device) / 2**20) if cuda else None,
        "energy_joules": result.joules,
        "unmoved": result.unmoved,
    }


def strengths(history: list[Row], weights: Mapping[str, float]) -> dict[str, float]:
    """Return how strong each term beside the pixel term is, at the beginning of a training.

    That is the norm of its weighted gradient at the prediction over that of the pixel term, the mean over the first
    `STRENGTH_ROWS` rows of the `history` that have it; `weights` are those of the terms. A term in every k-th step
    alone is k times as strong there and absent elsewhere: what is given is its mean over all steps, to be compared with
    that of a term in every step. Empty where there is no pixel term.
    """
    found = {}
    for name, weight in weights.items():
        column = f"{name}_gradient_ratio"
        ratios = [row[column] for row in history if column in row][:STRENGTH_ROWS]
        if ratios and (pixel := weights.get("pixel")):
            found[name] = float(f"{weight / pixel * sum(ratios) / len(ratios):.4g}")
    return found


def write_history(path: Path, history: list[Row]) -> None:
    """Write one line a history row, atomically; the columns are those of the first row.

    Empty is what a row has not: terms that its step leaves out. The first step has all.
    """
    write_rows(path, list(history[0]), history)
