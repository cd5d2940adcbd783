"""Clips restored as their frames come."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _repository import ROOT
from _video_networks import SMALL, clip
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import storage
from lossbench.errors import UserError
from lossbench.networks import build
from lossbench.networks._padding import restore
from lossbench.restorer import restorer
from lossbench.video.restore import Settings, Stacked, clip_restorer, restored
from lossbench.video.windows import all_windows


class Weighed(nn.Module):
    """The frames of a window, each with a weight of its own."""

    in_channels = out_channels = 3
    multiple = minimum = scale = 1

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        assert frames.shape[1] == self.window
        return (frames * torch.arange(1.0, self.window + 1).view(-1, 1, 1, 1)).sum(dim=1)


class Numbered(nn.Module):
    """All frames, plus the frames that are given at once and the place in them: a part tells on its predictions."""

    in_channels = out_channels = 3
    multiple = minimum = scale = 1
    window = None

    def __init__(self, least: int = 1) -> None:
        super().__init__()
        self.least_frames = least
        self.lengths: list[int] = []

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        self.lengths.append(frames.shape[1])
        return frames + 100.0 * torch.arange(frames.shape[1]).view(-1, 1, 1, 1)


def restored_whole(network: nn.Module, frames: Tensor, **options: Any) -> Tensor:
    return torch.stack(list(restored(network, iter(frames), **options)))


def small(name: str, **arguments: Any) -> Any:
    torch.manual_seed(0)
    return build(name, **SMALL[name], **arguments).eval()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.sampled_from([1, 3, 5, 7]))
def test_a_stream_gives_what_the_windows_of_the_whole_clip_give(count: int, window: int) -> None:
    frames = clip(count, 2, 3)[0]
    network = Weighed(window)
    expected = network(torch.stack([frames[list(each)] for each in all_windows(count, window)]))
    assert torch.equal(restored_whole(network, frames), expected)


def test_a_frame_is_given_as_soon_as_the_frames_after_it_are_read() -> None:
    read = []

    def source() -> Iterator[Tensor]:
        for index, frame in enumerate(clip(6, 2, 2)[0]):
            read.append(index)
            yield frame

    stream = restored(Weighed(5), source())
    for latest in (2, 3, 4, 5, 5, 5):
        next(stream)
        assert read[-1] == latest
    assert next(stream, None) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 30), st.integers(3, 9), st.data())
def test_parts_of_a_clip_are_averaged_where_they_overlap(count: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    network, frames = Numbered(3), clip(count, 1, 2)[0]
    found = restored_whole(network, frames, settings=Settings(chunk=size, overlap=overlap))
    # the last part ends with the clip
    starts = sorted({*range(0, max(count - size, 0), size - overlap), max(count - size, 0)})
    assert network.lengths == [min(size, count)] * len(starts)
    places = [[frame - start for start in starts if start <= frame < start + size] for frame in range(count)]
    expected = frames + torch.tensor([100 * sum(each) / len(each) for each in places]).view(-1, 1, 1, 1)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (9, 7), (1, 1), (13, 6)])
def test_frames_of_any_size_are_extended_as_pictures_are(height: int, width: int) -> None:
    network = small("fastdvdnet")
    frames = clip(4, height, width)[0]
    found = restored_whole(network, frames, sigma=0.1)
    assert found.shape == frames.shape
    for middle, window in enumerate(all_windows(4, 5)):
        with torch.no_grad():
            stacked = Stacked(network, 5, 0.1)
            expected = restore(stacked, frames[list(window)].flatten(0, 1)[None])[0]
            assert torch.equal(found[middle], expected)
            if height % 4 == width % 4 == 0:
                assert torch.equal(expected, network(frames[None, list(window)], torch.tensor([0.1]))[0])


def test_a_network_of_whole_clips_takes_small_frames_too() -> None:
    network = small("mbllven")
    frames = clip(20, 9, 15)[0]
    found = restored_whole(network, frames)
    assert found.shape == frames.shape
    assert not found.requires_grad and found.isfinite().all()


def test_frames_are_tiled_where_memory_asks_for_it() -> None:
    frames, sides = clip(13, 40, 44)[0], set()
    for name, sigma, tile in (("fastdvdnet", 0.1, 36), ("mbllven", None, 40)):
        network = small(name)
        if name == "fastdvdnet":
            network.triples.exit[-1].weight.data.zero_()
            network.results.exit[-1].weight.data.zero_()
        whole = restored_whole(network, frames, sigma=sigma)
        network.register_forward_hook(lambda _, inputs, __: sides.add(tuple(inputs[0].shape[-2:])))
        sides.clear()
        tiled = restored_whole(network, frames, sigma=sigma, settings=Settings(tile=tile))
        assert sides == {(tile, tile)}
        if name == "fastdvdnet":
            torch.testing.assert_close(tiled, whole)
        assert (tiled - whole).abs().mean() < 0.01


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        ("fastdvdnet", 0, "the clip has no frames"),
        ("fastdvdnet", 1, "a clip of one frame has none to mirror at its ends; give 2 or more"),
        ("mbllven", 0, "the clip has no frames"),
        ("mbllven", 12, "the clip has 12 frames, but the network needs 13; give a longer one"),
    ],
)
def test_a_clip_that_is_too_short_is_refused(name: str, count: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(restored(small(name), clip(count, 16, 16)[0], 0.1 if name == "fastdvdnet" else None))


@pytest.mark.parametrize("network", [Weighed(3), Numbered()], ids=lambda network: type(network).__name__)
def test_frames_of_two_sizes_are_refused(network: nn.Module) -> None:
    frames = [*clip(4, 8, 12)[0], torch.zeros(3, 8, 10)]
    with pytest.raises(UserError, match="frame 4 is 3 x 8 x 10, the first 3 x 8 x 12; a clip has frames of one size"):
        list(restored(network, frames))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (Settings(chunk=12), "chunk: 12 frames, but the network needs 13; give 13 or more"),
        (Settings(overlap=16), "overlap: 16 frames of 16 cannot advance; give 0 to 15"),
        (Settings(overlap=-1), "overlap: -1 frames of 16 cannot advance; give 0 to 15"),
    ],
)
def test_parts_that_do_not_fit_are_refused(chosen: Settings, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(restored(small("mbllven"), clip(16, 16, 16)[0], settings=chosen))


def test_a_stored_network_restores_frames_of_numpy(tmp_path: Path) -> None:
    network = small("fastdvdnet")
    model = tmp_path / "model.safetensors"
    storage.save(model, network, {"name": "fastdvdnet", "arguments": SMALL["fastdvdnet"]})
    frames = clip(4, 9, 10)[0] + 0.1
    threads = torch.get_num_threads()
    restore_clip = clip_restorer("fastdvdnet", SMALL["fastdvdnet"], model, Settings(), threads)
    found = list(restore_clip((frame.permute(1, 2, 0).numpy() for frame in frames), 0.1))
    expected = restored_whole(network, frames, sigma=0.1).clamp(0, 1).permute(0, 2, 3, 1)
    assert all(frame.dtype == np.float32 for frame in found)
    torch.testing.assert_close(torch.from_numpy(np.stack(found)), expected, atol=1e-5, rtol=0)
    with pytest.raises(UserError, match="network 'fastdvdnet' restores clips; name one that restores pictures"):
        restorer("fastdvdnet", SMALL["fastdvdnet"], model, None, threads)
    with pytest.raises(UserError, match="network 'edsr' restores pictures; name one that restores clips"):
        clip_restorer("edsr", {}, model, Settings(), threads)


GROWTH = """
import resource, sys, torch
from torch import nn
from lossbench.networks import build
from lossbench.video.restore import restored

