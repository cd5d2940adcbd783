"""GMSD at full size, without the halving of its authors' code."""

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics.gmsd import deviation

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("gray",)
SOURCE = "Xue, Zhang, Mou, Bovik, IEEE TIP 23(2), 2014, equations 4 and 6, on the picture as it is"
OVER: Over = "picture"


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the GMSD of (1 or 3, H, W) in [0, 1] at full size, 0 for equal pictures; symmetric.

    Not the published metric: about twice as high on blurred pictures. The GMSD column of the paper on robust
    perceptual losses, 0.165 to 0.205, fits this one and not `gmsd`: bicubic magnification by four scores 0.195 here
    and 0.119 there. Raises UserError as Protocol.apply, and for pictures under 3x3 pixels after the crop.
    """
    return deviation(*compared("gmsd_full", prediction, target, protocol, colours, 3))
