"""Networks of timm as loss networks: their features, files and layers, and the loss made of them."""

import copy
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lossbench import loss_networks, losses
from lossbench.errors import UserError
from lossbench.loss_networks import timm as plugin

LAYERS = {"test_resnet": "layer2", "test_convnext": "stages.1", "test_vit": "blocks.2"}
"""Small models of the three sorts and one of their layers."""
DEPTHS = {
    "test_resnet": (48, 5, 8),
    "test_convnext": (32, 4, 7),
    # a class token, and 3 x 4 patches of 16 pixels
    "test_vit": (1 + 3 * 4, 64),
}
"""Shapes of the features of 33 x 58 pixels, the transformer's after padding to whole patches, by hand."""
EACH = pytest.mark.parametrize("model", sorted(LAYERS))
Stored = Callable[..., Path]


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def made(model: str = "test_resnet", **changes: Any) -> Any:
    """Build a network whose batch normalisations have statistics of their own."""
    torch.manual_seed(0)
    network: Any = loss_networks.build("timm", **{"model": model, "layer": LAYERS.get(model, "layer2"), **changes})
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.get_buffer("running_mean").uniform_(-0.1, 0.1)
            part.get_buffer("running_var").uniform_(0.5, 2)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("timm")

    def path(model: str = "test_resnet") -> Path:
        file = folder / f"{model}.safetensors"
        if not file.exists():
            loss_networks.save(made(model), file, {})
        return file

    return path


def captured(network: Any, layer: str, image: Tensor) -> Tensor:
    """Return the output of `layer` of a whole network by a hook, nothing cut."""
    found: list[Tensor] = []
    handle = network.model.get_submodule(layer).register_forward_hook(lambda *given: found.append(given[2]))
    network.model(image)
    handle.remove()
    return found[0]


