"""The search for similar patches, against looking at every one of them, and what is made of them."""

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.networks import _patch_index, build
from lossbench.networks._patch_craft import Part, crafted, features, parts
from lossbench.networks._patch_index import cached_neighbours, clip_neighbours, windows
from lossbench.networks._patch_search import Search, nearest, padded

pytestmark = pytest.mark.usefixtures("roomy_disk")
SMALL = Search(radius=3, frames=3, neighbours=6)
MEMORY = 2**26


def moving(frames: int = 5, height: int = 24, width: int = 24) -> Tensor:
    """Return a noisy scene (frames, 3, H, W) that moves by a pixel a frame."""
    scene = F.interpolate(torch.rand(1, 3, 6, 6), (height, width + frames), mode="bicubic")[0]
    clip = torch.stack([scene[..., start : start + width] for start in range(frames)])
    return clip + 0.1 * torch.randn_like(clip)


def every_patch(window: Tensor, search: Search) -> Tensor:
    """Return for (7, 3, H, W) what `nearest` returns, by the plain definition."""
    radius = search.radius
    reflected = F.pad(window.double(), [10] * 4, mode="reflect")
    patches = F.pad(reflected, [radius] * 4, value=-1).unfold(2, 15, 1).unfold(3, 15, 1).permute(0, 2, 3, 1, 4, 5)
    height, width = window.shape[-2] + 6, window.shape[-1] + 6
    frames = slice(3 - search.frames, 4 + search.frames)
    found = torch.empty(search.neighbours - 1, height, width, dtype=torch.int32)
    for row in range(height):
        for column in range(width):
            others = patches[frames, row : row + 2 * radius + 1, column : column + 2 * radius + 1]
            distances = (others - patches[3, row + radius, column + radius]).square().sum(dim=(3, 4, 5)).flatten()
            # what is equal but for rounding is tied, and the first one wins
            distances = (distances * 1e10).round()
            distances[search.own] = torch.inf
            found[:, row, column] = distances.argsort(stable=True)[: search.neighbours - 1]
    return found


def test_the_search_finds_what_looking_at_every_patch_finds() -> None:
    window = windows(moving())[2]
    assert (window[0] == -1).all() and (window[6] == -1).all()
    assert torch.equal(nearest(window, SMALL, MEMORY), every_patch(window, SMALL))


def test_the_published_search_looks_at_39374_patches_of_which_the_moving_scene_has_the_nearest() -> None:
    search = Search(37, 3, 15)
    assert search.candidates - 1 == 39_374
    clip = F.interpolate(torch.rand(1, 3, 8, 8), (24, 30), mode="bicubic")[0]
    window = torch.stack([clip[..., start : start + 24] for start in range(7)])
    found = nearest(window, search, MEMORY)[:, 15, 15]
    # without noise the scene is the same patch in each frame, a pixel to the left each time
    expected = [(frame * 75 + 37) * 75 + 37 - (frame - 3) for frame in range(7) if frame != 3]
    assert found[:6].tolist() == expected


def test_of_equal_patches_those_of_the_earlier_frame_row_and_column_are_nearer() -> None:
    search = Search(2, 1, 15)
    found = nearest(torch.full((7, 3, 12, 13), 0.5), search, MEMORY)
    expected = [number for number in range(75) if number != search.own][:14]
    # in the middle all are equal; the same at the edge, where a reflection continues what is constant
    inner = found[:, 5:-5, 5:-5]
    assert torch.equal(inner, torch.tensor(expected, dtype=torch.int32)[:, None, None].expand_as(inner))


def test_patches_that_mirror_each_other_at_a_reflected_edge_are_tied() -> None:
    search = Search(3, 0, 3)
    # noise alone, so that no direction is nearer
    found = nearest(torch.rand(7, 3, 16, 16), search, MEMORY)
    # around the first row, up and down are the same to a reflected patch
    lines, columns = found[:, 3, 4:-4].div(7, rounding_mode="floor") - 3, found[:, 3, 4:-4].remainder(7) - 3
    moved = lines[0] != 0
    assert moved.any()
    assert (lines[0][moved] < 0).all()
    assert torch.equal(lines[0][moved], -lines[1][moved]) and torch.equal(columns[0][moved], columns[1][moved])


@pytest.mark.parametrize("memory", [1, 300_000, 3_000_000])
def test_memory_changes_no_neighbour(memory: int) -> None:
    window, search = windows(moving(5, 12, 17))[2], Search(2, 2, 5)
    assert torch.equal(nearest(window, search, memory), nearest(window, search, 2**40))


