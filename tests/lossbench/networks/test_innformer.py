"""INNformer against its published counts and cost, the matching against all correlations, and what it needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lossbench.errors import UserError
from lossbench.networks import build, innformer, parameter_count
from lossbench.networks._invertible import ChannelAttention, ConvolutionUnit
from lossbench.networks._padding import restore, restore_tiled

MEMORY = """
import resource, torch
from lossbench.networks._padding import restore_tiled
from lossbench.networks import build
network = build("innformer")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{work}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small(**changes: Any) -> Any:
    return build("innformer", **{"features": 4, "bands": 3, **changes})


def scene(side: int) -> Tensor:
    """(1, 5, side, side) in [0, 1]: smooth structures of several sizes, as photographs have them."""
    total = torch.zeros(1, 5, side, side)
    for cells, amplitude in ((3, 0.5), (6, 0.3), (12, 0.15), (24, 0.05)):
        total += amplitude * F.interpolate(torch.rand(1, 5, cells, cells), (side, side), mode="bicubic")
    return total.clamp(0, 1)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 62_904),
        ({"features": 8}, 37_822),
        ({"features": 8, "bands": 8}, 38_258),
        ({"features": 32}, 138_796),
        ({"window_order": "released"}, 62_904),
    ],
)
def test_innformer_has_the_published_number_of_parameters(arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build("innformer", **arguments)) == count


def test_each_part_of_innformer_has_the_size_that_the_layer_table_gives() -> None:
    with torch.device("meta"):
        network: Any = build("innformer")
    for block in network.blocks:
        assert parameter_count(block.mixing) == 528
        for transform in (block.shift_first, block.shift_second, block.scale_second):
            assert parameter_count(transform) == 5_536
    assert parameter_count(network.refine) == 7_688
    assert parameter_count(network.local) == 1_160
    assert parameter_count(network.long_range) == 1_160 + 584
    assert sum(buffer.numel() for buffer in network.buffers()) == 816


def test_innformer_costs_the_published_multiplications_at_128_pixels() -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build("innformer")(torch.rand(1, 5, 128, 128))
    counts = {str(name): value / 2e9 for name, value in counter.get_flop_counts()["Global"].items()}
    assert sum(counts.values()) == pytest.approx(7.34, abs=0.005)
    assert counts["aten.bmm"] == pytest.approx(6.1, abs=0.05)


def every_correlation(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Do what `transfer` does, one window and one patch at a time, with the whole correlation in the graph."""
    side = queries.shape[-1]
    images, similarities = [], []
    for query_window, key_window in zip(queries, keys, strict=True):
        query_patches, key_patches = (F.unfold(part[None], 3, padding=1)[0] for part in (query_window, key_window))
        correlation = torch.stack(
            [F.cosine_similarity(key_patches, patch[:, None], dim=0) for patch in query_patches.T]
        )
        best, chosen = correlation.max(dim=1)
        images.append(F.fold(key_patches[:, chosen][None], (side, side), 3, padding=1)[0] / 9)
        similarities.append(best.view(1, side, side))
    return torch.stack(images), torch.stack(similarities)


def gradients(outputs: tuple[Tensor, ...], inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradients of a fixed weighing of the outputs."""
    total = sum((output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum() for output in outputs)
    assert isinstance(total, Tensor)
    return torch.autograd.grad(total, inputs)


def test_matching_gives_values_and_gradients_of_the_whole_correlation() -> None:
    windows = [torch.randn(3, 2, 6, 6, requires_grad=True) for _ in range(2)]
    found, expected = innformer.transfer(*windows), every_correlation(*windows)
    for value, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(value, reference, atol=1e-5, rtol=0)
    for value, reference in zip(gradients(found, windows), gradients(expected, windows), strict=True):
        assert value.abs().sum() > 0
        torch.testing.assert_close(value, reference, atol=1e-5, rtol=1e-4)


def test_a_window_finds_itself() -> None:
    window = torch.randn(2, 3, 8, 8)
    transferred, similarity = innformer.transfer(window, 5 * window)
    torch.testing.assert_close(similarity, torch.ones(2, 1, 8, 8))
    # a pixel of the interior lies in 9 patches, one of a corner in 4
    torch.testing.assert_close(transferred[..., 1:-1, 1:-1], 5 * window[..., 1:-1, 1:-1])
    torch.testing.assert_close(transferred[..., 0, 0], 5 * window[..., 0, 0] * 4 / 9)


def test_empty_patches_match_nothing_and_have_no_huge_gradient() -> None:
    windows = [torch.zeros(1, 2, 6, 6, requires_grad=True), torch.rand(1, 2, 6, 6, requires_grad=True)]
    for queries, keys in (windows, windows[::-1]):
        transferred, similarity = innformer.transfer(queries, keys)
        assert similarity.abs().max() == 0
        assert max(gradient.abs().max() for gradient in gradients((transferred, similarity), [queries, keys])) < 10


@pytest.mark.parametrize("window_order", innformer.ORDERS)
def test_windows_in_portions_give_the_values_and_gradients_of_all_at_once(window_order: str) -> None:
    network, image = small(window_order=window_order), torch.rand(2, 4, 24, 16)
    results = []
    for windows_at_once in (1000, 5, 1):
        network.long_range.windows_at_once = windows_at_once
        output = network(image)
        results.append((output, *gradients((output,), list(network.parameters()))))
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5 * expected.abs().max().item(), rtol=1e-4)


def test_no_correlation_of_a_whole_window_is_kept_for_the_gradient() -> None:
    network, kept = small(), []

    def keep(value: Tensor) -> Tensor:
        kept.append(value.numel())
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        network(torch.rand(1, 4, 24, 24))
    # all patches of the 9 windows are as large as this; their correlation is 32 times as large
    assert max(kept) <= 9 * (2 * 9) * 576


@pytest.mark.parametrize("window_order", innformer.ORDERS)
def test_windows_are_summed_where_they_overlap(window_order: str) -> None:
    branch = innformer.LongRange(2, window_order)
    for parameter in branch.spread.parameters():
        parameter.data.zero_()
    features = torch.rand(2, 2, 32, 40)
    covered = [2, *[3] * 2, 2], [2, *[3] * 3, 2]
    rows, columns = (torch.tensor(counts).repeat_interleave(8) for counts in covered)
    torch.testing.assert_close(branch(features, torch.rand(2, 2, 32, 40)), features * rows[:, None] * columns)


def test_corrected_windows_are_cut_out_of_the_picture_and_released_ones_are_scrambles() -> None:
    features = torch.rand(1, 2, 24, 32)
    corrected = innformer.LongRange(2, "corrected")._windows(features)
    assert corrected.shape == (3 * 4, 2, 24, 24)
    # the second window of the second row of windows begins at the first pixel
    assert torch.equal(corrected[5], features[0, :, :24, :24])
    padded = F.pad(features, (8, 8, 8, 8))
    assert torch.equal(corrected[11], padded[0, :, 16:40, 24:48])
    released = innformer.LongRange(2, "released")._windows(features)
    # its first 12 values are the first pixels of the 12 windows, row by row
    assert torch.equal(released[0, 0, 0, :12], corrected[:, 0, 0, 0])
    assert torch.equal(released.flatten().sort().values, corrected.flatten().sort().values)


@settings(max_examples=12, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), order=st.sampled_from(innformer.ORDERS))
def test_pictures_of_any_size_are_restored(height: int, width: int, order: str) -> None:
    network = small(window_order=order)
    with torch.no_grad():
        output = restore(network, torch.rand(2, 4, height, width))
    assert output.shape == (2, 3, height, width)
    assert output.isfinite().all()


