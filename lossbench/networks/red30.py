"""RED30: convolutions and mirrored transposed convolutions with a skip after every second layer.

Mao et al., "Image Restoration Using Very Deep Convolutional Encoder-Decoder Networks with Symmetric Skip Connections",
NIPS 2016, in the width that Noise2Noise compares it in: 15 and 15 layers of 128 channels.
"""

from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Mao et al., NIPS 2016 (RED30), 128 channels as in Noise2Noise"
PUBLISHED: Sizes = {"RGB": {}}
LEAST_PATCH = 2
"""All convolutions are at the size of the input."""
EVERY = 2
"""Layers from one skip to the next."""


class RED30(nn.Module):
    """(N, bands, H, W) in [0, 1] to the same shape, not clamped: the input plus what the last layer adds."""

    multiple = minimum = scale = 1

    def __init__(self, bands: int, channels: int, depth: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        inputs = [bands, *[channels] * (depth - 1)]
        self.encoder = nn.ModuleList(nn.Conv2d(each, channels, 3, padding=1) for each in inputs)
        outputs = inputs[::-1]
        self.decoder = nn.ModuleList(nn.ConvTranspose2d(channels, each, 3, padding=1) for each in outputs)
        self.apply(_draw_weights)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction for `low_quality` of any height and width."""
        features, skips = low_quality, [low_quality]
        for layer in self.encoder:
            features = layer(features).relu()
            skips.append(features)
        for number, layer in enumerate(self.decoder, 1):
            features = layer(features)
            mirrored = len(self.encoder) - number
            if mirrored == 0:
                break
            if mirrored % EVERY == 0:
                features = features + skips[mirrored]
            features = features.relu()
        prediction: Tensor = low_quality + features
        return prediction


def build(bands: int = 3, channels: int = 128, depth: int = 15) -> RED30:
    """Return RED30; `depth` counts its convolutions, of which there are as many transposed ones.

    Initial weights are He's, biases zero. Raises UserError for a count below 1 and a depth below 2.
    """
    if min(bands, channels) < 1 or depth < 2:
        raise UserError(f"RED30: bands {bands}, channels {channels}, depth {depth}; give 1, 1 and 2 or more")
    return RED30(bands, channels, depth)


def _draw_weights(layer: nn.Module) -> None:
    # nothing to draw on the meta device, where arithmetic imports torch's compiler for seconds
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.bias is not None and not layer.weight.is_meta:
        # each value of a transposed convolution sums as many inputs as one of a convolution
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        else:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
