"""What every loss network keeps to: the catalog, exact files, and for autoencoders the contract of their features."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lossbench import loss_networks, plugins, storage
from lossbench.errors import UserError
from lossbench.loss_networks._masking import patches, statistics
from lossbench.loss_networks._size import grown

TINY: dict[str, dict[str, Any]] = {
    "mae": {
        "image_size": 32,
        "dimension": 16,
        "depth": 2,
        "heads": 2,
        "decoder_dimension": 16,
        "decoder_depth": 1,
        "decoder_heads": 2,
    },
    "cnn_mae": {"widths": [4, 6, 8, 12], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1},
    "unet_mae": {"channels": 3},
}
STRIDES = {"mae": 16, "cnn_mae": 8, "unet_mae": 4}
"""Pixels a side for each position of the features."""
AUTOENCODERS = pytest.mark.parametrize("name", sorted(TINY))


def tiny(name: str, **changes: Any) -> Any:
    torch.manual_seed(0)
    return loss_networks.build(name, **{**TINY[name], **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    # torch.testing would import torch's compiler for seconds
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=atol, rtol=0)


@pytest.mark.parametrize("name", plugins.names("loss_networks"))
def test_every_plugin_states_its_source_and_sizes_that_it_can_build(name: str) -> None:
    plugin = plugins.load("loss_networks", name)
    assert plugin.SOURCE
    assert plugin.PUBLISHED
    for arguments in plugin.PUBLISHED.values():
        inspect.signature(plugin.build).bind(**arguments)
        assert json.loads(json.dumps(arguments)) == arguments


def test_the_listing_counts_the_published_sizes_without_the_compiler() -> None:
    # torch arithmetic on the meta device would import the compiler for seconds
    run = "import runpy, sys; runpy.run_module('pipeline', run_name='__main__')"
    command = [sys.executable, "-c", f"{run}; sys.exit('torch._dynamo' in sys.modules)", "loss_networks", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=plugins.PACKAGE.parent)
    sizes = {entry["name"]: entry["parameters"] for entry in json.loads(done.stdout)}
    assert sizes["mae"]["ViT-B/16"] == {"encoder": 85_798_656, "decoder": 26_109_184}
    assert sizes["cnn_mae"]["default"] == {"encoder": 3_982_752, "decoder": 334_400, "other": 3}
    assert sizes["unet_mae"]["default"] == {"encoder": 451_296, "decoder": 1_492_211 - 451_296}
    assert sizes["mae_st"]["ViT-L/16"] == {"encoder": 304_096_256, "decoder": 13_635_328}
    assert sizes["videomae"]["ViT-B/16"] == {"encoder": 86_227_200}
    assert sizes["vgg16"] == {"ImageNet": 14_714_688}
    assert sizes["vgg19"] == {"ImageNet": 20_024_384}
    assert sorted(sizes) == plugins.names("loss_networks")


def test_an_unknown_name_or_argument_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown loss network 'cnnmae'.*did you mean 'cnn_mae'"):
        loss_networks.build("cnnmae")
    with pytest.raises(UserError, match="loss network 'mae' takes no argument 'head'; did you mean 'heads'"):
        loss_networks.build("mae", head=2)


@AUTOENCODERS
def test_a_saved_network_loads_bit_for_bit_and_frozen(name: str, tmp_path: Path) -> None:
    module = tiny(name, mean=[0.1, 0.2, 1 / 3])
    path, card = tmp_path / "folder" / "net.safetensors", {"data set": "demo", "steps": 7}
    loss_networks.save(module, path, card)
    loaded: Any
    loaded, found = loss_networks.load(path)
    assert found == card
    assert loaded.state_dict().keys() == module.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[key], value) for key, value in module.state_dict().items())
    assert torch.equal(loaded.mean, module.mean)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    image = uniform(1, 3, 32, 32)
    assert torch.equal(loaded.encode(image), module.encode(image))
    again = tmp_path / "again.safetensors"
    loss_networks.save(loaded.to(memory_format=torch.channels_last), again, found)
    assert again.read_bytes() == path.read_bytes()


def test_every_network_without_weights_has_all_its_statistics(tmp_path: Path) -> None:
    # `load` builds on the meta device: a buffer that no file fills must be real there
    for name in plugins.names("loss_networks"):
        plugin = plugins.load("loss_networks", name)
        if hasattr(plugin, "PARAMETERS"):
            # slow to build; a slow test of its own checks its buffers and counts
            continue
        with torch.device("meta"):
            module = plugin.build(**next(iter(plugin.PUBLISHED.values())))
        stored = module.state_dict().keys()
        assert all(key in stored or not buffer.is_meta for key, buffer in module.named_buffers())


def test_a_file_that_does_not_tell_how_to_build_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    storage.save(path, tiny("mae"), {"name": "mae"}, loss_networks.KIND)
    with pytest.raises(UserError, match=f"{path} does not tell its architecture and card"):
        loss_networks.load(path)
    with pytest.raises(UserError, match=r"none\.safetensors is missing"):
        loss_networks.load(tmp_path / "none.safetensors")


def test_a_restoration_network_is_no_loss_network_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    storage.save(path, torch.nn.Linear(2, 2), {"name": "edsr", "arguments": {}})
    with pytest.raises(UserError, match=f"{path} holds the restoration network 'edsr'; give the file of a loss netw"):
        loss_networks.load(path)
    loss_networks.save(tiny("cnn_mae"), path, {})
    with pytest.raises(UserError, match=f"{path} holds the loss network 'cnn_mae'; give the file of a restoration"):
        storage.read(path)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    module = tiny("mae")
    described = {"name": "mae", "architecture": TINY["mae"], "card": {}}
    storage.save(path, tiny("cnn_mae"), described, loss_networks.KIND)
    with pytest.raises(UserError, match=rf"{path} does not fit the network .missing blocks.0.\S+, .* and \d+ more; un"):
        loss_networks.load(path)
    for change, message in (({"name": "mea"}, "'mae'"), ({"architecture": {"head": 1}}, "'heads'")):
        storage.save(path, module, {**described, **change}, loss_networks.KIND)
        with pytest.raises(UserError, match=f"{path}: .*did you mean {message}"):
            loss_networks.load(path)


def test_public_weights_are_imported_where_there_are_any() -> None:
    found = {name: plugins.load("loss_networks", name) for name in plugins.names("loss_networks")}
    importers = {name: plugin.import_weights for name, plugin in found.items() if hasattr(plugin, "import_weights")}
    expected = ["dists", "inception", "lpips", "mae", "mae_st", "resnet50", "timm", "vgg16", "vgg19", "videomae"]
    assert sorted(importers) == expected
    for function in importers.values():
        assert list(inspect.signature(function).parameters) == ["module", "path"]


def test_padding_reflects_and_repeats_the_edge_where_the_image_is_too_short() -> None:
    row = torch.arange(4.0).reshape(1, 1, 1, 4)
    assert grown(row, 1, 7)[0, 0, 0].tolist() == [0, 1, 2, 3, 2, 1, 0]
    assert grown(row, 1, 8)[0, 0, 0].tolist() == [0, 1, 2, 3, 3, 3, 3, 3]
    assert grown(row, 2, 4)[0, 0].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert grown(row, 1, 3) is row


@AUTOENCODERS
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_odd_sizes_and_any_bands_are_encoded(name: str, bands: int) -> None:
    module = tiny(name, bands=bands).requires_grad_(False)

    @given(height=st.integers(16, 70), width=st.integers(16, 70))
    @settings(max_examples=8, deadline=None)
    def check(height: int, width: int) -> None:
        features = module.encode(uniform(1, bands, height, width))
        side = STRIDES[name]
        grid = (-(-height // side), -(-width // side))
        assert features.shape == ((1, grid[0] * grid[1], 16) if name == "mae" else (1, 12, *grid))
        assert bool(features.isfinite().all())
        assert module.cells(height, width) == -(-height // 16) * -(-width // 16)

    check()


@AUTOENCODERS
def test_the_smallest_image_is_encoded_and_a_smaller_one_refused(name: str) -> None:
    module = tiny(name)
    assert module.encode(uniform(1, 3, 8, 8)).numel() > 0
    with pytest.raises(UserError, match="8 x 7 pixels"):
        module.encode(uniform(1, 3, 8, 7))
    with pytest.raises(UserError, match=r"takes \(N, 3, H, W\)"):
        module.encode(uniform(1, 1, 8, 8))


@AUTOENCODERS
def test_the_gradient_reaches_every_part_of_the_image(name: str) -> None:
    module = tiny(name).requires_grad_(False)
    image = uniform(1, 3, 40, 40).requires_grad_()
    (module.encode(image) - module.encode(uniform(1, 3, 40, 40, seed=2))).abs().mean().backward()
    assert image.grad is not None
    assert bool(image.grad.isfinite().all())
    assert bool((image.grad.abs().amax(dim=(0, 1)) > 0).all())


@AUTOENCODERS
def test_a_batch_is_encoded_like_each_image_alone(name: str) -> None:
    module, image = tiny(name).requires_grad_(False), uniform(2, 3, 40, 24)
    alone = torch.cat([module.encode(image[:1]), module.encode(image[1:])])
    assert_near(module.encode(image), alone, atol=1e-5)


@AUTOENCODERS
def test_two_patches_that_change_places_change_more_than_the_order_of_features(name: str) -> None:
    module, image = tiny(name).requires_grad_(False), uniform(1, 3, 32, 32)
    swapped = image.clone()
    swapped[..., :16, :16], swapped[..., 16:, 16:] = image[..., 16:, 16:], image[..., :16, :16]
    features, others = module.encode(image), module.encode(swapped)
    if name == "mae":
        features, others = features.transpose(1, 2), others.transpose(1, 2)
    features, others = features.flatten(2), others.flatten(2)
    assert not torch.allclose(features, others, atol=1e-3)
    assert not torch.allclose(features.sort(dim=2).values, others.sort(dim=2).values, atol=1e-3)


@AUTOENCODERS
def test_with_every_patch_visible_the_features_are_those_of_the_image(name: str) -> None:
    module, image = tiny(name).requires_grad_(False), uniform(2, 3, 35, 50)
    mask = torch.ones(2, module.cells(35, 50), dtype=torch.bool)
    assert torch.equal(module.encode_visible(image, mask), module.encode(image))


@AUTOENCODERS
def test_hidden_patches_do_not_change_the_visible_features(name: str) -> None:
    module, image = tiny(name).requires_grad_(False), uniform(1, 3, 32, 32)
    mask = torch.tensor([[True, False, True, True]])
    changed = image.clone()
    changed[..., :16, 16:] = 0
    features = module.encode_visible(image, mask)
    assert features.shape == ((1, 3, 16) if name == "mae" else (1, 12, *2 * (32 // STRIDES[name],)))
    assert torch.equal(module.encode_visible(changed, mask), features)
    changed[..., :16, :16] = 0
    assert not torch.allclose(module.encode_visible(changed, mask), features, atol=1e-3)


@AUTOENCODERS
def test_pretraining_learns_one_batch(name: str) -> None:
    module = tiny(name)
    ramp = torch.linspace(0, 1, 32)
    image = torch.stack([ramp.expand(3, 32, 32), ramp[:, None].expand(3, 32, 32)])
    noise = uniform(2, 4)
    optimiser = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(30):
        loss = module.pretraining_loss(image, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@AUTOENCODERS
@pytest.mark.parametrize("normalised_target", [False, True])
def test_a_reconstruction_keeps_visible_patches_to_the_bit(name: str, normalised_target: bool) -> None:
    module, image = tiny(name, normalised_target=normalised_target), uniform(2, 3, 35, 50)
    noise = uniform(2, module.cells(35, 50))
    masked, filled = module.reconstruct(image, noise)
    count = int(noise.shape[1] * 0.25)
    threshold = noise.sort(dim=1).values[:, count - 1 : count]
    grid = (noise <= threshold).reshape(2, 3, 4)
    visible = grid.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, None, :35, :50].expand_as(image)
    assert torch.equal(masked[visible], image[visible])
    assert torch.equal(filled[visible], image[visible])
    assert torch.equal(masked[~visible], module.mean.expand_as(image)[~visible])
    assert not torch.equal(filled[~visible], masked[~visible])
    assert 0 <= float(filled.min()) <= float(filled.max()) <= 1
    assert not filled.requires_grad


@AUTOENCODERS
def test_a_perfect_prediction_reconstructs_the_image(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, image = tiny(name, normalised_target=True), uniform(1, 3, 32, 48)
    noise = uniform(1, 6)
    truth = patches((image - module.mean) / module.std, 16)
    mean, deviation = statistics(truth)
    monkeypatch.setattr(module, "predict", lambda *_: ((truth - mean) / deviation, noise < 0.5))
    assert float(module.pretraining_loss(image, noise)) == pytest.approx(0, abs=1e-12)
    assert_near(module.reconstruct(image, noise)[1], image, atol=1e-5)
