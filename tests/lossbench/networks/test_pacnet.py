"""PaCNet: its published sizes, and that it looks at the frames it should."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench import storage
from lossbench.errors import UserError
from lossbench.networks import _patch_index, build, load_network, parameter_count
from lossbench.networks._patch_index import cached_neighbours, clip_neighbours

pytestmark = pytest.mark.usefixtures("roomy_disk")
SEARCH = {"radius": 2, "search_frames": 1, "neighbours": 3}
SMALL: dict[str, Any] = {**SEARCH, "width": 8, "layers": 2}


def frames(count: int, height: int = 13, width: int = 15, number: int = 1) -> Tensor:
    return torch.rand(number, count, 3, height, width)


def test_each_block_of_the_spatial_network_has_the_published_size() -> None:
    with torch.device("meta"):
        network: Any = build("pacnet_s")
        whole: Any = build("pacnet", train_spatial=True)
    counts = [parameter_count(block) for block in network.blocks] + [parameter_count(network.last)]
    assert counts == [687_450, 362_400, 180_000, 89_700, 22_503]
    assert [(block.layer.inputs, block.layer.outputs) for block in network.blocks] == [(15, 8), (8, 4), (4, 2), (2, 1)]
    assert parameter_count(network) == 1_342_053
    assert parameter_count(whole.temporal) == 1_524_147
    assert parameter_count(whole) == 1_342_053 + 1_524_147


def test_a_frozen_spatial_network_is_not_trained_and_keeps_its_statistics() -> None:
    network: Any = build("pacnet", **SMALL).train()
    assert parameter_count(network) == parameter_count(network.temporal)
    before = {name: value.clone() for name, value in network.spatial.state_dict().items()}
    assert not network.spatial.training
    network(frames(4)).square().mean().backward()
    assert all(parameter.grad is None for parameter in network.spatial.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.spatial.state_dict().items())
    for name, parameter in network.temporal.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(("name", "arguments", "count"), [("pacnet_s", SEARCH, 7), ("pacnet", SMALL, 4)])
def test_a_gradient_reaches_every_parameter_from_the_least_patch(
    name: str, arguments: dict[str, Any], count: int
) -> None:
    if name == "pacnet":
        arguments = {**arguments, "train_spatial": True}
    network = build(name, **arguments).train()
    network(frames(count, 11, 11, number=2)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize(("name", "arguments", "count"), [("pacnet_s", SEARCH, 7), ("pacnet", SMALL, 5)])
@pytest.mark.parametrize(("height", "width"), [(11, 11), (12, 17), (19, 14)])
def test_a_batch_is_its_clips_one_by_one_at_any_size(
    name: str, arguments: dict[str, Any], count: int, height: int, width: int
) -> None:
    network = build(name, **arguments).eval()
    clips = frames(count, height, width, number=2)
    with torch.no_grad():
        both = network(clips)
        one = torch.cat([network(clip[None]) for clip in clips])
    assert both.shape == (clips[:, 3].shape if name == "pacnet_s" else clips.shape)
    torch.testing.assert_close(both, one, atol=1e-6, rtol=0)


def test_small_frames_short_clips_and_other_windows_are_named() -> None:
    with pytest.raises(ValueError, match="11 x 11 px or more, got 10 x 12"):
        build("pacnet_s", **SEARCH)(frames(7, 10, 12))
    with pytest.raises(ValueError, match="windows of 7 frames, got 5"):
        build("pacnet_s", **SEARCH)(frames(5))
    with pytest.raises(ValueError, match="4 frames or more, got 3"):
        build("pacnet", **SMALL)(frames(3))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("pacnet_s", {"radius": 0}, "radius"),
        ("pacnet_s", {"search_frames": 4}, "search_frames"),
        ("pacnet_s", {"radius": 60}, "candidates"),
        ("pacnet_s", {"neighbours": 17}, "neighbours: 17; give 2 to 16"),
        ("pacnet_s", {"neighbours": 10, "radius": 1, "search_frames": 0}, "give 2 to 9"),
        ("pacnet_s", {"craft": 4}, "craft: 4 px; give an odd number"),
        ("pacnet_s", {"memory": 0}, "memory"),
        ("pacnet", {"width": 7}, "even width"),
        ("pacnet", {"layers": 0}, "1 layer"),
    ],
)
def test_settings_that_make_no_network_are_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(name, **arguments)


def test_the_spatial_network_looks_at_the_frames_of_its_search() -> None:
    network = build("pacnet_s", radius=2, search_frames=2, neighbours=8).eval()
    window = frames(7)
    with torch.no_grad():
        restored = network(window)
        for place in range(7):
            other = window.clone()
            # a copy of the middle frame is as near as can be
            other[:, place] = window[:, 3] + (0.1 if place == 3 else 0)
            assert torch.equal(network(other), restored) == (place in (0, 6)), place
        # the frames before and after trade places with no effect but on the order of ties
        assert torch.allclose(network(window.flip(1)), restored, atol=1e-6)


def test_a_clip_is_restored_frame_by_frame_and_ends_have_no_neighbours() -> None:
    network: Any = build("pacnet", **SMALL).eval()
    clip = frames(6)
    with torch.no_grad():
        restored = network.spatial.clip(clip)
        alone = network.spatial(torch.cat((torch.full_like(clip[:, :3], network.spatial.outside), clip[:, :4]), dim=1))
        # small frames are restored several at once
        torch.testing.assert_close(restored[:, 0], alone, atol=1e-6, rtol=0)
        both = torch.cat((clip, restored.clamp(0, 1)), dim=2)
        mirrored = both[:, [3, 2, 1, 0, 1, 2, 3, 4, 5, 4, 3, 2]]
        noise = [network.temporal(mirrored[:, place : place + 7]) for place in range(6)]
        expected = restored.clamp(0, 1) - torch.cat(noise, dim=1)
        torch.testing.assert_close(network(clip), expected, atol=1e-6, rtol=0)


def test_a_frame_depends_on_those_within_reach() -> None:
    network: Any = build("pacnet", **SMALL).eval()
    assert network.reach == 4
    clip = frames(11)
    other = clip.clone()
    other[:, 10] = torch.rand_like(clip[:, 10])
    with torch.no_grad():
        changed = (network(clip) != network(other)).flatten(2).any(dim=2)[0]
    assert not changed[:6].any()
    assert changed[7:].all()


def test_memory_and_given_neighbours_change_nothing() -> None:
    network: Any = build("pacnet", **SMALL).eval()
    clips = frames(5, number=2)
    with torch.no_grad():
        expected = network(clips)
        neighbours = torch.stack([clip_neighbours(clip, network.spatial.search, 2**24) for clip in clips])
        assert torch.equal(network(clips, None, neighbours), expected)
        network.spatial.memory = 1
        torch.testing.assert_close(network(clips), expected, atol=1e-6, rtol=0)


def test_kept_neighbours_are_those_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network: Any = build("pacnet", **SMALL).eval()
    clip = frames(4)
    found = cached_neighbours(clip[0], network.spatial.search, 2**24, tmp_path)
    with torch.no_grad():
        expected = network(clip)
        assert torch.equal(network(clip, None, found[None]), expected)
        network.neighbours_folder = tmp_path
        monkeypatch.setattr(_patch_index, "clip_neighbours", None)
        assert torch.equal(network(clip), expected)


def test_a_training_keeps_no_neighbours(tmp_path: Path) -> None:
    network: Any = build("pacnet", **SMALL, train_spatial=True)
    network.neighbours_folder = tmp_path
    network(frames(4)).sum().backward()
    assert list(tmp_path.iterdir()) == []


def test_neighbours_are_mixed_as_the_grouped_convolution_would() -> None:
    layer: Any = build("pacnet_s", **SEARCH).blocks[0].layer  # type: ignore[index]
    maps = torch.rand(2, 3, 150, 9, 8)
    with torch.no_grad():
        combined = layer.features(layer.spatial(F.pad(maps.flatten(1, 2), [3] * 4, mode="reflect")))
        by_feature = combined.unflatten(1, (3, 150)).transpose(1, 2).flatten(1, 2)
        expected = layer.neighbours(by_feature).unflatten(1, (150, 2)).transpose(1, 2)
        torch.testing.assert_close(layer(maps), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_a_constant_clip_stays_constant_inside(sigma: float) -> None:
    network: Any = build("pacnet_s", **SEARCH).eval()
    window = torch.full((1, 7, 3, 40, 40), 0.5) + sigma
    with torch.no_grad():
        restored = network(window)
    # each colour of the spatial network is the same everywhere: all patches are equal, and edges are reflected
    assert (restored.amax((2, 3)) - restored.amin((2, 3))).max() < 1e-5


def stored(path: Path, name: str, network: nn.Module, arguments: dict[str, Any]) -> Path:
    storage.save(path, network, {"name": name, "arguments": arguments})
    return path


def test_the_second_stage_takes_the_weights_of_the_first(tmp_path: Path) -> None:
    spatial = build("pacnet_s", **SEARCH).train()
    with torch.no_grad():
        # statistics of batch normalisation are part of it
        spatial(frames(7, number=2))
    file = stored(tmp_path / "model.safetensors", "pacnet_s", spatial.eval(), SEARCH)
    network: Any = build("pacnet", weights=file, **SMALL).eval()
    window = frames(7)
    with torch.no_grad():
        assert torch.equal(network.spatial(window), spatial(window))
    whole = stored(tmp_path / "whole.safetensors", "pacnet", network, SMALL)
    clip = frames(4)
    with torch.no_grad():
        # what is stored is whole: the first file is no longer needed
        file.unlink()
        assert torch.equal(load_network(whole)(clip), network(clip))


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    file = stored(tmp_path / "s.safetensors", "pacnet_s", build("pacnet_s", **SEARCH), SEARCH)
    with pytest.raises(UserError, match=r"s.safetensors holds an S-CNN of radius 2.*not of radius 3"):
        build("pacnet", weights=file, **{**SMALL, "radius": 3})
    other = stored(tmp_path / "sid.safetensors", "sid", build("sid", width=2), {"width": 2})
    with pytest.raises(UserError, match=r"sid.safetensors holds the network 'sid'; give .*'pacnet_s'"):
        build("pacnet", weights=other, **SMALL)
    with pytest.raises(UserError, match=r"none.safetensors"):
        build("pacnet", weights=tmp_path / "none.safetensors", **SMALL)


def test_the_first_prediction_is_near_what_it_restores() -> None:
    for name, arguments, count in (("pacnet_s", SEARCH, 7), ("pacnet", SMALL, 4)):
        clip = frames(count)
        with torch.no_grad():
            restored = build(name, **arguments).eval()(clip)
        assert (restored - (clip[:, 3] if name == "pacnet_s" else clip)).abs().mean() < 0.25
