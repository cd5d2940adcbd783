"""The vision transformer MAE: its published size and names, its positions, and its loss worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import assert_near, normed, predicting, tiny, uniform, without_blocks
from numpy.typing import NDArray
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import mae


def array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy().astype(np.float64)


def test_the_position_table_is_fixed_and_nothing_else_is() -> None:
    fixed = {name for name, parameter in tiny("mae").named_parameters() if not parameter.requires_grad}
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
    module: Any = tiny("mae", dimension=256, heads=4, patch=16).requires_grad_(False)
    bound = (6 / (256 + 3 * 256)) ** 0.5
    assert bound * 0.99 < float(module.blocks[0].attn.qkv.weight.abs().max()) <= bound
    bound = (6 / (256 + 16 * 16 * 3)) ** 0.5
    assert bound * 0.99 < float(module.patch_embed.proj.weight.abs().max()) <= bound
    assert 0.015 < float(module.cls_token.std()) < 0.025
    assert float(module.blocks[0].mlp.fc1.bias.abs().max()) == 0


def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one() -> None:
    image, noise = uniform(1, 3, 16, 16), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    raw = (array(image)[0] - np.reshape([0.485, 0.456, 0.406], (3, 1, 1))) / np.reshape(
        [0.229, 0.224, 0.225], (3, 1, 1)
    )
    # a mask ratio of 0.5 keeps patches 1 and 2: masked are the top left and the bottom right one
    masked = [raw[:, :8, :8].ravel(), raw[:, 8:, 8:].ravel()]
    normalised = [(patch - patch.mean()) / np.sqrt(patch.var(ddof=1) + 1e-6) for patch in masked]
    for normalised_target, target in ((False, masked), (True, normalised)):
        module = predicting(tiny("mae", mask_ratio=0.5, normalised_target=normalised_target), 0.3)
        expected = np.mean([(patch - 0.3) ** 2 for patch in target])
        assert float(module.pretraining_loss(image, noise).detach()) == pytest.approx(expected, rel=1e-5)


def test_each_prediction_stands_where_its_patch_was() -> None:
    module, image = without_blocks(tiny("mae", mask_ratio=0.5)), uniform(1, 3, 16, 16)
    noise = torch.tensor([[0.9, 0.1, 0.5, 0.7]])
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
    module, image, noise = tiny("mae", mask_ratio=0.5), uniform(1, 3, 16, 16), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    prediction, _ = module.predict(image, noise)
    for corner, same in (((0, 0), True), ((0, 8), False)):
        changed = image.clone()
        changed[..., corner[0] : corner[0] + 8, corner[1] : corner[1] + 8] += 0.2
        assert torch.equal(module.predict(changed, noise)[0], prediction) == same


def test_noise_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"noise: shape \(1, 5\), the image has patches \(1, 4\)"):
        tiny("mae").predict(uniform(1, 3, 16, 16), uniform(1, 5))


def test_a_window_has_the_positions_of_the_top_left_part() -> None:
    large, small = tiny("mae", image_size=64, positions="window"), tiny("mae", image_size=16)
    small.load_state_dict({**large.state_dict(), **{n: t for n, t in small.state_dict().items() if "pos_embed" in n}})
    image = uniform(1, 3, 16, 16)
    assert torch.equal(large.encode(image), small.encode(image))
    small.positions = large.positions = "resampled"
    assert not torch.allclose(large.encode(image), small.encode(image), atol=1e-2)


def test_a_window_larger_than_the_table_is_refused() -> None:
    with pytest.raises(UserError, match="window of 2 x 3 patches exceeds 2 x 2; use 'resampled'"):
        tiny("mae", positions="window").encode(uniform(1, 3, 16, 24))


def test_bfloat16_weights_give_nearly_the_same_tokens() -> None:
    module, image = tiny("mae").requires_grad_(False), uniform(2, 3, 16, 24)
    tokens = module.encode(image)
    halved = module.to(torch.bfloat16).encode(image)
    assert halved.dtype is torch.bfloat16
    assert 0 < float((halved.float() - tokens).abs().mean()) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(32, 32), (40, 56)])
def test_encoder_and_resampled_positions_agree_with_timm(height: int, width: int) -> None:
    from timm.models.vision_transformer import VisionTransformer

    module = tiny("mae", image_size=32, dimension=32, depth=2, heads=4)
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
