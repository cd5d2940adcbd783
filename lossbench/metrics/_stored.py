"""What metrics share that rest on a trained network: reading it once a process, and running it exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.metrics._protocol import Floats, Pixels, Protocol

# the list of metrics loads these modules, and needs no torch
if TYPE_CHECKING:
    from torch import Tensor, nn

    from lossbench.loss_networks import DistanceNetwork, HeadedDistance
    from lossbench.loss_networks._vgg import VGG

BATCH = 16
"""Pictures that go through a network together, where they have one size."""


def network(weights: Path, name: str, **architecture: object) -> nn.Module:
    """Return the loss network `name` in the file `weights`, frozen, on the GPU where there is one.

    A file is read once a process, and again when it was written anew. Raises UserError naming the file when it is
    missing or damaged, and when it holds another network or one of another `architecture`.
    """
    from lossbench.loss_networks import described

    weights = Path(weights).absolute()
    found = _loaded(weights, changed_at(weights))
    kind, own = described(found)
    if kind != name:
        raise UserError(f"{weights} holds the loss network '{kind}'; give the file of a '{name}'")
    for key, value in architecture.items():
        if (other := own[key]) != value:
            raise UserError(f"{weights} was made with {key} '{other}'; give a file of {key} '{value}'")
    return found


def changed_at(file: Path) -> int:
    """Return when `file` was written, in nanoseconds; 0 where that can't be told, which reading it then says."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


@cache
def _loaded(weights: Path, _changed: int) -> nn.Module:
    from lossbench import loss_networks

    module, _ = loss_networks.load(weights)
    return placed(module)


def placed(module: nn.Module) -> nn.Module:
    """Return `module` on the GPU where there is one, its filters in the order in which convolutions are fastest."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def distance(module: nn.Module, prediction: Floats, target: Floats) -> float:
    """Return the distance that the network `module` gives of two pictures (3, H, W) in 0..255."""
    network = cast("DistanceNetwork", module)
    with exact():
        return float(network.distance(_batch(module, [prediction]), _batch(module, [target])))


def misclassified(classifier: nn.Module, picture: Floats, label: int) -> bool:
    """Return whether the largest logit that `classifier` gives a picture (3, H, W) in 0..255 is not that of `label`.

    Raises UserError for another number of bands, a label that is no class of it, and logits that are not finite.
    """
    if len(picture) != 3:
        raise UserError(f"prediction: {len(picture)} bands; the classifier takes pictures of three")
    with exact():
        logits = classifier(_batch(classifier, [picture]))[0].cpu()
    if not 0 <= label < len(logits):
        raise UserError(f"label: {label}; the classifier knows the classes 0 to {len(logits) - 1}")
    if not bool(logits.isfinite().all()):
        raise UserError("the classifier gives NaN or infinite logits; its file is damaged, make it anew")
    return int(logits.argmax()) != label


def shared_distance(module: nn.Module, prediction: Floats, target: Floats) -> float:
    """Return `distance` for a network with a VGG as trunk and heads, whose features of both are kept.

    Metrics that differ in their heads alone then run the trunk once on a pair of pictures.
    """
    network = cast("HeadedDistance", module)
    with exact():
        return float(network.between(_features(module, prediction), _features(module, target)).mean())


_KEPT: dict[tuple[str, str], list[Tensor]] = {}
"""Features by the digests of trunk and picture: those of one pair."""


def _features(module: nn.Module, picture: Floats) -> list[Tensor]:
    key = _digest_of(module), hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()
    if key not in _KEPT:
        while len(_KEPT) > 1:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = cast("HeadedDistance", module).features(_batch(module, [picture]))
    return _KEPT[key]


@cache
def _digest_of(module: nn.Module) -> str:
    """Return what two modules have in common whose trunks give the same features."""
    trunk = cast("VGG", cast("HeadedDistance", module).trunk)
    found = hashlib.sha256(f"{trunk}, blue first: {trunk.blue_first}".encode())
    for name, tensor in [*trunk.state_dict().items(), ("mean", trunk.mean), ("std", trunk.std)]:
        found.update(name.encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()


def features(
    module: nn.Module,
    extract: Callable[[Tensor], Tensor],
    pictures: Iterable[Pixels],
    protocol: Protocol,
    role: str,
) -> NDArray[np.float32]:
    """Return what `extract` makes (N, D) of N pictures (1 or 3, H, W) in [0, 1], of any sizes, under `protocol`.

    A single band is repeated to three. Raises UserError as Protocol.apply, and for no picture at all.
    """
    with exact():
        found = [
            extract(_batch(module, group)).float().cpu().numpy()
            for group in _groups(_three_bands(protocol.apply(picture, role), role) for picture in pictures)
        ]
    if not found:
        raise UserError(f"{role}: no pictures; give two or more")
    return np.concatenate(found)


def _groups(pictures: Iterable[Floats]) -> Iterator[list[Floats]]:
    """Yield neighbours of one shape together, at most BATCH."""
    for _, alike in groupby(pictures, np.shape):
        while group := list(islice(alike, BATCH)):
            yield group


def _three_bands(picture: Floats, role: str) -> Floats:
    if len(picture) not in (1, 3):
        raise UserError(f"{role}: {len(picture)} bands; the network takes pictures of one band or three")
    return np.repeat(picture, 3 // len(picture), axis=0)


def _batch(module: nn.Module, pictures: list[Floats]) -> Tensor:
    import torch

    parameter = next(module.parameters())
    return torch.from_numpy(np.stack(pictures) / 255).to(parameter.device, torch.float32)


@contextmanager
def exact() -> Iterator[None]:
    """Run without a graph, and on a GPU in whole float32: a metric has no use for TF32's speed."""
    import torch

    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
