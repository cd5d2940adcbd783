"""Structural similarity of one picture, the mean over its bands."""

from lossbench.errors import UserError
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics._similarity import WINDOW, similarity

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "Wang, Bovik, Sheikh, Simoncelli, 'Image Quality Assessment', IEEE TIP 13(4), 2004, equation 13"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the mean SSIM of (C, H, W) in [0, 1] over pixels and bands, at most 1; any number of bands.

    Population covariance, and only windows that lie inside the picture, as in the paper's code, without its later
    down-sampling. The range of values is 255 under every protocol, also for `y601`, whose values lie in 16..235.
    Raises UserError as Protocol.apply, and for pictures smaller than the window after the crop.
    """
    ours, theirs = protocol.pair(prediction, target)
    _, height, width = ours.shape
    if min(height, width) < WINDOW:
        raise UserError(
            f"prediction: {height}x{width} pixels after the crop are smaller than the {WINDOW}x{WINDOW} window of ssim;"
            " use larger pictures"
        )
    return float(similarity(ours, theirs).mean())
