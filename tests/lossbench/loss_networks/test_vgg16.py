"""The released VGG-16 trunk: its layers, its real weights, and files that do not hold them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from _loss_networks import uniform
from torch import Tensor

from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.loss_networks import _onnx, vgg16

CONV1_1 = "functional_1/block1_conv1_1/convolution/ReadVariableOp:0"
POSITIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Where the convolutions stand among torchvision's `features`, with ReLUs and pools between."""


@pytest.fixture(scope="module")
def onnx_file() -> Path:
    try:
        return embedded.locate(vgg16.EMBEDDED)
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def trunk(onnx_file: Path) -> vgg16.VGG16:
    module = vgg16.build()
    vgg16.import_weights(module, onnx_file)
    return module.requires_grad_(False)


def test_the_trunk_has_the_published_count_and_layers() -> None:
    with torch.device("meta"):
        module = vgg16.build()
    assert sum(parameter.numel() for parameter in module.parameters()) == 14_714_688
    convolutions = [name for name in module.names if name.startswith("conv")]
    assert convolutions == [f"conv{block}_{i + 1}" for block in range(1, 6) for i in range(2 if block < 3 else 3)]
    assert set(module.state_dict()) == {f"{name}.{kind}" for name in convolutions for kind in ("weight", "bias")}


def torchvision_file(folder: Path, changes: dict[str, Tensor], prefix: str = "") -> tuple[dict[str, Tensor], Path]:
    """Return random weights by torchvision's names, and a file of them as it is released, with a classifier."""
    torch.manual_seed(0)
    own, path = vgg16.build().state_dict().values(), folder / "vgg16.pth"
    names = [f"features.{position}.{kind}" for position in POSITIONS for kind in ("weight", "bias")]
    released = dict(zip(names, own, strict=True))
    stored = {**released, "classifier.6.bias": torch.zeros(1000)}
    torch.save({**{f"{prefix}{name}": tensor for name, tensor in stored.items()}, **changes}, path)
    return released, path


@pytest.mark.slow
def test_layers_in_torchvisions_layout_agree_with_torchvision(tmp_path: Path) -> None:
    from torchvision.models import vgg16 as theirs

    released, path = torchvision_file(tmp_path, {})
    features = theirs(weights=None).eval().requires_grad_(False)
    assert features.load_state_dict(released, strict=False).unexpected_keys == []
    module = vgg16.build("torchvision").requires_grad_(False)
    vgg16.import_weights(module, path)
    image = uniform(2, 3, 45, 70)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    maps, expected = module.layers(image, module.names), (image - mean) / std
    names = iter(module.names)
    for layer in features.features:
        expected = layer(expected)
        if not isinstance(layer, torch.nn.Conv2d):
            np.testing.assert_allclose(maps[next(names)], expected, atol=1e-5, rtol=0)
            assert float(expected.max()) > 0.01
    assert next(names, None) is None


def test_red_comes_first_and_is_normalised_in_torchvisions_layout(tmp_path: Path) -> None:
    module = vgg16.build("torchvision").requires_grad_(False)
    vgg16.import_weights(module, torchvision_file(tmp_path, {})[1])
    colour = np.array([0.8, 0.4, 0.1])  # red, green, blue
    image = torch.from_numpy(colour).float().reshape(1, 3, 1, 1).expand(1, 3, 8, 9)
    weight, bias = (module.state_dict()[f"conv1_1.{kind}"].double().numpy() for kind in ("weight", "bias"))
    normalised = (colour - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = np.einsum("oikl,i->o", weight, normalised) + bias
    found = module.layers(image, ["conv1_1"])["conv1_1"][0]
    np.testing.assert_allclose(found[:, 4, 5], np.maximum(expected, 0), atol=1e-5)


def test_a_robust_checkpoint_and_a_wrong_one_in_torchvisions_layout(tmp_path: Path) -> None:
    mean = {"normalizer.new_mean": torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)}
    released, path = torchvision_file(tmp_path, mean, prefix="model.")
    module = vgg16.build("torchvision")
    vgg16.import_weights(module, path)
    assert all(map(torch.equal, module.state_dict().values(), released.values()))
    torchvision_file(tmp_path, {"features.30.bias": torch.zeros(512)})
    with pytest.raises(UserError, match=rf"{path} does not fit the network \(unexpected features.30.bias\)"):
        vgg16.import_weights(module, path)
    with pytest.raises(UserError, match=f"{path} is not a whole ONNX file"):
        vgg16.import_weights(vgg16.build(), path)


