"""EfficientNet error: whether a public classifier of ImageNet takes a restored picture for another than its class."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lossbench.errors import UserError
from lossbench.metrics import _stored
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

if TYPE_CHECKING:
    from torch import nn

better: Better = "down"
unit = "%"
needs_target = False
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = (
    "this project: top-1 error as in paper B, figure 1, of the embedded EfficientNet-Lite0 instead of that of ResNet-50"
)
OVER: Over = "picture"
NEEDS_LABEL = True
CLASSIFIER = "efficientnet_lite0"

SIDE = 224
"""Height and width in pixels that the classifier takes."""


def score(prediction: Pixels, target: Pixels | None, protocol: Protocol, *, label: int) -> float:
    """Return 100 if the most probable class of the RGB picture (3, 224, 224) in [0, 1] is not `label`, else 0, in %.

    The mean over pictures is the error rate; `label` counts ImageNet's classes from 0 to 999, `target` is not looked
    at. Raises UserError as Protocol.apply, for another size after the crop, a label that is no class, and when the
    embedded file of weights is missing.
    """
    pixels = protocol.apply(prediction, "prediction")
    if pixels.shape[1:] != (SIDE, SIDE):
        height, width = pixels.shape[1:]
        raise UserError(f"prediction: {height}x{width} pixels after the crop; the classifier takes {SIDE}x{SIDE}")
    return 100.0 * _stored.misclassified(_classifier(), pixels, label)


@cache
def _classifier() -> nn.Module:
    from lossbench.classifiers import plugin

    return _stored.placed(plugin(CLASSIFIER).load())
