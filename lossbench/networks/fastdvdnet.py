"""FastDVDnet: denoiser of video that looks at five frames and needs no motion estimation.

Tassano, Delon, Veit, "FastDVDnet: Towards Real-Time Deep Video Denoising Without Flow Estimation", CVPR 2020. A U-Net
denoises three triples of neighbouring frames with the same weights, a second one the three results; both are told the
noise level. The layers and their initial weights are those of the authors' code. Its recipe makes the kernels
orthogonal every ten steps: `lossbench.networks._orthogonal`.

Frames beside the ends of a clip are its frames mirrored: `lossbench.video.windows`.
"""

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes
from lossbench.networks._residual import check_first_residual

SOURCE = "Tassano et al., CVPR 2020 (FastDVDnet); five frames and the noise level"
PUBLISHED: Sizes = {"colour": {}}
WINDOW = 5
"""Frames of which the middle one is restored."""
TAKES_SIGMA = True
"""Whether the network is told the standard deviation of the noise."""
NORMALISES_BATCH = True
"""Batch normalisation: the pictures of a batch depend on each other."""
LEAST_PATCH = 8
"""The coarsest map is a quarter as large, 2 x 2 then."""
MULTIPLE = 4
"""What sides must be multiples of, in pixels: two halvings."""
TRIPLE = 3
"""Frames that one U-Net looks at."""


class Denoiser(nn.Module):
    """U-Net on three frames (N, bands, H, W) each and a noise map (N, 1, H, W): the middle frame minus its noise.

    H and W are multiples of 4.
    """

    def __init__(self, bands: int, channels: int, frame_channels: int) -> None:
        super().__init__()
        half, quarter = 2 * channels, 4 * channels
        # a group a frame: each is filtered by itself before they meet
        self.entry = nn.Sequential(
            *_unit(TRIPLE * (bands + 1), TRIPLE * frame_channels, groups=TRIPLE),
            *_unit(TRIPLE * frame_channels, channels),
        )
        self.to_half = nn.Sequential(*_unit(channels, half, stride=2), *_unit(half, half), *_unit(half, half))
        self.to_quarter = nn.Sequential(
            *_unit(half, quarter, stride=2), *_unit(quarter, quarter), *_unit(quarter, quarter)
        )
        self.from_quarter = _twice(quarter, half)
        self.from_half = _twice(half, channels)
        self.exit = nn.Sequential(*_unit(channels, channels), _conv3(channels, bands))

    def forward(self, first: Tensor, middle: Tensor, last: Tensor, noise: Tensor) -> Tensor:
        """Return the middle frame without what the U-Net takes for noise."""
        full = self.entry(torch.cat((first, noise, middle, noise, last, noise), dim=1))
        half = self.to_half(full)
        half = half + self.from_quarter(self.to_quarter(half))
        residual: Tensor = self.exit(full + self.from_half(half))
        return middle - residual


class FastDVDnet(nn.Module):
    """(N, 5, bands, H, W) in [0, 1], noise aside, to the middle frame (N, bands, H, W), not clamped.

    H and W are multiples of 4. In training mode batch normalisation takes means over the batch, for each triple of
    frames by itself.
    """

    multiple = minimum = MULTIPLE
    scale = 1
    window = WINDOW

    def __init__(self, bands: int, channels: int, frame_channels: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.triples = Denoiser(bands, channels, frame_channels)
        self.results = Denoiser(bands, channels, frame_channels)

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        """Return the prediction for `frames`, whose noise has the standard deviation `sigma` (N,) in units of [0, 1].

        Raises ValueError for another shape, for a side that is no multiple of 4, and without `sigma`.
        """
        if frames.ndim != 5 or frames.shape[1:3] != (WINDOW, self.in_channels):
            raise ValueError(f"FastDVDnet takes (N, {WINDOW}, {self.in_channels}, H, W), got {tuple(frames.shape)}")
        number, _, _, height, width = frames.shape
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"FastDVDnet needs multiples of {self.multiple} px, got {height} x {width}; extend them")
        if sigma is None or sigma.shape != (number,):
            found = None if sigma is None else tuple(sigma.shape)
            raise ValueError(f"FastDVDnet is told the noise level of each of {number} windows; sigma: {found}")
        noise = sigma.to(frames).view(-1, 1, 1, 1).expand(-1, 1, height, width)
        each = frames.unbind(dim=1)
        results = [self.triples(*each[first : first + TRIPLE], noise) for first in range(WINDOW - TRIPLE + 1)]
        prediction: Tensor = self.results(*results, noise)
        return prediction


def build(bands: int = 3, channels: int = 32, frame_channels: int = 30, first_residual: float = 1.0) -> FastDVDnet:
    """Return FastDVDnet with Kaiming's normal initial weights.

    `channels` is the width at full size, doubled at each of two halvings, `frame_channels` that of the first layer for
    each frame. `first_residual` is a factor on the initial weights of the last convolution of both stages: by the
    authors' 1 an untrained network adds several times the contrast of a picture, which a short training does not get
    rid of; near 0 it begins with the frame as it is. Raises UserError for a count below 1 and a factor below 0.
    """
    if min(bands, channels, frame_channels) < 1:
        sizes = f"bands {bands}, channels {channels}, frame_channels {frame_channels}"
        raise UserError(f"FastDVDnet: {sizes}; give counts of 1 or more")
    check_first_residual(first_residual)
    network = FastDVDnet(bands, channels, frame_channels)
    for layer in network.modules():
        # on the meta device there is nothing to draw, and arithmetic there imports torch's compiler for seconds
        if isinstance(layer, nn.Conv2d) and not layer.weight.is_meta:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer in (network.triples.exit[-1], network.results.exit[-1]):
                layer.weight.data.mul_(first_residual)
    return network


def _unit(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> tuple[nn.Module, ...]:
    return _conv3(inputs, outputs, stride, groups), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _conv3(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, groups=groups, bias=False)


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    """Return the layers that make features twice as large."""
    return nn.Sequential(
        *_unit(inputs, inputs), *_unit(inputs, inputs), _conv3(inputs, 4 * outputs), nn.PixelShuffle(2)
    )
