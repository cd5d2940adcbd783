"""VAE: a variational auto-encoder of small whole pictures, which a reconstruction loss is compared in.

The log-cosh paper trains VAEs on MNIST and CelebA and, as far as its text is known, says nothing of their layers. The
networks here are this project's: strided convolutions of 4 x 4 with batch normalisation, a Gaussian latent, a mirrored
decoder. Padded to 32 x 32, MNIST takes the defaults; CelebA has a published size of its own below.
"""

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import Sizes

SOURCE = "this project's VAEs for the log-cosh paper, whose text states none (MNIST 32 px, CelebA 64 px)"
PUBLISHED: Sizes = {
    "MNIST": {},
    "CelebA": {"side": 64, "bands": 3, "width": 64, "latent": 64},
}
NORMALISES_BATCH = True
"""Batch normalisation: the pictures of a batch depend on each other."""
LEAST_PATCH = 32
"""Pictures are whole, so that a patch is the `side`; the smallest in use."""
MULTIPLE = 32
"""What the sides in use are multiples of, in pixels."""
AUTOENCODER = True
"""It makes pictures, in tables that compare generators."""
COARSEST = 4
"""Side of the coarsest map in pixels."""


class VAE(nn.Module):
    """(N, bands, side, side) in [0, 1] to the same shape in [0, 1]: decoded from the mean of the latent.

    In training mode batch normalisation takes means over the batch. Fully connected layers fix the size of a picture.
    """

    scale = 1

    def __init__(self, side: int, bands: int, width: int, latent: int) -> None:
        super().__init__()
        self.multiple = self.minimum = side
        self.in_channels = self.out_channels = bands
        self.latent = latent
        levels = (side // COARSEST).bit_length() - 1
        widths = [width * 2**level for level in range(levels)]
        flat = widths[-1] * COARSEST**2
        self.encoder = nn.Sequential()
        for inputs, outputs in zip([bands, *widths], widths, strict=False):
            self.encoder.append(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            self.encoder.append(nn.BatchNorm2d(outputs))
            self.encoder.append(nn.ReLU(inplace=True))
        self.moments = nn.Linear(flat, 2 * latent)
        self.spread = nn.Linear(latent, flat)
        self.decoder = nn.Sequential(nn.Unflatten(1, (widths[-1], COARSEST, COARSEST)))
        for inputs, outputs in zip(widths[::-1], widths[-2::-1], strict=False):
            self.decoder.append(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False))
            self.decoder.append(nn.BatchNorm2d(outputs))
            self.decoder.append(nn.ReLU(inplace=True))
        self.decoder.append(nn.ConvTranspose2d(width, bands, 4, stride=2, padding=1))

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the latent, (N, latent) each, of `pictures` (N, bands, side, side).

        Raises ValueError for pictures of another size.
        """
        height, width = pictures.shape[-2:]
        if (height, width) != (self.minimum, self.minimum):
            side = self.minimum
            raise ValueError(f"this VAE takes pictures of {side} x {side} px, got {height} x {width}; resize them")
        mean, log_variance = self.moments(self.encoder(pictures).flatten(1)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        """Return the pictures (N, bands, side, side) in [0, 1] of `latents` (N, latent)."""
        return torch.sigmoid(self.decoder(self.spread(latents)))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the reconstructions of `pictures` from the means of their latents."""
        return self.decode(self.encode(pictures)[0])


def build(side: int = 32, bands: int = 1, width: int = 32, latent: int = 16) -> VAE:
    """Return a VAE with torch's default initial weights.

    `side` of a picture is 4 pixels doubled once or more often: each convolution halves it, the first has `width`
    channels and every further one twice as many. `latent` is the number of latent variables. Raises UserError for
    another side and for a count below 1.
    """
    if min(bands, width, latent) < 1:
        raise UserError(f"VAE: bands {bands}, width {width}, latent {latent}; give counts of 1 or more")
    if side <= COARSEST or side & (side - 1):
        raise UserError(f"VAE: side: {side} px is not 4 px doubled; give 8, 16, 32, 64 and so on")
    return VAE(side, bands, width, latent)
