"""Small clips as evaluation keeps them, side by side."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from _clips import drifting, stored
from numpy.typing import NDArray

from pipeline import compare_clips
from pipeline.specs.compare_clips import CompareClipsSpec

Clip = NDArray[np.uint8]

LABELS = ("noisy_input", "original", "vgg", "ground truth")
CLIPS = {"a": (6, 24, 31), "b": (10, 20, 32)}
"""Frames, height and width."""


def spec(labels: tuple[str, ...] = LABELS[:-1], clips: int = 2) -> CompareClipsSpec:
    return CompareClipsSpec(
        test_set="clips", split="test", network="fastdvdnet", trivial=labels[0], labels=labels, clips=clips
    )


def kept(folder: Path, loss: str, clips: Mapping[str, Clip]) -> Path:
    """Write what evaluation keeps of a run and return where its scores would lie."""
    pictures = folder / f"{loss}_pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, clip in clips.items():
        np.save(pictures / f"{name}.npy", clip)
    return folder / f"{loss}.csv"


def versions() -> dict[str, dict[str, Clip]]:
    """Return all versions of each clip by their labels."""
    truths = {name: drifting(*shape, seed=number) for number, (name, shape) in enumerate(CLIPS.items())}
    factors = dict(zip(LABELS, (0.4, 0.7, 0.85, 1), strict=True))
    return {
        name: {label: (clip * factor).astype(np.uint8) for label, factor in factors.items()}
        for name, clip in truths.items()
    }


def beside(folder: Path, output: Path | None = None) -> dict[str, dict[str, Clip]]:
    """Write all versions and what the stage makes of them to `output`; return them."""
    made = versions()
    # the prepared clips go on where what is kept of them ends
    whole = {("test", name): np.concatenate([one["ground truth"], one["vgg"]]) for name, one in made.items()}
    runs = [kept(folder, label, {name: one[label] for name, one in made.items()}) for label in LABELS[:-1]]
    targets = stored(folder, "target", whole)
    compare_clips.main(spec(), "code", targets, runs, output or folder / "clips")
    return made
