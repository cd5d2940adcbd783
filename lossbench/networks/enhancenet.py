"""EnhanceNet: the generator for x4 super-resolution that the paper on robust perceptual losses trains.

Sajjadi, Schoelkopf, Hirsch, "EnhanceNet: Single Image Super-Resolution Through Automated Texture Synthesis", ICCV 2017.
Which loss it is trained with (E, P, T and their sums) is no part of the network.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.networks import Sizes
from lossbench.networks._residual import ResidualBlock, check_first_residual, conv3

SOURCE = "Sajjadi et al., ICCV 2017 (EnhanceNet); 64 channels, 10 residual blocks, x4"
PUBLISHED: Sizes = {"x4": {}}
LEAST_PATCH = 2
"""All convolutions are at the size of the input or larger."""
SCALE = 4
MEAN = (0.47614917, 0.45001204, 0.40904046)
"""Mean red, green and blue that the authors subtract, in [0, 1]."""
BICUBIC = ("half_pixel", "legacy")
"""Where the bicubic enlargement samples its input."""
SHARPNESS = -0.75
"""The parameter `a` of Keys' kernel in TensorFlow and PyTorch."""


class EnhanceNet(nn.Module):
    """(N, 3, H, W) in [0, 1] to (N, 3, 4 H, 4 W), not clamped: bicubic enlargement plus what the network adds."""

    mean: Tensor
    multiple = 1
    minimum = 1
    scale = SCALE

    def __init__(self, channels: int, blocks: int, bicubic: str, first_residual: float) -> None:
        super().__init__()
        self.in_channels = self.out_channels = len(MEAN)
        self.bicubic = bicubic
        self.register_buffer("mean", torch.tensor(MEAN).view(1, -1, 1, 1))
        self.head = conv3(len(MEAN), channels)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.upsampler = nn.Sequential()
        for _ in range(2):
            self.upsampler.extend([nn.UpsamplingNearest2d(scale_factor=2), conv3(channels, channels), nn.ReLU(True)])
        self.tail = nn.Sequential(conv3(channels, channels), nn.ReLU(inplace=True), conv3(channels, len(MEAN)))
        self._draw_weights(first_residual)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction for `low_quality` of any height and width; float32 also under autocast."""
        features = self.body(F.relu(self.head(low_quality - self.mean)))
        added: Tensor = self.tail(self.upsampler(features))
        # the enlargement keeps a constant, so that subtracting the mean before it and adding it after cancel
        return enlarge(low_quality, self.bicubic) + added

    def _draw_weights(self, first_residual: float) -> None:
        if self.mean.is_meta:
            # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
            return
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        last = self.tail[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.data.mul_(first_residual)


def enlarge(image: Tensor, bicubic: str) -> Tensor:
    """Return (N, C, H, W) four times as large by Keys' kernel with a = -0.75, border pixels repeated.

    Output pixel x takes the input at (x + 0.5) / 4 - 0.5 for `half_pixel`, at x / 4 for `legacy`.
    """
    if bicubic == "half_pixel":
        return F.interpolate(image, scale_factor=SCALE, mode="bicubic", align_corners=False)
    weights = torch.tensor([_taps(phase / SCALE) for phase in range(SCALE)], dtype=image.dtype, device=image.device)
    # input pixels -1, 0, 1 and 2 from the one at or before each output pixel
    padded = F.pad(image, (1, 2, 1, 2), mode="replicate")
    wide = (padded.unfold(3, 4, 1).unsqueeze(-2) * weights).sum(-1).flatten(3)
    return (wide.unfold(2, 4, 1).unsqueeze(3) * weights[:, None]).sum(-1).flatten(2, 3)


def build(
    scale: int = SCALE,
    channels: int = 64,
    blocks: int = 10,
    bands: int = 3,
    bicubic: str = "half_pixel",
    first_residual: float = 1.0,
) -> EnhanceNet:
    """Return EnhanceNet with Xavier's uniform initial weights and biases of zero.

    `bicubic` names the enlargement that the network adds to: `half_pixel` aligns the centres of the pixels, as do the
    reductions that make low-quality pictures here; `legacy` is the authors' (TensorFlow 1), which leaves it 1.5 output
    pixels down and to the right of the target, so that the network has to undo the shift first. `first_residual` is a
    factor on the initial weights of the last convolution: by the authors' 1 the first gradients of a texture loss are
    up to 1e5 times later ones, and Adam divides by them for some 2,000 steps; near 0 the network begins with the
    enlargement. Raises UserError for a scale other than 4, for other than three bands (the means are red's, green's and
    blue's), for a width below 1, for an unknown enlargement and for a factor below 0.
    """
    if scale != SCALE:
        raise UserError(f"scale: EnhanceNet has no x{scale}; give {SCALE}")
    if bands != len(MEAN):
        raise UserError(f"bands: the means of EnhanceNet are those of RGB, the pictures have {bands} bands; give 3")
    if channels < 1 or blocks < 0:
        raise UserError(f"EnhanceNet: channels {channels}, blocks {blocks}; give counts of 1 or more")
    if bicubic not in BICUBIC:
        raise UserError(f"bicubic: EnhanceNet has no '{bicubic}'; {nearest(bicubic, BICUBIC)}")
    check_first_residual(first_residual)
    return EnhanceNet(channels, blocks, bicubic, first_residual)


def _taps(offset: float) -> list[float]:
    """Return the weights of the four pixels around a point `offset` (0..1) behind the second of them."""
    a = SHARPNESS
    weights = []
    for x in (1 + offset, offset, 1 - offset, 2 - offset):
        near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        weights.append(near if x <= 1 else far)
    return weights
