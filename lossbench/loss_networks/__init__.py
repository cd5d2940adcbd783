"""Loss networks by name: build, save with all that is needed to build again, load frozen, list with their sizes."""

import copy
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from lossbench import plugins, storage
from lossbench.errors import FileError

FOLDER = "loss_networks"
KIND = "loss_network"
"""The kind of a stored file, in `storage.KINDS`."""

Sizes = dict[str, dict[str, Any]]
"""Arguments of `build` by the label of a published size."""


class Encoder(Protocol):
    """Gives tokens (N, L, D) or maps (N, D, h, w) of images (N, C, H, W) or clips (N, T, C, H, W) in [0, 1]."""

    def encode(self, image: Tensor, /) -> Tensor:
        """Return the final features of the whole image: nothing masked, nothing shuffled, no class token."""


class TokenEncoder(Encoder, Protocol):
    """An encoder of images whose blocks, class token and last normalisation may be chosen."""

    def encode(
        self, image: Tensor, /, *, class_token: bool = False, layer: int | None = None, norm: bool = True
    ) -> Tensor:
        """Return the tokens behind `layer` blocks, all when None, the class token before them where asked for."""

    def check_layer(self, layer: int | None) -> None:
        """Raise UserError unless `layer` is None or the number, from 1, of a block."""