class Whole(nn.Identity):
    in_channels = out_channels = 3
    multiple = minimum = scale = 1
    window, least_frames = None, 13

torch.set_num_threads(1)
windowed = sys.argv[1] == "window"
network = build("fastdvdnet", channels=1, frame_channels=1).eval() if windowed else Whole()
peaks = []
for count in (30, 300):
    frames = (torch.rand(3, 32, 40) for _ in range(count))
    assert sum(1 for _ in restored(network, frames, 0.1 if windowed else None)) == count
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] - peaks[0])
"""
"""Prints by how many KiB the peak grows from a clip of 30 frames to one of 300, which has 4 MiB more."""


@pytest.mark.parametrize("kind", ["window", "clip"])
def test_memory_does_not_grow_with_the_length_of_a_clip(kind: str) -> None:
    command = [sys.executable, "-c", GROWTH, kind]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(run.stdout) < 1024


def test_a_network_that_says_what_lies_beyond_the_ends_is_given_that() -> None:
    network: Any = build("pacnet_s", radius=1, search_frames=3, neighbours=2, craft=3).eval()
    frames = torch.rand(5, 3, 16, 17)
    with torch.no_grad():
        expected = network.clip(frames[None])[0]
    torch.testing.assert_close(restored_whole(network, frames), expected, atol=1e-6, rtol=0)


def test_what_is_no_clip_for_the_network_is_refused() -> None:
    frames = torch.rand(4, 3, 12, 12)
    with pytest.raises(UserError, match="DnCNN restores pictures; give a network that restores clips"):
        restored_whole(build("dncnn", channels=4, depth=3).eval(), frames)
    for wrong in (torch.rand(4, 4, 12, 12), (255 * frames).byte(), torch.rand(4, 12, 12)):
        with pytest.raises(UserError, match=r"frame 0 is torch\..*; give floats \(3, H, W\) in \[0, 1\]"):
            restored_whole(Weighed(3), wrong)
