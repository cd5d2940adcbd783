"""MPRNet: restoration in three stages, on quarters, halves and the whole of the picture.

Zamir et al., "Multi-Stage Progressive Image Restoration", CVPR 2021. The defaults are the authors' network for
denoising; arguments give those for deraining and deblurring. No convolution has a bias, and one scalar, the slope of
every parametric ReLU, is shared by the whole network.

Stage 1 cuts the picture into quarters that are halved in size twice, hence sides that are multiples of 8. Where the
picture is cut depends on its size, and channel attention sees means over the picture: no overlap makes tiles equal the
whole picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Zamir et al., CVPR 2021 (MPRNet); denoising: 80 features, 8 blocks in each full-resolution group"
PUBLISHED: Sizes = {
    "denoising": {},
    "deraining": {"features": 40, "unet_step": 20, "orsnet_step": 16},
    "deblurring": {"features": 96, "unet_step": 48, "orsnet_step": 32},
}
LEAST_PATCH = 16
"""Stage 1 halves its quarters twice: the coarsest map is an eighth as large, 2 x 2 then."""
MULTIPLE = 8
"""What sides must be multiples of, in pixels."""
OWN_LOSS = (
    "sum over the three stages, clamped to [0, 1], of Charbonnier (eps 1e-3) + edge_weight, 0.05 in the paper and 0 in"
    " the released denoising script, times Charbonnier of the Laplacian edges (Zamir et al., CVPR 2021)"
)
EPSILON = 1e-3
"""Offset of the Charbonnier loss, in units of the full range."""
GAUSSIAN = (0.05, 0.25, 0.4, 0.25, 0.05)
"""Row and column of the filter of the Laplacian pyramid."""
REDUCTION = 4
"""Channels per channel inside channel attention."""

Maps = tuple[Tensor, Tensor, Tensor]
"""Feature maps at full, half and quarter resolution."""


class AttentionBlock(nn.Module):
    """Channel attention block: conv 3, PReLU, conv 3, weights from the channel means; added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = _conv(channels, channels)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            _conv(channels, channels // REDUCTION, 1),
            nn.ReLU(inplace=True),
            _conv(channels // REDUCTION, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor, slope: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same; `slope` (1) is that of the PReLU."""
        residual = self.second(F.prelu(self.first(features), slope))
        attended: Tensor = features + residual * self.weigh(residual)
        return attended


class Blocks(nn.Module):
    """`number` channel attention blocks in series, which share their slope."""

    def __init__(self, channels: int, number: int = 2) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(AttentionBlock(channels) for _ in range(number))

    def forward(self, features: Tensor, slope: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same."""
        for block in self.blocks:
            features = block(features, slope)
        return features


class Encoder(nn.Module):
    """Features to maps at three resolutions, optionally fused with those of the stage before."""

    def __init__(self, widths: tuple[int, int, int], fused: bool) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Blocks(width) for width in widths)
        self.down = nn.ModuleList(_resized(0.5, widths[i], widths[i + 1]) for i in range(2))
        self.from_encoder = nn.ModuleList(_conv(width, width, 1) for width in widths if fused)
        self.from_decoder = nn.ModuleList(_conv(width, width, 1) for width in widths if fused)

    def forward(self, features: Tensor, slope: Tensor, earlier: tuple[Maps, Maps] | None = None) -> Maps:
        """Map (N, widths[0], H, W) to three maps; `earlier` are those of the encoder and decoder of stage 1."""
        maps: list[Tensor] = []
        for i, level in enumerate(self.levels):
            features = level(self.down[i - 1](features) if i else features, slope)
            if earlier is not None:
                encoded, decoded = earlier
                features = features + self.from_encoder[i](encoded[i]) + self.from_decoder[i](decoded[i])
            maps.append(features)
        return maps[0], maps[1], maps[2]


class Decoder(nn.Module):
    """Maps at three resolutions to maps of the same shapes, from the coarsest up."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(Blocks(width) for width in widths)
        self.skip = nn.ModuleList(AttentionBlock(width) for width in widths[:2])
        self.up = nn.ModuleList(_resized(2, widths[i + 1], widths[i]) for i in range(2))

    def forward(self, encoded: Maps, slope: Tensor) -> Maps:
        """Return the decoded maps at full, half and quarter resolution."""
        coarse = self.levels[2](encoded[2], slope)
        middle = self.levels[1](self.up[1](coarse) + self.skip[1](encoded[1], slope), slope)
        fine = self.levels[0](self.up[0](middle) + self.skip[0](encoded[0], slope), slope)
        return fine, middle, coarse


class SupervisedAttention(nn.Module):
    """Features to an image and, weighed by that image, to features for the next stage."""

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.change = _conv(channels, channels, 1)
        self.to_image = _conv(channels, bands, 1)
        self.to_mask = _conv(bands, channels, 1)

    def forward(self, features: Tensor, low_quality: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (N, channels, H, W) and the stage's image (N, bands, H, W)."""
        image = self.to_image(features) + low_quality
        return self.change(features) * torch.sigmoid(self.to_mask(image)) + features, image


class FullResolution(nn.Module):
    """Original resolution subnetwork: three groups of blocks, each followed by one level of stage 2's maps."""

    def __init__(self, widths: tuple[int, int, int], channels: int, blocks: int) -> None:
        super().__init__()
        self.groups = nn.ModuleList(Blocks(channels, blocks) for _ in widths)
        self.ends = nn.ModuleList(_conv(channels, channels) for _ in widths)
        self.from_encoder = _enlargers(widths, channels)
        self.from_decoder = _enlargers(widths, channels)

    def forward(self, features: Tensor, slope: Tensor, encoded: Maps, decoded: Maps) -> Tensor:
        """Map (N, channels, H, W) to the same; `encoded` and `decoded` are the maps of stage 2."""
        for i, (group, end) in enumerate(zip(self.groups, self.ends, strict=True)):
            features = features + end(group(features, slope))
            features = features + self.from_encoder[i](encoded[i]) + self.from_decoder[i](decoded[i])
        return features


class MPRNet(nn.Module):
    """(N, bands, H, W) in [0, 1], H and W multiples of 8, to the same shape, not clamped."""

    multiple = minimum = MULTIPLE
    scale = 1

    def __init__(self, widths: tuple[int, int, int], channels: int, blocks: int, bands: int, edge_weight: float):
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.edge_weight = edge_weight
        self.slope = nn.Parameter(torch.full((1,), 0.25))
        self.heads = nn.ModuleList(_conv(bands, widths[0]) for _ in range(3))
        self.shallow = nn.ModuleList(AttentionBlock(widths[0]) for _ in range(3))
        self.encoders = nn.ModuleList(Encoder(widths, fused) for fused in (False, True))
        self.decoders = nn.ModuleList(Decoder(widths) for _ in range(2))
        self.attentions = nn.ModuleList(SupervisedAttention(widths[0], bands) for _ in range(2))
        self.fuse = nn.ModuleList(_conv(2 * widths[0], width) for width in (widths[0], channels))
        self.full_resolution = FullResolution(widths, channels, blocks)
        self.tail = _conv(channels, bands)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the image of stage 3."""
        return self.stages(low_quality)[0]

    def stages(self, low_quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the images (N, bands, H, W) of stages 3, 2 and 1; raises ValueError unless 8 divides H and W."""
        height, width = low_quality.shape[-2:]
        if height % 8 or width % 8:
            raise ValueError(f"MPRNet needs sides that are multiples of 8 px, got {height} x {width}; extend the input")
        # quarters and halves lie along the batch, top before bottom and left before right
        halves = torch.cat(low_quality.chunk(2, dim=2))
        quarters = torch.cat(halves.chunk(2, dim=3))
        encoded = _joined(self.encoders[0](self._shallow(0, quarters), self.slope), dim=3)
        decoded = self.decoders[0](encoded, self.slope)
        features, first = self.attentions[0](decoded[0], halves)
        features = self.fuse[0](torch.cat([self._shallow(1, halves), features], dim=1))
        encoded = _joined(self.encoders[1](features, self.slope, (encoded, decoded)), dim=2)
        decoded = self.decoders[1](encoded, self.slope)
        features, second = self.attentions[1](decoded[0], low_quality)
        features = self.fuse[1](torch.cat([self._shallow(2, low_quality), features], dim=1))
        features = self.full_resolution(features, self.slope, encoded, decoded)
        return self.tail(features) + low_quality, second, torch.cat(first.chunk(2), dim=2)

    def own_loss(self, stages: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the sum over `stages` of the Charbonnier loss plus `edge_weight` times that of the Laplacian edges.

        Stages and `target` (N, bands, H, W). As in the released training script the stages are clamped to [0, 1]
        first, hence pixels beyond that range have no gradient. A float32 scalar, 0 when all stages equal the target.
        """
        with torch.autocast(target.device.type, enabled=False):
            target = target.float()
            total = target.new_zeros(())
            for stage in stages:
                difference = stage.float().clamp(0, 1) - target
                total = total + charbonnier(difference)
                if self.edge_weight:
                    # the edges are linear in the image
                    total = total + self.edge_weight * charbonnier(laplacian(difference))
        return total

    def _shallow(self, stage: int, image: Tensor) -> Tensor:
        features: Tensor = self.shallow[stage](self.heads[stage](image), self.slope)
        return features


def build(
    features: int = 80,
    unet_step: int = 48,
    orsnet_step: int = 32,
    blocks: int = 8,
    bands: int = 3,
    edge_weight: float = 0.05,
) -> MPRNet:
    """Return MPRNet with torch's default initial weights, as published; the shared slope begins at 0.25.

    `features` is the width at full resolution, `unet_step` what each halving adds to it, `orsnet_step` what stage 3
    adds; `blocks` is the number of blocks in each of the three groups of stage 3. `edge_weight` is the weight of the
    edge term of the loss: the paper has 0.05, the released denoising script 0. Raises UserError for a count that
    leaves a layer without channels and for a negative weight.
    """
    if features < REDUCTION or min(unet_step, orsnet_step, blocks) < 0 or bands < 1:
        sizes = f"features {features}, unet_step {unet_step}, orsnet_step {orsnet_step}, blocks {blocks}, bands {bands}"
        raise UserError(f"MPRNet: {sizes} leave a layer empty; give {REDUCTION} features and 1 band or more")
    if edge_weight < 0:
        raise UserError(f"edge_weight: {edge_weight} is negative; give 0 or more")
    widths = (features, features + unet_step, features + 2 * unet_step)
    return MPRNet(widths, features + orsnet_step, blocks, bands, float(edge_weight))


def charbonnier(difference: Tensor) -> Tensor:
    """Return the mean of sqrt(difference ** 2 + EPSILON ** 2) - EPSILON, exactly 0 where nothing differs."""
    squared = difference.square()
    # the same number without cancellation; the published form leaves EPSILON in
    return (squared / ((squared + EPSILON**2).sqrt() + EPSILON)).mean()


def laplacian(image: Tensor) -> Tensor:
    """Return `image` (N, C, H, W) minus its blurred, halved, re-expanded and blurred self.

    The blur is GAUSSIAN along rows and columns, repeating the outermost pixels; re-expansion sets every second pixel
    to zero and the others to four times their value. Zero for a constant image but near the borders.
    """
    expanded = torch.zeros_like(image)
    expanded[..., ::2, ::2] = 4 * _blurred(image)[..., ::2, ::2]
    return image - _blurred(expanded)


def _blurred(image: Tensor) -> Tensor:
    channels = image.shape[1]
    kernel = image.new_tensor(GAUSSIAN)
    image = F.pad(image, (2, 2, 2, 2), mode="replicate")
    image = F.conv2d(image, kernel.view(1, 1, 1, 5).expand(channels, -1, -1, -1), groups=channels)
    return F.conv2d(image, kernel.view(1, 1, 5, 1).expand(channels, -1, -1, -1), groups=channels)


def _conv(inputs: int, outputs: int, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)


def _resized(factor: float, inputs: int, outputs: int) -> nn.Sequential:
    resize = nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)
    return nn.Sequential(resize, _conv(inputs, outputs, 1))


def _enlargers(widths: tuple[int, int, int], channels: int) -> nn.ModuleList:
    """Return the modules that bring each level of stage 2 to full resolution and `channels`."""
    ups = [nn.Sequential(*(_resized(2, widths[i], widths[i - 1]) for i in range(level, 0, -1))) for level in range(3)]
    return nn.ModuleList(nn.Sequential(*up, _conv(widths[0], channels, 1)) for up in ups)


def _joined(maps: Maps, dim: int) -> Maps:
    """Join the two halves of each map, which lie along the batch, along `dim`."""
    first, second, third = (torch.cat(part.chunk(2), dim=dim) for part in maps)
    return first, second, third
