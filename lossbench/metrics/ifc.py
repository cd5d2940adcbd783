"""Information fidelity criterion: bits a pixel that prediction and target share."""

import numpy as np

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol
from lossbench.metrics._steerable import SIDE, bands

better: Better = "up"
unit = "bit/px"
needs_target = True
colours: tuple[Colour, ...] = ("y601_rounded", "gray")
SOURCE = "Sheikh, Bovik, de Veciana, 'An Information Fidelity Criterion', IEEE TIP 14(12), 2005; 3x3 vectors"
OVER: Over = "picture"

FLOOR = 1e-10
"""Added to the variance of the noise, so that equal pictures share finitely many bits."""


def score(prediction: Pixels, target: Pixels, protocol: Protocol) -> float:
    """Return the IFC of (1 or 3, H, W) in [0, 1] in bits a pixel of luma, at least 0 and without an upper limit.

    Luma in whole levels. 2 to 4 for pictures magnified by four. Equal pictures share infinitely many bits; here the
    number is finite and large, about 70 for a photograph, and says nothing more. 0 when prediction or target is flat.
    Not symmetric. Equals the authors' MATLAB code to 1e-4 on Set5. Raises UserError as Protocol.apply, and for
    pictures under 72x72 pixels after the crop.
    """
    ours, theirs = compared("ifc", prediction, target, protocol, colours, SIDE)
    bits = 0.0
    for band in bands(ours[0], theirs[0]):
        ratio = band.gain**2 * band.scale / (band.noise + FLOOR)
        bits += float(np.log2(1 + ratio[..., None] * band.eigenvalues).sum())
    return bits / theirs.size
