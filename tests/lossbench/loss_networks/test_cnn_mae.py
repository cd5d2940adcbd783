"""The convolutional MAE: its size, its mask token, and its loss worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import assert_near, tiny, uniform
from hypothesis import given, settings
from hypothesis import strategies as st


def test_a_feature_sees_383_pixels() -> None:
    module = tiny("cnn_mae", blocks=(1, 2, 2, 6))
    image = uniform(1, 3, 8, 800).requires_grad_()
    code = module.encode(image)
    middle = code[0, :, 0, code.shape[3] // 2].square().sum()
    (gradient,) = torch.autograd.grad(middle, image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()[:, 0]
    assert int(columns.max() - columns.min()) + 1 == 383


def test_a_masked_cell_holds_the_mask_token() -> None:
    module, image = tiny("cnn_mae"), uniform(1, 3, 32, 48)
    torch.nn.init.constant_(module.mask_token, 0.5)
    mask = torch.tensor([[True, True, True, True, False, True]])
    painted = image.clone()
    # cell 4 is the middle one of the lower row; the token lives in normalised units
    painted[:, :, 16:32, 16:32] = module.mean + 0.5 * module.std
    assert_near(module.encode_visible(image, mask), module.encode(painted))


def test_the_mask_token_starts_at_the_mean_colour() -> None:
    module, image = tiny("cnn_mae"), uniform(1, 3, 16, 32)
    painted = image.clone()
    painted[..., 16:] = module.mean
    assert_near(module.encode_visible(image, torch.tensor([[True, False]])), module.encode(painted))


@given(height=st.integers(8, 70), width=st.integers(8, 70))
@settings(max_examples=15, deadline=None)
def test_with_every_cell_visible_any_size_encodes_alike(height: int, width: int) -> None:
    module, image = tiny("cnn_mae"), uniform(1, 3, height, width)
    mask = torch.ones(1, module.cells(height, width), dtype=torch.bool)
    code = module.encode(image)
    assert code.shape == (1, 12, -(-height // 8), -(-width // 8))
    assert torch.equal(module.encode_visible(image, mask), code)


@pytest.mark.parametrize("normalised_target", [False, True])
def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one(normalised_target: bool) -> None:
    module = tiny("cnn_mae", mask_ratio=0.5, normalised_target=normalised_target)
    output: Any = module.decoder[-2]
    torch.nn.init.zeros_(output.weight)
    torch.nn.init.constant_(output.bias, 0.3)
    image, noise = uniform(1, 3, 32, 32), torch.tensor([[0.9, 0.1, 0.5, 0.7]])
    raw = ((image - module.mean) / module.std)[0].double().numpy()
    errors = []
    # a mask ratio of 0.5 keeps cells 1 and 2: masked are the top left and the bottom right one
    for cell in (raw[:, :16, :16], raw[:, 16:, 16:]):
        target = (cell - cell.mean()) / np.sqrt(cell.var(ddof=1) + 1e-6) if normalised_target else cell
        errors.append((target - 0.3) ** 2)
    assert float(module.pretraining_loss(image, noise).detach()) == pytest.approx(np.mean(errors), rel=1e-5)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the image has 4 patches"):
        tiny("cnn_mae").encode_visible(uniform(1, 3, 24, 24), torch.ones(1, 1, dtype=torch.bool))


def test_channels_last_gives_the_same_features_and_stays() -> None:
    module, image = tiny("cnn_mae"), uniform(2, 3, 40, 40)
    code = module.encode(image)
    other = module.to(memory_format=torch.channels_last).encode(image.to(memory_format=torch.channels_last))
    assert_near(other, code, atol=1e-5)
    assert other.is_contiguous(memory_format=torch.channels_last)