def test_sides_must_be_multiples_of_8() -> None:
    with pytest.raises(ValueError, match="multiples of 8 px, got 8 x 12"):
        small()(torch.rand(1, 4, 8, 12))


def test_channels_last_gives_the_same_picture() -> None:
    network, image = small(), torch.rand(2, 4, 24, 16)
    expected = network(image)
    found = network.to(memory_format=torch.channels_last)(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_bfloat16_trains_every_parameter_and_matches_in_float32() -> None:
    network, image = small(), torch.rand(2, 4, 24, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(image)
        assert [part.dtype for part in innformer.transfer(*torch.rand(2, 1, 2, 6, 6))] == [torch.float32] * 2
    # a patch can match another one when its features are rounded
    assert (found - network(image)).abs().mean() < 0.02
    found.float().square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0 or "refine" in name, name


def test_without_means_over_the_picture_pixels_further_than_50_away_do_not_matter() -> None:
    network, image = small(), torch.rand(1, 4, 8, 256)
    for module in network.modules():
        if isinstance(module, ConvolutionUnit):
            module.norm = None
        if isinstance(module, ChannelAttention):
            for parameter in module.process[2].parameters():
                parameter.data.zero_()
    with torch.no_grad():
        whole = network(image)
    assert (restore_tiled(network, image, tile=128, overlap=100) - whole).abs().max() < 1e-5
    assert (restore_tiled(network, image, tile=128, overlap=0) - whole).abs().max() > 1e-3


def test_tiles_differ_from_the_whole_no_more_at_their_seams_than_inside() -> None:
    network: Any = build("innformer", features=8)
    network.refine[2].weight.data *= 0.1
    image = scene(128)
    with torch.no_grad():
        whole = network(image)
    ratios = {}
    for overlap, seams in ((32, (48, 80)), (0, (64,))):
        difference = (restore_tiled(network, image, 64, overlap) - whole).abs().mean(dim=(0, 1))
        near = torch.zeros(128, dtype=torch.bool)
        for seam in seams:
            near[seam - 2 : seam + 2] = True
        at_seams = near[:, None] | near
        ratios[overlap] = float(difference[at_seams].mean() / difference[~at_seams].mean())
    assert ratios[32] < 1, ratios
    assert ratios[0] > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "limit"),
    [
        ("network(torch.rand(1, 5, 128, 128)).square().mean().backward()", 1.5e9),
        ("restore_tiled(network, torch.rand(1, 5, 512, 512), 128, 32)", 6e9),
    ],
)
def test_a_sample_trains_and_a_scene_is_restored_in_little_memory(work: str, limit: float) -> None:
    code = MEMORY.format(work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < limit


@pytest.mark.slow
def test_a_narrow_innformer_learns_one_batch_by_heart() -> None:
    network: nn.Module = small()
    target = scene(48)[:, :3, ::2, ::2].repeat(2, 1, 1, 1)
    target[1] = 1 - target[0].flip(2)
    blurred = F.interpolate(F.avg_pool2d(target, 4), scale_factor=4, mode="bicubic")
    image = torch.cat([blurred, target.mean(dim=1, keepdim=True)], dim=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = F.mse_loss(network(image), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_order": "relased"}, "unknown 'relased'; did you mean 'released'"),
        ({"features": 2}, "features 2"),
        ({"features": 9}, "features 9"),
        ({"bands": 0}, "bands 0"),
    ],
)
def test_what_innformer_does_not_have_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build("innformer", **arguments)
