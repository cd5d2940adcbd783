"""Clips checked and enlarged to a size that a loss network of videos can take."""

from torch import Tensor

from lossbench.loss_networks import _size
from lossbench.losses._inputs import InputError


def checked(clip: Tensor, bands: int, tube: int) -> Tensor:
    """Return `clip` as it is: (N, T, bands, H >= 8, W >= 8) with T a multiple of `tube`, the frames of a token.

    Raises InputError for another shape or number of frames, since a convolution would drop the frames left over
    without a word, and UserError for frames that are too small.
    """
    if clip.ndim != 5 or clip.shape[2] != bands:
        raise InputError(f"clip: shape {tuple(clip.shape)}, the loss network takes (N, T, {bands}, H, W)")
    frames = clip.shape[1]
    if frames == 0 or frames % tube:
        needed = "an even number of frames" if tube == 2 else f"a multiple of {tube} frames"
        raise InputError(f"clip: {frames} frames; the loss network needs {needed}, choose such clips")
    _size.checked(clip.flatten(0, 1), bands)
    return clip


def padded(clip: Tensor, multiple: int) -> Tensor:
    """Enlarge (N, T, C, H, W) at the right and bottom to multiples of `multiple`, by reflection as for images."""
    frames: Tensor = _size.padded(clip.flatten(0, 1), multiple).unflatten(0, clip.shape[:2])
    return frames
