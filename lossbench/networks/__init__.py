"""Build a restoration network by the name of its file, count its parameters, list them all."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from lossbench import plugins, storage
from lossbench.errors import UserError
from lossbench.files import given_path

FOLDER = "networks"

Sizes = dict[str, dict[str, Any]]
"""Arguments of `build` by the label of a published size."""


@runtime_checkable
class Sized(Protocol):
    """What every network says of its input and of its prediction."""

    in_channels: int
    """Bands of the low quality, of each frame of a clip."""
    out_channels: int
    """Bands of the prediction, of each frame of a clip."""
    scale: int
    """Height of the prediction over that of the low quality."""
    multiple: int
    """What H and W must be multiples of, in pixels."""
    minimum: int
    """Least H and W in pixels."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Give what is trained."""


@runtime_checkable
class Network(Sized, Protocol):
    """A torch module from (N, in_channels, H, W) in [0, 1] to (N, out_channels, scale * H, scale * W), not clamped."""

    def __call__(self, low_quality: Tensor, /) -> Tensor:
        """Return the prediction."""


@runtime_checkable
class VideoNetwork(Sized, Protocol):
    """A torch module from (N, window, in_channels, H, W) in [0, 1] to the middle frame (N, out_channels, ...).

    Noise may leave the range. The prediction is scale * H x scale * W pixels and not clamped.
    """

    window: int
    """Consecutive frames that it looks at, an odd number."""

    def __call__(self, frames: Tensor, sigma: Tensor | None = None, /) -> Tensor:
        """Return the prediction; `sigma` (N,) is the noise's standard deviation, given where TAKES_SIGMA says so."""


@runtime_checkable
class EndedNetwork(VideoNetwork, Protocol):
    """A network that is given a constant in place of the frames beyond the ends of a clip; others get mirrored ones."""

    outside: float
    """That constant."""


@runtime_checkable
class ClipNetwork(Sized, Protocol):
    """A torch module from (N, T, in_channels, H, W) in [0, 1] to all frames (N, T, out_channels, ...), not clamped.

    The prediction is scale * H x scale * W pixels.
    """

    window: None
    """It looks at the whole clip."""
    least_frames: int
    """Least T."""

    def __call__(self, frames: Tensor, sigma: Tensor | None = None, /) -> Tensor:
        """Return the prediction; `sigma` as for a `VideoNetwork`."""


@runtime_checkable
class SearchingNetwork(ClipNetwork, Protocol):
    """A network of clips that looks for patches, which costs more than all else and depends on its input alone."""

    neighbours_folder: Path | None
    """Where what it finds is kept in evaluation mode; None keeps nothing."""


