"""How two pictures are made comparable before a metric sees them: colour, crop and rounding."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lossbench.colours import COLOURS, OTHER_NAMES, Colour
from lossbench.errors import UserError, nearest, quoted

__all__ = ["Better", "Colour", "Floats", "Over", "Pixels", "Protocol"]

Better = Literal["up", "down"]
"""The direction of quality."""
Over = Literal["picture", "clip", "set"]
"""What one number of a metric is of."""
Pixels = NDArray[Any]
"""Floats in [0, 1], (C, H, W) of a picture or (T, C, H, W) of a clip."""
Floats = NDArray[np.float64]

# an unclamped network output strays less than this beyond [0, 1]; pictures in -1..1 and 0..255 stray more
STRAY = 0.5


def _y601(red: Floats, green: Floats, blue: Floats) -> Floats:
    """Return Y in 16..235 for bands in 0..255: MATLAB's rgb2ycbcr before its rounding, BasicSR's default."""
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def _y601_rounded(red: Floats, green: Floats, blue: Floats) -> Floats:
    """Return Y in whole levels of 16..235: MATLAB's rgb2ycbcr on uint8."""
    # halves go down, whatever their last bit, by which the published scores of Set5 are met to 1e-8
    return np.ceil(_y601(red, green, blue) - 0.5 - 1e-9)


def _gray(red: Floats, green: Floats, blue: Floats) -> Floats:
    """Return full-range luma in 0..255 (ITU-R BT.601, E'Y) with the last bits of OpenCV's float32 conversion."""
    # one pixel in a thousand lies exactly between two levels, and niqe moves by up to 0.02 with how they are rounded;
    # a product in float64 rounded after the sum is the fused multiply-add
    luma = (green / 255).astype(np.float32) * np.float32(0.587)
    for band, weight in ((blue, 0.114), (red, 0.299)):
        product = (band / 255).astype(np.float32).astype(np.float64) * np.float64(np.float32(weight))
        luma = (product + luma).astype(np.float32)
    return (luma * np.float32(255)).astype(np.float64)


LUMA = {"y601": _y601, "y601_rounded": _y601_rounded, "gray": _gray}


