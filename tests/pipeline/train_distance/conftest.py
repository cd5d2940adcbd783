"""A narrow trunk, pictures and specs for the tests of the stage train_distance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from _distance import ARCHITECTURE, SIDE, SMALL, WIDTHS, MakeSpec, stored
from _waves import waves

from lossbench import loss_networks
from lossbench.loss_networks import vgg16
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.specs.distance import DistanceSpec


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Any:
    """Make VGG-16 as narrow as the test's widths."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg16, "WIDTHS", tuple((width,) * len(b) for width, b in zip(WIDTHS, vgg16.WIDTHS, strict=True)))
        yield


@pytest.fixture(scope="module")
def trunk(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored narrow VGG-16 with random weights."""
    return stored(tmp_path_factory.mktemp("trunk") / "network.safetensors", "vgg16", layout="torchvision")


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return prepared pictures of waves."""
    folder = tmp_path_factory.mktemp("targets")
    entries = [
        Entry(f"{split}{index}", split, waves(64, 64, index + 10 * len(split)), f"{split}{index}.png", "CC0")
        for split in ("train", "test")
        for index in range(3)
    ]
    write_arrays(folder, "target", entries, {"dataset": "toy"})
    return folder / "target.json"


@pytest.fixture(scope="module")
def make_spec(make_recipe: Callable[..., Any]) -> MakeSpec:
    """Return a function from changes of recipe and spec to the spec of a narrow R-LPIPS."""

    def make(recipe: dict[str, Any] | None = None, **changes: Any) -> DistanceSpec:
        values: dict[str, Any] = {
            "architecture": ARCHITECTURE,
            "dataset": "toy",
            "side": SIDE,
            "recipe": make_recipe(**{**SMALL, **(recipe or {})}).model_dump(mode="json"),
            "held_out": 6,
            "seed": 3,
        }
        return DistanceSpec.parse({**values, **changes}, "test")

    return make


@pytest.fixture(scope="module")
def deepest(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored R-LPIPS whose heads weigh the deepest features alone, which rank badly."""
    torch.manual_seed(0)
    network: Any = loss_networks.build("robust_lpips", **ARCHITECTURE)
    with torch.no_grad():
        for head in network.heads[:-1]:
            head.weight.zero_()
    path = tmp_path_factory.mktemp("deepest") / "network.safetensors"
    loss_networks.save(network, path, {"source": "random weights"})
    return path
