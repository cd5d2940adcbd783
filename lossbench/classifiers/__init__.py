"""Image classifiers on the trunks of the loss networks: built, stored, loaded, and filled with public weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import torch.nn.functional as F
from torch import Tensor, nn

from lossbench import loss_networks, plugins, storage
from lossbench.errors import UserError, nearest
from lossbench.loss_networks._wrapped import unwrapped

FOLDER = "classifiers"
KIND = "classifier"
"""The kind of a stored file, in `storage.KINDS`."""
CHANNELS = {"vgg16": ("pool5", 512), "vgg19": ("pool5", 512), "resnet50": ("layer4", 2048)}
"""The last layer of each trunk and its channels."""
HEADS = ("published", "pooled")
GRID, HIDDEN = 7, 4096
"""Positions a side and units of a VGG's published head."""


class Plugin(Protocol):
    """What a file of this folder holds: a public classifier of its own architecture."""

    SOURCE: str

    def load(self) -> nn.Module:
        """Return it trained, frozen and in evaluation mode: images in [0, 1] to logits (N, classes)."""


class Classifier(nn.Module):
    """A trunk and a head: images (N, 3, H, W) in [0, 1] to float32 logits (N, classes)."""

    def __init__(self, trunk: nn.Module, classes: int, head: str = "published", dropout: float = 0.0) -> None:
        """Put a head on `trunk`, a loss network made by the catalog.

        `head` is `published` (a VGG's three linear layers on 7 x 7 positions; a ResNet's one) or `pooled` (one linear
        layer on the mean over all positions, for few classes and small images). `dropout` acts in a VGG's published
        head only; 0.5 is published, 0 keeps adversarial logit pairing free of noise. Raises UserError for another
        trunk or head.
        """
        super().__init__()
        self.name = loss_networks.described(trunk).name
        if self.name not in CHANNELS:
            raise UserError(f"classifier: no trunk '{self.name}'; {nearest(self.name, CHANNELS)}")
        if head not in HEADS:
            raise UserError(f"classifier: unknown head '{head}'; {nearest(head, HEADS)}")
        self.arguments = {"classes": classes, "head": head, "dropout": dropout}
        self.last, channels = CHANNELS[self.name]
        self.trunk, self.frozen = trunk, False
        self.grid = GRID if head == "published" and self.name != "resnet50" else 1
        if self.grid == 1:
            self.head = nn.Sequential(nn.Linear(channels, classes))
        else:
            self.head = nn.Sequential(
                *(nn.Linear(channels * GRID**2, HIDDEN), nn.ReLU(), nn.Dropout(dropout)),
                *(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(dropout), nn.Linear(HIDDEN, classes)),
            )

    def freeze_trunk(self) -> None:
        """Leave the trunk as it is in training: no gradient, and the statistics of its normalisation stay."""
        self.trunk.requires_grad_(False)
        self.frozen = True
        self.train(self.training)

    def train(self, mode: bool = True) -> Classifier:
        """Set the mode of training; a frozen trunk stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        assert isinstance(self.trunk, loss_networks.Trunk)
        features = F.adaptive_avg_pool2d(self.trunk.layers(images, [self.last])[self.last], self.grid)
        logits: Tensor = self.head(features.flatten(1))
        return logits.float()


def plugin(name: str) -> Plugin:
    """Return the file of the public classifier `name`; raises UserError with the nearest match for an unknown one."""
    return cast(Plugin, plugins.load(FOLDER, name))


def build(
    architecture: str,
    classes: int,
    arguments: Mapping[str, Any] | None = None,
    head: str = "published",
    dropout: float = 0.0,
) -> Classifier:
    """Build a classifier with random weights from torch's global generator; `arguments` go to the trunk's `build`."""
    if architecture not in CHANNELS:
        raise UserError(f"classifier: no architecture '{architecture}'; {nearest(architecture, CHANNELS)}")
    return Classifier(loss_networks.build(architecture, **(arguments or {})), classes, head, dropout)


def initialise(classifier: Classifier) -> None:
    """Draw the weights of a VGG as torchvision does, by which a VGG without batch normalisation begins to learn.

    From torch's global generator; a ResNet has them already. The head of a VGG alone is drawn where its trunk is filled
    afterwards.
    """
    if classifier.name == "resnet50":
        return
    for module in classifier.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def load_trunk(classifier: Classifier, path: Path) -> None:
    """Fill the trunk from a stored loss network; raises UserError when the file holds another one."""
    stored, _ = loss_networks.load(path)
    found, wanted = (tuple(loss_networks.described(module)) for module in (stored, classifier.trunk))
    if found != wanted:
        raise UserError(f"{path} holds {found}, the classifier has {wanted}; give the file of that loss network")
    storage.fill(classifier.trunk, stored.state_dict(), path)


def save(classifier: Classifier, path: Path, card: dict[str, Any]) -> None:
    """Write `classifier` to `path` atomically as safetensors, with all that is needed to build it again, and `card`."""
    arguments = loss_networks.described(classifier.trunk).architecture
    description = {"name": classifier.name, "arguments": arguments, **classifier.arguments, "card": card}
    storage.save(path, classifier, description, KIND)


def load(path: Path) -> tuple[Classifier, dict[str, Any]]:
    """Return the classifier in the file `path` on the CPU, frozen and in evaluation mode, and its card.

    Raises UserError naming the file when it is missing, truncated, of another kind, or does not fit exactly.
    """
    state, description = storage.read(path, KIND)
    card: dict[str, Any] = description.pop("card", {})
    classifier = storage.rebuilt(path, state, lambda: build(description.pop("name"), **description))
    assert isinstance(classifier, Classifier)
    return classifier, card


def load_into(classifier: Classifier, path: Path) -> None:
    """Fill `classifier` from a stored one of the same form; raises UserError when the file does not fit."""
    state, _ = storage.read(path, KIND)
    storage.fill(classifier, state, path)


def import_weights(classifier: Classifier, path: Path) -> None:
    """Fill a classifier with its published head from a state dict of torchvision's `vgg16`, `vgg19` or `resnet50`.

    Plain or robust files, in the layouts that the trunk's `import_weights` takes. Raises UserError naming the file
    when it does not fit, also in its number of classes.
    """
    if classifier.arguments["head"] != "published":
        raise UserError(f"{path}: public weights need the published head, this classifier has a pooled one")
    released = unwrapped(path, classifier.trunk)
    prefix = "fc." if classifier.name == "resnet50" else "classifier."
    # a ResNet's only layer is the head's first
    place = "0." if classifier.name == "resnet50" else ""
    head = {place + name.removeprefix(prefix): value for name, value in released.items() if name.startswith(prefix)}
    file = loss_networks.plugin(classifier.name)
    assert isinstance(file, loss_networks.ImportingPlugin)
    file.import_weights(classifier.trunk, path)
    storage.fill(classifier.head, head, path)
