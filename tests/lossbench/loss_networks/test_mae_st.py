"""The masked autoencoder of videos MAE-ST: its published size and names, and its positions worked out by hand."""

import numpy as np
import pytest
import torch
from _loss_networks import assert_near, normed, predicting, tiny, uniform, without_blocks

from lossbench.errors import UserError
from lossbench.loss_networks import mae_st


def test_initial_weights_are_those_of_the_release() -> None:
    module = tiny("mae_st", dimension=256, heads=4, patch=16).requires_grad_(False)
    bound = (6 / (256 + 256)) ** 0.5
    assert bound * 0.99 < float(module.blocks[0].attn.q.weight.abs().max()) <= bound
    bound = (6 / (256 + 2 * 16 * 16 * 3)) ** 0.5
    assert bound * 0.99 < float(module.patch_embed.proj.weight.abs().max()) <= bound
    for name in ("cls_token", "pos_embed_temporal", "pos_embed_class"):
        assert 0.015 < float(getattr(module, name).std()) < 0.025
    assert float(module.decoder_cls_token.abs().max()) == float(module.blocks[0].mlp.fc1.bias.abs().max()) == 0


def test_a_position_is_the_sum_of_its_place_in_space_and_in_time() -> None:
    module = tiny("mae_st", frames=4, dimension=2, heads=1).requires_grad_(False)
    module.pos_embed_spatial[:] = torch.tensor([[[1.0, 0], [2, 0], [3, 0], [4, 0]]])
    module.pos_embed_temporal[:] = torch.tensor([[[10.0, 0.5], [20, 0.25]]])
    assert module._positions("", 2, 2, 2)[0].tolist() == [
        *([11, 0.5], [12, 0.5], [13, 0.5], [14, 0.5]),
        *([21, 0.25], [22, 0.25], [23, 0.25], [24, 0.25]),
    ]


def test_other_sizes_stretch_or_cut_the_positions() -> None:
    module = tiny("mae_st", frames=4, dimension=2, heads=1).requires_grad_(False)
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
    module = tiny("mae_st", positions="window")
    with pytest.raises(UserError, match="window of 3 steps exceeds 2; use 'resampled'"):
        module.encode(uniform(1, 6, 3, 16, 16))
    with pytest.raises(UserError, match="window of 2 x 3 patches exceeds 2 x 2; use 'resampled'"):
        module.encode(uniform(1, 4, 3, 16, 24))


def test_a_token_is_its_cube_at_its_place() -> None:
    module, clip = without_blocks(tiny("mae_st")).requires_grad_(False), uniform(1, 4, 3, 16, 16)
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
    module, clip = tiny("mae_st").requires_grad_(False), uniform(1, 4, 3, 16, 16)
    tokens = module.encode(clip)
    assert tokens.shape == (1, 8, 16)
    module.cls_token[..., 0] += 1
    assert float((module.encode(clip) - tokens).abs().max()) > 1e-4


