"""The U-Net MAE: its counts, what its latent sees, and its loss worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import tiny, uniform

from lossbench.loss_networks import unet_mae


def test_the_latent_has_128_channels_at_a_quarter_of_the_size() -> None:
    assert unet_mae.build().requires_grad_(False).encode(uniform(1, 3, 30, 41)).shape == (1, 128, 8, 11)


def test_a_position_of_the_latent_sees_34_pixels() -> None:
    image = uniform(1, 3, 8, 160).requires_grad_()
    code = tiny("unet_mae").encode(image)
    (gradient,) = torch.autograd.grad(code[0, :, 0, 20].square().sum(), image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()[:, 0]
    # two 3 x 3 convolutions at a quarter of the size, two at half, three at full: 4 * 5, 2 * 4 and 2 * 3
    assert int(columns.max() - columns.min()) + 1 == 34


def test_a_masked_cell_is_zero_in_normalised_units() -> None:
    mask = torch.tensor([[True, True, True, True, False, True]])
    settings: list[dict[str, Any]] = [{}, {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.3]}]
    for statistics in settings:
        module, image = tiny("unet_mae", **statistics).requires_grad_(False), uniform(1, 3, 32, 48)
        painted = image.clone()
        # cell 4 is the middle one of the lower row
        painted[:, :, 16:32, 16:32] = module.mean
        np.testing.assert_allclose(module.encode_visible(image, mask), module.encode(painted), atol=1e-6)
    assert tiny("unet_mae").mean.flatten().tolist() == [0, 0, 0]


def test_masked_pixels_do_not_reach_the_prediction() -> None:
    module, image = tiny("unet_mae", mask_ratio=0.5).requires_grad_(False), uniform(1, 3, 32, 32)
    noise = torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    prediction, mask = module.predict(image, noise)
    assert mask.tolist() == [[False, True, True, False]]
    for corner, same in (((0, 0), True), ((0, 16), False)):
        changed = image.clone()
        changed[..., corner[0] : corner[0] + 16, corner[1] : corner[1] + 16] += 0.2
        assert torch.equal(module.predict(changed, noise)[0], prediction) == same


def test_the_pretraining_loss_is_the_mean_absolute_error_over_masked_cells() -> None:
    module = tiny("unet_mae", mask_ratio=0.5)
    output: Any = module.decoder.last
    torch.nn.init.zeros_(output.weight)
    torch.nn.init.constant_(output.bias, 0.3)
    image, noise = uniform(1, 3, 32, 32), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    raw = image[0].double().numpy()
    errors = [np.abs(cell - 0.3) for cell in (raw[:, :16, :16], raw[:, 16:, 16:])]
    assert float(module.pretraining_loss(image, noise).detach()) == pytest.approx(np.mean(errors), rel=1e-5)


def test_the_attention_adds_a_constant_to_each_channel() -> None:
    torch.manual_seed(0)
    attention, image = unet_mae.ChannelAttention(8).requires_grad_(False), uniform(2, 8, 6, 5)
    added = attention(image) - image
    np.testing.assert_allclose(added, added[:, :, :1, :1].expand_as(added), atol=1e-6)
    means = attention.body(image).mean(dim=(2, 3), keepdim=True)
    np.testing.assert_allclose(added[:, :, :1, :1], attention.attention(means) * means, atol=1e-6)
    assert float(added.abs().min()) > 0
