"""What every loss network keeps to: the catalog, exact files, and for autoencoders the contract of their features."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from _loss_networks import TINY, tiny

from lossbench import loss_networks, plugins, storage
from lossbench.errors import UserError
from lossbench.loss_networks._size import grown


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
