"""Classifiers on VGG trunks: published sizes and files, storage, and the witness that tells a wrong one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lossbench import classifiers, loss_networks
from lossbench import device as devices
from lossbench.classifiers import Classifier, _accuracy
from lossbench.errors import UserError
from lossbench.loss_networks import vgg16, vgg19
from pipeline.learning import classification
from pipeline.specs.classifier import RobustnessSpec


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make VGG-16 small enough for a test."""
    monkeypatch.setattr(vgg16, "WIDTHS", ((2, 2), (2, 2), (2, 2, 2), (4, 4, 4), (4, 4, 4)))
    monkeypatch.setitem(classifiers.CHANNELS, "vgg16", ("pool5", 4))
    monkeypatch.setattr(classifiers, "HIDDEN", 8)


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_published_heads_have_torchvisions_counts() -> None:
    with torch.device("meta"):
        assert count(classifiers.build("vgg19", 1000)) == 143_667_240
        assert count(classifiers.build("vgg16", 1000, {"layout": "torchvision"})) == 138_357_544
        assert count(classifiers.build("vgg16", 20, head="pooled")) == 14_714_688 + 512 * 20 + 20
        assert count(classifiers.build("resnet50", 20, head="pooled")) == 23_508_032 + 2048 * 20 + 20


class Reference(nn.Module):
    """VGG-16 as torchvision lays it out, with narrow layers."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for widths in vgg16.WIDTHS:
            for width in widths:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            *(nn.Linear(before * 49, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 8), nn.ReLU(), nn.Dropout()),
            nn.Linear(8, 5),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.avgpool(self.features(images)).flatten(1))
        return logits


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("prefix", ["", "module.model."])
def test_a_file_in_torchvisions_layout_gives_its_logits(tmp_path: Path, prefix: str) -> None:
    torch.manual_seed(0)
    reference = Reference().eval()
    path = tmp_path / "vgg16.pth"
    torch.save({f"{prefix}{name}": value for name, value in reference.state_dict().items()}, path)
    model = classifiers.build("vgg16", 5, {"layout": "torchvision"})
    classifiers.import_weights(model, path)
    images = uniform(2, 3, 64, 96)
    trunk: Any = model.trunk
    with torch.no_grad():
        expected = reference((images - trunk.mean) / trunk.std)
        np.testing.assert_allclose(model.eval()(images), expected, atol=1e-6)
    with pytest.raises(UserError, match=rf"{path} .*wrong 6\.bias is float32 \(5,\), expected float32 \(6,\)"):
        classifiers.import_weights(classifiers.build("vgg16", 6, {"layout": "torchvision"}), path)
    with pytest.raises(UserError, match="public weights need the published head"):
        classifiers.import_weights(classifiers.build("vgg16", 5, {"layout": "torchvision"}, "pooled"), path)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("head", classifiers.HEADS)
def test_a_stored_classifier_comes_back_to_the_bit_and_frozen(tmp_path: Path, head: str) -> None:
    torch.manual_seed(0)
    model, path = classifiers.build("vgg16", 5, {"layout": "caffe"}, head, 0.5), tmp_path / "classifier.safetensors"
    classifiers.save(model, path, {"steps": 3})
    loaded, card = classifiers.load(path)
    assert card == {"steps": 3}
    assert loaded.arguments == {"classes": 5, "head": head, "dropout": 0.5}
    images = uniform(2, 3, 32, 32)
    assert torch.equal(loaded(images), model.eval()(images))
    assert not loaded.training and not any(parameter.requires_grad for parameter in loaded.parameters())
    with pytest.raises(UserError, match=f"{path} holds the classifier 'vgg16'; give the file of a loss network"):
        loss_networks.load(path)


@pytest.mark.usefixtures("narrow")
def test_a_trunk_is_filled_from_a_loss_network_of_the_same_layout_alone(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    trunk = loss_networks.build("vgg16")
    loss_networks.save(trunk, path, {})
    model = classifiers.build("vgg16", 5, head="pooled")
    classifiers.load_trunk(model, path)
    assert all(torch.equal(value, trunk.state_dict()[name]) for name, value in model.trunk.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(UserError, match=rf"{path} holds .*'caffe'.* the classifier has .*'torchvision'"):
        classifiers.load_trunk(classifiers.build("vgg16", 5, {"layout": "torchvision"}, "pooled"), path)


@pytest.mark.usefixtures("narrow")
def test_unknown_parts_are_named() -> None:
    with pytest.raises(UserError, match="no architecture 'resnet18'; did you mean 'resnet50'"):
        classifiers.build("resnet18", 5)
    with pytest.raises(UserError, match="unknown head 'pool'; did you mean 'pooled'"):
        classifiers.build("vgg16", 5, head="pool")
    with pytest.raises(UserError, match="no trunk 'cnn_mae'"):
        Classifier(loss_networks.build("cnn_mae", widths=[4], blocks=[0], decoder_width=4), 5)


def test_a_vgg_begins_with_activations_that_neither_vanish_nor_explode() -> None:
    torch.manual_seed(0)
    model = classifiers.build("vgg19", 5, head="pooled")
    images = uniform(2, 3, 32, 32)
    with torch.no_grad():
        before = float(vgg19.VGG19.layers(model.trunk, images, ["conv5_4"])["conv5_4"].std())  # type: ignore[arg-type]
        classifiers.initialise(model)
        after = float(vgg19.VGG19.layers(model.trunk, images, ["conv5_4"])["conv5_4"].std())  # type: ignore[arg-type]
    assert before < 0.02 < after < 10
    biases = [value for name, value in model.state_dict().items() if name.endswith("bias")]
    assert all(float(value.abs().max()) == 0 for value in biases)


class Brightest(nn.Module):
    """Gives the band that is brightest after a normalisation as the class."""

    def __init__(self, mean: list[float]) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean).mean((2, 3))


class Bands:
    """Held-out crops of three classes: the band whose value exceeds its mean (0.2, 0.5, 0.8) most."""

    classes = ["red", "green", "blue"]

    def held_out(self, each: int) -> Iterator[list[np.ndarray[Any, Any]]]:
        for label in range(3):
            values = np.array([0.2, 0.5, 0.8])
            values[label] += 0.1
            noise = np.random.default_rng(label).normal(0, 8, (each, 8, 8, 3))
            yield [np.clip(values * 255 + noise, 0, 255).astype(np.uint8), np.full(each, label, np.int64)]


def test_a_witness_accepts_its_network_and_refuses_one_that_normalises_differently(tmp_path: Path) -> None:
    path, bands = tmp_path / "witness.npz", Bands()
    classification.write_witness(path, Brightest([0.2, 0.5, 0.8]), bands)  # type: ignore[arg-type]
    with np.load(path) as stored:
        assert stored["crops"].shape == (63, 8, 8, 3)
        assert np.bincount(stored["labels"]).tolist() == [21, 21, 21]
        assert float(stored["expected"]) == 1.0
    _accuracy.check_witness(Brightest([0.21, 0.5, 0.8]), path)
    with pytest.raises(UserError, match=rf"{path}: clean accuracy 0\.3333 on its 63 crops, expected 1\.0000; the file"):
        _accuracy.check_witness(Brightest([0.5, 0.5, 0.5]), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=f"{path} is no whole witness"):
        _accuracy.check_witness(Brightest([0.2, 0.5, 0.8]), path)


def test_a_stated_accuracy_is_met_within_the_error_of_the_sample() -> None:
    right, wrong = Brightest([0.2, 0.5, 0.8]), Brightest([0.5, 0.5, 0.5])
    batches = list(Bands().held_out(40))
    classification.require_accuracy(right, batches, 0.9, "robust.pt")
    # 1/3 of 120 crops: three standard errors of 0.45 are 0.136
    classification.require_accuracy(wrong, batches, 0.45, "robust.pt")
    with pytest.raises(UserError, match=r"robust\.pt: clean accuracy 0\.3333 on 120 crops, 0\.5500 is stated"):
        classification.require_accuracy(wrong, batches, 0.55, "robust.pt")


def test_the_score_counts_every_crop_once_and_attacks_only_lower_it() -> None:
    model = Brightest([0.2, 0.5, 0.8])
    chosen = devices.Device(torch.device("cpu"), torch.float32)
    spec = RobustnessSpec(radius=0.4, steps=5, untargeted_steps=5, each=15)
    found = classification.score(model, Bands().held_out(15), 3, spec, chosen, "toy")
    card = found.card()
    assert card["held_out_crops"] == 45 and card["clean_accuracy"] == 1.0
    # the lead of 0.1 over the next band is 0.1 * 8 / sqrt(2) = 0.57 away, more than the radius
    assert card["adversarial_accuracy"] == 1.0 and card["untargeted_accuracy"] == 1.0
    wider = spec.model_copy(update={"radius": 0.7})
    card = classification.score(model, Bands().held_out(15), 3, wider, chosen, "toy").card()
    assert card["adversarial_accuracy"] < 0.2 and card["untargeted_accuracy"] < 0.2
    assert card["attack_success"] > 0.8
    left_out = spec.model_copy(update={"untargeted_steps": 0})
    found = classification.score(model, Bands().held_out(2), 3, left_out, chosen, "toy")
    assert "untargeted_accuracy" not in found.card()


def test_regrouping_keeps_the_order() -> None:
    parts = [[np.full((n, 1), n), np.full(n, n)] for n in (1, 5, 2)]
    found = list(classification.regrouped(parts, 3))
    assert [labels.tolist() for _, labels in found] == [[1, 5, 5], [5, 5, 5], [2, 2]]
    assert all((crops[:, 0] == labels).all() for crops, labels in found)
