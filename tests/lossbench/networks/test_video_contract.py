"""What every network of video promises: published sizes, clips of any size, and a training that reaches all."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from _video_networks import COUNTS, SMALL, clip, least_frames, told
from torch import Tensor, nn

from lossbench import device, plugins, storage
from lossbench.errors import UserError
from lossbench.networks import ClipNetwork, VideoNetwork, build, listing, load_network, parameter_count, window

NAMES = [name for name in plugins.names("networks") if window(name) != 1]
EACH = pytest.mark.parametrize("name", NAMES)
KERNELS = nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d
OVER_FRAMES = nn.Conv3d | nn.ConvTranspose3d
DRAWS = 4
"""Of weights and clips: a ReLU of a narrow layer can cut a weight off in one of them."""


def seen(name: str, network: Any, number: int = 2) -> tuple[Tensor, ...]:
    """Return what `network` takes: the least frames, of a size that it takes, and the noise level if it is told."""
    side = math.ceil(max(16, network.minimum) / network.multiple) * network.multiple
    frames = clip(least_frames(name), side, side + 4 * network.multiple, number, network.in_channels)
    return frames, *told(name, number)


def test_every_network_of_video_is_held_to_it() -> None:
    assert sorted(SMALL) == NAMES, "give the new one a row in tests/_video_networks.py"


@EACH
def test_every_network_of_video_keeps_the_contract(name: str) -> None:
    module = plugins.load("networks", name)
    assert module.SOURCE and module.PUBLISHED
    counted = [arguments for of, arguments, _ in COUNTS if of == name]
    for arguments in module.PUBLISHED.values():
        assert arguments in counted
        with torch.device("meta"):
            network: Any = build(name, **arguments)
        for attribute in ("in_channels", "out_channels", "multiple", "minimum", "scale"):
            value = getattr(network, attribute)
            assert type(value) is int and value >= 1
        assert network.window == module.WINDOW == window(name)
        if module.WINDOW is None:
            assert isinstance(network, ClipNetwork)
            assert network.least_frames == plugins.constant("networks", name, "LEAST_FRAMES")
        else:
            assert isinstance(network, VideoNetwork)
            assert module.WINDOW % 2 == 1
        assert type(plugins.constant("networks", name, "TAKES_SIGMA", False)) is bool
        assert network.multiple == plugins.constant("networks", name, "MULTIPLE", 1)
        least = plugins.constant("networks", name, "LEAST_PATCH")
        assert least % network.multiple == 0 and least >= network.minimum


@pytest.mark.parametrize(("name", "arguments", "count"), COUNTS, ids=str)
def test_every_network_of_video_has_its_published_number_of_parameters(
    name: str, arguments: dict[str, Any], count: int
) -> None:
    with torch.device("meta"):
        assert parameter_count(build(name, **arguments)) == count


def test_the_listing_states_how_many_frames_each_looks_at() -> None:
    entries = {entry["name"]: entry for entry in listing()}
    assert entries["edsr"]["window"] == 1
    assert entries["fastdvdnet"]["window"] == 5
    assert entries["fastdvdnet"]["parameters"] == {"colour": 2_479_096}
    assert entries["mbllven"]["window"] is None


@EACH
def test_the_middle_frame_or_all_frames_are_restored(name: str) -> None:
    network: Any = build(name, **SMALL[name]).eval()
    frames, *others = seen(name, network)
    copy = frames.clone()
    with torch.no_grad():
        prediction = network(frames, *others)
    assert torch.equal(frames, copy)
    number, count, _, height, width = frames.shape
    sides = (network.scale * height, network.scale * width)
    middle = (number, network.out_channels, *sides)
    assert prediction.shape == (middle if network.window else (number, count, *middle[1:]))
    assert prediction.isfinite().all()


@EACH
def test_the_same_seed_gives_the_same_weights_and_each_clip_of_a_batch_is_its_own(name: str) -> None:
    networks: list[Any] = []
    for _ in range(2):
        torch.manual_seed(5)
        networks.append(build(name, **SMALL[name]).eval())
    frames, *others = seen(name, networks[0])
    with torch.no_grad():
        both = networks[0](frames, *others)
        single = [networks[1](frames[i : i + 1], *(each[i : i + 1] for each in others)) for i in range(2)]
    torch.testing.assert_close(torch.cat(single), both, atol=1e-5, rtol=1e-5)


@EACH
def test_a_stored_network_of_video_is_opened_whole(name: str, tmp_path: Path) -> None:
    network = build(name, **SMALL[name]).eval()
    path = tmp_path / "model.safetensors"
    storage.save(path, network, {"name": name, "arguments": SMALL[name]})
    inputs = seen(name, network, 1)
    with torch.no_grad():
        assert torch.equal(load_network(path)(*inputs), network(*inputs))


@EACH
def test_bfloat16_on_a_device_trains_every_parameter_and_stays_near_float32(name: str) -> None:
    network: Any = build(name, **SMALL[name]).eval()
    inputs = seen(name, network)
    expected = network(*inputs)
    chosen = device.choose("bfloat16", torch.get_num_threads())
    network = chosen.place(network)
    parameter = next(network.parameters())
    inputs = tuple(each.to(parameter.device) for each in inputs)
    with torch.autocast(parameter.device.type, dtype=torch.bfloat16):
        found = network(*inputs)
    assert (found.float().cpu() - expected).abs().max() < 0.03 * expected.abs().max()
    if parameter.device.type == "cpu" and any(isinstance(layer, OVER_FRAMES) for layer in network.modules()):
        # some gradients are not finite there, now and then: no training may begin
        with pytest.raises(UserError, match="convolutions over frames have wrong gradients in bfloat16 on a CPU"):
            chosen.check_arithmetic(network)
        return
    chosen.check_arithmetic(network)
    found.float().square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key


def untouched(name: str, side: int, seed: int) -> set[str]:
    """Return the places of the kernels of `name` that get no gradient from square patches of `side` pixels."""
    torch.manual_seed(seed)
    network: Any = build(name, **SMALL[name]).train()
    prediction = network(clip(least_frames(name), side, side, 2, network.in_channels), *told(name, 2))
    (prediction - torch.rand_like(prediction)).abs().mean().backward()
    found = set()
    for key, layer in network.named_modules():
        if isinstance(layer, KERNELS):
            assert layer.weight.grad is not None, key
            reached = layer.weight.grad.abs().sum(dim=(0, 1)) > 0
            found |= {f"{key} {place}" for place in torch.argwhere(~reached).tolist()}
    return found


@EACH
def test_every_weight_gets_a_gradient_from_the_least_patch(name: str) -> None:
    least = plugins.constant("networks", name, "LEAST_PATCH")
    assert not set.intersection(*(untouched(name, least, seed) for seed in range(DRAWS)))
    network: Any = build(name, **SMALL[name])
    if (less := least - network.multiple) >= network.minimum:
        assert set.intersection(*(untouched(name, less, seed) for seed in range(DRAWS)))


def test_what_other_networks_call_a_window_is_no_number_of_frames() -> None:
    # DRBN's loss and INNformer look at windows of pixels
    assert {window(name) for name in plugins.names("networks") if name not in SMALL} == {1}
