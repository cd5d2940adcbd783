"""What LPIPS and DISTS share: pyiqa's modules made without a download, and the two released files that fill one."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.loss_networks import _pickled

TRUNK = re.compile(r"(net\.slice|stage)\d+\.")
"""What pyiqa puts before the number of a layer of torchvision's `features`."""


def made(kind: str, **arguments: Any) -> Any:
    """Return pyiqa's module `kind` (`LPIPS`, `DISTS`) with random weights from torch's global generator, on the CPU.

    Raises UserError without the package pyiqa.
    """
    try:
        source = importlib.import_module(f"pyiqa.archs.{kind.lower()}_arch")
    except ModuleNotFoundError as error:
        if error.name != "pyiqa":
            raise
        raise UserError(
            f"loss network '{kind.lower()}' needs the package pyiqa; install it by `uv sync --extra pyiqa` or "
            '`pip install "lossbench[pyiqa]"`'
        ) from None
    # real even under the meta device, where the filters of DISTS could not be computed
    with torch.device("cpu"), patch.object(source, "models", _models()):
        return getattr(source, kind)(pretrained=False, **arguments)


def released(path: Path, head: str, trunk: str, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the file `path`, released as `head`, and of the torchvision file `trunk` beside it.

    The trunk's have the names of `own`, the state of the module, and its classifier is left out. Raises UserError
    naming the file when one is missing, damaged, or another than the digits in its name say: heads are of no use with
    a trunk that they were not trained for.
    """
    places = {TRUNK.sub("features.", name): name for name in own if TRUNK.match(name)}
    beside = path.with_name(trunk)
    if not path.is_file():
        raise UserError(f"{path} is missing; put {head} there")
    if not beside.is_file():
        raise UserError(f"{beside} is missing; put torchvision's {trunk} beside {path.name}")
    for file, name in ((path, head), (beside, trunk)):
        _check(file, name)
    layers = _pickled.weights(beside).items()
    return {
        **_pickled.weights(path),
        **{places.get(name, name): tensor for name, tensor in layers if not name.startswith("classifier.")},
    }


def _check(file: Path, name: str) -> None:
    """Raise UserError unless the SHA-256 of `file` begins with the digits that end the stem of `name`."""
    expected = Path(name).stem.rpartition("-")[2]
    found = sha256(file)
    if not found.startswith(expected):
        raise UserError(f"{file} has sha256:{found[:16]}, not that of {name} (sha256:{expected}); download it again")


def _models() -> SimpleNamespace:
    """Stand in for torchvision.models, which pyiqa asks for pretrained classifiers whatever its arguments say."""
    models = importlib.import_module("torchvision.models")
    return SimpleNamespace(
        # without the classifier, eight times as large and of no use here
        vgg16=lambda **_: SimpleNamespace(features=models.vgg.make_layers(models.vgg.cfgs["D"])),
        alexnet=lambda **_: models.alexnet(weights=None),
        squeezenet1_1=lambda **_: models.squeezenet1_1(weights=None),
    )
