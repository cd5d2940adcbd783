"""A picture as a user gives it: an array or a tensor of any kind."""

from typing import Any

import numpy as np

from lossbench.errors import UserError, quoted
from lossbench.metrics._protocol import Pixels

BANDS_LAST, LEAST_SIDE = 4, 8
"""A last axis of at most so many values, behind two of at least so many, is that of the bands."""


def as_array(image: Any) -> Pixels:
    """Return an array or tensor, on any device, as an array; raises UserError for what is no picture, bands first."""
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        # numpy has no bfloat16, so floats go through double; what is none stays so, and is refused
        image = (image.double() if image.is_floating_point() else image).numpy()
    if isinstance(image, np.ma.MaskedArray):
        raise UserError("a masked array has no numbers where it is masked; fill it, as by picture.filled(0)")
    found = np.asarray(image)
    if found.dtype.kind not in "fiubc":
        raise UserError(f"{quoted(image)} is no picture; give arrays or tensors (C, H, W) of floats in [0, 1]")
    # no picture is that narrow; without a word a metric would take its rows for bands
    if found.ndim in (3, 4) and found.shape[-1] <= BANDS_LAST < LEAST_SIDE <= min(found.shape[-3:-1]):
        raise UserError(f"shape {found.shape} has its bands last; give (C, H, W), as by np.moveaxis(picture, -1, -3)")
    return found