def most_held(work: Callable[[], object]) -> int:
    """Return the bytes that tensors took at most while `work` ran."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return max(itertools.accumulate(changes))


def test_the_search_stays_within_the_memory_that_it_is_given() -> None:
    window, search = torch.rand(7, 3, 40, 90), Search(6, 0, 4)
    own = 3 * padded(window[:1], search).nbytes + 3 * 46 * 96 * 4
    memory = 2**20
    assert most_held(lambda: nearest(window, search, 2**40)) > 2 * memory
    assert most_held(lambda: nearest(window, search, memory)) < own + memory


def test_the_spatial_network_stays_within_the_memory_that_it_is_given_and_restores_the_same() -> None:
    memory = 2**25
    network = build("pacnet_s", radius=1, search_frames=0, neighbours=2, memory=memory).eval()
    frames = torch.rand(1, 7, 3, 100, 120)
    with torch.no_grad():
        neighbours = torch.stack([nearest(frames[0], network.search, memory)])
        parted = network(frames, None, neighbours)
        assert most_held(lambda: network(frames, None, neighbours)) < memory
        network.memory = 2**40
        assert most_held(lambda: network(frames, None, neighbours)) > 1.5 * memory
        torch.testing.assert_close(parted, network(frames, None, neighbours), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 300), (300, 20), (97, 113)])
@pytest.mark.parametrize("pixels", [1, 2000, 5000, 10**6])
def test_parts_cover_a_frame_once_and_are_no_larger_than_asked(height: int, width: int, pixels: int) -> None:
    seen = torch.zeros(height, width)
    for part in parts(height, width, 15, pixels):
        seen[part.top : part.bottom, part.left : part.right] += 1
        grown = part.grown(15, height, width)
        assert (grown.bottom - grown.top) * (grown.right - grown.left) <= max(pixels, 31**2)
    assert (seen == 1).all()


def by_definition(window: Tensor, numbers: Tensor, search: Search) -> Tensor:
    """Return for a window and its neighbours what `crafted` returns, by laying patches side by side."""
    craft, radius, side = search.craft, search.radius, 2 * search.radius + 1
    around, reflected = craft - 1, 7 + craft // 2
    height, width = window.shape[-2] + 2 * around, window.shape[-1] + 2 * around
    surroundings = F.pad(F.pad(window, [reflected] * 4, mode="reflect"), [radius] * 4, value=-1)
    numbers = torch.cat((torch.full_like(numbers[:1], search.own), numbers)).long()
    result = torch.full((search.neighbours, craft**2, 3, height, width), torch.nan)
    for rank, down, across in itertools.product(range(search.neighbours), range(craft), range(craft)):
        for top in range(down, height - around, craft):
            for left in range(across, width - around, craft):
                # the first tile lies craft - 1 pixels outside, and its centre, where `numbers` begin, half of that
                number = int(numbers[rank, top, left])
                frame = number // side**2 + 3 - search.frames
                row, column = (place + reflected - around for place in (top, left))
                row, column = row + number // side % side, column + number % side
                patch = surroundings[frame, :, row : row + craft, column : column + craft]
                result[rank, craft * down + across, :, top : top + craft, left : left + craft] = patch
    result = result[..., around:-around, around:-around]
    distances = (result - result[:1]).square().mean(dim=1)
    return torch.cat((result.flatten(1, 2), distances), dim=1)


@pytest.mark.parametrize("craft", [3, 7])
def test_frames_are_laid_out_of_patches(craft: int) -> None:
    window, search = windows(moving(4, 12, 15))[1], Search(2, 2, 3, craft)
    numbers = nearest(window, search, MEMORY)
    expected = by_definition(window, numbers, search)
    assert expected.shape == (3, features(search), 12, 15)
    found = crafted(window, numbers, search, Part(0, 12, 0, 15))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    part = crafted(window, numbers, search, Part(3, 9, 4, 15))
    torch.testing.assert_close(part, found[..., 3:9, 4:], atol=1e-6, rtol=0)
    # the pixel itself comes first, in each tiling
    own = found[0, : 3 * craft**2].unflatten(0, (craft**2, 3))
    assert torch.equal(own, window[3].expand(craft**2, -1, -1, -1))


def test_neighbours_of_a_clip_are_read_from_their_file_and_a_damaged_one_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, search = moving(3, 12, 13), Search(2, 3, 4)
    expected = clip_neighbours(clip, search, MEMORY)
    assert torch.equal(cached_neighbours(clip, search, MEMORY, tmp_path), expected)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    assert np.array_equal(np.load(file), expected.numpy()) and np.load(file).dtype == np.uint16
    with monkeypatch.context() as patch:
        patch.setattr(_patch_index, "clip_neighbours", None)
        found = cached_neighbours(clip.clone(), search, MEMORY, tmp_path)
        assert torch.equal(found, expected) and found.dtype == torch.int32
    other = bytearray(whole)
    other[-40] ^= 1
    for damaged in (b"", b"no array", whole[: len(whole) // 2], whole[:-1], whole + b"more", bytes(other)):
        file.write_bytes(damaged)
        assert torch.equal(cached_neighbours(clip, search, MEMORY, tmp_path), expected)
        assert file.read_bytes() == whole


def test_nothing_is_kept_where_the_disk_is_nearly_full_or_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, search = moving(2, 11, 12), Search(1, 1, 2)
    expected = clip_neighbours(clip, search, MEMORY)
    (tmp_path / "file").touch()
    assert torch.equal(cached_neighbours(clip, search, MEMORY, tmp_path / "file"), expected)
    monkeypatch.setattr(_patch_index.shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=101))
    assert torch.equal(cached_neighbours(clip, search, MEMORY, tmp_path / "folder"), expected)
    assert list((tmp_path / "folder").iterdir()) == []


def test_another_clip_and_another_search_have_files_of_their_own(tmp_path: Path) -> None:
    clip = moving(2, 11, 12)
    for number, (frames, search) in enumerate(
        [(clip, Search(1, 1, 2)), (clip + 1e-6, Search(1, 1, 2)), (clip, Search(1, 1, 3)), (clip, Search(2, 1, 2))], 1
    ):
        found = cached_neighbours(frames, search, MEMORY, tmp_path)
        assert torch.equal(found, clip_neighbours(frames, search, MEMORY))
        assert len(list(tmp_path.iterdir())) == number
