"""The loss network VideoMAE: its positions and its files, and agreement with the library's own forward pass."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import assert_near, uniform
from safetensors.torch import save_file

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.loss_networks import videomae

TINY: dict[str, Any] = {"frames": 4, "image_size": 24, "patch": 8, "dimension": 16, "depth": 2, "heads": 2}
MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def tiny(seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    module: Any = videomae.build(**{**TINY, **changes})
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            # biases start at zero, where a wrong one would not show
            torch.nn.init.normal_(parameter, std=0.1)
    return module.eval().requires_grad_(False)


def library(module: Any, frames: int, side: int) -> Any:
    """Build the library's own model of this size with the weights of `module`."""
    transformers = importlib.import_module("transformers")
    config = transformers.VideoMAEConfig(
        image_size=side,
        num_frames=frames,
        patch_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        use_mean_pooling=False,
    )
    model = transformers.VideoMAEModel(config).eval().requires_grad_(False)
    model.load_state_dict(module.model.state_dict())
    return model


def test_a_position_is_the_interleaved_sine_and_cosine_of_the_flattened_index() -> None:
    table = videomae.position_table(steps=2, side=3, dimension=4)
    assert table.shape == (2, 3, 3, 4)
    index = 1 * 9 + 2 * 3 + 1
    expected = [np.sin(index), np.cos(index), np.sin(index / 100), np.cos(index / 100)]
    np.testing.assert_allclose(table[1, 2, 1], expected, atol=1e-6)


def test_settings_that_do_not_fit_are_named_before_the_library_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videomae, "_model", lambda **_: pytest.fail("imported"))
    for changes, message in (
        ({"image_size": 20}, "image_size: 20 is not a multiple of patch 8"),
        ({"frames": 5}, "frames: 5 is not a multiple of tube 2"),
        ({"heads": 3}, "dimension: 16 is not a multiple of its 3 heads"),
        ({"bands": 4}, "mean: 3 values for 4 bands"),
    ):
        with pytest.raises(UserError, match=message):
            videomae.build(**{**TINY, **changes})


def test_the_library_is_named_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UserError, match="needs the package transformers; install it"):
        videomae.build(**TINY)


def test_every_published_size_has_a_stated_count() -> None:
    assert videomae.PARAMETERS.keys() == videomae.PUBLISHED.keys()
    assert videomae.PARAMETERS["ViT-B/16"] == {"encoder": 86_227_200}


@pytest.mark.slow
@pytest.mark.parametrize("label", sorted(videomae.PUBLISHED))
def test_the_stated_counts_are_those_of_the_library(label: str) -> None:
    with torch.device("meta"):
        module = videomae.build(**videomae.PUBLISHED[label])
    count = sum(parameter.numel() for parameter in module.encoder_parameters())
    assert {"encoder": count} == videomae.PARAMETERS[label]
    assert not any(buffer.is_meta for _, buffer in module.named_buffers())


@pytest.mark.slow
def test_a_stored_network_gives_the_same_tokens(tmp_path: Path) -> None:
    module, clip = loss_networks.build("videomae", **TINY), uniform(1, 2, 3, 24, 24)
    loss_networks.save(module, tmp_path / "net.safetensors", {"steps": 7})
    loaded: Any
    loaded, card = loss_networks.load(tmp_path / "net.safetensors")
    assert card == {"steps": 7}
    assert torch.equal(loaded.encode(clip), module.encode(clip))  # type: ignore[operator]


@pytest.mark.slow
def test_the_native_size_agrees_with_the_library() -> None:
    module, clip = tiny(), uniform(2, 4, 3, 24, 24)
    expected = library(module, frames=4, side=24)((clip - MEAN) / STD).last_hidden_state
    assert expected.shape == (2, 18, 16)
    assert_near(module.encode(clip), expected)


