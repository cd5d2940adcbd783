"""The masked autoencoder of videos MAE-ST: its published size and names, and its positions worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.loss_networks import mae_st

TINY: dict[str, Any] = {
    "frames": 4,
    "image_size": 16,
    "patch": 8,
    "dimension": 16,
    "depth": 1,
    "heads": 2,
    "decoder_dimension": 8,
    "decoder_depth": 1,
    "decoder_heads": 2,
}


def tiny(seed: int = 0, **changes: Any) -> Any:
    torch.manual_seed(seed)
    return mae_st.build(**{**TINY, **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    # torch.testing would import torch's compiler for seconds
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=atol, rtol=0)


def without_blocks(module: Any) -> Any:
    """Let the blocks add nothing, so that a token depends on its own cube alone."""
    for block in (*module.blocks, *module.decoder_blocks):
        for layer in (block.attn.proj, block.mlp.fc2):
            torch.nn.init.zeros_(layer.weight)
    return module


def normed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    deviation = np.sqrt(values.var(axis=-1, keepdims=True) + 1e-6)
    return np.asarray((values - values.mean(axis=-1, keepdims=True)) / deviation)


@pytest.mark.parametrize(
    ("label", "encoder", "decoder"),
    [("ViT-L/16", 304_096_256, 13_635_328), ("ViT-B/16", 86_394_624, 13_504_256)],
)
def test_the_published_sizes_have_the_published_counts(label: str, encoder: int, decoder: int) -> None:
    with torch.device("meta"):
        module = mae_st.build(**mae_st.PUBLISHED[label])
    assert sum(parameter.numel() for parameter in module.encoder_parameters()) == encoder
    assert sum(parameter.numel() for parameter in module.decoder_parameters()) == decoder
    assert sum(parameter.numel() for parameter in module.parameters()) == encoder + decoder


def test_parameters_bear_the_names_of_the_release() -> None:
    layers = ["norm1", "attn.q", "attn.k", "attn.v", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
    modules = ["patch_embed.proj", "norm", "decoder_embed", "decoder_norm", "decoder_pred"]
    modules += [f"{blocks}.0.{layer}" for blocks in ("blocks", "decoder_blocks") for layer in layers]
    names = {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")} | {"mask_token"}
    tables = ("cls_token", "pos_embed_spatial", "pos_embed_temporal", "pos_embed_class")
    assert set(tiny().state_dict()) == names | {f"{prefix}{table}" for prefix in ("", "decoder_") for table in tables}


def test_initial_weights_are_those_of_the_release() -> None:
    module = tiny(dimension=256, heads=4, patch=16).requires_grad_(False)
    bound = (6 / (256 + 256)) ** 0.5
    assert bound * 0.99 < float(module.blocks[0].attn.q.weight.abs().max()) <= bound
    bound = (6 / (256 + 2 * 16 * 16 * 3)) ** 0.5
    assert bound * 0.99 < float(module.patch_embed.proj.weight.abs().max()) <= bound
    for name in ("cls_token", "pos_embed_temporal", "pos_embed_class"):
        assert 0.015 < float(getattr(module, name).std()) < 0.025
    assert float(module.decoder_cls_token.abs().max()) == float(module.blocks[0].mlp.fc1.bias.abs().max()) == 0


def test_everything_is_learned_the_positions_too() -> None:
    module = tiny()
    module.pretraining_loss(uniform(2, 4, 3, 16, 16), uniform(2, 8)).backward()
    assert [name for name, parameter in module.named_parameters() if parameter.grad is None] == []


def test_a_position_is_the_sum_of_its_place_in_space_and_in_time() -> None:
    module = tiny(frames=4, dimension=2, heads=1).requires_grad_(False)
    module.pos_embed_spatial[:] = torch.tensor([[[1.0, 0], [2, 0], [3, 0], [4, 0]]])
    module.pos_embed_temporal[:] = torch.tensor([[[10.0, 0.5], [20, 0.25]]])
    assert module._positions("", 2, 2, 2)[0].tolist() == [
        *([11, 0.5], [12, 0.5], [13, 0.5], [14, 0.5]),
        *([21, 0.25], [22, 0.25], [23, 0.25], [24, 0.25]),
    ]


def test_other_sizes_stretch_or_cut_the_positions() -> None:
    module = tiny(frames=4, dimension=2, heads=1).requires_grad_(False)
    module.pos_embed_spatial[:] = torch.tensor([[[1.0, 0], [2, 0], [3, 0], [4, 0]]])
    module.pos_embed_temporal[:] = torch.tensor([[[10.0, 0.5], [20, 0.25]]])
    # centres of four steps among two: 10, a quarter and three quarters of the way, 20
    assert mae_st.resampled(module.pos_embed_temporal, 4)[0, :, 0].tolist() == [10, 12.5, 17.5, 20]
    assert mae_st.resampled(module.pos_embed_temporal, 1)[0].tolist() == [[15, 0.375]]
    stretched = module._positions("", 1, 2, 4)[0, :, 0].reshape(2, 4)
    assert bool((stretched.diff(dim=1) > 0).all())
    assert float(stretched.mean()) == pytest.approx(15 + 2.5, abs=1e-5)
    module.positions = "window"
    assert module._positions("", 1, 2, 1)[0].tolist() == [[11, 0.5], [13, 0.5]]


def test_a_window_larger_than_the_tables_is_refused() -> None:
    module = tiny(positions="window")
    with pytest.raises(UserError, match="window of 3 steps exceeds 2; use 'resampled'"):
        module.encode(uniform(1, 6, 3, 16, 16))
    with pytest.raises(UserError, match="window of 2 x 3 patches exceeds 2 x 2; use 'resampled'"):
        module.encode(uniform(1, 4, 3, 16, 24))


def test_a_token_is_its_cube_at_its_place() -> None:
    module, clip = without_blocks(tiny()).requires_grad_(False), uniform(1, 4, 3, 16, 16)
    state = {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}
    # the second step, second row, first column: frames 2 and 3, rows 8 to 15, columns 0 to 7
    cube = (clip[0, 2:, :, 8:, :8].double().numpy() - 0.45) / 0.225
    weight = state["patch_embed.proj.weight"].reshape(16, -1)  # bands before frames
    code = weight @ cube.transpose(1, 0, 2, 3).ravel() + state["patch_embed.proj.bias"]
    expected = normed(code + state["pos_embed_spatial"][0, 2] + state["pos_embed_temporal"][0, 1])
    np.testing.assert_allclose(module.encode(clip)[0, 4 + 2], expected, atol=1e-5)


def test_attention_is_the_softmax_of_scaled_products_within_each_head() -> None:
    torch.manual_seed(0)
    layer, tokens = mae_st.Attention(4, 2).requires_grad_(False), uniform(1, 3, 4)
    query, key, value = (part(tokens)[0].double().numpy() for part in (layer.q, layer.k, layer.v))
    mixed = np.zeros((3, 4))
    for head in (slice(0, 2), slice(2, 4)):
        weights = np.exp(query[:, head] @ key[:, head].T / np.sqrt(2))
        mixed[:, head] = weights / weights.sum(axis=1, keepdims=True) @ value[:, head]
    expected = mixed @ layer.proj.weight.double().numpy().T + layer.proj.bias.double().numpy()
    np.testing.assert_allclose(layer(tokens)[0], expected, atol=1e-6)


def test_the_class_token_takes_part_and_is_cut() -> None:
    module, clip = tiny().requires_grad_(False), uniform(1, 4, 3, 16, 16)
    tokens = module.encode(clip)
    assert tokens.shape == (1, 8, 16)
    module.cls_token[..., 0] += 1
    assert float((module.encode(clip) - tokens).abs().max()) > 1e-4


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_an_odd_number_of_frames_is_refused(frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames; the loss network needs an even number of frames"):
        tiny().encode(uniform(1, frames, 3, 16, 16))


def test_what_is_no_clip_is_refused() -> None:
    module = tiny()
    for shape in ((1, 3, 16, 16), (1, 3, 4, 16, 16)):
        with pytest.raises(ValueError, match=r"the loss network takes \(N, T, 3, H, W\)"):
            module.encode(uniform(*shape))
    with pytest.raises(UserError, match="8 x 7 pixels"):
        module.encode(uniform(1, 2, 3, 8, 7))


@given(steps=st.integers(1, 4), height=st.integers(8, 40), width=st.integers(8, 40))
@settings(max_examples=12, deadline=None)
def test_odd_sizes_are_encoded(steps: int, height: int, width: int) -> None:
    module = tiny().requires_grad_(False)
    tokens = module.encode(uniform(1, 2 * steps, 3, height, width))
    assert tokens.shape == (1, steps * -(-height // 8) * -(-width // 8), 16)
    assert module.cells(2 * steps, height, width) == tokens.shape[1]
    assert bool(tokens.isfinite().all())


def test_odd_sizes_are_padded_by_reflection() -> None:
    module, clip = tiny().requires_grad_(False), uniform(1, 2, 3, 13, 16)
    whole = torch.cat([clip, clip[..., 9:12, :].flip(-2)], dim=-2)
    assert torch.equal(module.encode(clip), module.encode(whole))


def test_the_gradient_reaches_every_pixel_of_every_frame() -> None:
    module, clip = tiny().requires_grad_(False), uniform(1, 4, 3, 19, 16).requires_grad_()
    (module.encode(clip) - module.encode(uniform(1, 4, 3, 19, 16, seed=2))).abs().mean().backward()
    assert clip.grad is not None
    assert bool(clip.grad.isfinite().all())
    assert bool((clip.grad.abs().amax(dim=(0, 2)) > 0).all())


def test_a_batch_is_encoded_like_each_clip_alone() -> None:
    module, clips = tiny().requires_grad_(False), uniform(3, 4, 3, 16, 24)
    assert_near(module.encode(clips), torch.cat([module.encode(clip[None]) for clip in clips]))


def test_the_order_of_frames_matters_beyond_the_order_of_tokens() -> None:
    module, clip = tiny().requires_grad_(False), uniform(1, 4, 3, 16, 16)
    swapped = module.encode(clip[:, [2, 3, 0, 1]])
    assert not torch.allclose(swapped[:, [4, 5, 6, 7, 0, 1, 2, 3]], module.encode(clip), atol=1e-3)


def test_hidden_cubes_do_not_change_the_visible_features() -> None:
    module, clip = tiny().requires_grad_(False), uniform(1, 4, 3, 16, 16)
    assert torch.equal(module.encode_visible(clip, torch.ones(1, 8, dtype=torch.bool)), module.encode(clip))
    mask = torch.arange(8)[None] != 5
    changed = clip.clone()
    changed[:, 2:, :, :8, 8:] = 0
    features = module.encode_visible(clip, mask)
    assert features.shape == (1, 7, 16)
    assert torch.equal(module.encode_visible(changed, mask), features)
    assert not torch.allclose(module.encode(changed), module.encode(clip), atol=1e-3)


def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one() -> None:
    clip, noise = uniform(1, 4, 3, 8, 8), torch.tensor([[0.9, 0.1]])
    raw = (clip[0].double().numpy() - 0.45) / 0.225
    # two steps stand for frames 0 and 3; half the cubes stay visible, the second one
    masked = raw[0].ravel()
    normalised = (masked - masked.mean()) / np.sqrt(masked.var(ddof=1) + 1e-6)
    for normalised_target, target in ((False, masked), (True, normalised)):
        module = tiny(image_size=8, mask_ratio=0.5, normalised_target=normalised_target)
        torch.nn.init.zeros_(module.decoder_pred.weight)
        torch.nn.init.constant_(module.decoder_pred.bias, 0.3)
        expected = np.mean((target - 0.3) ** 2)
        assert float(module.pretraining_loss(clip, noise).detach()) == pytest.approx(expected, rel=1e-5)


def test_a_whole_clip_has_the_frames_of_the_release_as_target(monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny(frames=16, image_size=8, normalised_target=False).requires_grad_(False)
    clip = torch.arange(16.0).reshape(1, 16, 1, 1, 1).expand(1, 16, 3, 8, 8)
    frames = torch.tensor([0.0, 2, 4, 6, 8, 10, 12, 15])
    truth = ((frames - 0.45) / 0.225).reshape(1, 8, 1).expand(1, 8, 192)
    noise = uniform(1, 8)
    monkeypatch.setattr(module, "predict", lambda *_: (truth, noise < 0.5))
    assert float(module.pretraining_loss(clip, noise)) == pytest.approx(0, abs=1e-8)


def test_each_prediction_stands_where_its_cube_was() -> None:
    module, clip, noise = without_blocks(tiny(mask_ratio=0.5)), uniform(1, 4, 3, 16, 16), uniform(1, 8)
    prediction, mask = module.requires_grad_(False).predict(clip, noise)
    assert mask[0].tolist() == (noise[0] < noise[0].sort().values[4]).tolist()
    places = module._positions("decoder_", 2, 2, 2)[0]
    visible = module.decoder_embed(module.encode(clip)[0])
    tokens = torch.where(mask[0, :, None], visible, module.mask_token[0]) + places
    assert_near(prediction[0], module.decoder_pred(module.decoder_norm(tokens)))
    with pytest.raises(ValueError, match=r"noise: shape \(1, 7\), the clip has tokens \(1, 8\)"):
        module.predict(clip, uniform(1, 7))


def test_pretraining_learns_one_batch() -> None:
    module, noise = tiny(), uniform(2, 8)
    ramp = torch.linspace(0, 1, 16)
    clip = torch.stack([ramp.expand(4, 3, 16, 16), ramp[:, None].expand(4, 3, 16, 16)])
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = module.pretraining_loss(clip, noise)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 20}, "image_size: 20 is not a multiple of patch 8"),
        ({"frames": 5}, "frames: 5 is not a multiple of tube 2"),
        ({"heads": 3}, "dimension: 16 is not a multiple of its 3 heads"),
        ({"positions": "windows"}, "did you mean 'window'"),
        ({"mask_ratio": 1.0}, "mask_ratio: 1.0"),
        ({"bands": 4, "mean": [0.5] * 3}, "mean: 3 values for 4 bands"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny(**changes)


def test_a_stored_network_gives_the_same_tokens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module: Any = loss_networks.build("mae_st", **TINY, std=[0.1, 0.2, 1 / 3])
    loss_networks.save(module, tmp_path / "net.safetensors", {"steps": 7})
    loaded: Any
    loaded, card = loss_networks.load(tmp_path / "net.safetensors")
    assert card == {"steps": 7}
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    clip = uniform(1, 2, 3, 16, 24)
    assert torch.equal(loaded.encode(clip), module.encode(clip))


@pytest.mark.parametrize("key", ["model", "model_state"])
def test_released_files_fill_the_encoder_or_everything(key: str, tmp_path: Path) -> None:
    released, path = tiny(seed=3).state_dict(), tmp_path / "mae_pretrain_vit_large_k400.pth"
    encoder = {name: tensor for name, tensor in released.items() if "decoder" not in name and name != "mask_token"}
    for content in (encoder, released):
        torch.save({key: content}, path)
        module = tiny()
        untouched = module.decoder_pred.weight.clone()
        mae_st.import_weights(module, path)
        assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in content.items())
        assert torch.equal(module.decoder_pred.weight, untouched) == (content is encoder)


def test_released_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mae_pretrain.pth"
    with pytest.raises(UserError, match=f"{path} cannot be read .No such file"):
        mae_st.import_weights(tiny(), path)
    torch.save({"model": tiny(tube=4).state_dict()}, path)
    with pytest.raises(UserError, match=rf"{path} does not fit .*patch_embed.proj.weight is float32 \(16, 3, 4, 8, 8"):
        mae_st.import_weights(tiny(), path)
    state = tiny().state_dict()
    state["norm.scale"] = state.pop("norm.weight")
    torch.save({"model_state": state}, path)
    with pytest.raises(UserError, match=f"{path} does not fit .*missing norm.weight; unexpected norm.scale"):
        mae_st.import_weights(tiny(), path)
    torch.save(state, path)
    with pytest.raises(UserError, match=f"{path} has no named weights under 'model_state'"):
        mae_st.import_weights(tiny(), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{path} is damaged or holds more than weights"):
        mae_st.import_weights(tiny(), path)