@pytest.mark.parametrize("frames", [1, 3, 5])
def test_an_odd_number_of_frames_is_refused(frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames; the loss network needs an even number of frames"):
        tiny("mae_st").encode(uniform(1, frames, 3, 16, 16))


def test_odd_sizes_are_padded_by_reflection() -> None:
    module, clip = tiny("mae_st").requires_grad_(False), uniform(1, 2, 3, 13, 16)
    whole = torch.cat([clip, clip[..., 9:12, :].flip(-2)], dim=-2)
    assert torch.equal(module.encode(clip), module.encode(whole))


def test_the_order_of_frames_matters_beyond_the_order_of_tokens() -> None:
    module, clip = tiny("mae_st").requires_grad_(False), uniform(1, 4, 3, 16, 16)
    swapped = module.encode(clip[:, [2, 3, 0, 1]])
    assert not torch.allclose(swapped[:, [4, 5, 6, 7, 0, 1, 2, 3]], module.encode(clip), atol=1e-3)


def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one() -> None:
    clip, noise = uniform(1, 4, 3, 8, 8), torch.tensor([[0.9, 0.1]])
    raw = (clip[0].double().numpy() - 0.45) / 0.225
    # two steps stand for frames 0 and 3; half the cubes stay visible, the second one
    masked = raw[0].ravel()
    normalised = (masked - masked.mean()) / np.sqrt(masked.var(ddof=1) + 1e-6)
    for normalised_target, target in ((False, masked), (True, normalised)):
        module = predicting(tiny("mae_st", image_size=8, mask_ratio=0.5, normalised_target=normalised_target), 0.3)
        expected = np.mean((target - 0.3) ** 2)
        assert float(module.pretraining_loss(clip, noise).detach()) == pytest.approx(expected, rel=1e-5)


def test_a_whole_clip_has_the_frames_of_the_release_as_target(monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny("mae_st", frames=16, image_size=8, normalised_target=False).requires_grad_(False)
    clip = torch.arange(16.0).reshape(1, 16, 1, 1, 1).expand(1, 16, 3, 8, 8)
    frames = torch.tensor([0.0, 2, 4, 6, 8, 10, 12, 15])
    truth = ((frames - 0.45) / 0.225).reshape(1, 8, 1).expand(1, 8, 192)
    noise = uniform(1, 8)
    monkeypatch.setattr(module, "predict", lambda *_: (truth, noise < 0.5))
    assert float(module.pretraining_loss(clip, noise)) == pytest.approx(0, abs=1e-8)


def test_each_prediction_stands_where_its_cube_was() -> None:
    module, clip, noise = without_blocks(tiny("mae_st", mask_ratio=0.5)), uniform(1, 4, 3, 16, 16), uniform(1, 8)
    prediction, mask = module.requires_grad_(False).predict(clip, noise)
    assert mask[0].tolist() == (noise[0] < noise[0].sort().values[4]).tolist()
    places = module._positions("decoder_", 2, 2, 2)[0]
    visible = module.decoder_embed(module.encode(clip)[0])
    tokens = torch.where(mask[0, :, None], visible, module.mask_token[0]) + places
    assert_near(prediction[0], module.decoder_pred(module.decoder_norm(tokens)))
    with pytest.raises(ValueError, match=r"noise: shape \(1, 7\), the clip has tokens \(1, 8\)"):
        module.predict(clip, uniform(1, 7))


def test_tubes_hide_the_same_places_in_all_frames() -> None:
    module = tiny("mae_st", frames=4, masked="tube", mask_ratio=0.5)
    clip = uniform(2, 6, 3, 32, 32)
    noise = torch.rand(2, module.cells(6, 32, 32), generator=torch.Generator().manual_seed(0))
    mask = module.predict(clip, noise)[1].unflatten(1, (3, -1))
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    assert mask.sum(2).tolist() == [[mask.shape[2] // 2] * 3] * 2
    # any cube otherwise
    agnostic = tiny("mae_st", frames=4, mask_ratio=0.5).predict(clip, noise)[1].unflatten(1, (3, -1))
    assert not torch.equal(agnostic, agnostic[:, :1].expand_as(agnostic))
    with pytest.raises(UserError, match="masked: unknown 'tubes'; did you mean 'tube'"):
        tiny("mae_st", masked="tubes")


def test_a_reconstruction_keeps_what_is_visible() -> None:
    module = tiny("mae_st", frames=4, masked="tube", mask_ratio=0.5)
    clip = uniform(2, 4, 3, 20, 24)
    noise = torch.rand(2, module.cells(4, 20, 24), generator=torch.Generator().manual_seed(0))
    masked, filled = module.reconstruct(clip, noise)
    assert masked.shape == filled.shape == clip.shape and 0 <= float(filled.min()) <= float(filled.max()) <= 1
    visible = (masked == clip).all(dim=2)
    assert 0 < float(visible.float().mean()) < 1
    assert torch.equal(filled.movedim(2, -1)[visible], clip.movedim(2, -1)[visible])