@pytest.mark.slow
def test_a_smaller_clip_has_the_positions_of_the_leading_part() -> None:
    module, clip = tiny(), uniform(2, 2, 3, 16, 16)
    model = library(module, frames=2, side=16)
    # rows 0 and 1, columns 0 and 1 of the native table, 3 x 3 tokens a step
    whole = library(module, frames=4, side=24).embeddings.position_embeddings
    own = model.embeddings.position_embeddings
    model.embeddings.position_embeddings = whole[:, [0, 1, 3, 4]]
    expected = model((clip - MEAN) / STD).last_hidden_state
    assert_near(module.encode(clip), expected)
    model.embeddings.position_embeddings = own
    assert float((module.encode(clip) - model((clip - MEAN) / STD).last_hidden_state).abs().max()) > 1e-2


@pytest.mark.slow
def test_sizes_that_do_not_fit_are_padded_or_refused() -> None:
    module, clip = tiny(), uniform(1, 2, 3, 13, 16)
    whole = torch.cat([clip, clip[..., 9:12, :].flip(-2)], dim=-2)
    tokens = module.encode(clip)
    assert tokens.shape == (1, 4, 16)
    assert module.cells(2, 13, 16) == 4
    assert torch.equal(tokens, module.encode(whole))
    for frames in (1, 3):
        with pytest.raises(ValueError, match=f"{frames} frames; the loss network needs an even number of frames"):
            module.encode(uniform(1, frames, 3, 16, 16))
    with pytest.raises(ValueError, match=r"takes \(N, T, 3, H, W\)"):
        module.encode(uniform(1, 3, 16, 16))
    for shape, size in (((1, 6, 3, 16, 16), "6 frames of 16 x 16"), ((1, 4, 3, 16, 25), "4 frames of 16 x 32")):
        with pytest.raises(UserError, match=f"clip: {size} pixels exceed the 4 of 24 x 24"):
            module.encode(uniform(*shape))


@pytest.mark.slow
def test_clips_do_not_mix_and_the_gradient_reaches_every_pixel() -> None:
    module, clips = tiny(), uniform(3, 4, 3, 19, 16).requires_grad_()
    tokens = module.encode(clips)
    assert_near(tokens, torch.cat([module.encode(clip[None]) for clip in clips]))
    (tokens - module.encode(uniform(3, 4, 3, 19, 16, seed=2))).abs().mean().backward()
    assert clips.grad is not None
    assert bool(clips.grad.isfinite().all())
    assert bool((clips.grad.abs().amax(dim=2) > 0).all())


@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("prefix", ["", "videomae."])
@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_files_with_old_and_new_names_are_imported(tmp_path: Path, old: bool, prefix: str, suffix: str) -> None:
    released, path = tiny(seed=3), tmp_path / f"model{suffix}"
    state = {prefix + name: tensor for name, tensor in released.model.state_dict().items()}
    if old:
        for name, other in (("query.bias", "q_bias"), ("value.bias", "v_bias")):
            state = {key.replace(name, other): tensor for key, tensor in state.items()}
        assert sum(key.endswith(("q_bias", "v_bias")) for key in state) == 4
    if prefix:
        state |= {name: torch.ones(2) for name in ("decoder.norm.weight", "encoder_to_decoder.weight", "mask_token")}
    if suffix == ".bin":
        torch.save(state, path)
    else:
        save_file(state, path)
    module = tiny()
    videomae.import_weights(module, path)
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in released.state_dict().items())


@pytest.mark.slow
def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path, module = tmp_path / "model.safetensors", tiny()
    with pytest.raises(UserError, match=f"{path} is no whole safetensors file"):
        videomae.import_weights(module, path)
    state = dict(module.model.state_dict())
    state["layernorm.scale"] = state.pop("layernorm.weight")
    save_file(state, path)
    with pytest.raises(UserError, match=f"{path} does not fit .*missing model.layernorm.weight; unexpected model.la"):
        videomae.import_weights(module, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=f"{path} is no whole safetensors file"):
        videomae.import_weights(module, path)
    torch.save([1], path.with_suffix(".bin"))
    with pytest.raises(UserError, match=r"model\.bin has no named weights"):
        videomae.import_weights(module, path.with_suffix(".bin"))
