"""What masked autoencoders share: patches, which of them stay visible, and the error over those that do not."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.loss_networks._bands import BAND_MEAN, BAND_STD, MEAN, STD, Normalising
from lossbench.loss_networks._size import checked, padded, rounded


class Masking(NamedTuple):
    """What is masked as one, how much of it, and what is predicted of it."""

    side: int
    """Height and width in pixels."""
    bands: int
    ratio: float
    """Masked share, above 0 and below 1."""
    normalised_target: bool
    """Whether each patch is predicted less its mean, over its deviation."""
    mean: Sequence[float] | None
    std: Sequence[float] | None
    """One value a band, in [0, 1] units (ImageNet's when None, averaged over bands for images that are not RGB)."""


def kept(noise: Tensor, ratio: float) -> Tensor:
    """Return (N, L) bool, True for the int(L * (1 - ratio)) patches of each row with the smallest noise.

    He et al. 2022, "simple implementation"; the rest of the patches is masked.
    """
    count = int(noise.shape[1] * (1 - ratio))
    order = noise.argsort(dim=1, stable=True)
    return torch.zeros_like(noise, dtype=torch.bool).scatter_(1, order[:, :count], True)


def selected(tokens: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
    """Return the tokens (N, K, D) of (N, L, D) where `mask` (N, L) is True, in their order.

    Who knows K gives it as `count`, and the mask's values are not looked at, which a compiled graph can't do. Without
    it, raises ValueError unless each sample keeps the same number, since the result could not be an array.
    """
    if count is not None:
        order = (~mask).int().argsort(dim=1, stable=True)[:, :count]
        return tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[-1]))
    counts = mask.sum(dim=1)
    if mask.shape != tokens.shape[:2] or bool((counts != counts[0]).any()):
        raise ValueError(f"mask {tuple(mask.shape)} keeps {counts.tolist()} of {tokens.shape[1]} tokens: not equal")
    return tokens[mask].reshape(len(tokens), int(counts[0]), tokens.shape[-1])


