"""Restoration networks of video in a small size, what they were published with, and clips to try them on."""

from typing import Any

import torch
from torch import Tensor

from lossbench import networks

SMALL: dict[str, dict[str, Any]] = {
    "fastdvdnet": {"channels": 4, "frame_channels": 6},
    "mbllven": {"branches": 2, "channels": 6},
    "pacnet": {"radius": 2, "search_frames": 1, "neighbours": 3, "train_spatial": True, "width": 8, "layers": 2},
    "pacnet_s": {"radius": 2, "search_frames": 1, "neighbours": 3},
    "smoid": {"width": 4},
}
COUNTS: list[tuple[str, dict[str, Any], int]] = [
    ("fastdvdnet", {}, 2_479_096),
    ("mbllven", {}, 682_552),
    ("mbllven", {"in_channels": 1}, 681_682),
    ("mbllven", {"branches": 10}, 1_369_412),
    ("pacnet", {}, 1_524_147),
    ("pacnet", {"train_spatial": True}, 2_866_200),
    ("pacnet_s", {}, 1_342_053),
    ("smoid", {}, 5_429_251),
    ("smoid", {"in_channels": 4, "scale": 2}, 5_430_412),
]


def clip(frames: int, height: int, width: int, number: int = 1, bands: int = 3) -> Tensor:
    """Return (number, frames, bands, height, width) of uniform noise in [0, 1]."""
    seed = frames * 1_000_000 + height * 1000 + width
    return torch.rand(number, frames, bands, height, width, generator=torch.Generator().manual_seed(seed))


def least_frames(name: str) -> int:
    """Return the least number of frames that the network `name` is given at once."""
    return networks.window(name) or networks.build(name, **SMALL[name]).least_frames  # type: ignore[return-value]


def told(name: str, number: int, sigma: float = 0.1) -> tuple[Tensor, ...]:
    """Return what the network `name` is given beside `number` clips: the noise level, where it is told that."""
    return (torch.full((number,), sigma),) if getattr(networks.plugin(name), "TAKES_SIGMA", False) else ()
