"""Pictures of any size, whole and in tiles."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from _networks import SMALL, noise, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.networks import build
from lossbench.networks._padding import restore, restore_tiled


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


@pytest.mark.parametrize("name", ["edsr", "rfdn"])
def test_pictures_of_1_to_40_pixels_are_restored(name: str) -> None:
    network: Any = build(name, **SMALL[name])
    with torch.no_grad():
        for height in range(1, 41):
            low_quality = noise(height, 41 - height)
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
    low_quality = noise(height, width)
    assert torch.equal(restore(network, low_quality), network.enlarged(low_quality))
    [seen] = network.inputs
    for size, extended in zip((height, width), seen.shape[-2:], strict=True):
        # no larger than it must be
        assert extended - multiple < max(size, minimum) <= extended


def test_a_network_whose_minimum_is_one_takes_one_pixel() -> None:
    network: Any = nn.PixelShuffle(1)
    network.multiple, network.minimum, network.scale = 4, 1, 1
    assert restore(network, noise(1, 2)).shape == (1, 3, 1, 2)


def test_restore_keeps_gradients_and_tiles_do_not() -> None:
    network = build("edsr", **SMALL["edsr"])
    assert restore(network, noise(9, 9)).requires_grad
    assert not restore_tiled(network, noise(9, 9), tile=8, overlap=2).requires_grad


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
    low_quality = noise(height, width, number=2)
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
    low_quality = noise(67, 43)
    whole = restore(network, low_quality)
    torch.testing.assert_close(restore_tiled(network, low_quality, tile=21, overlap=5), whole)


def test_a_picture_within_one_tile_is_run_once() -> None:
    network = Enlarge(minimum=15)
    restore_tiled(network, noise(9, 20), tile=20, overlap=4)
    assert [tuple(seen.shape) for seen in network.inputs] == [(1, 3, 15, 20)]


def test_a_tile_below_the_minimum_is_raised_to_it() -> None:
    network = build("rfdn", **SMALL["rfdn"])
    output = restore_tiled(network, noise(31, 8), tile=4, overlap=2)
    assert output.shape == (1, 3, 62, 16)
    assert output.isfinite().all()


def test_a_negative_overlap_is_refused() -> None:
    with pytest.raises(UserError, match="overlap: -1 px is negative"):
        restore_tiled(Enlarge(), noise(9, 9), tile=4, overlap=-1)


REACH = {"edsr": 8, "enhancenet": 9}
"""How far the small networks see, in input pixels.

EDSR: head 1, blocks 2 x 2, body 1, upsampler 1, and half of tail 1. EnhanceNet: head 1, blocks 2 x 2, 2x 1/2 + 1/2,
4x 1/4 x 2, enlargement 2.
"""


@pytest.mark.parametrize("name", sorted(REACH))
def test_tiles_that_share_all_that_the_network_sees_give_the_whole_picture(name: str) -> None:
    network, low_quality, reach = build(name, **SMALL[name]), noise(61, 50), REACH[name]
    with torch.no_grad():
        expected = restore(network, low_quality)
    found = restore_tiled(network, low_quality, tile=4 * reach + 4, overlap=4 * reach)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_tiles_that_share_nothing_differ_near_the_seams_only() -> None:
    network, low_quality, reach = build("edsr", **SMALL["edsr"]), noise(48, 48), REACH["edsr"]
    with torch.no_grad():
        expected = restore(network, low_quality)
    difference = (restore_tiled(network, low_quality, tile=24, overlap=0) - expected).abs()
    # one seam along each axis, at input pixel 24
    near = torch.zeros(96, dtype=torch.bool)
    near[2 * (24 - reach) : 2 * (24 + reach)] = True
    seams = near[:, None] | near[None, :]
    assert difference[..., seams].max() > 1e-4
    assert difference[..., ~seams].max() < 1e-6


@pytest.mark.parametrize(
    ("name", "arguments", "side", "seams", "without"),
    [("innformer", {"features": 8}, 128, (48, 80), 2), ("sfinet", SMALL["sfinet"], 192, (80, 128), 10)],
)
def test_tiles_differ_from_the_whole_no_more_at_their_seams_than_inside(
    name: str, arguments: dict[str, Any], side: int, seams: tuple[int, int], without: float
) -> None:
    network: Any = build(name, **arguments)
    network.refine[2].weight.data *= 0.1
    image = scene(side, network.in_channels)
    with torch.no_grad():
        whole = network(image)
    ratios = {}
    for overlap, places in ((32, seams), (0, (side // 2,))):
        difference = (restore_tiled(network, image, side // 2, overlap) - whole).abs().mean(dim=(0, 1))
        near = torch.zeros(side, dtype=torch.bool)
        for place in places:
            near[place - 2 : place + 2] = True
        at_seams = near[:, None] | near
        ratios[overlap] = float(difference[at_seams].mean() / difference[~at_seams].mean())
    assert ratios[32] < 1, ratios
    assert ratios[0] > without
