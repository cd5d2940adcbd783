"""What the pages of the documentation speak of, small: folders of pictures, and a trained network."""

from pathlib import Path

from _models import EDSR, save_model
from _restored import plant
from conftest import picture
from PIL import Image

NOISE = {"restored": 8.0, "ours": 8.0, "theirs": 12.0, "l1": 9.0, "mine": 8.0}
METHODS = {"l1": 9.0, "mine": 8.0, "base": 9.0, "ours": 8.5}
SEEDED = {f"{name}_s{seed}": deviation + 0.1 * seed for name, deviation in METHODS.items() for seed in range(2)}
SIDE = 192
"""Pixels of a side, the fewest that NIQE takes."""


def furnish(folder: Path) -> Path:
    """Write into `folder` all that the marked commands of the pages name."""
    plant(folder, {**NOISE, **SEEDED}, pictures=3, side=SIDE)
    (folder / "target").rename(folder / "ground_truth")
    save_model(folder / "model.safetensors", "edsr", EDSR)
    (folder / "photos" / "more").mkdir(parents=True)
    for number, name in enumerate(("photos/a.png", "photos/more/b.png")):
        Image.fromarray(picture(24, 32, seed=number)).save(folder / name)
    for name in ("photo.png", "photo.jpg"):
        Image.fromarray(picture(120, 120, seed=2)).save(folder / name)
    return folder
