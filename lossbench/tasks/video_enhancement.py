"""Low-light enhancement of clips: shipped pairs, or one darkening curve a clip and fresh photon noise a frame."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from lossbench.images import largest
from lossbench.tasks import Pixels, TaskSettings, enhancement

SOURCE = "Lv et al. 2018 (MBLLEN), applied to video: one gamma curve a clip, Poisson noise a frame"
TRIVIAL = "dark_input"
ALSO_TRIVIAL = ("gamma_corrected",)
CLIPS = True
"""What it restores."""

scale = enhancement.scale
versions = enhancement.versions
reference = enhancement.reference
trivial = enhancement.trivial


def gamma_corrected(low_quality: Pixels, settings: TaskSettings) -> Pixels:
    """Return the harder answer to beat: a clip (T, H, W, C) to the one power that brings its mean to that of pictures.

    One power a clip, of 8 or 16 bit, so that its brightness does not flicker; see `enhancement.gamma_corrected`.
    """
    white = largest(low_quality.dtype)
    # frame by frame, since counting takes eight times the room of what is counted
    counts = sum(np.bincount(frame.ravel(), minlength=white + 1) for frame in low_quality)
    curve = enhancement.brightened(np.asarray(counts) / low_quality.size)
    corrected: Pixels = np.rint(white * curve).astype(low_quality.dtype)[low_quality]
    return corrected


def degrade(target: NDArray[np.uint8], settings: TaskSettings, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the dark version of a clip (T, H, W, C), as `degrade_frames`."""
    return np.stack(list(degrade_frames(target, settings, generator)))


def degrade_frames(
    frames: Iterable[NDArray[np.uint8]], settings: TaskSettings, generator: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Give the dark version of the frames (H, W, C) of one clip, x in [0, 1]: Poisson(peak * b * (a * x) ** g) / peak.

    One gamma g, alpha a and beta b a clip, so that its brightness does not flicker; noise in each value of each frame
    anew. Settings, ranges and errors are those of the task enhancement.
    """
    curve = enhancement.drawn_curve(settings, generator)
    for frame in frames:
        yield enhancement.darkened(frame, curve, generator)
