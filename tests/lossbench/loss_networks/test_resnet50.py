"""ResNet-50: torchvision's numbers, its layers, and the files that hold it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossbench import classifiers, loss_networks
from lossbench.errors import UserError
from lossbench.loss_networks import resnet50

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@pytest.fixture(scope="module")
def released() -> nn.Module:
    """Return torchvision's network with random weights and statistics."""
    from torchvision import models

    torch.manual_seed(0)
    network: nn.Module = models.resnet50(weights=None).eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    return network


@pytest.fixture(scope="module")
def empty() -> Callable[[], classifiers.Classifier]:
    """Return a function that builds a classifier of 1000 classes without drawing weights."""

    def make() -> classifiers.Classifier:
        # the random weights are replaced: drawing them would take a second
        with torch.device("meta"):
            return classifiers.build("resnet50", 1000)

    return make


def uniform(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def stored(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_it_has_torchvisions_count_with_and_without_the_classifier(empty: Callable[[], classifiers.Classifier]) -> None:
    model = empty()
    assert sum(parameter.numel() for parameter in model.trunk.parameters()) == resnet50.PARAMETERS["ImageNet"]
    assert resnet50.PARAMETERS["ImageNet"] == 23_508_032
    assert sum(parameter.numel() for parameter in model.parameters()) == 25_557_032


def test_the_file_of_torchvision_gives_torchvisions_logits_on_normalised_images(
    released: nn.Module, empty: Callable[[], classifiers.Classifier], tmp_path: Path
) -> None:
    model = empty()
    classifiers.import_weights(model, stored(tmp_path / "resnet50.pth", released.state_dict()))
    images = uniform(2, 3, 64, 80)
    with torch.no_grad():
        np.testing.assert_allclose(model.eval()(images), released((images - MEAN) / STD), atol=1e-4, rtol=1e-4)


def test_the_layers_are_those_after_the_last_relu_of_each_stage(released: nn.Module, tmp_path: Path) -> None:
    module = resnet50.build().eval()
    resnet50.import_weights(module, stored(tmp_path / "resnet50.pth", released.state_dict()))
    image = uniform(1, 3, 64, 64)
    with torch.no_grad():
        maps = module.layers(image, resnet50.LAYERS)
        other: Any = released
        first = other.relu(other.bn1(other.conv1((image - MEAN) / STD)))
        np.testing.assert_allclose(maps["conv1"], first, atol=1e-5)
        np.testing.assert_allclose(maps["layer1"], other.layer1(other.maxpool(first)), atol=1e-4, rtol=1e-4)
    shapes = {name: (features.shape[1], 64 // features.shape[2]) for name, features in maps.items()}
    assert shapes == {
        "conv1": (64, 2),
        "layer1": (256, 4),
        "layer2": (512, 8),
        "layer3": (1024, 16),
        "layer4": (2048, 32),
    }
    assert all(float(features.min()) >= 0 for features in maps.values())
    assert module.layers(uniform(1, 3, 8, 8), ["layer4"])["layer4"].shape == (1, 2048, 1, 1)
    with pytest.raises(UserError, match="ResNet-50 has no 'layer5'; did you mean 'layer"):
        module.layers(image, ["layer5"])


def test_a_file_without_counts_of_batches_and_one_of_madrylab_are_taken(released: nn.Module, tmp_path: Path) -> None:
    state = released.state_dict()
    old = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    wrapped = {
        **{f"module.model.{name}": value for name, value in state.items()},
        **{f"module.attacker.model.{name}": value for name, value in state.items()},
        **{f"module.{owner}.new_mean": MEAN[0] for owner in ("normalizer", "attacker.normalize")},
        **{f"module.{owner}.new_std": STD[0] for owner in ("normalizer", "attacker.normalize")},
    }
    for index, content in enumerate((old, {"model": wrapped, "epoch": 90})):
        module = resnet50.build()
        resnet50.import_weights(module, stored(tmp_path / f"{index}.pt", content))
        assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


def test_another_network_or_normalisation_is_named(released: nn.Module, tmp_path: Path) -> None:
    module, path, state = resnet50.build(), tmp_path / "robust.pt", released.state_dict()
    for content, message in (
        ({**state, "layer5.0.conv1.weight": torch.zeros(1)}, r"unexpected layer5\.0\.conv1\.weight"),
        ({name: value for name, value in state.items() if "layer4.2" not in name}, r"missing layer4\.2"),
        ({**state, "conv1.weight": torch.zeros(64, 3, 3, 3)}, r"wrong conv1\.weight is float32 \(64, 3, 3, 3\)"),
        ({**state, "normalizer.new_mean": torch.full((3, 1, 1), 0.5)}, r"its mean \[0.5, 0.5, 0.5\] is not"),
    ):
        with pytest.raises(UserError, match=f"{path}.*{message}"):
            resnet50.import_weights(module, stored(path, content))


def test_another_number_of_classes_is_named(
    released: nn.Module, empty: Callable[[], classifiers.Classifier], tmp_path: Path
) -> None:
    path = stored(tmp_path / "robust.pt", {**released.state_dict(), "fc.bias": torch.zeros(10)})
    with pytest.raises(UserError, match=rf"{path} .*wrong 0\.bias is float32 \(10,\), expected float32 \(1000,\)"):
        classifiers.import_weights(empty(), path)


def test_a_stored_trunk_is_a_loss_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = loss_networks.build("resnet50")
    path = tmp_path / "network.safetensors"
    loss_networks.save(module, path, {"source": "random"})
    loaded: Any
    loaded, card = loss_networks.load(path)
    image = uniform(1, 3, 32, 32)
    with torch.no_grad():
        expected: Any = module.eval()
        assert torch.equal(loaded.layers(image, ["layer2"])["layer2"], expected.layers(image, ["layer2"])["layer2"])
    assert card == {"source": "random"} and not loaded.training
