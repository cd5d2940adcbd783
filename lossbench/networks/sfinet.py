"""SFINet: pan-sharpening in space and in the frequency domain at the same time.

Zhou et al., "Spatial-Frequency Domain Information Integration for Pan-Sharpening", ECCV 2022, after the released code.

That code has infinite gradients in three places. Here the standard deviation of a channel is the root of variance plus
1e-8; a frequency whose amplitude is below 1e-6 of its channel's largest, which float32 cannot tell from rounding, has
phase 0 and no gradient through it; and the offsets of 1e-8 by which the released code avoids some of the zeros are
left out, as these guards do their work.

Fourier transforms and means see the whole picture, so no overlap makes tiles equal it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes
from lossbench.networks._invertible import (
    REDUCTION,
    ConvolutionUnit,
    InvertibleBlock,
    bottleneck,
    draw_convolutions,
    refinement,
)

SOURCE = "Zhou et al., ECCV 2022 (SFINet, also SFIIN); width of 8"
PUBLISHED: Sizes = {"4 bands": {"bands": 4}, "8 bands": {"bands": 8}}
LEAST_PATCH = 2
"""All convolutions are at the size of the input, or of 1 x 1 where they see frequencies."""
GROWTH = 8
"""Channels that each unit of a dense transform adds, whatever the width of the network."""
SMALLEST_VARIANCE = 1e-8
"""Added to the variance of a channel before its root is taken."""
FAINTEST = 1e-6
"""Amplitude, relative to the largest of the channel, below which a frequency has no phase."""


class Dense(nn.Module):
    """Densely connected transform of the invertible blocks: (N, width, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvolutionUnit(width, GROWTH, normalised=False)
        self.second = ConvolutionUnit(GROWTH, GROWTH, normalised=False)
        self.last = nn.Conv2d(width + 2 * GROWTH, width, 3, padding=1)
        draw_convolutions(self, gain=0.1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the transform of all that came before."""
        first = F.leaky_relu(self.first(features), 0.2)
        second = F.leaky_relu(self.second(first), 0.2)
        return F.leaky_relu(self.last(torch.cat([features, first, second], dim=1)), 0.2)


class Frequencies(nn.Module):
    """Fuses the amplitudes and the phases of two feature maps, each (N, width, H, W), to one of the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_spectral = nn.Conv2d(width, width, 1)
        self.before_panchromatic = nn.Conv2d(width, width, 1)
        self.amplitude = _fusion(width)
        self.phase = _fusion(width)
        self.after = nn.Conv2d(width, width, 1)

    def forward(self, spectral: Tensor, panchromatic: Tensor) -> Tensor:
        """Return the fused features; between the first and the last convolution all is float32."""
        pair = self.before_spectral(spectral), self.before_panchromatic(panchromatic)
        # bfloat16 loses phases, and has no Fourier transform
        with torch.autocast(spectral.device.type, enabled=False):
            amplitudes, phases = zip(*(_polar(features) for features in pair), strict=True)
            amplitude: Tensor = self.amplitude(torch.cat(amplitudes, dim=1))
            phase: Tensor = self.phase(torch.cat(phases, dim=1))
            spectrum = torch.complex(amplitude * phase.cos(), amplitude * phase.sin())
            fused = torch.fft.irfft2(spectrum, s=spectral.shape[-2:]).abs()
        output: Tensor = self.after(fused)
        return output


class SpatialFrequencyBlock(nn.Module):
    """Fuses two feature maps in space and in frequency: two (N, width, H, W) to two of the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.panchromatic = nn.Conv2d(width, width, 3, padding=1)
        self.bring = nn.Conv2d(width, width, 1)
        self.spatial = nn.Sequential(InvertibleBlock(width, Dense), nn.Conv2d(2 * width, width, 1))
        self.frequencies = Frequencies(width)
        self.gate = nn.Sequential(
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width // 2, width, 3, padding=1),
            nn.Sigmoid(),
        )
        self.weigh = bottleneck(2 * width, nn.LeakyReLU(0.1))
        self.merge = nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, spectral: Tensor, panchromatic: Tensor) -> tuple[Tensor, Tensor]:
        """Return the multi-spectral features, enriched, and the panchromatic ones."""
        panchromatic = self.panchromatic(panchromatic)
        brought = self.bring(panchromatic)
        spatial = self.spatial(torch.cat([spectral, brought], dim=1))
        frequency = self.frequencies(spectral, brought)
        spatial = spatial + frequency * self.gate(spatial - frequency)
        both = torch.cat([spatial, frequency], dim=1)
        return self.merge(self.weigh(contrast(both)) * both) + spectral, panchromatic


class SFINet(nn.Module):
    """(N, bands + 1, H, W) in [0, 1] to (N, bands, H, W), not clamped.

    The first `bands` channels are the multi-spectral image, enlarged to the size of the last one, the panchromatic.
    """

    multiple = 1
    minimum = 1
    scale = 1

    def __init__(self, bands: int, width: int, blocks: int, zero_start: bool) -> None:
        super().__init__()
        self.in_channels, self.out_channels = bands + 1, bands
        self.project_spectral = nn.Conv2d(bands, width, 3, padding=1)
        self.project_panchromatic = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(SpatialFrequencyBlock(width) for _ in range(blocks))
        self.fuse = nn.Conv2d(blocks * width, width, 1)
        self.refine = refinement(width, bands, zero_start)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the sharpened image of any height and width."""
        features = self.project_spectral(low_quality[:, :-1])
        panchromatic = self.project_panchromatic(low_quality[:, -1:])
        outputs: list[Tensor] = []
        for block in self.blocks:
            features, panchromatic = block(features, panchromatic)
            outputs.append(features)
        prediction: Tensor = self.refine(self.fuse(torch.cat(outputs, dim=1))) + low_quality[:, :-1]
        return prediction


def build(bands: int = 4, width: int = 8, blocks: int = 5, zero_start: bool = False) -> SFINet:
    """Return SFINet: torch's default initial weights, a tenth of Xavier's in the transforms of the invertible blocks.

    The released driver does not build the published network; a width of 8 meets the published numbers of weights.
    With `zero_start`, which is ours for short trainings, the last weights are zero, so that an untrained network gives
    the enlarged image as it is. Raises UserError for less than one band or block, or a width below 4.
    """
    if min(bands, blocks) < 1 or width < REDUCTION:
        given = f"bands {bands}, width {width}, blocks {blocks}"
        raise UserError(f"SFINet: {given}; give 1 band, 1 block and a width of {REDUCTION} or more")
    return SFINet(bands, width, blocks, zero_start)


def contrast(features: Tensor) -> Tensor:
    """Return the standard deviation plus the mean of each channel of (N, C, H, W): (N, C, 1, 1), in float32."""
    with torch.autocast(features.device.type, enabled=False):
        variance, mean = torch.var_mean(features.float(), dim=(2, 3), correction=0, keepdim=True)
        return (variance + SMALLEST_VARIANCE).sqrt() + mean


def _polar(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return amplitude and phase in radians, (N, C, H, W // 2 + 1) each, of the real Fourier transform."""
    spectrum = torch.fft.rfft2(features.float().contiguous())
    amplitude = spectrum.abs()
    faint = amplitude <= FAINTEST * amplitude.amax(dim=(2, 3), keepdim=True)
    return amplitude, spectrum.masked_fill(faint, 1).angle()


def _fusion(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 1))