def patches(image: Tensor, side: int) -> Tensor:
    """Cut (N, C, H, W) into (N, L, side * side * C), row by row, bands last within a patch (He et al.'s order)."""
    n, c, height, width = image.shape
    grid = image.reshape(n, c, height // side, side, width // side, side)
    return grid.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


def unpatched(values: Tensor, side: int, height: int, width: int) -> Tensor:
    """Put (N, L, side * side * C) together as (N, C, height, width), the inverse of `patches`."""
    grid = values.reshape(len(values), height // side, width // side, side, side, -1)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(len(values), -1, height, width)


def statistics(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (N, L, 1) of each patch: unbiased variance, 1e-6 added under the root."""
    return values.mean(dim=-1, keepdim=True), (values.var(dim=-1, keepdim=True) + 1e-6).sqrt()


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of `error` (N, L, P) over the patches where `mask` (N, L) is False, as a scalar."""
    return (error.mean(dim=-1) * ~mask).sum() / (~mask).sum()


class MaskedModel(Normalising):
    """An autoencoder that learns to fill in masked square patches, of images (N, C, H, W) or clips (N, T, C, H, W)."""

    decoder_names: tuple[str, ...] = ("decoder.",)
    """How the names of the decoder's parameters begin."""

    def __init__(self, masking: Masking) -> None:
        """Keep the settings; raises UserError for those that do not fit."""
        if not 0 < masking.ratio < 1:
            raise UserError(f"mask_ratio: {masking.ratio}; choose a fraction between 0 and 1, both excluded")
        bands = masking.bands
        rgb = bands == len(MEAN)
        mean, std = (MEAN, STD) if rgb else ((BAND_MEAN,) * bands, (BAND_STD,) * bands)
        super().__init__(
            bands, mean if masking.mean is None else masking.mean, std if masking.std is None else masking.std
        )
        self.side, self.mask_ratio, self.normalised_target = masking.side, masking.ratio, masking.normalised_target

    def encoder_parameters(self) -> list[nn.Parameter]:
        """List the encoder's parameters, fixed positions among them, the mask token not."""
        others = (*self.decoder_names, "mask_token")
        return [parameter for name, parameter in self.named_parameters() if not name.startswith(others)]

    def decoder_parameters(self) -> list[nn.Parameter]:
        """List the decoder's parameters, fixed positions among them."""
        return [parameter for name, parameter in self.named_parameters() if name.startswith(self.decoder_names)]

    def predict(self, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's patches (N, L, side * side * bands) and the mask that uniform `noise` gives.

        Both `noise` and the mask are (N, L), the mask True where visible. Raises ValueError for noise of another shape.
        """
        raise NotImplementedError

    def target(self, seen: Tensor) -> Tensor:
        """Return the normalised patches (N, L, side * side * bands) that are to be predicted."""
        raise NotImplementedError

    def pretraining_loss(self, seen: Tensor, noise: Tensor) -> Tensor:
        """Return the mean error, squared unless said, over masked patches only (He et al. 2022, section 3), a scalar.

        The target is what is seen, normalised, or with `normalised_target` each patch less its mean over its deviation.
        """
        prediction, mask = self.predict(seen, noise)
        target = self.target(seen)
        if self.normalised_target:
            mean, deviation = statistics(target)
            target = (target - mean) / deviation
        return masked_mean(self.error(prediction.float(), target.float()), mask)

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return what pre-training makes small, of each number."""
        return (prediction - target).square()


class MaskedImageModel(MaskedModel):
    """The same of images."""

    def prepared(self, image: Tensor, multiple: int) -> Tensor:
        """Check, pad to `multiple` and normalise an image (N, C, H, W) in [0, 1]."""
        return self.normalised(padded(checked(image, self.bands), multiple))

    def target(self, seen: Tensor) -> Tensor:
        """Return the patches of the whole image."""
        return patches(self.prepared(seen, self.side), self.side)

    def cells(self, height: int, width: int) -> int:
        """Return how many patches L an image of this size has, after padding."""
        return rounded(height, self.side) * rounded(width, self.side) // self.side**2

    def mask(self, image: Tensor, noise: Tensor) -> Tensor:
        """Return the mask (N, L) that uniform `noise` (N, L) gives; raises ValueError when its shape does not fit."""
        expected = (len(image), self.cells(*image.shape[-2:]))
        if noise.shape != expected:
            raise ValueError(f"noise: shape {tuple(noise.shape)}, the image has patches {expected}")
        return kept(noise, self.mask_ratio)

    def pixel_mask(self, mask: Tensor, height: int, width: int) -> Tensor:
        """Spread a mask (N, L) over the pixels of an image: (N, 1, height, width); ValueError when it does not fit."""
        if mask.shape[1:] != (self.cells(height, width),):
            raise ValueError(f"mask: shape {tuple(mask.shape)}, the image has {self.cells(height, width)} patches")
        grid = mask.reshape(len(mask), 1, -1, rounded(width, self.side) // self.side)
        return grid.repeat_interleave(self.side, 2).repeat_interleave(self.side, 3)[..., :height, :width]

    @torch.no_grad()
    def reconstruct(self, image: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masked image, masked patches in the mean colour, and the filled-in image, both in [0, 1].

        With `normalised_target` a patch's mean and deviation come from the true patch, since the network predicts
        neither.
        """
        prediction, mask = self.predict(image, noise)
        if self.normalised_target:
            mean, deviation = statistics(self.target(image))
            prediction = prediction * deviation + mean
        height, width = image.shape[-2:]
        sides = rounded(height, self.side), rounded(width, self.side)
        picture = unpatched(prediction, self.side, *sides) * self.std + self.mean
        visible = self.pixel_mask(mask, height, width)
        filled = torch.where(visible, image, picture[..., :height, :width].clamp(0, 1).to(image.dtype))
        return torch.where(visible, image, self.mean.to(image.dtype)), filled
