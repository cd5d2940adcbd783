"""DnCNN: convolutional denoiser that predicts the noise.

Zhang et al., "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising", TIP 2017. The defaults
are the colour blind denoiser (20 convolutions) with the biases, batch normalisation and initial weights of the
authors' later KAIR code; the code of the masked-autoencoder loss paper has the same 20 layers and biases. The
DnCNN rows of its Table 2 equal published scores of the network trained on Gaussian noise, not on the camera noise of
SIDD that its text names.
"""

from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "Zhang et al., TIP 2017 (DnCNN); colour blind, 20 layers, biases and initial weights of KAIR"
PUBLISHED: Sizes = {
    "colour blind": {},
    "gray": {"bands": 1, "depth": 17},
    "colour": {"depth": 17},
    "colour blind, fewer biases": {"bias_everywhere": False},
    "gray, fewer biases": {"bands": 1, "depth": 17, "bias_everywhere": False},
    "colour, fewer biases": {"depth": 17, "bias_everywhere": False},
}
NORMALISES_BATCH = True
"""Batch normalisation: the pictures of a batch depend on each other."""
LEAST_PATCH = 2
"""All convolutions are at the size of the input."""
EPSILON = 1e-4
"""Added to the variance by batch normalisation."""
GAIN = 0.2
"""Factor of the orthogonal initial weights."""


class DnCNN(nn.Module):
    """(N, bands, H, W) in [0, 1] to the same shape, not clamped: the input minus the predicted noise.

    In training mode batch normalisation takes means over the batch, so that predictions depend on their companions.
    """

    multiple = minimum = scale = 1

    def __init__(self, bands: int, channels: int, depth: int, bias_everywhere: bool, momentum: float) -> None:
        super().__init__()
        self.in_channels = self.out_channels = bands
        self.noise = nn.Sequential(nn.Conv2d(bands, channels, 3, padding=1), nn.ReLU(inplace=True))
        for _ in range(depth - 2):
            self.noise.append(nn.Conv2d(channels, channels, 3, padding=1, bias=bias_everywhere))
            self.noise.append(nn.BatchNorm2d(channels, eps=EPSILON, momentum=momentum))
            self.noise.append(nn.ReLU(inplace=True))
        self.noise.append(nn.Conv2d(channels, bands, 3, padding=1, bias=bias_everywhere))
        self.apply(_draw_weights)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the prediction for `low_quality` of any height and width."""
        prediction: Tensor = low_quality - self.noise(low_quality)
        return prediction


def build(
    bands: int = 3, channels: int = 64, depth: int = 20, bias_everywhere: bool = True, momentum: float = 0.9
) -> DnCNN:
    """Return DnCNN; `depth` counts its convolutions.

    Without `bias_everywhere` only the first convolution has a bias, as in the authors' first PyTorch code: batch
    normalisation undoes the others but the last. `momentum` is the weight of a new batch in the running mean and
    variance of batch normalisation, 0.9 in KAIR; lower it for small batches. Initial weights are KAIR's: orthogonal
    times 0.2, scales of batch normalisation uniform in [0.1, 1], all biases zero. Raises UserError for a count below
    1, a depth below 2 and a momentum outside (0, 1].
    """
    if min(bands, channels) < 1 or depth < 2:
        raise UserError(f"DnCNN: bands {bands}, channels {channels}, depth {depth}; give 1, 1 and 2 or more")
    if not 0 < momentum <= 1:
        raise UserError(f"momentum: {momentum} is no weight of a new batch; give a number above 0, up to 1")
    return DnCNN(bands, channels, depth, bias_everywhere, momentum)


def _draw_weights(layer: nn.Module) -> None:
    if not isinstance(layer, (nn.Conv2d, nn.BatchNorm2d)) or layer.weight.is_meta:
        # nothing to draw, and arithmetic on the meta device imports torch's compiler for seconds
        return
    if isinstance(layer, nn.Conv2d):
        nn.init.orthogonal_(layer.weight, GAIN)
    else:
        nn.init.uniform_(layer.weight, 0.1, 1.0)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
