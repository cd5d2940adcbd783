"""The catalogue of networks, and pictures of any size, whole and in tiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.networks import Network, NetworkWithLoss, build, listing, parameter_count
from lossbench.networks._padding import restore, restore_tiled

SMALL: dict[str, dict[str, Any]] = {
    "edsr": {"scale": 2, "channels": 8, "blocks": 2},
    "rfdn": {"scale": 2, "channels": 8, "blocks": 2},
}


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def picture(height: int, width: int, number: int = 1, bands: int = 3) -> Tensor:
    """(number, bands, height, width) of uniform noise in [0, 1]."""
    return torch.rand(number, bands, height, width, generator=torch.Generator().manual_seed(height * 1000 + width))


class Enlarge(nn.Module):
    """Repeat each pixel; note every size that comes in."""

    in_channels = out_channels = 3

    def __init__(self, scale: int = 2, multiple: int = 1, minimum: int = 1) -> None:
        super().__init__()
        self.scale, self.multiple, self.minimum = scale, multiple, minimum
        self.inputs: list[Tensor] = []

    def forward(self, low_quality: Tensor) -> Tensor:
        assert all(size % self.multiple == 0 and size >= self.minimum for size in low_quality.shape[-2:])
        self.inputs.append(low_quality)
        return self.enlarged(low_quality)

    def enlarged(self, low_quality: Tensor) -> Tensor:
        return low_quality.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)


@pytest.mark.parametrize("name", plugins.names("networks"))
def test_every_network_keeps_the_contract(name: str) -> None:
    module = plugins.load("networks", name)
    assert isinstance(module.SOURCE, str)
    assert module.SOURCE
    assert module.PUBLISHED
    for arguments in module.PUBLISHED.values():
        with torch.device("meta"):
            network = build(name, **arguments)
        for attribute in ("in_channels", "out_channels", "multiple", "minimum", "scale"):
            value = getattr(network, attribute)
            assert type(value) is int
            assert value >= 1
        assert isinstance(network, NetworkWithLoss if hasattr(module, "OWN_LOSS") else Network)
        assert parameter_count(network) > 0


@pytest.mark.parametrize("name", plugins.names("networks"))
def test_every_network_enlarges_by_its_scale(name: str) -> None:
    arguments = next(iter(plugins.load("networks", name).PUBLISHED.values()))
    network: Any = build(name, **arguments).eval()
    size = -(-max(32, network.minimum) // network.multiple) * network.multiple
    with torch.no_grad():
        output = network(picture(size, size, bands=network.in_channels))
    assert output.shape == (1, network.out_channels, size * network.scale, size * network.scale)


def test_the_listing_states_the_published_counts() -> None:
    entries = {entry["name"]: entry for entry in listing()}
    assert list(entries) == plugins.names("networks")
    assert entries["edsr"]["parameters"] == {
        "x2": 1_369_859,
        "x3": 1_554_499,
        "x4": 1_517_571,
        "full x2": 40_729_603,
        "full x3": 43_680_003,
        "full x4": 43_089_923,
    }
    assert entries["rfdn"]["parameters"] == {"x2": 417_212, "x3": 423_977, "x4": 433_448}
    assert "Lim et al." in entries["edsr"]["source"]


def test_frozen_values_are_not_counted() -> None:
    layer = nn.Conv2d(2, 3, 3)
    layer.weight.requires_grad_(False)
    layer.register_buffer("mean", torch.zeros(7))
    assert parameter_count(layer) == 3


def test_an_unknown_network_is_named_with_its_neighbour() -> None:
    with pytest.raises(UserError, match=r"unknown network 'edrs'.*did you mean 'edsr'"):
        build("edrs")


@pytest.mark.parametrize("name", ["catalog", "_padding"])
def test_modules_that_are_not_networks_cannot_be_built(name: str) -> None:
    with pytest.raises(UserError, match=f"unknown network '{name}'"):
        build(name)


def test_an_unknown_argument_is_named_with_its_neighbour() -> None:
    with pytest.raises(UserError, match="network 'edsr' takes no argument 'chanels'; did you mean 'channels'"):
        build("edsr", chanels=8)


@pytest.mark.parametrize("value", ["64", 64.0, True, None, [64]])
def test_a_value_of_the_wrong_type_is_named(value: object) -> None:
    with pytest.raises(UserError, match=r"network 'edsr': channels: .* is not of type int; give a value like 64"):
        build("edsr", channels=value)


def test_a_whole_number_does_for_a_float() -> None:
    assert parameter_count(build("edsr", channels=4, blocks=1, residual_scale=1)) > 0


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build(name, **SMALL[name]).state_dict())
    for first, second in zip(states[0].values(), states[1].values(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("name", SMALL)
def test_a_saved_state_gives_the_same_picture(name: str) -> None:
    first, second = build(name, **SMALL[name]), build(name, **SMALL[name])
    low_quality = picture(17, 19)
    assert not torch.equal(first(low_quality), second(low_quality))
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(first(low_quality), second(low_quality))


@pytest.mark.parametrize("name", SMALL)
def test_a_gradient_reaches_every_parameter(name: str) -> None:
    network = build(name, **SMALL[name])
    network(picture(33, 33, number=2)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", SMALL)
def test_the_input_is_left_as_it_was(name: str) -> None:
    low_quality = picture(16, 16)
    copy = low_quality.clone()
    build(name, **SMALL[name])(low_quality)
    assert torch.equal(low_quality, copy)


@pytest.mark.parametrize("name", SMALL)
def test_channels_last_gives_the_same_picture(name: str) -> None:
    network = build(name, **SMALL[name]).eval()
    low_quality = picture(21, 18, number=2)
    expected = network(low_quality)
    network = network.to(memory_format=torch.channels_last)
    found = network(low_quality.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", SMALL)
def test_bfloat16_trains_and_stays_near_float32(name: str) -> None:
    network = build(name, **SMALL[name])
    network = network.to(memory_format=torch.channels_last)
    low_quality = picture(20, 24, number=2).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(low_quality)
    assert found.dtype == torch.bfloat16
    expected = network(low_quality)
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()
    found.float().mean().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_pictures_of_1_to_40_pixels_are_restored(name: str) -> None:
    network: Any = build(name, **SMALL[name])
    with torch.no_grad():
        for height in range(1, 41):
            low_quality = picture(height, 41 - height)
            output = restore(network, low_quality)
            assert output.shape == (1, 3, 2 * height, 2 * (41 - height))
            assert output.isfinite().all()
            if min(height, 41 - height) >= network.minimum:
                assert torch.equal(output, network(low_quality))


def test_a_small_picture_is_reflected_and_else_its_last_pixel_repeated() -> None:
    row = torch.tensor([0.1, 0.2, 0.3]).view(1, 1, 1, 3)
    for multiple, expected in [
        (5, [0.1, 0.2, 0.3, 0.2, 0.1]),
        (6, [0.1, 0.2, 0.3, 0.3, 0.3, 0.3]),
    ]:
        network = Enlarge(scale=1, multiple=multiple)
        assert torch.equal(restore(network, row), row)
        [seen] = network.inputs
        # one row can only be repeated
        assert torch.equal(seen, torch.tensor(expected).expand(1, 1, multiple, multiple))


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), multiple=st.integers(1, 16), minimum=st.integers(1, 33))
def test_the_extension_never_shows_in_the_result(height: int, width: int, multiple: int, minimum: int) -> None:
    network = Enlarge(scale=3, multiple=multiple, minimum=minimum)
    low_quality = picture(height, width)
    assert torch.equal(restore(network, low_quality), network.enlarged(low_quality))
    [seen] = network.inputs
    for size, extended in zip((height, width), seen.shape[-2:], strict=True):
        # no larger than it must be
        assert extended - multiple < max(size, minimum) <= extended


def test_a_network_whose_minimum_is_one_takes_one_pixel() -> None:
    network: Any = nn.PixelShuffle(1)
    network.multiple, network.minimum, network.scale = 4, 1, 1
    assert restore(network, picture(1, 2)).shape == (1, 3, 1, 2)


def test_restore_keeps_gradients_and_tiles_do_not() -> None:
    network = build("edsr", **SMALL["edsr"])
    assert restore(network, picture(9, 9)).requires_grad
    assert not restore_tiled(network, picture(9, 9), tile=8, overlap=2).requires_grad


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    tile=st.integers(1, 48),
    overlap=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 8]),
)
def test_tiles_cover_the_picture_once(height: int, width: int, tile: int, overlap: int, multiple: int) -> None:
    network = Enlarge(scale=2, multiple=multiple)
    low_quality = picture(height, width, number=2)
    if -(-tile // multiple) * multiple - overlap < multiple:
        with pytest.raises(UserError, match="cannot advance"):
            restore_tiled(network, low_quality, tile, overlap)
        return
    assert torch.equal(restore_tiled(network, low_quality, tile, overlap), network.enlarged(low_quality))
    assert all(max(seen.shape[-2:]) < tile + multiple for seen in network.inputs)


def test_strided_networks_see_their_own_grid_in_every_tile() -> None:
    class Pooled(Enlarge):
        def forward(self, low_quality: Tensor) -> Tensor:
            return F.interpolate(F.avg_pool2d(super().forward(low_quality), 8), scale_factor=8.0)

    network = Pooled(scale=1, multiple=8)
    low_quality = picture(67, 43)
    whole = restore(network, low_quality)
    torch.testing.assert_close(restore_tiled(network, low_quality, tile=21, overlap=5), whole)


def test_a_picture_within_one_tile_is_run_once() -> None:
    network = Enlarge(minimum=15)
    restore_tiled(network, picture(9, 20), tile=20, overlap=4)
    assert [tuple(seen.shape) for seen in network.inputs] == [(1, 3, 15, 20)]


def test_a_tile_below_the_minimum_is_raised_to_it() -> None:
    network = build("rfdn", **SMALL["rfdn"])
    output = restore_tiled(network, picture(31, 8), tile=4, overlap=2)
    assert output.shape == (1, 3, 62, 16)
    assert output.isfinite().all()


def test_a_negative_overlap_is_refused() -> None:
    with pytest.raises(UserError, match="overlap: -1 px is negative"):
        restore_tiled(Enlarge(), picture(9, 9), tile=4, overlap=-1)