@runtime_checkable
class NetworkWithLoss(Network, Protocol):
    """A network that its authors train with a loss of its own."""

    def stages(self, low_quality: Tensor) -> tuple[Tensor, ...]:
        """Return all that the loss compares with the target, the prediction first."""

    def own_loss(self, stages: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss as a float32 scalar, 0 where the stages are as they should be."""


@runtime_checkable
class Autoencoder(Network, Protocol):
    """A network of whole pictures of one size that goes through a Gaussian latent, and makes pictures out of it."""

    latent: int
    """Number of latent variables."""

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the latent, (N, latent) each."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return the pictures of latents (N, latent)."""


class Shelved(Protocol):
    """What every file of this folder holds."""

    SOURCE: str
    """The paper, and what of it is built."""
    PUBLISHED: Sizes
    LEAST_PATCH: int
    """Least side in pixels of a low-quality training patch from which every weight gets a gradient.

    A padded convolution of 3 x 3 needs 2 x 2 pixels, on the coarsest map too: of a single one its outer weights read
    the padding alone, keep their random start, and act on pictures. A literal; planning refuses recipes with less.
    """


class Plugin(Shelved, Protocol):
    """A file whose network restores pictures."""

    @property
    def build(self) -> Callable[..., Network]:
        """Return what makes the network; arguments left out take their published defaults."""


class VideoPlugin(Shelved, Protocol):
    """A file whose network restores the middle one of some frames.

    A network that is told the noise level has the constant `TAKES_SIGMA = True` beside these.
    """

    WINDOW: int
    """Frames that it looks at, an odd number; a literal."""

    @property
    def build(self) -> Callable[..., VideoNetwork]:
        """Return what makes the network."""


class ClipPlugin(Shelved, Protocol):
    """A file whose network restores all frames of a clip at once; `TAKES_SIGMA` as for a `VideoPlugin`.

    One that is built on another network, whose trained file its `build` takes as `weights`, names it in `BUILT_ON`, and
    in `SHARED` the arguments that both have alike; literals.
    """

    WINDOW: None
    """It looks at the whole clip; a literal."""
    LEAST_FRAMES: int
    """Of the clip; a literal."""

    @property
    def build(self) -> Callable[..., ClipNetwork]:
        """Return what makes the network."""


class PluginWithLoss(Plugin, Protocol):
    """A file whose network has a loss of its own."""

    OWN_LOSS: str
    """That loss in words, with its source."""

    @property
    def build(self) -> Callable[..., NetworkWithLoss]:
        """Return what makes the network."""


OUTSIDE = "lossbench.networks._outside"
WEIGHTS = "lossbench.networks._weights"
"""Imported by their names, as plugins are: what networks from outside need is no part of ours."""


def plugin(name: str) -> Plugin | VideoPlugin | ClipPlugin:
    """Return the file of the network `name`, or one from outside as if it were a file.

    Raises UserError with the nearest match for an unknown one.
    """
    if plugins.is_outside(FOLDER, name):
        return cast(Plugin, importlib.import_module(OUTSIDE).plugin(name))
    return cast(Plugin | VideoPlugin | ClipPlugin, plugins.load(FOLDER, name))


def window(name: str) -> int | None:
    """Return how many frames the network `name` looks at: 1 where it restores pictures, None for a whole clip.

    Read from its file: nothing is imported. Raises UserError with the nearest match for an unknown network.
    """
    return cast(int | None, plugins.constant(FOLDER, name, "WINDOW", 1))


def build(name: str, /, **arguments: Any) -> nn.Module:
    """Return the network `name`, a `Network`, or by `window` a `VideoNetwork` or a `ClipNetwork`.

    Arguments left out take their published defaults. A class or function `package.module:Name` takes `scale`,
    `multiple`, `minimum`, `in_channels` and `out_channels` beside its own, for what it does not say itself.

    Its initial weights come from torch's global generator: seed that first. Raises UserError with the nearest match for
    an unknown network or argument, and for a value of the wrong type.
    """
    make = plugin(name).build
    plugins.check_arguments(f"network '{name}'", make, arguments)
    if plugins.is_outside(FOLDER, name):
        with plugins.wrong_types_named(f"network '{name}'", make, arguments):
            network = make(**arguments)
    else:
        plugins.check_types_of_defaults(f"network '{name}'", make, arguments)
        network = make(**arguments)
    assert isinstance(network, nn.Module)
    return network


def load_network(path: Path | str) -> nn.Module:
    """Return the trained network in the file `path` on the CPU, frozen and in evaluation mode.

    Raises UserError naming the file when it is missing, truncated, of another kind, or does not fit exactly.
    """
    file = given_path(path, "load_network")
    state, description = storage.read(file)
    arguments = arguments_of(description, file)
    return storage.rebuilt(file, state, lambda: build(description["name"], **arguments))


def fill(network: nn.Module, name: str, path: Path) -> None:
    """Copy into `network`, the network `name`, the weights in the file `path`, of a training or of another project.

    What another project saved has the names and shapes of the network itself, of one from outside of its module. Raises
    UserError naming the file that holds anything else.
    """
    importlib.import_module(WEIGHTS).fill(network, name, path)


def arguments_of(description: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return how the network in the file `path` is built, of its `description`; raises UserError where that has not."""
    arguments = description.get("arguments")
    if not (isinstance(arguments, dict) and isinstance(description["name"], str)):
        fault = f"{path} does not say the name and arguments of its network"
        raise UserError(f"{fault}; give the model.safetensors of a training")
    return arguments


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable values of `module`."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def listing() -> list[dict[str, Any]]:
    """Describe every network: "name", "window", "parameters" ({label: trainable values at that size}), "source".

    "window" counts the frames that it looks at: 1 for pictures, None for the whole clip. The sizes are published ones.
    Networks are built on the meta device: nothing is allocated or initialised. What an installed package offers has its
    name and version as "package", is not imported, and has no published size.
    """
    entries: list[dict[str, Any]] = []
    for name in plugins.names(FOLDER):
        file = plugin(name)
        with torch.device("meta"):
            counts = {label: parameter_count(build(name, **sizes)) for label, sizes in file.PUBLISHED.items()}
        entries.append({"name": name, "window": window(name), "parameters": counts, "source": file.SOURCE})
    return [*entries, *plugins.offered_rows(FOLDER, _as_read)]


def _as_read(name: str) -> dict[str, Any]:
    return {"window": window(name), "parameters": {}, "source": plugins.source(FOLDER, name)}
