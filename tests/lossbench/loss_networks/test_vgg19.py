"""VGG-19: its size, torchvision's convention, and files that do not hold it."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import vgg19

WIDTHS_16 = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512]
WIDTHS_19 = [64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4]


def released(widths: Sequence[int] = WIDTHS_19, normalised: bool = False) -> dict[str, Tensor]:
    """Return torchvision's names and shapes for convolutions of `widths`, 0 a pool; one stored number a tensor."""
    shapes: dict[str, tuple[int, ...]] = {}
    before, position = 3, 0
    for width in widths:
        if width == 0:
            position += 1
            continue
        shapes |= {f"features.{position}.weight": (width, before, 3, 3), f"features.{position}.bias": (width,)}
        if normalised:
            kinds = ("weight", "bias", "running_mean", "running_var")
            shapes |= {f"features.{position + 1}.{kind}": (width,) for kind in kinds}
        before, position = width, position + 2 + normalised
    shapes |= {f"classifier.{index}.{kind}": (7,) for index in (0, 3, 6) for kind in ("weight", "bias")}
    return {name: torch.full((1,), index / 10).expand(shape) for index, (name, shape) in enumerate(shapes.items())}


@pytest.fixture(scope="module")
def untouched() -> vgg19.VGG19:
    torch.manual_seed(0)
    return vgg19.build().requires_grad_(False)


def refused(module: vgg19.VGG19, path: Path, message: str) -> None:
    before = module.state_dict()["conv1_1.weight"].clone()
    with pytest.raises(UserError, match=f"^{path} {message}"):
        vgg19.import_weights(module, path)
    assert torch.equal(module.state_dict()["conv1_1.weight"], before)


def test_the_trunk_has_the_published_count_and_layers() -> None:
    with torch.device("meta"):
        module = vgg19.build(**vgg19.PUBLISHED["ImageNet"])
    assert sum(parameter.numel() for parameter in module.parameters()) == 20_024_384
    first = ["conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2"]
    rest = [name for b in (3, 4, 5) for name in (*(f"conv{b}_{i}" for i in (1, 2, 3, 4)), f"pool{b}")]
    assert list(module.names) == first + rest
    convolutions = {name for name in module.names if name.startswith("conv")}
    assert set(module.state_dict()) == {f"{name}.{kind}" for name in convolutions for kind in ("weight", "bias")}


def test_a_constant_image_gives_the_hand_computed_first_layer(untouched: vgg19.VGG19) -> None:
    colour = np.array([0.8, 0.4, 0.1])  # red, green, blue
    image = torch.from_numpy(colour).float().reshape(1, 3, 1, 1).expand(1, 3, 8, 9)
    found = untouched.layers(image, ["conv1_1"])["conv1_1"][0]
    weight, bias = (untouched.state_dict()[f"conv1_1.{kind}"].double().numpy() for kind in ("weight", "bias"))
    normalised = (colour - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = np.einsum("oikl,i->o", weight, normalised) + bias
    np.testing.assert_allclose(found[:, 4, 5], np.maximum(expected, 0), atol=1e-5)
    assert expected.min() < 0 < expected.max()


def test_the_deepest_layer_has_a_sixteenth_of_the_size_and_no_fifth_convolution(untouched: vgg19.VGG19) -> None:
    image = torch.rand((1, 3, 35, 50), generator=torch.Generator().manual_seed(1))
    maps = untouched.layers(image, ["conv5_4", "pool5"])
    assert {name: features.shape[1:] for name, features in maps.items()} == {
        "conv5_4": (512, 2, 3),
        "pool5": (512, 1, 1),
    }
    with pytest.raises(UserError, match="VGG-19 has no 'conv5_5'; did you mean 'conv5_"):
        untouched.layers(image, ["conv5_5"])


@pytest.mark.parametrize("zipped", [True, False])
def test_every_released_tensor_but_the_classifiers_reaches_its_layer(tmp_path: Path, zipped: bool) -> None:
    path, state = tmp_path / "vgg19.pth", released()
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    module = vgg19.build()
    vgg19.import_weights(module, path)
    trunk = [float(tensor.flatten()[0]) for name, tensor in state.items() if name.startswith("features.")]
    found = list(module.state_dict().values())
    assert [float(tensor.flatten()[0]) for tensor in found] == trunk
    assert all(float(tensor.min()) == float(tensor.max()) for tensor in found)
    assert found[-2].shape == state["features.34.weight"].shape


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (released(WIDTHS_16), r"missing conv3_4.bias, .* and \d+ more; unexpected features.17.bias"),
        (released(normalised=True), r"missing conv1_2.bias.*; unexpected features.1.bias, features.1.running_mean"),
        ({**released(), "features.36.weight": torch.zeros(1)}, "unexpected features.36.weight"),
        ({**released(), "head.weight": torch.zeros(1)}, "unexpected head.weight"),
        (
            {**released(), "features.34.bias": torch.zeros(512).half()},
            r"wrong conv5_4.bias is float16 \(512,\), expected float32 \(512,\)",
        ),
    ],
)
def test_another_network_is_refused(
    untouched: vgg19.VGG19, tmp_path: Path, state: dict[str, Tensor], message: str
) -> None:
    path = tmp_path / "other.pth"
    torch.save(state, path)
    refused(untouched, path, rf"does not fit the network \({message}")


def test_a_missing_file_is_named(untouched: vgg19.VGG19, tmp_path: Path) -> None:
    refused(untouched, tmp_path / "none.pth", "cannot be read .No such file or directory.; check the path")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named(untouched: vgg19.VGG19, tmp_path: Path, zipped: bool, part: float) -> None:
    path = tmp_path / "cut.pth"
    torch.save(released(), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    refused(untouched, path, "is damaged or holds more than weights")


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_refused_and_not_run(untouched: vgg19.VGG19, tmp_path: Path) -> None:
    path, folder = tmp_path / "code.pth", tmp_path / "made_by_the_file"
    torch.save({**released(), "more": Harmful(folder)}, path)
    refused(untouched, path, "holds more than weights .UnpicklingError.; download it again")
    assert not folder.exists()


def test_weights_without_names_are_refused(untouched: vgg19.VGG19, tmp_path: Path) -> None:
    path = tmp_path / "list.pth"
    for content in ([torch.zeros(1)], {"features.0.weight": 1}, {0: torch.zeros(1)}):
        torch.save(content, path)
        refused(untouched, path, "has no named weights; give the file that its authors released")


@pytest.mark.slow
def test_layers_agree_with_torchvision(tmp_path: Path) -> None:
    from torchvision.models import vgg19 as theirs

    torch.manual_seed(0)
    features, path = theirs(weights=None).eval().requires_grad_(False).features, tmp_path / "vgg19.pth"
    torch.save({f"features.{name}": tensor for name, tensor in features.state_dict().items()}, path)
    module = vgg19.build().requires_grad_(False)
    vgg19.import_weights(module, path)
    image = torch.rand((2, 3, 45, 70), generator=torch.Generator().manual_seed(1))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    maps, expected = module.layers(image, module.names), (image - mean) / std
    names = iter(module.names)
    for layer in features:
        expected = layer(expected)
        if not isinstance(layer, torch.nn.Conv2d):
            found = maps[next(names)]
            np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
            assert float(expected.max()) > 0.01
    assert next(names, None) is None
