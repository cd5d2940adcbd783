"""Pictures of waves to judge."""

import numpy as np
from numpy.typing import NDArray


def waves(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Return smooth waves with a little noise: (height, width, 3)."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width][..., None]
    vertical, horizontal, phase = generator.uniform(0.1, 0.6, (3, 1, 1, 3))
    pixels = 128 + 70 * np.sin(vertical * rows + horizontal * columns + 9 * phase)
    return np.clip(pixels + generator.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
