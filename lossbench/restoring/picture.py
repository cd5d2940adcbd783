"""Restore a picture that is held: an array of numpy or a tensor, of any size, whole or in tiles."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.errors import UserError, as_written
from lossbench.networks import Network
from lossbench.restorer import TILE_OVERLAP
from lossbench.restoring.bands import Fit, fit
from lossbench.restoring.strips import strips

Held = TypeVar("Held", NDArray[Any], Tensor)
LEAST_TILE = 2 * TILE_OVERLAP
"""Below it more is restored twice than once."""
TILE = 256
"""Low-quality pixels at the side of a tile."""
WHOLE = 512 * 512
"""Most low-quality pixels of a picture that is restored whole where nobody says how."""
OVERSHOOT = 1.0
"""How far floating values may lie beside [0, 1]: by more they are levels or no picture."""


def restore(network: nn.Module, picture: Held, tile: int | None = None) -> Held:
    """Return the prediction of `network` for `picture`, of the same kind and type, `scale` times as large.

    An array is (H, W) or (H, W, bands), a tensor (bands, H, W) or (N, bands, H, W), of any H and W. Floating values are
    in [0, 1], and so is the prediction; uint8 and uint16 are levels. Where `tile` is None, pictures of more than 512 x
    512 pixels are restored in tiles of 256 that overlap; 0 restores whole, a number from 64 on in tiles of that side.
    A grey picture for a network of RGB comes back grey, and RGB for a network of grey is restored band by band. Raises
    UserError for what is no picture, and for bands and sizes that the network does not take.
    """
    taken = of_pictures(network)
    _check_tile(tile)
    if isinstance(picture, np.ndarray):
        return _array(taken, picture, tile)
    if (
        isinstance(picture, Tensor)
        and picture.ndim in (3, 4)
        and picture.numel()
        and (picture.is_floating_point() or _is_levels(picture))
    ):
        if picture.is_floating_point():
            _check_range(*(float(edge) for edge in picture.detach().aminmax()))
        top = 1 if picture.is_floating_point() else torch.iinfo(picture.dtype).max
        batch = picture[None] if picture.ndim == 3 else picture
        found = [whole(taken, image[None].float() / top, tile) for image in batch]
        values = torch.cat(found).clamp(0, 1) * top
        values = values if top == 1 else values.round()
        return (values[0] if picture.ndim == 3 else values).to(picture)
    raise UserError(
        f"restore: {_described(picture)} is no picture; give (H, W, bands) of numpy or (bands, H, W) of torch"
    )


def _array(network: Network, picture: NDArray[Any], tile: int | None) -> NDArray[Any]:
    floating = np.issubdtype(picture.dtype, np.floating)
    if picture.ndim not in (2, 3) or not picture.size or not (floating or picture.dtype in (np.uint8, np.uint16)):
        raise UserError(f"restore: {_described(picture)} is no picture; give (H, W, bands) of uint8, uint16 or floats")
    if floating:
        _check_range(float(picture.min()), float(picture.max()))
    top = 1 if floating else int(np.iinfo(picture.dtype).max)
    bands = picture if picture.ndim == 3 else picture[..., None]
    prediction = whole(network, tensor(bands, top), tile)[0].clamp(0, 1).permute(1, 2, 0).numpy() * top
    prediction = (prediction if floating else np.rint(prediction)).astype(picture.dtype)
    return prediction if picture.ndim == 3 or prediction.shape[-1] != 1 else prediction[..., 0]


def _check_tile(tile: object) -> None:
    if tile is None or (isinstance(tile, int) and not isinstance(tile, bool) and (tile == 0 or tile >= LEAST_TILE)):
        return
    raise UserError(f"restore: tile={as_written(tile)}; give a whole number of pixels, {LEAST_TILE} or more, 0 or None")


def _check_range(least: float, most: float) -> None:
    """Raise UserError for values that are none of a picture; an overshoot, as of a resampling, is one."""
    if not -OVERSHOOT <= least <= most <= 1 + OVERSHOOT:
        found = "NaN or infinite values" if not np.isfinite([least, most]).all() else f"values {least:g} to {most:g}"
        raise UserError(f"restore: the picture has {found}; floats are in [0, 1], levels are uint8 or uint16")


def of_pictures(network: nn.Module) -> Network:
    """Return `network`; raises UserError for what is none, and for one of clips, which is no `Network`."""
    if not isinstance(network, nn.Module) or not all(hasattr(network, word) for word in ("scale", "in_channels")):
        raise UserError(f"restore: {_described(network)} is no network; give what load_network returns of a file")
    if getattr(network, "window", 1) != 1:
        raise UserError("restore: the network restores clips; give its frames to lossbench.video.restore.restored")
    return cast(Network, network)


def whole(network: Network, image: Tensor, tile: int | None) -> Tensor:
    """Return the prediction (1, bands, H, W) for `image` (1, bands, h, w) on the CPU; `tile` as for `restore`."""
    fitted = fit(network, image.shape[1])
    return torch.cat(list(predicted(network, image, chosen_tile(tile, *image.shape[-2:]), fitted)), dim=-2)


def chosen_tile(tile: int | None, height: int, width: int) -> int | None:
    """Return the side of the tiles in which a picture of that size is restored; None where it is restored whole."""
    if tile is None:
        return TILE if height * width > WHOLE else None
    return tile or None


def predicted(network: Network, image: Tensor, tile: int | None, fitted: Fit) -> Iterator[Tensor]:
    """Give the prediction for `image` (1, bands, h, w) in strips (1, bands, rows, W), not clamped, as `strips` does.

    Raises UserError for a size that an auto-encoder does not take, and where the prediction is not finite.
    """
    height, width = image.shape[-2:]
    side = network.minimum
    # asked of its attributes, since a `Counted` is of no protocol
    if hasattr(network, "decode") and (height, width) != (side, side):
        raise UserError(f"{height} x {width} px, the network takes {side} x {side} px alone; resize the picture")
    for strip in strips(network, fitted.before(image), tile, TILE_OVERLAP):
        if not bool(strip.isfinite().all()):
            raise UserError("the network gives NaN or infinite values; its training went astray, take another file")
        yield fitted.after(strip)


def tensor(levels: NDArray[Any], white: float) -> Tensor:
    """Return (h, w, bands) whose level `white` stands for 1 as (1, bands, h, w) float32."""
    values = levels.astype(np.float32)
    values /= white
    return torch.from_numpy(values)[None].permute(0, 3, 1, 2)


def quantised(
    network: Network, levels: NDArray[Any], white: int, tile: int | None, fitted: Fit, deep: bool
) -> NDArray[Any]:
    """Return the prediction (H, W, bands) of levels (h, w, bands): uint16 where `deep`, else uint8.

    No more of it is held in float32 than a row of tiles. Raises UserError as `predicted`.
    """
    height, width = (side * network.scale for side in levels.shape[:2])
    kind = np.uint16 if deep else np.uint8
    result, begun = np.empty((height, width, fitted.bands), kind), 0
    for strip in predicted(network, tensor(levels, white), tile, fitted):
        rows = strip[0].clamp(0, 1).mul_(np.iinfo(kind).max).round_().permute(1, 2, 0).cpu().numpy()
        result[begun : begun + len(rows)] = rows
        begun += len(rows)
    return result


class Counted:
    """A network that says how often it ran."""

    def __init__(self, network: Network, said: Callable[[], None]) -> None:
        """Call `said` after each run of `network`."""
        self.network, self.said = network, said

    def __getattr__(self, name: str) -> Any:
        """Return what the network has."""
        return getattr(self.network, name)

    def __call__(self, low_quality: Tensor, /) -> Tensor:
        """Return the prediction of the network."""
        prediction = self.network(low_quality)
        self.said()
        return prediction


def _is_levels(picture: Tensor) -> bool:
    return picture.dtype in (torch.uint8, torch.uint16)


def _described(value: object) -> str:
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" + (f" of shape {tuple(shape)}, {value.dtype}" if shape is not None else "")  # type: ignore[attr-defined]
