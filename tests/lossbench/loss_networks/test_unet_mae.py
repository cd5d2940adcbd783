"""The U-Net MAE: its counts, what its latent sees, and its loss worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import tiny, uniform

from lossbench.loss_networks import unet_mae

ENCODED = (0.23223795, -0.60051131, 0.42662555)
"""Of the encoder before its decoder was known."""


def test_the_latent_has_128_channels_at_a_quarter_of_the_size() -> None:
    assert unet_mae.build().requires_grad_(False).encode(uniform(1, 3, 30, 41)).shape == (1, 128, 8, 11)


def test_the_decoder_is_that_of_the_public_traces() -> None:
    decoder = unet_mae.build().decoder
    deep, shallow = decoder.merges

    def size(*modules: torch.nn.Module) -> int:
        return sum(parameter.numel() for module in modules for parameter in module.parameters())

    # merge2, context2, merge1, context1 and the last convolution
    parts = [deep.body[:3], deep.body[3], shallow.body[:3], shallow.body[3], decoder.last]
    assert [size(part) for part in parts] == [402_016, 78_016, 31_920, 19_552, 867]
    # the global branch and the unit on it and the latent
    assert size(decoder.context, decoder.bottom) == 33_024 + 475_520
    assert size(decoder) == 1_492_211 - 451_296


def test_the_encoder_has_kept_its_keys_and_its_numbers() -> None:
    module = unet_mae.build(channels=4).requires_grad_(False)
    for index, parameter in enumerate(module.encoder.parameters()):
        values = torch.arange(parameter.numel(), dtype=torch.float32).add(index)
        parameter.copy_(values.sin().mul(0.3).reshape(parameter.shape))
    keys = [f"stages.{stage}.{key}" for stage in range(3) for key in ("0.weight", "1.body.0.weight", "1.shortcut.bias")]
    assert set(keys) < set(module.encoder.state_dict()) and len(module.encoder.state_dict()) == 24
    image = torch.arange(3 * 8 * 8, dtype=torch.float32).cos().abs().reshape(1, 3, 8, 8)
    found = module.encode(image)
    assert found.shape == (1, 16, 2, 2)
    np.testing.assert_allclose(found[0, :3, 0, 0], ENCODED, rtol=1e-5)


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
    attention, image = unet_mae.ChannelAttention(8, 4).requires_grad_(False), uniform(2, 8, 6, 5)
    added = attention(image) - image
    np.testing.assert_allclose(added, added[:, :, :1, :1].expand_as(added), atol=1e-6)
    means = attention.body(image).mean(dim=(2, 3), keepdim=True)
    np.testing.assert_allclose(added[:, :, :1, :1], attention.attention(means) * means, atol=1e-6)
    assert float(added.abs().min()) > 0