@runtime_checkable
class Autoencoder(Encoder, Protocol):
    """An encoder of images that also runs on a part of their patches, as it is trained to do by the stage pretrain."""

    def cells(self, height: int, width: int) -> int:
        """Return how many patches L an image of this size has."""

    def encode_visible(self, image: Tensor, mask: Tensor, count: int | None = None) -> Tensor:
        """Encode the patches where `mask` (N, L) is True alone; `count` is their number, the same in each image."""

    def pretraining_loss(self, image: Tensor, noise: Tensor, /) -> Tensor:
        """Return the mean error over the patches that uniform `noise` (N, L) masks, a scalar."""

    def reconstruct(self, image: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masked image and the filled-in one."""


@runtime_checkable
class Trunk(Protocol):
    """Gives feature maps by the names of its layers."""

    def layers(self, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the maps `names` of an RGB image (N, 3, H, W) in [0, 1]; raises UserError for an unknown name."""


class FeatureNetwork(Protocol):
    """Gives one feature vector or map of an image."""

    def features(self, image: Tensor) -> Tensor:
        """Return it for images (N, C, H, W) in [0, 1]."""


class LayeredNetwork(FeatureNetwork, Protocol):
    """One of which any layer may be chosen to give the features."""

    def cut(self, layer: str) -> None:
        """Keep what the output of `layer` needs and drop all else; raises UserError for an unknown layer."""


class DistanceNetwork(Protocol):
    """Gives the distance of two images."""

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean over the batch, a scalar of at least 0."""


class HeadedDistance(DistanceNetwork, Protocol):
    """A distance of the features of a trunk, weighed by heads that may be trained alone."""

    trunk: nn.Module
    heads: nn.Module

    def features(self, images: Tensor) -> list[Tensor]:
        """Return what `between` compares of RGB images (N, 3, H, W) in [0, 1]."""

    def between(self, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
        """Return the distance (N,) of each pair of images from the `features` of both."""

    def clamp_heads(self) -> None:
        """Set negative weights of the heads to zero, so that no distance is below it."""


class Plugin(Protocol):
    """What a file of this folder holds."""

    SOURCE: str
    """The paper, and what of it is built."""
    PUBLISHED: Sizes

    @property
    def build(self) -> Callable[..., Encoder | Trunk | FeatureNetwork | DistanceNetwork]:
        """Return what makes the network, a torch module; arguments left out take their published defaults."""


@runtime_checkable
class ImportingPlugin(Plugin, Protocol):
    """A file whose network public weights exist for."""

    @property
    def import_weights(self) -> Callable[..., None]:
        """Return what fills a network (first argument) from a released file (second).

        It raises UserError naming the file when it is missing, damaged, holds more than weights, or does not fit.
        """


@runtime_checkable
class CountedPlugin(Plugin, Protocol):
    """A file that states its `parameters` of `listing`, since building would import a slow library."""

    @property
    def PARAMETERS(self) -> Mapping[str, int | dict[str, int]]:  # noqa: N802
        """Return them by the label of the published size."""


class Description(NamedTuple):
    """What it takes to build a loss network again."""

    name: str
    architecture: dict[str, Any]
    """All arguments of its `build`, defaults included."""


def plugin(name: str) -> Plugin:
    """Return the file of the loss network `name`; raises UserError with the nearest match for an unknown one."""
    return cast(Plugin, plugins.load(FOLDER, name))


def build(name: str, **architecture: Any) -> nn.Module:
    """Build the loss network of `loss_networks/<name>.py`; raises UserError for an unknown name or argument.

    The module remembers what `described` returns, in `loss_network` and `architecture`.
    """
    make = plugin(name).build
    plugins.check_arguments(f"loss network '{name}'", make, architecture)
    plugins.check_types_of_defaults(f"loss network '{name}'", make, architecture)
    module = make(**architecture)
    assert isinstance(module, nn.Module)
    defaults = {argument: parameter.default for argument, parameter in inspect.signature(make).parameters.items()}
    module.__dict__.update(loss_network=name, architecture={**defaults, **architecture})
    return module


def described(module: nn.Module) -> Description:
    """Return name and arguments of a module made by `build` or `load`."""
    return Description(module.__dict__["loss_network"], module.__dict__["architecture"])


def save(module: nn.Module, path: Path, card: dict[str, Any], halved: bool = False) -> None:
    """Write a module made by `build` or `load` to `path` atomically, as safetensors.

    The metadata hold its name, its arguments and `card`, which says in JSON where the weights come from. A file that is
    `halved` holds float16.
    """
    kept = copy.deepcopy(module).half() if halved else module
    storage.save(path, kept, {**described(module)._asdict(), "card": card}, KIND)


def load(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Return the loss network in the file `path` on the CPU, frozen and in evaluation mode, and its card.

    Its weights are float32; those of a file of float16 are what they were rounded to. Raises UserError naming the file
    when it is missing, truncated, of another kind, not finite, or does not fit.
    """
    state, description = storage.read(path, KIND)
    storage.check_finite(state, path)
    state = {name: tensor.float() if tensor.dtype is torch.float16 else tensor for name, tensor in state.items()}
    if missing := {"architecture", "card"} - description.keys():
        raise FileError(f"{path} does not tell its {' and '.join(sorted(missing))}", "give one of lossbench")
    module = storage.rebuilt(path, state, lambda: build(description["name"], **description["architecture"]))
    return module, description["card"]


def listing() -> list[dict[str, Any]]:
    """Return name, source and published sizes of every loss network; no weight is made.

    `parameters` gives for each published size one count, or for autoencoders those of encoder and decoder, and of what
    belongs to neither where there is such. A plugin that would import a slow library to be built states its counts in
    PARAMETERS.
    """
    entries = []
    for name in plugins.names(FOLDER):
        file = plugin(name)
        if isinstance(file, CountedPlugin):
            sizes = file.PARAMETERS
        else:
            with torch.device("meta"):
                sizes = {label: _sizes(build(name, **arguments)) for label, arguments in file.PUBLISHED.items()}
        entries.append({"name": name, "parameters": sizes, "source": file.SOURCE})
    return entries


def _sizes(module: nn.Module) -> int | dict[str, int]:
    total = _count(module.parameters())
    listed = {part: getattr(module, f"{part}_parameters", None) for part in ("encoder", "decoder")}
    parts = {part: _count(parameters()) for part, parameters in listed.items() if parameters}
    other = total - sum(parts.values())
    return {**parts, **({"other": other} if other else {})} if parts else total


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
