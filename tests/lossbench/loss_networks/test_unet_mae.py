"""The U-Net MAE: its counts, what its latent sees, and its loss worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import unet_mae


def tiny(seed: int = 0, **changes: Any) -> unet_mae.UNetMAE:
    torch.manual_seed(seed)
    return unet_mae.build(**{"channels": 3, **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("label", "total", "encoder"), [("default", 1_492_211, 451_296), ("4 bands", 1_492_788, 451_584)]
)
def test_sizes_are_the_stated_ones(label: str, total: int, encoder: int) -> None:
    with torch.device("meta"):
        module = unet_mae.build(**unet_mae.PUBLISHED[label])
    assert count(module) == total
    assert sum(parameter.numel() for parameter in module.encoder_parameters()) == encoder
    assert sum(parameter.numel() for parameter in module.decoder_parameters()) == total - encoder


def test_the_latent_has_128_channels_at_a_quarter_of_the_size() -> None:
    assert unet_mae.build().requires_grad_(False).encode(uniform(1, 3, 30, 41)).shape == (1, 128, 8, 11)


def test_a_position_of_the_latent_sees_34_pixels() -> None:
    image = uniform(1, 3, 8, 160).requires_grad_()
    code = tiny().encode(image)
    (gradient,) = torch.autograd.grad(code[0, :, 0, 20].square().sum(), image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()[:, 0]
    # two 3 x 3 convolutions at a quarter of the size, two at half, three at full: 4 * 5, 2 * 4 and 2 * 3
    assert int(columns.max() - columns.min()) + 1 == 34


def test_a_masked_cell_is_zero_in_normalised_units() -> None:
    mask = torch.tensor([[True, True, True, True, False, True]])
    settings: list[dict[str, Any]] = [{}, {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.3]}]
    for statistics in settings:
        module, image = tiny(**statistics).requires_grad_(False), uniform(1, 3, 32, 48)
        painted = image.clone()
        # cell 4 is the middle one of the lower row
        painted[:, :, 16:32, 16:32] = module.mean
        np.testing.assert_allclose(module.encode_visible(image, mask), module.encode(painted), atol=1e-6)
    assert tiny().mean.flatten().tolist() == [0, 0, 0]


def test_masked_pixels_do_not_reach_the_prediction() -> None:
    module, image = tiny(mask_ratio=0.5).requires_grad_(False), uniform(1, 3, 32, 32)
    noise = torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    prediction, mask = module.predict(image, noise)
    assert mask.tolist() == [[False, True, True, False]]
    for corner, same in (((0, 0), True), ((0, 16), False)):
        changed = image.clone()
        changed[..., corner[0] : corner[0] + 16, corner[1] : corner[1] + 16] += 0.2
        assert torch.equal(module.predict(changed, noise)[0], prediction) == same


def test_the_pretraining_loss_is_the_mean_absolute_error_over_masked_cells() -> None:
    module = tiny(mask_ratio=0.5)
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


def test_every_parameter_takes_part_in_pretraining() -> None:
    module = tiny(channels=4)
    module.pretraining_loss(uniform(2, 3, 32, 48), uniform(2, 6)).backward()
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in module.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": 6}, "cell: 6 is not a multiple of the encoder's stride 4"),
        ({"channels": 1}, "channels: 1; choose at least 2"),
        ({"std": [1.0]}, "std: 1 values for 3 bands"),
        ({"mask_ratio": 0.0}, "mask_ratio: 0.0"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny(**changes)
