"""A data set taken through both steps of the stage prepare, and pictures that it has to refuse."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.images import write_png
from pipeline import degrade, prepare
from pipeline.outputs.arrays import Arrays
from pipeline.specs.prepare import DegradeSpec, PrepareSpec


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return (H, W, 3) uniform noise, which no format compresses."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def prepared(dataset: str, root: Path, output: Path) -> Arrays:
    """Return the prepared targets."""
    prepare.main(PrepareSpec(dataset=dataset, root=str(root)), "code", output)
    return Arrays(output / "target.json")


def degraded(dataset: str, root: Path, targets: Path, output: Path, task: str, **settings: Any) -> Arrays:
    """Return the degraded inputs of the prepared `targets`."""
    spec = DegradeSpec(dataset=dataset, root=str(root), task=task, settings=settings)
    degrade.main(spec, "code", targets / "target.json", output)
    return Arrays(output / "low_quality.json")


def damage(path: Path, how: str) -> None:
    """Replace the picture at `path` by a wrong one: `truncated`, `sixteen bit`, `grey`, `alpha` or `narrow`."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    extension = path.suffix.lower()
    if how == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "sixteen bit":
        # a PNG, whatever the file's name says
        path.write_bytes(imagecodecs.png_encode(pixels.astype(np.uint16) * 257))
    elif how == "grey":
        Image.fromarray(pixels[..., 0]).save(path)
    elif how == "alpha":
        Image.fromarray(np.dstack([pixels, pixels[..., :1]])).save(path, format="PNG")
    else:
        narrow = np.ascontiguousarray(pixels[:, :-1])
        write_png(path, narrow) if extension == ".png" else Image.fromarray(narrow).save(path)


WHY = {
    "truncated": "is not a readable picture",
    "sixteen bit": "pixels are not 8-bit",
    "grey": "bands L where R, G, B are published",
    "alpha": "bands R, G, B, A where R, G, B are published",
}
"""What the message says of each kind of damage that a reader finds."""
