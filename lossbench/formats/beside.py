"""What a picture file holds beside its levels and what a restored one is to keep: alpha and the profile of colour."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.errors import UserError
from lossbench.formats import raster, tiff
from lossbench.formats.beginning import TIFF, beginning
from lossbench.formats.picture import upright

PROFILE = 34675
"""Tag of a TIFF."""
SPACES = {b"GRAY": 1, b"RGB ": 3}
"""Bands of the colours that a profile is of, by the name in it."""


@dataclass(frozen=True)
class Beside:
    """What lies beside the levels."""

    alpha: NDArray[Any] | None = None
    """(H, W) of uint8 or uint16, upright."""
    blended: bool = False
    """Whether colours are multiplied by it already."""
    profile: bytes = b""
    """An ICC profile; empty where there is none."""

    def profile_of(self, bands: int) -> bytes:
        """Return the profile where it is one of pictures of that many bands, else nothing."""
        return self.profile if SPACES.get(self.profile[16:20]) == bands else b""

    def alpha_of(self, height: int, width: int) -> NDArray[Any] | None:
        """Return alpha at another size, by cubic interpolation; at its own as it is."""
        if self.alpha is None or self.alpha.shape == (height, width):
            return self.alpha
        values = Image.fromarray(self.alpha.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        found: NDArray[Any] = (
            np.rint(np.asarray(values)).clip(0, np.iinfo(self.alpha.dtype).max).astype(self.alpha.dtype)
        )
        return found


def beside(path: Path) -> Beside:
    """Return what the readable picture `path` holds beside its levels; raises UserError for two bands of alpha."""
    return _of_tiff(path) if beginning(path).startswith(TIFF) and not raster.is_ycbcr(path) else _of_raster(path)


def _of_tiff(path: Path) -> Beside:
    stored = tiff._stored(path, "a readable picture")
    extra = [int(kind) for kind in stored.page.extrasamples or ()]
    first = stored.pixels.shape[-1] - len(extra)
    places = [number for number, kind in enumerate(extra) if kind in tiff.ALPHA_BANDS]
    if len(places) > 1:
        raise UserError(f"{path}: {len(places)} bands of alpha; leave one of them, or write the file as MINISBLACK")
    tag, turn = stored.page.tags.get(PROFILE), stored.page.tags.get(raster.ORIENTATION)
    profile = b"" if tag is None else bytes(tag.value)
    if not places:
        return Beside(profile=profile)
    [place] = places
    alpha = stored.pixels[..., first + place, None]
    deep = np.uint8 if stored.page.bitspersample <= 8 else np.uint16
    top = 2**stored.page.bitspersample - 1
    alpha = np.rint(alpha * (np.iinfo(deep).max / top)).astype(deep)
    turned = upright(alpha, None if turn is None else int(turn.value))
    return Beside(turned[..., 0], extra[place] == 1, profile)


def _of_raster(path: Path) -> Beside:
    with raster._quiet(), path.open("rb") as file, Image.open(file) as image:
        profile = image.info.get("icc_profile") or b""
        if not image.has_transparency_data:
            return Beside(profile=profile)
        stored, turn = " ".join(str(tile.args) for tile in image.tile), raster._orientation(image)
        alpha: NDArray[Any]
        if image.format == "PNG" and "LA;16" in stored:
            high, low = np.moveaxis(raster._as_stored(path, "RGBA", "RGBA")[..., 2:], -1, 0)
            alpha = raster._joined(high, low)
        elif image.format == "PNG" and "RGBA;16" in stored:
            high, low = (raster._as_stored(path, image.mode, f"RGBA;16{order}")[..., 3] for order in "BL")
            alpha = raster._joined(high, low)
        else:
            alpha = np.asarray(image.convert("RGBA").getchannel("A"))
            # a colour that is transparent has no levels between
            alpha = alpha.astype(np.uint16) * np.uint16(257) if ";16" in stored else alpha
    return Beside(upright(alpha[..., None], turn)[..., 0], False, profile)
