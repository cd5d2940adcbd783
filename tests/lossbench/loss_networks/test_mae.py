"""The vision transformer MAE: its published size and names, its positions, and its loss worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import mae
from lossbench.loss_networks._masking import kept, patches, selected, unpatched

TINY: dict[str, Any] = {
    "image_size": 16,
    "patch": 8,
    "dimension": 16,
    "depth": 1,
    "heads": 2,
    "decoder_dimension": 8,
    "decoder_depth": 1,
    "decoder_heads": 2,
}


def tiny(seed: int = 0, **changes: Any) -> mae.MAE:
    torch.manual_seed(seed)
    return mae.build(**{**TINY, **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    # torch.testing would import torch's compiler for seconds
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=atol, rtol=0)


def array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy().astype(np.float64)


@pytest.mark.parametrize(
    ("label", "encoder", "decoder"),
    [
        ("ViT-B/16", 85_798_656, 26_109_184),
        ("ViT-L/16", 303_301_632, 26_240_256),
        ("ViT-H/14", 630_764_800, 26_309_708),
    ],
)
def test_the_published_sizes_have_the_published_counts(label: str, encoder: int, decoder: int) -> None:
    with torch.device("meta"):
        module = mae.build(**mae.PUBLISHED[label])
    assert sum(parameter.numel() for parameter in module.encoder_parameters()) == encoder
    assert sum(parameter.numel() for parameter in module.decoder_parameters()) == decoder
    assert sum(parameter.numel() for parameter in module.parameters()) == encoder + decoder


def test_parameters_bear_the_names_of_the_release() -> None:
    layers = ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
    modules = ["patch_embed.proj", "norm", "decoder_embed", "decoder_norm", "decoder_pred"]
    modules += [f"{blocks}.0.{layer}" for blocks in ("blocks", "decoder_blocks") for layer in layers]
    names = {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}
    assert set(tiny().state_dict()) == names | {"cls_token", "pos_embed", "mask_token", "decoder_pos_embed"}


def test_the_position_table_is_fixed_and_nothing_else_is() -> None:
    fixed = {name for name, parameter in tiny().named_parameters() if not parameter.requires_grad}
    assert fixed == {"pos_embed", "decoder_pos_embed"}


def test_the_first_half_of_a_position_codes_the_column_and_the_second_the_row() -> None:
    table = mae.position_table(grid=3, dimension=8)[0].double()
    row, column = 2, 1
    # dimension / 4 = 2 frequencies: 10000 ** 0 and 10000 ** -0.5
    expected = [np.sin(1), np.sin(0.01), np.cos(1), np.cos(0.01), np.sin(2), np.sin(0.02), np.cos(2), np.cos(0.02)]
    assert table.shape == (10, 8)
    assert table[0].tolist() == [0] * 8
    np.testing.assert_allclose(table[1 + 3 * row + column], expected, atol=1e-7)


def test_initial_weights_are_those_of_the_release() -> None:
    module: Any = tiny(dimension=256, heads=4, patch=16).requires_grad_(False)
    bound = (6 / (256 + 3 * 256)) ** 0.5
    assert bound * 0.99 < float(module.blocks[0].attn.qkv.weight.abs().max()) <= bound
    bound = (6 / (256 + 16 * 16 * 3)) ** 0.5
    assert bound * 0.99 < float(module.patch_embed.proj.weight.abs().max()) <= bound
    assert 0.015 < float(module.cls_token.std()) < 0.025
    assert float(module.blocks[0].mlp.fc1.bias.abs().max()) == 0


@pytest.mark.parametrize(("count", "ratio", "visible"), [(196, 0.75, 49), (1568, 0.9, 156), (5, 0.5, 2)])
def test_the_patches_of_smallest_noise_stay_visible(count: int, ratio: float, visible: int) -> None:
    noise = uniform(3, count)
    mask = kept(noise, ratio)
    assert mask.sum(dim=1).tolist() == [visible] * 3
    for row, values in zip(mask, noise, strict=True):
        assert values[row].max() < values[~row].min()


def test_selected_tokens_keep_their_order_and_their_sample() -> None:
    tokens = torch.arange(8.0).reshape(2, 4, 1)
    mask = torch.tensor([[True, False, False, True], [False, True, True, False]])
    assert selected(tokens, mask)[..., 0].tolist() == [[0, 3], [5, 6]]
    with pytest.raises(ValueError, match=r"keeps \[1, 3\] of 4"):
        selected(tokens, torch.tensor([[True, False, False, False], [True, True, True, False]]))


def test_patches_are_cut_row_by_row_with_bands_last() -> None:
    image = torch.arange(2 * 4 * 6).reshape(1, 2, 4, 6)
    cut = patches(image, 2)
    assert cut.shape == (1, 6, 8)
    assert cut[0, 4].tolist() == [14, 38, 15, 39, 20, 44, 21, 45]
    assert torch.equal(unpatched(cut, 2, 4, 6), image)


def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one() -> None:
    image, noise = uniform(1, 3, 16, 16), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    raw = (array(image)[0] - np.reshape([0.485, 0.456, 0.406], (3, 1, 1))) / np.reshape(
        [0.229, 0.224, 0.225], (3, 1, 1)
    )
    # a mask ratio of 0.5 keeps patches 1 and 2: masked are the top left and the bottom right one
    masked = [raw[:, :8, :8].ravel(), raw[:, 8:, 8:].ravel()]
    normalised = [(patch - patch.mean()) / np.sqrt(patch.var(ddof=1) + 1e-6) for patch in masked]
    for normalised_target, target in ((False, masked), (True, normalised)):
        module = tiny(mask_ratio=0.5, normalised_target=normalised_target)
        torch.nn.init.zeros_(module.decoder_pred.weight)
        torch.nn.init.constant_(module.decoder_pred.bias, 0.3)
        expected = np.mean([(patch - 0.3) ** 2 for patch in target])
        assert float(module.pretraining_loss(image, noise).detach()) == pytest.approx(expected, rel=1e-5)


def normed(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-6)
    return np.asarray((tokens - tokens.mean(axis=-1, keepdims=True)) / deviation)


def test_each_prediction_stands_where_its_patch_was() -> None:
    module, image, noise = tiny(mask_ratio=0.5), uniform(1, 3, 16, 16), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    for block in (*module.blocks, *module.decoder_blocks):
        # blocks that add nothing, so that a token depends on its own patch alone
        for layer in (block.attn.proj, block.mlp.fc2):
            torch.nn.init.zeros_(layer.weight)
    state = {name: array(tensor) for name, tensor in module.state_dict().items()}
    raw = array((image - module.mean) / module.std)[0]
    cut = [raw[:, row : row + 8, column : column + 8] for row in (0, 8) for column in (0, 8)]
    embedding = state["patch_embed.proj.weight"].reshape(16, -1)
    expected = []
    for index, patch in enumerate(cut):
        code = embedding @ patch.ravel() + state["patch_embed.proj.bias"] + state["pos_embed"][0, 1 + index]
        token = state["decoder_embed.weight"] @ normed(code) if index in (1, 2) else state["mask_token"][0, 0]
        token = normed(token + state["decoder_pos_embed"][0, 1 + index])
        expected.append(state["decoder_pred.weight"] @ token)
    prediction, mask = module.predict(image, noise)
    assert mask.tolist() == [[False, True, True, False]]
    np.testing.assert_allclose(array(prediction)[0], expected, atol=2e-5)


def test_masked_pixels_do_not_reach_the_prediction() -> None:
    module, image, noise = tiny(mask_ratio=0.5), uniform(1, 3, 16, 16), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    prediction, _ = module.predict(image, noise)
    for corner, same in (((0, 0), True), ((0, 8), False)):
        changed = image.clone()
        changed[..., corner[0] : corner[0] + 8, corner[1] : corner[1] + 8] += 0.2
        assert torch.equal(module.predict(changed, noise)[0], prediction) == same


def test_noise_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"noise: shape \(1, 5\), the image has patches \(1, 4\)"):
        tiny().predict(uniform(1, 3, 16, 16), uniform(1, 5))


def test_a_window_has_the_positions_of_the_top_left_part() -> None:
    large, small = tiny(image_size=64, positions="window"), tiny(image_size=16)
    small.load_state_dict({**large.state_dict(), **{n: t for n, t in small.state_dict().items() if "pos_embed" in n}})
    image = uniform(1, 3, 16, 16)
    assert torch.equal(large.encode(image), small.encode(image))
    small.positions = large.positions = "resampled"
    assert not torch.allclose(large.encode(image), small.encode(image), atol=1e-2)


def test_a_window_larger_than_the_table_is_refused() -> None:
    with pytest.raises(UserError, match="window of 2 x 3 patches exceeds 2 x 2; use 'resampled'"):
        tiny(positions="window").encode(uniform(1, 3, 16, 24))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 20}, "image_size: 20 is not a multiple of patch 8"),
        ({"heads": 3}, "dimension: 16 is not a multiple of 4 and of its 3 heads"),
        ({"positions": "windows"}, "did you mean 'window'"),
        ({"mask_ratio": 1.0}, "mask_ratio: 1.0"),
        ({"bands": 4, "mean": [0.5] * 3}, "mean: 3 values for 4 bands"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny(**changes)


def test_bfloat16_weights_give_nearly_the_same_tokens() -> None:
    module, image = tiny().requires_grad_(False), uniform(2, 3, 16, 24)
    tokens = module.encode(image)
    halved = module.to(torch.bfloat16).encode(image)
    assert halved.dtype is torch.bfloat16
    assert 0 < float((halved.float() - tokens).abs().mean()) < 0.02


def test_released_files_fill_the_encoder_or_everything(tmp_path: Path) -> None:
    released, path = tiny(seed=3).state_dict(), tmp_path / "mae_pretrain.pth"
    encoder = {name: tensor for name, tensor in released.items() if "decoder" not in name and name != "mask_token"}
    for content in (encoder, released):
        torch.save({"model": content}, path)
        module = tiny()
        untouched = module.decoder_pred.weight.clone()
        mae.import_weights(module, path)
        assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in content.items())
        assert torch.equal(module.decoder_pred.weight, untouched) == (content is encoder)


def test_released_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mae_pretrain.pth"
    with pytest.raises(UserError, match=f"{path} cannot be read .No such file"):
        mae.import_weights(tiny(), path)
    state = tiny().state_dict()
    state["norm.scale"] = state.pop("norm.weight")
    torch.save({"model": state}, path)
    with pytest.raises(UserError, match=f"{path} does not fit .*missing norm.weight; unexpected norm.scale"):
        mae.import_weights(tiny(), path)
    for content in (state, {"model": [1, 2]}, {"model": {"norm.weight": 1.0}}, [state]):
        torch.save(content, path)
        with pytest.raises(UserError, match=f"{path} has no named weights under 'model'"):
            mae.import_weights(tiny(), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{path} is damaged or holds more than weights"):
        mae.import_weights(tiny(), path)


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(32, 32), (40, 56)])
def test_encoder_and_resampled_positions_agree_with_timm(height: int, width: int) -> None:
    from timm.models.vision_transformer import VisionTransformer

    module = tiny(image_size=32, dimension=32, depth=2, heads=4)
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 4, "num_classes": 0}
    theirs = VisionTransformer(**sizes, dynamic_img_size=True).eval()  # type: ignore[arg-type]
    names = theirs.state_dict().keys()
    encoder = {name: tensor for name, tensor in module.state_dict().items() if name in names}
    assert sum(tensor.numel() for tensor in encoder.values()) == sum(p.numel() for p in module.encoder_parameters())
    # a larger class token, which starts near zero, so that the test sees it take part
    encoder["cls_token"] = module.cls_token.data.fill_(0.5)
    theirs.load_state_dict(encoder)
    image = uniform(2, 3, height, width)
    tokens = theirs.forward_features((image - module.mean) / module.std)
    assert_near(module.encode(image), tokens[:, 1:], atol=1e-4)
