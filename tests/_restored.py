"""Folders of restored pictures with planted differences, small enough for a test."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 12


def plant(
    root: Path, noise: Mapping[str, float], pictures: int = 4, side: int = SIDE, suffix: str = "", seed: int = 0
) -> Path:
    """Write `pictures` targets to `root`/target, and each with noise of a deviation to the folder of its name."""
    generator = np.random.default_rng(seed)
    for number in range(pictures):
        target = generator.uniform(60, 190, (side, side, 3))
        save(root / "target" / f"p{number}.png", target)
        for folder, deviation in noise.items():
            save(root / folder / f"p{number}{suffix}.png", target + deviation * generator.standard_normal(target.shape))
    return root


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write a picture of 8 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8)).save(path)
    return path
