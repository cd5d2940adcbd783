"""LPIPS 0.1 with VGG-16: how differently people see two pictures, by a classifier's features and released heads."""

from pathlib import Path

from lossbench.metrics import _stored
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = "Zhang et al., 'The Unreasonable Effectiveness of Deep Features', CVPR 2018, equation 1 (version 0.1, VGG-16)"
OVER: Over = "picture"
WEIGHTS = ("lpips",)
WEIGHTS_FROM = "run: lossbench fetch weights lpips, which names the file"


def score(prediction: Pixels, target: Pixels, protocol: Protocol, *, weights: Path) -> float:
    """Return the LPIPS of RGB pictures (3, H, W) in [0, 1], 0 for equal ones and not negative.

    `weights` is a stored loss network `lpips` of net `vgg`: torchvision's trunk with the heads that were trained for
    it. Raises UserError as Protocol.apply, for another file, and for other than three bands of 8 x 8 pixels or more.
    """
    ours, theirs = protocol.pair(prediction, target)
    return _stored.distance(_stored.network(weights, "lpips", net="vgg"), ours, theirs)
