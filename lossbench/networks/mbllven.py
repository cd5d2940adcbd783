"""MBLLVEN: enhancer of video taken in the dark, of branches that each look at features of another depth.

Lv et al., "MBLLEN: Low-Light Image/Video Enhancement Using CNNs", BMVC 2018, its network for video. The authors
published no code for that one. The layers are those of a later re-implementation in TensorFlow, with which, by all
that is known, the SMOID paper compared: five branches, and three of sixteen channels that go to the branch, not on.
Of the last features nothing goes on, so that the weights of their other channels never move.

That re-implementation trains it by 2 - (MS-SSIM + SSIM), a VGG-19 distance weighted by 1e-6, and a distance that counts
the darkest 40% of pixels four times. There is no `own_loss`: VGG's weights are those of a loss network, which a
restoration network is not given, and MS-SSIM needs 161 pixels. Tables train it by their pixel loss, L1.
"""

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Lv et al., BMVC 2018 (MBLLEN), for video; five branches as re-implemented later, pixel loss for its own"
PUBLISHED: Sizes = {"RGB": {}, "one channel of raw": {"in_channels": 1}, "RGB, ten branches": {"branches": 10}}
WINDOW = None
"""It looks at the whole clip."""
LEAST_FRAMES = 13
"""Three unpadded convolutions of 5 x 5 x 5 leave one frame of them."""
LEAST_PATCH = 13
"""Those convolutions leave one pixel of it."""
SLOPE = 0.2
"""Slope of the leaky ReLU below zero."""
BRANCHED = 3
"""Channels of each depth that go to its branch and not on, and those that the branch returns."""


class MBLLVEN(nn.Module):
    """(N, T, in_channels, H, W) in [0, 1] to (N, T, out_channels, H, W), not clamped; T, H and W are 13 or more."""

    multiple = scale = 1
    minimum = least_frames = LEAST_FRAMES
    window = None

    def __init__(self, in_channels: int, out_channels: int, branches: int, channels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        inputs = [in_channels, *[channels - BRANCHED] * (branches - 1)]
        self.features = nn.ModuleList(
            nn.Sequential(nn.Conv3d(number, channels, 3, padding=1), _activation()) for number in inputs
        )
        self.branches = nn.ModuleList(_branch(channels) for _ in inputs)
        self.fusion = nn.Conv3d(in_channels + branches * BRANCHED, out_channels, 1)

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Return the prediction; `sigma` is not looked at. Raises ValueError for another shape or too few frames."""
        if frames.ndim != 5 or frames.shape[2] != self.in_channels:
            raise ValueError(f"MBLLVEN takes (N, T, {self.in_channels}, H, W), got {tuple(frames.shape)}")
        count, _, height, width = frames.shape[1:]
        if count < LEAST_FRAMES:
            raise ValueError(f"MBLLVEN needs {LEAST_FRAMES} frames or more, got {count}; give a longer clip")
        if min(height, width) < self.minimum:
            raise ValueError(f"MBLLVEN needs {self.minimum} x {self.minimum} px or more, got {height} x {width}")
        clip = frames.transpose(1, 2)
        going, found = clip, [clip]
        for feature, branch in zip(self.features, self.branches, strict=True):
            here = feature(going)
            found.append(branch(here[:, :BRANCHED]))
            going = here[:, BRANCHED:]
        prediction: Tensor = self.fusion(torch.cat(found, dim=1))
        return prediction.transpose(1, 2)


def build(in_channels: int = 3, out_channels: int = 3, branches: int = 5, channels: int = 16) -> MBLLVEN:
    """Return MBLLVEN with torch's default initial weights.

    `channels` is the width of features and branches; the ends of a branch have half of it. Raises UserError for counts
    that leave a layer empty.
    """
    if min(in_channels, out_channels, branches) < 1 or channels <= BRANCHED:
        sizes = f"in_channels {in_channels}, out_channels {out_channels}, branches {branches}, channels {channels}"
        raise UserError(f"MBLLVEN: {sizes}; give 1, 1, 1 and {BRANCHED + 1} or more")
    return MBLLVEN(in_channels, out_channels, branches, channels)


def _branch(channels: int) -> nn.Sequential:
    """Return the layers from (N, 3, T, H, W) to the same: unpadded convolutions and as many that undo their loss."""
    half = channels // 2
    layers = [
        nn.Conv3d(BRANCHED, half, 3, padding=1),
        *(nn.Conv3d(a, channels, 5) for a in (half, channels, channels)),
        nn.ConvTranspose3d(channels, channels, 5),
        nn.ConvTranspose3d(channels, half, 5),
        nn.ConvTranspose3d(half, BRANCHED, 5),
    ]
    return nn.Sequential(*(each for layer in layers for each in (layer, _activation())))


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE, inplace=True)
