"""Does an encoder see what a restoration loss must see? Blur, noise and shift at equal PSNR, told apart or not."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.probe.degradations import blurred, noisy, psnr, shifted, to_psnr

PSNR = 30.0
"""Decibels at which the degradations are compared."""


@dataclass(frozen=True)
class Probe:
    """What the probe found."""

    rows: list[tuple[str, float, float, float]]
    """Degradation, PSNR in dB, mean absolute feature difference, share of crops recognised as this degradation."""
    accuracy: float
    """Share of all crops whose degradation is recognised by the nearest class mean, each crop left out in turn."""
    chance: float


@torch.no_grad()
def probe(encode: Callable[[Tensor], Tensor], image: Tensor) -> Probe:
    """Degrade crops (N, C, H, W) in [0, 1] in three ways to the same PSNR and compare their features.

    The feature difference of a crop is averaged over positions, so that only its kind is left to recognise.
    """
    degraded = {name: to_psnr(image, make(image), PSNR) for name, make in _DEGRADATIONS.items()}
    clean = encode(image).float()
    differences = {name: encode(version).float() - clean for name, version in degraded.items()}
    # tokens are (N, L, D), maps (N, D, h, w): in both the channels stay
    pooled = {
        name: (value.abs().mean(1) if value.ndim == 3 else value.abs().mean((2, 3)))
        for name, value in differences.items()
    }
    # the kind of a difference, not its size, is what has to be recognised
    recognised = _leave_one_out([F.normalize(value) for value in pooled.values()])
    rows = [
        (name, psnr(degraded[name], image), float(differences[name].abs().mean()), share)
        for name, share in zip(pooled, recognised, strict=True)
    ]
    return Probe(rows, sum(recognised) / len(recognised), 1 / len(recognised))


_DEGRADATIONS: dict[str, Callable[[Tensor], Tensor]] = {"blur": blurred, "noise": noisy, "shift": shifted}


def _leave_one_out(classes: list[Tensor]) -> list[float]:
    """Return for each class (N, D) the share of members nearest to the mean of their own class without them."""
    scale = torch.cat(classes).std(0).clamp_min(1e-8)
    classes = [members / scale for members in classes]
    shares = []
    for own, members in enumerate(classes):
        count = len(members)
        distances = []
        for other, rest in enumerate(classes):
            mean = rest.mean(0, keepdim=True)
            mean = (mean * count - members) / (count - 1) if other == own else mean
            distances.append((members - mean).norm(dim=1))
        shares.append(float((torch.stack(distances).argmin(0) == own).float().mean()))
    return shares
