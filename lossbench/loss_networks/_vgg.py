"""What the VGG trunks share: blocks of 3 x 3 convolutions with pools between, and torchvision's files of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.loss_networks._bands import MEAN, STD, Normalising
from lossbench.loss_networks._size import checked, grown
from lossbench.loss_networks._wrapped import unwrapped
from lossbench.storage import fill


class VGG(Normalising):
    """The convolutions conv1_1, conv1_2 ..., each with ReLU, and a max pool pool1 ... behind each block."""

    def __init__(
        self,
        title: str,
        widths: Sequence[Sequence[int]],
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        blue_first: bool = False,
    ) -> None:
        """Make the convolutions, with zero padding; `title` is for messages.

        `widths` has for each block the channels of its convolutions. `mean` and `std`, in [0, 1] units and in the
        order of the bands that the weights expect, normalise the image; `blue_first` says that this order is blue,
        green, red.
        """
        super().__init__(3, mean, std)
        self.title, self.blue_first, self.names = title, blue_first, layer_names(widths)
        channels = [3, *(width for block in widths for width in block)]
        for index, name in enumerate(name for name in self.names if name.startswith("conv")):
            self.add_module(name, nn.Conv2d(channels[index], channels[index + 1], 3, padding=1))

    def layers(self, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the feature maps `names` of an RGB image (N, 3, H, W) in [0, 1]; non-negative, none clamped above.

        `conv3_1` means after its ReLU; a pool halves the size, rounding down. Nothing beyond the deepest name is
        computed. An image too small for the deepest pool is enlarged to it. Raises UserError for an unknown name.
        """
        wanted = set(names)
        for name in sorted(wanted - set(self.names)):
            raise UserError(f"layers: {self.title} has no '{name}'; {nearest(name, self.names)}")
        needed = self.names[: max((self.names.index(name) + 1 for name in wanted), default=0)]
        least = 2 ** sum(name.startswith("pool") for name in needed)
        image = grown(checked(image, 3), least, least)
        maps: dict[str, Tensor] = {}
        features = self.normalised(image.flip(1) if self.blue_first else image)
        for name in needed:
            features = self._layer(name, features)
            if name in wanted:
                maps[name] = features
        return maps

    def _layer(self, name: str, features: Tensor) -> Tensor:
        if name.startswith("pool"):
            return F.max_pool2d(features, 2)
        return F.relu(self.get_submodule(name)(features))


def layer_names(widths: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Return the name of every layer, in order: the convolutions of each block, then its pool."""
    blocks = ((*(f"conv{b}_{i}" for i in range(1, len(block) + 1)), f"pool{b}") for b, block in enumerate(widths, 1))
    return tuple(name for block in blocks for name in block)


def import_torchvision(module: VGG, path: Path) -> None:
    """Fill `module` from a state dict of torchvision's VGG (without batch normalisation), less the classifier.

    The state dict may be the whole file or lie under `model` or `state_dict`, and may be that of a classifier trained
    against attacks in the layout of MadryLab's `robustness` library (see `_wrapped.unwrapped`). Raises UserError naming
    the file when it is missing, damaged, holds more than weights, is of another network, or expects images normalised
    by another mean and deviation than ImageNet's.
    """
    names: dict[str, str] = {}
    position = 0
    for name in module.names:
        if name.startswith("conv"):
            names |= {f"features.{position}.{kind}": f"{name}.{kind}" for kind in ("weight", "bias")}
            # torchvision counts the ReLU too
            position += 1
        position += 1
    released = unwrapped(path, module).items()
    trunk = {names.get(name, name): tensor for name, tensor in released if not name.startswith("classifier.")}
    fill(module, trunk, path)
