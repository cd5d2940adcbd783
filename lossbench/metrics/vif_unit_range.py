"""Pixel-domain visual information fidelity of values in [0, 1]: what comes out when its levels are forgotten."""

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics.vifp import SIDE, fidelity

better: Better = "up"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb", "y601", "y601_rounded", "gray")
SOURCE = "Sheikh, Bovik, IEEE TIP 15(2), 2006, pixel domain, its noise variance of 2 kept for values of [0, 1]"
OVER: Over = "picture"
EXACT_LUMA = True


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return `vifp` of (C, H, W) in [0, 1] without the scaling to 0..255 that its noise variance is made for.

    Not a published metric. The noise drowns the picture and the index becomes the gain squared, weighted by energy:
    added noise is ignored. The column "IFC" of the paper on robust perceptual losses, 0.65 to 0.75, cannot be IFC
    (bits per pixel, 2 to 4) and lies in reach of VIF fed [0, 1] only; use it to compare ranks with that column, never
    values. This is the pixel-domain variant: public libraries compute it when they are fed [0, 1], so that it can
    be checked against them; no library computes IFC or lets VIF on the steerable pyramid be fed so.
    Gray is not rounded, since these libraries do not. Raises UserError as `vifp`.
    """
    ours, theirs = compared("vif_unit_range", prediction, target, protocol, colours, SIDE, EXACT_LUMA)
    return fidelity(ours / 255, theirs / 255)
