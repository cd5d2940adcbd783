"""FID: the distance in closed form, the released Inception against another library's, and no other network's name."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.linalg import sqrtm
from torch import Tensor

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.loss_networks import inception
from lossbench.metrics import load, score, score_set
from lossbench.metrics._frechet import frechet_distance

Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def network() -> Any:
    """Give the Inception with random weights under which its features differ from picture to picture."""
    torch.manual_seed(0)
    module: Any = loss_networks.build("inception")
    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(layer.bias, -0.1, 0.1)
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fid") / "inception.safetensors"
    loss_networks.save(network, path, {})
    return path


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def pictures(seed: int, *sizes: tuple[int, int], bands: int = 3) -> list[Floats]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (bands, *size)) / 255 for size in sizes]


def test_the_distance_of_two_lines_is_the_closed_form() -> None:
    # means 1 and 4, standard deviations 1 and 3
    first, second = np.array([[0.0], [1], [2]]), np.array([[1.0], [4], [7]])
    assert frechet_distance(first, second) == pytest.approx((1 - 4) ** 2 + (1 - 3) ** 2, abs=1e-12)


def test_a_shift_costs_its_square_and_equal_sets_nothing() -> None:
    features = np.random.default_rng(0).normal(size=(50, 6))
    assert frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(features, features + np.array([1, 0, -2, 0, 0, 0])) == pytest.approx(5, abs=1e-10)


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(12, 40), others=st.integers(12, 40), size=st.integers(1, 9), seed=st.integers(0, 99))
def test_it_agrees_with_the_matrix_square_root(samples: int, others: int, size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(samples, size)), generator.normal(0.3, 2, (others, size))
    covariances = [np.cov(features, rowvar=False).reshape(size, size) for features in (first, second)]
    root = np.trace(sqrtm(covariances[0] @ covariances[1]).real)
    expected = np.sum((first.mean(0) - second.mean(0)) ** 2) + sum(map(np.trace, covariances)) - 2 * root
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-7)
    assert frechet_distance(second, first) == pytest.approx(frechet_distance(first, second), rel=1e-9)


def test_fewer_samples_than_features_are_exact_and_silent() -> None:
    # five samples on a line in 300 dimensions, turned by one rotation: the distance is that of the line
    generator = np.random.default_rng(0)
    line = generator.normal(size=(5, 1)), generator.normal(2, 3, (4, 1))
    axis = generator.normal(size=(1, 300))
    axis /= np.linalg.norm(axis)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = frechet_distance(line[0] @ axis, line[1] @ axis)
        constant = frechet_distance(np.ones((3, 300)), np.zeros((2, 300)))
    assert found == pytest.approx(frechet_distance(*line), rel=1e-9)
    assert constant == 300


def test_features_that_have_no_distribution_are_refused() -> None:
    many = np.zeros((3, 4))
    with pytest.raises(UserError, match=r"targets: features of shape \(1, 4\); a covariance needs two samples"):
        frechet_distance(many, many[:1])
    with pytest.raises(UserError, match="predictions: 4 features, targets: 3; take both from one network"):
        frechet_distance(many, many[:, :3])
    with pytest.raises(UserError, match="predictions: NaN or infinite features"):
        frechet_distance(many + np.nan, many)


@pytest.mark.slow
def test_features_are_those_of_the_port_that_piq_has(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = importlib.import_module("piq.feature_extractors.fid_inception")
    # the parent's drawing of weights takes seconds, and they are replaced
    undrawn: dict[str, Any] = {"num_classes": 1008, "aux_logits": False, "init_weights": False, "weights": None}
    drawn = source.models.inception_v3
    monkeypatch.setattr(source.models, "inception_v3", lambda **_: drawn(**undrawn))
    monkeypatch.setattr(source, "load_state_dict_from_url", lambda *_, **__: network.state_dict())
    theirs = source.InceptionV3().eval()
    image = uniform(2, 3, 61, 90)
    [expected] = theirs(image)
    found = network.features(image)
    assert found.shape == (2, 2048)
    assert float((found[0] - found[1]).abs().mean() / found.mean()) > 0.01
    np.testing.assert_allclose(found, expected[:, :, 0, 0], rtol=1e-3, atol=1e-4 * float(found.max()))


def test_the_size_and_names_are_the_released_ones() -> None:
    with torch.device("meta"):
        module = inception.build()
    # torchvision's inception_v3 without its auxiliary head, with 8 classes more
    assert sum(parameter.numel() for parameter in module.parameters()) == 23_834_568 + 8 * 2049
    names = set(module.state_dict())
    assert {"Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch3x3dbl_3b.bn.running_var", "fc.bias"} <= names
    assert module.fc.weight.shape == (1008, 2048)


def test_a_bicubic_resize_is_pillows(network: Any) -> None:
    image = np.random.default_rng(0).random((1, 40, 400)).astype(np.float32)
    expected = np.asarray(Image.fromarray(image[0]).resize((299, 299), Image.Resampling.BICUBIC))
    seen: list[Tensor] = []
    module: Any = loss_networks.build("inception", resize="clean_bicubic")
    module.Conv2d_1a_3x3.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    module.eval().features(torch.from_numpy(image)[None].expand(1, 3, 40, 400))
    np.testing.assert_allclose(seen[0][0, 1], 2 * expected - 1, atol=1e-4)
    with pytest.raises(UserError, match="unknown resize 'bilinear'; did you mean 'legacy_bilinear'"):
        loss_networks.build("inception", resize="bilinear")


@pytest.mark.parametrize("counted", [True, False])
def test_the_released_file_fills_every_weight(network: Any, tmp_path: Path, counted: bool) -> None:
    state, path = network.state_dict(), tmp_path / inception.RELEASED
    released = {name: each for name, each in state.items() if counted or not name.endswith("num_batches_tracked")}
    torch.save(released, path)
    module: Any = loss_networks.build("inception")
    inception.import_weights(module, path)
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())
    torch.save({**released, "fc.weight": torch.zeros(1000, 2048)}, path)
    with pytest.raises(
        UserError, match=rf"{path} does not fit the network \(wrong fc.weight is float32 \(1000, 2048\)"
    ):
        inception.import_weights(module, path)
    del released["Mixed_6e.branch7x7_2.bn.bias"]
    torch.save({**released, "AuxLogits.fc.bias": torch.zeros(8)}, path)
    with pytest.raises(UserError, match=r"missing Mixed_6e.branch7x7_2.bn.bias; unexpected AuxLogits.fc.bias"):
        inception.import_weights(module, path)


def test_fid_is_the_distance_of_the_features_of_two_sets(network: Any, weights: Path) -> None:
    ours, theirs = pictures(1, (40, 40), (40, 40), (50, 33)), pictures(2, (64, 48), (30, 30))

    def once(images: list[Floats]) -> Iterator[Floats]:
        yield from images

    features = [
        np.concatenate([network.features(torch.from_numpy(image)[None].float()).numpy() for image in images])
        for images in (ours, theirs)
    ]
    expected = frechet_distance(*features)
    assert score_set("fid", once(ours), once(theirs), weights=weights) == pytest.approx(expected, rel=1e-3)
    assert expected > 0
    assert score_set("fid", ours, ours, weights=weights) == pytest.approx(0, abs=1e-6 * expected)


def test_gray_pictures_are_taken_three_times_and_four_bands_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg16.safetensors"
    torch.manual_seed(0)
    module: Any = loss_networks.build("vgg16", layout="torchvision")
    loss_networks.save(module, path, {})
    gray, other = pictures(1, (32, 32), (40, 36), bands=1), pictures(2, (32, 32), (32, 32))
    tripled = [np.repeat(image, 3, axis=0) for image in gray]
    value = score_set("frechet_vgg16", gray, other, weights=path)
    assert value == score_set("frechet_vgg16", tripled, other, weights=path) > 0
    with torch.no_grad():
        maps = [
            np.stack(
                [module.layers(torch.from_numpy(x)[None].float(), ["pool5"])["pool5"][0].mean((1, 2)) for x in each]
            )
            for each in (tripled, other)
        ]
    assert value == pytest.approx(frechet_distance(*maps), rel=1e-4)
    with pytest.raises(UserError, match="targets: 4 bands; the network takes pictures of one band or three"):
        score_set("frechet_vgg16", other, pictures(1, (32, 32), bands=4), weights=path)
    with pytest.raises(UserError, match=rf"{path} holds the loss network 'vgg16'; give the file of a 'inception'"):
        score_set("fid", other, other, weights=path)


def test_sets_that_are_too_small_or_out_of_range_are_refused(weights: Path) -> None:
    two = pictures(1, (30, 30), (30, 30))
    with pytest.raises(UserError, match="predictions: no pictures"):
        score_set("fid", [], two, weights=weights)
    with pytest.raises(UserError, match=r"targets: features of shape \(1, 2048\)"):
        score_set("fid", two, two[:1], weights=weights)
    with pytest.raises(UserError, match=r"targets: values .* are not in \[0, 1\]"):
        score_set("fid", two, [image * 255 for image in two], weights=weights)


def test_sets_and_pictures_have_their_own_functions() -> None:
    image = np.zeros((3, 30, 30))
    with pytest.raises(UserError, match="fid compares two sets of pictures, not one with its target; use score_set"):
        score("fid", image, image)
    with pytest.raises(UserError, match="psnr scores one picture at a time; use score"):
        score_set("psnr", [image], [image])
    with pytest.raises(UserError, match=r"fid needs weights=PATH .*'inception'; run: lossbench fetch weights fid"):
        score_set("fid", [image], [image])
    with pytest.raises(UserError, match=r"'vgg16'; run: lossbench fetch weights vgg16"):
        score_set("frechet_vgg16", [image], [image])
    assert "never FID" in load("frechet_vgg16").SOURCE