@EACH
def test_features_are_those_of_the_whole_model_for_any_size(stored: Stored, model: str) -> None:
    network: Any = loss_networks.load(stored(model))[0]
    image = uniform(2, 3, 33, 58)
    padded = torch.nn.functional.pad(image, (0, 6, 0, 15), mode="reflect") if model == "test_vit" else image
    expected = captured(made(model), LAYERS[model], (padded - network.mean) / network.std)
    network.cut(LAYERS[model])
    found = network.features(image)
    assert found.shape[1:] == DEPTHS[model]
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_images_are_normalised_as_the_models_tag_says() -> None:
    for model, mean, std in (
        ("resnet18", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ("resnet18.gluon_in1k", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ("test_resnet", [0.5] * 3, [0.5] * 3),
    ):
        network = made(model)
        assert network.mean.flatten().tolist() == pytest.approx(mean)
        assert network.std.flatten().tolist() == pytest.approx(std)
    assert made(bands=4).mean.flatten().tolist() == pytest.approx([0.45] * 4)


def test_nothing_beyond_the_layer_is_kept_and_a_block_in_the_middle_can_be_chosen(stored: Stored) -> None:
    network: Any = loss_networks.load(stored())[0]
    network.cut("layer2.0.conv2")
    children = {name for name, _ in network.model.named_modules()}
    assert {"layer1", "layer2.0.conv2"} <= children
    assert not children & {"layer2.0.bn2", "layer3", "layer4", "fc"}


def test_an_activation_does_not_overwrite_the_features_before_it(stored: Stored) -> None:
    network: Any = loss_networks.load(stored())[0]
    network.cut("bn1")
    assert float(network.features(uniform(1, 3, 40, 40)).min()) < 0


@EACH
def test_the_loss_is_the_distance_of_the_features_and_the_pixels(stored: Stored, model: str) -> None:
    loss: Any = losses.build("timm", weights=stored(model), pixel="l2", weight=0.5)
    prediction, target = uniform(2, 3, 40, 33, seed=2).requires_grad_(), uniform(2, 3, 40, 33, seed=3)
    terms = loss.terms(prediction, target)
    given, wanted = (loss.network.features(image).double() for image in (prediction, target))
    assert terms["timm"].item() == pytest.approx((given - wanted).square().mean().item(), rel=1e-5)
    assert terms["pixel"].item() == pytest.approx((prediction - target).square().mean().item(), rel=1e-6)
    total = loss(prediction, target)
    assert total.item() == pytest.approx(terms["pixel"].item() + 0.5 * terms["timm"].item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(total, prediction)
    assert bool((gradient.abs().amax(dim=(0, 1)) > 0).all())
    assert loss(target, target).item() == 0
    assert loss.state_dict() == {}
    assert list(loss.parameters()) == []


@EACH
@pytest.mark.parametrize(("precision", "tolerance"), [("difference", 5e-3), ("fast", 0.1)])
def test_cheaper_arithmetic_gives_nearly_the_same(stored: Stored, model: str, precision: str, tolerance: float) -> None:
    exact, cheap = (losses.build("timm", weights=stored(model), precision=each) for each in ("exact", precision))
    target = uniform(2, 3, 40, 33)
    prediction = (target + 0.1 * uniform(2, 3, 40, 33, seed=2)).requires_grad_()
    found, expected = (loss.terms(prediction, target)["timm"] for loss in (cheap, exact))
    assert found.item() == pytest.approx(expected.item(), rel=tolerance)
    assert found.item() != expected.item()
    assert bool(torch.autograd.grad(found, prediction)[0].isfinite().all())


@EACH
def test_the_loss_compiles_into_one_graph_and_is_copied_and_moved(stored: Stored, model: str) -> None:
    torch.compiler.reset()
    loss: Any = losses.build("timm", weights=stored(model))
    prediction, target = uniform(1, 3, 33, 40, seed=2), uniform(1, 3, 33, 40, seed=3)
    expected = loss(prediction, target).item()
    compiled: Any = torch.compile(loss, fullgraph=True, backend="eager")
    assert compiled(prediction, target).item() == pytest.approx(expected, rel=1e-6)
    twin = copy.deepcopy(loss)
    assert twin(prediction, target).item() == expected
    assert twin.network is not loss.network
    loss.to("meta")
    held = [*loss.network.parameters(), *loss.network.buffers()]
    assert {tensor.device.type for tensor in held} == {"meta"}


def test_small_images_are_enlarged_and_smaller_or_other_ones_refused(stored: Stored) -> None:
    for model in LAYERS:
        loss = losses.build("timm", weights=stored(model), layer={"test_resnet": "layer4"}.get(model))
        assert 0 < float(loss(uniform(1, 3, 8, 9), uniform(1, 3, 8, 9, seed=2))) < math.inf
    with pytest.raises(UserError, match="7 x 8 pixels"):
        loss(uniform(1, 3, 7, 8), uniform(1, 3, 7, 8))
    with pytest.raises(UserError, match=r"takes \(N, 3, H, W\)"):
        loss(uniform(1, 4, 8, 8), uniform(1, 4, 8, 8))


def test_a_model_may_be_asked_for_without_the_tag_of_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "tagged.safetensors"
    loss_networks.save(made("test_resnet.r160_in1k", layer="layer1"), path, {})
    for model in ("test_resnet", "test_resnet.r160_in1k"):
        assert losses.build("timm", model=model, weights=path).weights == {"pixel": 1.0, "timm": 1.0}
    with pytest.raises(
        UserError, match=r"holds the model 'test_resnet\.r160_in1k', but loss 'timm' is to use 'resnet'"
    ):
        losses.build("timm", model="resnet", weights=path)


def test_another_layer_may_be_chosen_and_another_model_not(stored: Stored) -> None:
    loss: Any = losses.build("timm", weights=stored(), model="test_resnet", layer="layer1")
    assert loss.network.features(uniform(1, 3, 32, 32)).shape == (1, 32, 8, 8)
    with pytest.raises(UserError, match="holds the model 'test_resnet', but loss 'timm' is to use 'resnet50'"):
        losses.build("timm", weights=stored(), model="resnet50")
    with pytest.raises(UserError, match=r"loss 'timm': layer: 'test_resnet' has no 'layer5'; did you mean 'layer\d'"):
        losses.build("timm", weights=stored(), layer="layer5")


@pytest.mark.parametrize(
    ("model", "layer", "message"),
    [
        ("resnet5O", "layer2", "timm has no 'resnet5O'; did you mean 'resnet50"),
        ("resnet18.a9_in1k", "layer2", r"timm has no weights 'resnet18.a9_in1k'; did you mean 'resnet18\.a\d_in1k'"),
        ("hf-hub:timm/resnet18", "layer2", "timm has no 'hf-hub:timm/resnet18'"),
        ("test_resnet", "stages.1", "layer: 'test_resnet' has no 'stages.1'; it consists of conv1, bn1"),
        ("beit_base_patch16_224", "blocks.1", "takes only 224 x 224 pixels; choose one that takes images of any size"),
    ],
)
def test_unknown_models_and_layers_are_named(model: str, layer: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        plugin.build(model, layer)


def test_a_model_that_cannot_be_cut_is_named() -> None:
    network = plugin.build("swin_tiny_patch4_window7_224", "layers.1")
    with pytest.raises(UserError, match=r"'swin_tiny_patch4_window7_224' can't be cut at 'layers.1' by torch.fx"):
        network.cut("layers.1")


def released(model: str = "test_resnet") -> dict[str, Tensor]:
    """Return the state dict of a model of timm with its classifier, other weights than those of `made`."""
    import timm

    torch.manual_seed(5)
    return dict(timm.create_model(model, pretrained=False).state_dict())


def library(state: dict[str, Tensor], mean: float = 0.5) -> dict[str, Any]:
    """Return what MadryLab's library keeps of a training."""
    kept = {f"module.model.{name}": tensor for name, tensor in state.items()}
    statistics = {"new_mean": mean, "new_std": 0.5}
    kept |= {f"module.normalizer.{name}": torch.full((3, 1, 1), value) for name, value in statistics.items()}
    return {"model": kept, "epoch": 3}


@EACH
@pytest.mark.parametrize("kind", ["safetensors", "pth", "robust", "uncounted"])
def test_files_as_timm_releases_them_are_imported(tmp_path: Path, model: str, kind: str) -> None:
    state, path = released(model), tmp_path / f"file.{'pth' if kind in ('pth', 'robust') else 'safetensors'}"
    if kind == "uncounted":
        save_file({name: tensor for name, tensor in state.items() if "num_batches" not in name}, path)
    elif kind == "safetensors":
        save_file(state, path)
    else:
        torch.save(library(state) if kind == "robust" else state, path)
    network = made(model)
    plugin.import_weights(network, path)
    own = network.state_dict()
    assert len(state) - len(own) == 2
    assert all(torch.equal(tensor, state[name.removeprefix("model.")]) for name, tensor in own.items())


def test_files_that_do_not_fit_are_named_and_change_nothing(tmp_path: Path) -> None:
    network, state = made(), released()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def refused(content: Any, message: str) -> None:
        path = tmp_path / "file.pth"
        torch.save(content, path)
        with pytest.raises(UserError, match=rf"^{path}:? {message}"):
            plugin.import_weights(network, path)

    refused(released("test_vit"), r"does not fit the network \(missing model.bn1.bias")
    refused({**state, "fcc.bias": torch.zeros(2)}, r"does not fit the network \(unexpected model.fcc.bias\)")
    refused({**state, "bn1.bias": torch.zeros(2)}, r"does not fit the network \(wrong model.bn1.bias is float32 \(2,\)")
    refused({name: state[name] for name in state if name != "bn1.bias"}, r"does not fit .*\(missing model.bn1.bias\)")
    refused(library(state, 0.45), r"its mean \[0.45, 0.45, 0.45\] is not \[0.5, 0.5, 0.5\]")
    refused({**state, "code": os.getcwd}, "holds more than weights")
    for content, message in ((b"", "is no whole safetensors file"), (None, "is no whole .*No such file")):
        path = tmp_path / f"{content is None}.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError, match=f"{path} {message}"):
            plugin.import_weights(network, path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_published_sizes_have_their_counts_and_build_without_storage_to_be_filled() -> None:
    for label, arguments in plugin.PUBLISHED.items():
        with torch.device("meta"):
            network = plugin.build(**arguments)
        assert sum(parameter.numel() for parameter in network.parameters()) == plugin.PARAMETERS[label]
        assert not any(tensor.is_meta for tensor in network.buffers())
