"""DRBN: deep recursive band network that enhances pictures taken in the dark, its first, supervised stage.

Yang et al., "From Fidelity to Perceptual Quality: A Semi-Supervised Approach for Low-Light Image Enhancement", CVPR
2020. The second stage, which recombines the bands for perceptual quality, is not part of it: the authors compare by the
first, which scores better against ground truth.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.losses._ssim import SIDE, ssim_distance
from lossbench.networks import Sizes

SOURCE = "Yang et al., CVPR 2020 (DRBN); stage 1, four recurrences with weights of their own"
PUBLISHED: Sizes = {"stage 1": {}}
OWN_LOSS = "sum of 1 - SSIM at full, half and quarter size, targets strided; code of DRBN and of the MAE loss paper"
DISTANCES = ("ssim_zero_padded", "ssim", "l1")
"""What `own_loss` adds up: 1 - SSIM with a black surround, 1 - SSIM within the picture, mean absolute difference."""
STRIDES = (1, 2, 4)
"""Sides of the ground truth over those of each output."""
LEAST_PATCH = 8
"""The coarsest map is a quarter as large, 2 x 2 then."""
MULTIPLE = 4
"""What sides must be multiples of, in pixels: two halvings."""
LEAST_TARGET = SIDE * STRIDES[-1]
"""Least side in pixels of the ground truth for "ssim": its window must fit into the quarter-size output."""

Pyramid = tuple[Tensor, Tensor, Tensor]
"""One tensor (N, C, H, W) each at full, half and quarter size."""


class DenseBlock(nn.Module):
    """Residual dense block of four convolutions: (N, channels, H, W) to the same."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.grow = nn.ModuleList(nn.Conv2d(channels + i * growth, growth, 3, padding=1) for i in range(4))
        self.fuse = nn.Conv2d(channels + 4 * growth, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what all convolutions found."""
        dense = features
        for convolution in self.grow:
            dense = torch.cat((dense, F.relu(convolution(dense), inplace=True)), dim=1)
        fused: Tensor = self.fuse(dense)
        return features + fused


class Recurrence(nn.Module):
    """U-Net on the last estimate and the input, (N, 2 * bands, H, W) with H, W multiples of 4."""

    def __init__(self, bands: int, width: int) -> None:
        super().__init__()
        growth = width // 2
        self.shallow = nn.Conv2d(2 * bands, width, 3, padding=1)
        self.deep = nn.Conv2d(width, width, 3, padding=1)
        self.encoder = nn.ModuleList(DenseBlock(width, growth) for _ in range(2))
        self.down = nn.ModuleList(nn.Conv2d(width, a * width, 3, stride=2, padding=1) for a in (1, 2))
        self.bottom = nn.Sequential(*(DenseBlock(2 * width, 2 * growth) for _ in range(2)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a * width, width, 4, stride=2, padding=1) for a in (2, 1))
        self.decoder = nn.ModuleList(DenseBlock(width, growth) for _ in range(2))
        self.heads = nn.ModuleList(_head(a * width, width, bands) for a in (1, 1, 2))

    def forward(self, pictures: Tensor, previous: Pyramid | None) -> tuple[Pyramid, Pyramid]:
        """Return the pictures and the features; `previous` are the features of the last recurrence, if any."""
        shallow = F.relu(self.shallow(pictures))
        full = F.relu(self.deep(shallow))
        half = self.down[0](self.encoder[0](full))
        quarter = self.down[1](self.encoder[1](half))
        quarter = quarter + self.bottom(quarter)
        if previous is not None:
            quarter = quarter + previous[2]
        half = half + self.decoder[0](self.up[0](quarter))
        if previous is not None:
            half = half + previous[1]
        full = full + self.decoder[1](self.up[1](half)) + shallow
        if previous is not None:
            full = full + previous[0]
        coarse = self.heads[2](quarter)
        middle = self.heads[1](half) + _twice(coarse)
        fine = self.heads[0](full) + _twice(middle)
        return (fine, middle, coarse), (full, half, quarter)


class DRBN(nn.Module):
    """(N, bands, H, W) in [0, 1] to the same shape, not clamped; H and W are multiples of 4."""

    multiple = minimum = MULTIPLE
    scale = 1

    def __init__(self, bands: int, width: int, recurrences: int, stage_distance: str) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.stage_distance = stage_distance
        self.recurrences = nn.ModuleList(Recurrence(bands, width) for _ in range(recurrences))

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the full-size prediction; raises ValueError when a side is no multiple of 4."""
        return self.stages(low_quality)[0]

    def stages(self, low_quality: Tensor) -> Pyramid:
        """Return the predictions at full, half and quarter size; raises ValueError as `forward` does."""
        height, width = low_quality.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"DRBN needs multiples of {self.multiple} px, got {height} x {width}; extend the input")
        pictures, features = self.recurrences[0](torch.cat((low_quality, low_quality), dim=1), None)
        for recurrence in self.recurrences[1:]:
            pictures, features = recurrence(torch.cat((pictures[0], low_quality), dim=1), features)
        fine, middle, coarse = pictures
        return fine, middle, coarse

    def own_loss(self, stages: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the sum over the three stages of their distance from `target` (N, bands, H, W), a float32 scalar.

        The ground truth of the smaller stages is every second and every fourth pixel, unfiltered. The authors' loss is
        minus SSIM. 1 - SSIM has the same gradient but for channels below zero, which `ssim_distance` pushes back: by
        SSIM alone an untrained network may settle on the negative of a channel. Raises ValueError for stages of other
        sizes, and UserError when the target is below 44 pixels at a side and the distance is "ssim".
        """
        height, width = target.shape[-2:]
        if self.stage_distance == "ssim" and min(height, width) < LEAST_TARGET:
            raise UserError(
                f"patch: {height} x {width} px, but DRBN's own loss needs {LEAST_TARGET} x {LEAST_TARGET}: SSIM looks "
                f"at {SIDE} px of the quarter size; raise it, or set stage_distance to ssim_zero_padded or l1"
            )
        return torch.stack(
            [
                self._distance(stage, target[..., ::stride, ::stride])
                for stage, stride in zip(stages, STRIDES, strict=True)
            ]
        ).sum()

    def _distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.stage_distance != "l1":
            return ssim_distance(prediction, target, zero_padded=self.stage_distance == "ssim_zero_padded")
        if prediction.shape != target.shape:
            raise ValueError(f"a stage is {tuple(prediction.shape)}, its target {tuple(target.shape)}")
        return F.l1_loss(prediction.float(), target.float())


def build(bands: int = 3, width: int = 16, recurrences: int = 4, stage_distance: str = "ssim_zero_padded") -> DRBN:
    """Return the first stage of DRBN with torch's default initial weights.

    `width` is the number of channels at full and half size; there are twice as many at quarter size, and dense blocks
    grow by half of each. `stage_distance` is what `own_loss` sums over the stages. "ssim" takes windows within the
    picture. Both codes that have this loss, the authors' and the one near the masked-autoencoder loss paper, surround
    the picture with black: "ssim_zero_padded", which also supervises the outermost pixels and takes any size. "l1" is
    one reading of the latter paper, whose text says L1 or L2. Raises UserError for counts that leave a layer empty and
    for an unknown distance.
    """
    if min(bands, recurrences) < 1 or width < 2:
        raise UserError(f"DRBN: bands {bands}, width {width}, recurrences {recurrences}; give 1, 2 and 1 or more")
    if stage_distance not in DISTANCES:
        raise UserError(f"stage_distance: unknown '{stage_distance}'; {nearest(stage_distance, DISTANCES)}")
    return DRBN(bands, width, recurrences, stage_distance)


def _head(inputs: int, width: int, bands: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, bands, 3, padding=1))


def _twice(picture: Tensor) -> Tensor:
    return F.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