@dataclass(frozen=True)
class Protocol:
    """The convention under which a metric is computed; a number without it means nothing."""

    colour: Colour = "rgb"
    """rgb: all bands as they are (any number). y601, y601_rounded (whole levels) or gray: luma of three bands; a single
    band is luma already, as in MATLAB's scripts. `y` is y601."""
    crop: int = 0
    """Pixels cut from each side."""
    rounding: bool = True
    """Whether values are rounded to 8-bit levels before conversion, and gray after it, as MATLAB's rgb2gray is."""

    exact_luma: bool = field(default=False, compare=False)
    """Whether gray is not rounded where the values are; the choice of a metric (`EXACT_LUMA`), not of its user."""

    def __post_init__(self) -> None:
        """Refuse an unknown colour, a crop that is no whole number or negative, and a rounding that is no truth value.

        The fields come as what their user may have: whole numbers and truth values of numpy too.
        """
        other = str(self.colour).casefold()
        known = f"did you mean '{other}'? {nearest('', COLOURS)}" if other in OTHER_NAMES else nearest(other, COLOURS)
        if not isinstance(self.colour, str):
            raise UserError(f"protocol: {quoted(self.colour)} is no colour; {known}")
        object.__setattr__(self, "colour", OTHER_NAMES.get(self.colour, self.colour))
        if self.colour not in COLOURS:
            raise UserError(f"protocol: unknown colour '{self.colour}'; {known}")
        if isinstance(self.crop, bool | np.bool_) or not isinstance(self.crop, Integral):
            raise UserError(
                f"protocol: crop {quoted(self.crop)} is no whole number; give the pixels to cut from each side"
            )
        object.__setattr__(self, "crop", int(self.crop))
        if self.crop < 0:
            raise UserError(f"protocol: crop {self.crop} is negative; give the pixels to cut from each side")
        for name in ("rounding", "exact_luma"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise UserError(f"protocol: {name} {quoted(value)} is neither True nor False; write one of them")
            object.__setattr__(self, name, bool(value))

    def describe(self) -> str:
        """Return the convention as a table prints it, such as `RGB, crop 4, 8-bit`."""
        luma = ", luma not rounded" if self.exact_luma and self.colour == "gray" and self.rounding else ""
        return f"{COLOURS[self.colour]}, crop {self.crop}, {'8-bit' if self.rounding else 'not rounded'}{luma}"

    def apply(self, image: Pixels, role: str = "image") -> Floats:
        """Return what the metric compares: (C, H, W) in [0, 1] clamped, rounded, converted, cropped, in 0..255.

        Luma comes as (1, H, W). `role` names the picture in errors. Raises UserError for integers, another shape, NaN,
        values too far from [0, 1], luma of other than one band or three and a crop that leaves nothing.
        """
        self._check(image, role)
        pixels = self._levels(image)
        if self.colour != "rgb" and len(pixels) == 3:
            pixels = self._luma(*pixels)[None]
        _, height, width = pixels.shape
        return np.ascontiguousarray(pixels[:, self.crop : height - self.crop, self.crop : width - self.crop])

    def beside_grey(self, image: Pixels) -> Pixels:
        """Return RGB (..., 3, H, W) in [0, 1] as what is compared with a grey picture: (..., 1, H, W) in [0, 1].

        That is all of it, which a grey target repeated fits, under `rgb`; else full-range luma, MATLAB's rgb2gray. Of
        three equal bands it is the band itself.
        """
        if self.colour == "rgb":
            return image
        red, green, blue = np.moveaxis(self._levels(image), -3, 0)
        # of equal bands nothing is rounded off
        luma = green + 0.299 * (red - green) + 0.114 * (blue - green)
        single: Pixels = (np.round(luma) if self.rounding else luma)[..., None, :, :] / 255
        return single

    def pair(self, prediction: Pixels, target: Pixels) -> tuple[Floats, Floats]:
        """Apply to both pictures; raises UserError when their shapes differ."""
        if prediction.shape != target.shape:
            raise UserError(f"prediction: shape {prediction.shape}, target: {target.shape}; give pictures of one size")
        return self.apply(prediction, "prediction"), self.apply(target, "target")

    def _levels(self, image: Pixels) -> Floats:
        # in place, since on large pictures new memory costs more than the arithmetic
        pixels = image.astype(np.float64)
        np.clip(pixels, 0, 1, out=pixels)
        pixels *= 255
        return np.round(pixels, out=pixels) if self.rounding else pixels

    def _luma(self, red: Floats, green: Floats, blue: Floats) -> Floats:
        luma = LUMA[self.colour](red, green, blue)
        return np.round(luma) if self.colour == "gray" and self.rounding and not self.exact_luma else luma

    def _check(self, image: Pixels, role: str) -> None:
        if image.ndim != 3 or 0 in image.shape:
            raise UserError(f"{role}: shape {image.shape} is not (C, H, W); give one picture")
        if image.dtype.kind != "f":
            raise UserError(f"{role}: {image.dtype} values; divide by the largest level to get floats in [0, 1]")
        if self.colour != "rgb" and image.shape[0] not in (1, 3):
            raise UserError(
                f"{role}: {image.shape[0]} bands have no luma '{self.colour}'; give one band or three, or take a metric"
                " of all bands, such as psnr, under the protocol 'rgb'"
            )
        if 2 * self.crop >= min(image.shape[1:]):
            raise UserError(f"{role}: crop {self.crop} leaves nothing of {image.shape[1]}x{image.shape[2]} pixels")
        low, high = float(image.min()), float(image.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UserError(f"{role}: NaN or infinite values; the network diverged or the file is damaged")
        if low < -STRAY or high > 1 + STRAY:
            raise UserError(f"{role}: values {low:.4g} to {high:.4g} are not in [0, 1]; rescale or clamp them")
