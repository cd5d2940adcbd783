"""R-LPIPS: the computation of LPIPS with a trunk and heads that this pipeline trained on attacked pictures."""

from pathlib import Path

from lossbench.metrics import _stored
from lossbench.metrics._protocol import Better, Colour, Over, Pixels, Protocol

better: Better = "down"
unit = ""
needs_target = True
colours: tuple[Colour, ...] = ("rgb",)
SOURCE = (
    "paper B, R-LPIPS, with heads trained by this pipeline, since its authors released none; neither LPIPS nor the "
    "R-LPIPS of Ghazanfari et al., 2023"
)
OVER: Over = "picture"
WEIGHTS = ("robust_lpips",)
WEIGHTS_FROM = "nobody released such weights: train the loss network 'robust_lpips' by pipeline.pretrain"


def score(prediction: Pixels, target: Pixels, protocol: Protocol, *, weights: Path) -> float:
    """Return the R-LPIPS of RGB pictures (3, H, W) in [0, 1], 0 for equal ones and not negative.

    `weights` is a stored loss network `robust_lpips`; numbers of two files can't be compared. Raises UserError as
    Protocol.apply, for another file, and for other than three bands of 8 x 8 pixels or more.
    """
    ours, theirs = protocol.pair(prediction, target)
    return _stored.shared_distance(_stored.network(weights, "robust_lpips"), ours, theirs)