def test_the_embedded_weights_are_the_released_ones(trunk: vgg16.VGG16) -> None:
    # first values of the release's first layer, as printed in many public notebooks
    weights = trunk.state_dict()
    np.testing.assert_allclose(weights["conv1_1.weight"][0, :, 0, 0], [0.42947057, 0.55037946, 0.4800154], atol=1e-7)
    np.testing.assert_allclose(weights["conv1_1.bias"][0], 0.73429835, atol=1e-7)


def test_a_constant_image_gives_the_hand_computed_first_layer(trunk: vgg16.VGG16) -> None:
    colour = np.array([0.8, 0.4, 0.1])  # red, green, blue
    image = torch.from_numpy(colour).float().reshape(1, 3, 1, 1).expand(1, 3, 12, 12)
    found = trunk.layers(image, ["conv1_1"])["conv1_1"][0].double().numpy()
    weight, bias = (trunk.state_dict()[f"conv1_1.{kind}"].double().numpy() for kind in ("weight", "bias"))
    caffe = colour[::-1] * 255 - [103.939, 116.779, 123.68]
    inside = np.einsum("oikl,i->o", weight, caffe) + bias
    # at the top left corner the first row and column of the kernel meet the zero padding
    corner = np.einsum("oikl,i->o", weight[:, :, 1:, 1:], caffe) + bias
    np.testing.assert_allclose(found[:, 6, 5], np.maximum(inside, 0), atol=2e-3)
    np.testing.assert_allclose(found[:, 0, 0], np.maximum(corner, 0), atol=2e-3)
    assert (inside > 0).any()
    assert (inside < 0).any()


def test_layers_have_the_published_shapes_and_are_not_negative(trunk: vgg16.VGG16) -> None:
    maps = trunk.layers(uniform(2, 3, 37, 50), trunk.names)
    assert list(maps) == list(trunk.names)
    shapes = {
        name: tuple(maps[name].shape[1:]) for name in ("conv1_2", "pool1", "conv3_3", "pool4", "conv5_3", "pool5")
    }
    assert shapes == {
        "conv1_2": (64, 37, 50),
        "pool1": (64, 18, 25),
        "conv3_3": (256, 9, 12),
        "pool4": (512, 2, 3),
        "conv5_3": (512, 2, 3),
        "pool5": (512, 1, 1),
    }
    assert all(float(features.min()) >= 0 for features in maps.values())
    assert float(maps["conv5_3"].max()) > 0


def test_nothing_beyond_the_deepest_layer_is_computed() -> None:
    module = vgg16.build()
    calls: list[str] = []
    for name, layer in module.named_children():
        layer.register_forward_hook(lambda *_, name=name: calls.append(name))
    module.layers(uniform(1, 3, 16, 16), ["conv2_1"])
    assert calls == ["conv1_1", "conv1_2", "conv2_1"]
    assert module.layers(uniform(1, 3, 16, 16), []) == {}


def test_an_image_smaller_than_the_deepest_pool_is_enlarged() -> None:
    maps = vgg16.build().layers(uniform(1, 3, 8, 9), ["conv1_1", "pool5"])
    assert maps["conv1_1"].shape[2:] == (32, 32)
    assert maps["pool5"].shape == (1, 512, 1, 1)


