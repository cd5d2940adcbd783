"""Warping error: what is left between neighbouring frames of a clip after the target's motion is undone."""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.metrics import _clips
from lossbench.metrics._protocol import Better, Colour, Floats, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
VERSIONS_OF = ("scikit-image",)
SOURCE = (
    "Lai et al., 'Learning Blind Video Temporal Consistency', ECCV 2018, equation 10, with TV-L1 optical flow of the "
    "target (Zach, Pock, Bischof 2007, by scikit-image) in place of FlowNet2"
)
OVER: Over = "clip"

LEAST = 16
"""Side of the smallest frame in pixels; below it no motion can be told."""
SLACK = 0.01, 0.5
"""Ruder et al., GCPR 2016, equation 5: which part of the squared flows, and how many squared pixels, they may miss."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean squared error of clips (T >= 2, C, H, W) in [0, 1], at levels of 0 to 1; 0 or above.

    Frame t + 1 of the prediction is warped to frame t by the flow of the target, and compared where the target's flows
    there and back agree. The mean is over pixels and bands, then over pairs of frames; a pair without such pixels is
    left out. A clip that is blurred or still scores below the target's own error, so print that beside it. The flow is
    not the papers', whose networks need weights; numbers compare only with numbers of this metric. Raises UserError as
    Protocol.apply, for fewer than two frames, frames below 16 pixels, and where no pixel of any pair can be followed.
    """
    ours, theirs = (clip / 255 for clip in _clips.pairs(prediction, target, protocol, least=2))
    _, _, height, width = theirs.shape
    if min(height, width) < LEAST:
        raise UserError(f"target: {height}x{width} pixels after the crop; use frames of {LEAST}x{LEAST} or more")
    # motion is looked for in the mean of all bands, however many there are
    brightness = theirs.mean(axis=1)
    errors = []
    for index in range(len(ours) - 1):
        places, followed = _motion(brightness[index], brightness[index + 1])
        if followed.any():
            warped = np.stack([_sampled(band, places) for band in ours[index + 1]])
            errors.append(np.square(warped - ours[index])[:, followed].mean())
    if not errors:
        raise UserError("target: no pixel can be followed from frame to frame; use clips without cuts")
    return float(np.mean(errors))


def _motion(frame: Floats, following: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return where (2, H, W) each pixel of `frame` (H, W) lies in `following`, and which can be followed there."""
    flow = imported("skimage.registration", "metric 'warping_error'").optical_flow_tvl1

    forth: Floats = flow(frame, following, dtype=np.float64)
    back: Floats = flow(following, frame, dtype=np.float64)
    places = np.indices(frame.shape) + forth
    size = np.array(frame.shape).reshape(2, 1, 1)
    inside = ((places >= 0) & (places <= size - 1)).all(axis=0)
    returned = np.stack([_sampled(axis, places) for axis in back])
    share, pixels = SLACK
    allowed = share * (np.square(forth).sum(axis=0) + np.square(returned).sum(axis=0)) + pixels
    return places, inside & (np.square(forth + returned).sum(axis=0) <= allowed)


_sampled = partial(map_coordinates, order=1, mode="nearest")
