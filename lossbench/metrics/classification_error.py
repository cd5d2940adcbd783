"""Classification error: whether a trained classifier takes a restored picture for another than its class."""

from __future__ import annotations

from functools import cache
from pathlib import Path
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
SOURCE = "paper B, figure 1: top-1 error of a classifier on pictures sub-sampled x4 and restored"
OVER: Over = "picture"
WEIGHTS = ("classifier",)
WEIGHTS_FROM = "train one by pipeline.train_classifier"
NEEDS_LABEL = True

WITNESS = "witness.npz"
"""What pipeline.train_classifier writes beside a classifier."""


def score(prediction: Pixels, target: Pixels | None, protocol: Protocol, *, weights: Path, label: int) -> float:
    """Return 100 if the most probable class of the RGB picture (3, H, W) in [0, 1] is not `label`, else 0, in %.

    The mean over pictures is the error rate; `target` is not looked at. `weights` is a stored classifier, which sees
    the whole picture at its own size. Raises UserError as Protocol.apply, for another file, one that fails the witness
    beside it, a label that is no class, and other than three bands.
    """
    file = Path(weights).absolute()
    classifier = _classifier(file, _stored.changed_at(file))
    return 100.0 * _stored.misclassified(classifier, protocol.apply(prediction, "prediction"), label)


def require_classes(weights: Path, classes: list[str], test_set: str) -> None:
    """Raise UserError when the classifier in `weights` says that it knows others than the `classes` of the test set.

    Also when their order is another one, since a label is a place in it.
    """
    from lossbench import storage
    from lossbench.classifiers import KIND

    known = storage.describe(weights, KIND).get("card", {}).get("classes")
    if known is None or known == classes:
        return
    place = next((place for place, (one, other) in enumerate(zip(known, classes, strict=False)) if one != other), None)
    first = "" if place is None else f"; number {place} is '{known[place]}' there and '{classes[place]}' here"
    raise UserError(
        f"{weights} was trained on {len(known)} classes, test set '{test_set}' has {len(classes)}{first}; "
        "take a classifier of the test set's classes"
    )


@cache
def _classifier(weights: Path, _changed: int) -> nn.Module:
    """Return the classifier in the file `weights`, frozen, after it recognised the crops of its witness."""
    from lossbench.classifiers import load
    from lossbench.classifiers._accuracy import check_witness

    stored, _ = load(weights)
    classifier = _stored.placed(stored)
    if (witness := weights.with_name(WITNESS)).exists():
        with _stored.exact():
            check_witness(classifier, witness)
    return classifier
