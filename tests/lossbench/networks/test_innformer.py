"""INNformer: its parts, the matching against all correlations, its windows, and what it needs."""

import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from lossbench.networks import build, innformer, parameter_count
from lossbench.networks._invertible import ChannelAttention, ConvolutionUnit
from lossbench.networks._padding import restore_tiled

MEMORY = """
import resource, torch
from lossbench.networks._padding import restore_tiled
from lossbench.networks import build
network = build("innformer")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{work}
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def small(**changes: Any) -> Any:
    return build("innformer", **{"features": 4, "bands": 3, **changes})


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


def test_matching_is_most_of_what_innformer_costs_at_128_pixels() -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build("innformer")(torch.rand(1, 5, 128, 128))
    counts = {str(name): value / 2e9 for name, value in counter.get_flop_counts()["Global"].items()}
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


def test_patches_are_matched_in_float32_under_bfloat16() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert [part.dtype for part in innformer.transfer(*torch.rand(2, 1, 2, 6, 6))] == [torch.float32] * 2


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
