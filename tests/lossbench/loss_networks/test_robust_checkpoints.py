"""VGG-19 out of the checkpoints of adversarial training: every layout, and files that are not what they seem."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import vgg19

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
POSITIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Where the convolutions stand among torchvision's `features`, with ReLUs and pools between."""
LAYOUTS = [
    (wrapper, prefix)
    for wrapper in ("model", "state_dict", None)
    for prefix in ("", "module.", "model.", "module.model.", "attacker.model.", "module.attacker.model.")
]


def released() -> dict[str, Tensor]:
    """Return torchvision's names and shapes, each tensor full of one number of its own."""
    with torch.device("meta"):
        own = vgg19.build().state_dict().values()
    names = [f"features.{position}.{kind}" for position in POSITIONS for kind in ("weight", "bias")]
    full = {
        name: torch.full((1,), index / 10).expand(tensor.shape)
        for index, (name, tensor) in enumerate(zip(names, own, strict=True))
    }
    return {**full, "classifier.6.weight": torch.zeros(1).expand(1000, 4096)}


def buffers(prefix: str, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD) -> dict[str, Tensor]:
    return {f"{prefix}new_{n}": torch.tensor(v).view(-1, 1, 1) for n, v in (("mean", mean), ("std", std))}


def library(changes: dict[str, Tensor] | None = None, parallel: str = "module.") -> dict[str, Any]:
    """Return what MadryLab's library keeps of a training: the classifier twice, its normalisation twice."""
    state = released()
    model: dict[str, Tensor] = {}
    for prefix in ("model.", "attacker.model."):
        model |= {f"{parallel}{prefix}{name}": tensor for name, tensor in state.items()}
    for prefix in ("normalizer.", "attacker.normalize."):
        model |= buffers(parallel + prefix)
    model |= changes or {}
    return {"model": model, "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(2)}}}, "epoch": 90, "best": 0.6}


def stored(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def filled(path: Path) -> list[float]:
    module = vgg19.build()
    vgg19.import_weights(module, path)
    tensors = list(module.state_dict().values())
    assert all(float(tensor.min()) == float(tensor.max()) for tensor in tensors)
    return [round(float(tensor.flatten()[0]), 3) for tensor in tensors]


def refused(path: Path, message: str) -> None:
    module = vgg19.build()
    before = module.state_dict()["conv1_1.weight"].clone()
    with pytest.raises(UserError, match=f"^{path}:? {message}"):
        vgg19.import_weights(module, path)
    assert torch.equal(module.state_dict()["conv1_1.weight"], before)


EXPECTED = [index / 10 for index in range(32)]


@pytest.mark.parametrize(("wrapper", "prefix"), LAYOUTS)
def test_every_layout_gives_the_same_network(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    state = {f"{prefix}{name}": tensor for name, tensor in released().items()}
    assert filled(stored(tmp_path / "robust.pt", {wrapper: state, "epoch": 3} if wrapper else state)) == EXPECTED


@pytest.mark.parametrize("parallel", ["module.", ""])
def test_a_whole_training_state_gives_the_classifier_and_not_the_attackers_copy(tmp_path: Path, parallel: str) -> None:
    copies = {f"{parallel}attacker.model.features.0.weight": torch.full((64, 3, 3, 3), 9.0)}
    assert filled(stored(tmp_path / "robust.pt", library(copies, parallel))) == EXPECTED


def test_statistics_printed_with_fewer_digits_are_the_same(tmp_path: Path) -> None:
    rounded = buffers("module.normalizer.", (0.48502, 0.456, 0.406))
    assert filled(stored(tmp_path / "robust.pt", library(rounded))) == EXPECTED


@pytest.mark.parametrize(
    ("prefix", "mean", "std", "message"),
    [
        ("normalizer.", (0.5, 0.5, 0.5), STD, r"its mean \[0.5, 0.5, 0.5\] is not \[0.485, 0.456, 0.406\]"),
        ("normalizer.", MEAN, (1.0, 1.0, 1.0), r"its std \[1.0, 1.0, 1.0\] is not \[0.229, 0.224, 0.225\]"),
        ("normalizer.", MEAN[::-1], STD, r"its mean \[0.406, 0.456, 0.485\] is not"),
        ("normalizer.", (0.45,), STD, r"its mean \[0.45\] is not"),
        (
            "attacker.normalize.",
            (0.4717, 0.4499, 0.3837),
            STD,
            r"its attacker's mean \[0.4717, 0.4499, 0.3837\] is not",
        ),
    ],
)
def test_another_normalisation_is_named(
    tmp_path: Path, prefix: str, mean: tuple[float, ...], std: tuple[float, ...], message: str
) -> None:
    changes = buffers(f"module.{prefix}", mean, std)
    refused(stored(tmp_path / "robust.pt", library(changes)), f"{message}.*give a file trained with that")


def test_missing_extra_and_doubled_weights_are_named(tmp_path: Path) -> None:
    path, content = tmp_path / "robust.pt", library()
    del content["model"]["module.model.features.34.bias"]
    refused(stored(path, content), r"does not fit the network \(missing conv5_4.bias\)")
    content = library({"module.model.features.36.weight": torch.zeros(1)})
    refused(stored(path, content), r"does not fit the network \(unexpected features.36.weight\)")
    content = library({"module.normalizer.scale": torch.zeros(1)})
    refused(stored(path, content), r"does not fit the network \(unexpected normalizer.scale\)")
    content = library({"features.0.bias": torch.zeros(64)})
    refused(stored(path, content), "has 'features.0.bias' twice, also as 'features.0.bias'; give")
    content = library({"module.model.features.0.bias": torch.zeros(64).double()})
    refused(stored(path, content), r"does not fit the network \(wrong conv1_1.bias is float64 \(64,\)")


def test_a_file_without_weights_is_named(tmp_path: Path) -> None:
    path = tmp_path / "robust.pt"
    refused(stored(path, {"model": {"epoch": 3}}), "has no named weights under 'model'")
    refused(stored(path, {"epoch": 3}), "has no named weights; give")
    refused(stored(path, {"model": {}}), "does not fit the network .missing conv1_1.bias")


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "made_by_the_file"
    path = stored(tmp_path / "robust.pt", {**library(), "schedule": Harmful(folder)})
    refused(path, "holds more than weights .UnpicklingError.")
    assert not folder.exists()