def test_an_unknown_layer_or_a_wrong_image_is_named() -> None:
    module = vgg16.build()
    with pytest.raises(UserError, match="VGG-16 has no 'conv3_4'; did you mean 'conv3_"):
        module.layers(uniform(1, 3, 16, 16), ["conv3_4"])
    with pytest.raises(UserError, match=r"shape \(1, 4, 16, 16\), the loss network takes \(N, 3, H, W\)"):
        module.layers(uniform(1, 4, 16, 16), ["conv1_1"])
    with pytest.raises(UserError, match="7 x 16 pixels"):
        module.layers(uniform(1, 3, 7, 16), ["conv1_1"])


def test_the_gradient_reaches_the_image(trunk: vgg16.VGG16) -> None:
    image = uniform(1, 3, 32, 32).requires_grad_()
    (gradient,) = torch.autograd.grad(trunk.layers(image, ["conv5_3"])["conv5_3"].square().sum(), image)
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().max()) > 0


@pytest.mark.parametrize("part", [0.0, 0.3, 0.999])
def test_a_truncated_onnx_file_is_named(onnx_file: Path, tmp_path: Path, part: float) -> None:
    path = tmp_path / "cut.onnx"
    with onnx_file.open("rb") as file:
        path.write_bytes(file.read(int(onnx_file.stat().st_size * part)))
    module = vgg16.build()
    before = module.state_dict()["conv1_1.weight"].clone()
    with pytest.raises(UserError, match=f"{path} is not a whole ONNX file"):
        vgg16.import_weights(module, path)
    assert torch.equal(module.state_dict()["conv1_1.weight"], before)


def test_another_file_and_a_missing_one_are_named(tmp_path: Path) -> None:
    path = tmp_path / "picture.onnx"
    with pytest.raises(UserError, match=f"{path} cannot be read"):
        _onnx.weights(path, ["a"])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(UserError, match=f"{path} is not a whole ONNX file"):
        _onnx.weights(path, ["a"])


def field(number: int, content: bytes) -> bytes:
    length = len(content)
    prefix = [number << 3 | 2]
    while length > 127:
        prefix.append(length & 127 | 128)
        length >>= 7
    return bytes([*prefix, length]) + content


def tensor(name: str, values: list[float], shape: bytes, kind: int = 1) -> bytes:
    raw = np.array(values, dtype="<f4").tobytes()
    return field(7, field(5, shape + bytes([2 << 3, kind]) + field(8, name.encode()) + field(9, raw)))


def test_plain_and_packed_shapes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    for shape in (b"\x08\x02\x08\x03", field(1, b"\x02\x03")):
        path.write_bytes(tensor("w", [1, 2, 3, 4, 5, 6], shape))
        assert _onnx.weights(path, ["w"])["w"].tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tensor("v", [1, 2], b"\x08\x02"), "has no weights 'w'; known: v"),
        (tensor("w", [1, 2, 3], b"\x08\x02"), "cannot reshape array of size 3"),
        (tensor("w", [1, 2], b"\x08\x02", kind=7), "'w' is not raw float32"),
        (field(7, b""), "has no weights 'w'; known: none"),
        (tensor("w", [1, 2], b"\x08\x02") + b"\x42\x10", "16 bytes announced, 0 left"),
        (b"\x38\x01", "a number where a message should be"),
    ],
)
def test_onnx_weights_that_do_not_fit_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path}.*{message}"):
        _onnx.weights(path, ["w"])


def test_a_layer_of_another_shape_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = {vgg16._exported(*name.split(".")): value.shape for name, value in vgg16.build().state_dict().items()}
    shapes[CONV1_1] = torch.Size((64, 3, 5, 5))
    arrays = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    monkeypatch.setattr(_onnx, "weights", lambda path, names: arrays)
    path = tmp_path / "other.onnx"
    with pytest.raises(
        UserError, match=rf"{path} does not fit the network .wrong conv1_1.weight is float32 \(64, 3, 5, 5\)"
    ):
        vgg16.import_weights(vgg16.build(), path)
