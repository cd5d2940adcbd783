"""The convolutional MAE: its size, its mask token, and its loss worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lossbench.errors import UserError
from lossbench.loss_networks import cnn_mae

TINY: dict[str, Any] = {"widths": (4, 6, 8, 12), "blocks": (1, 1, 1, 1), "decoder_width": 8, "decoder_blocks": 1}


def tiny(seed: int = 0, **changes: Any) -> cnn_mae.CNNMAE:
    torch.manual_seed(seed)
    return cnn_mae.build(**{**TINY, **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    # torch.testing would import torch's compiler for seconds
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=atol, rtol=0)


def count(parameters: list[torch.nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


@pytest.mark.parametrize(
    ("architecture", "encoder", "total"),
    [
        ({}, 3_982_752, 3_982_752 + 334_400 + 3),
        ({"bands": 4}, 3_982_752 + 288, 4_325_700),
        (cnn_mae.PUBLISHED["XS"], 701_040, None),
        (cnn_mae.PUBLISHED["B"], 12_480_240, None),
    ],
)
def test_sizes_are_the_stated_ones(architecture: dict[str, Any], encoder: int, total: int | None) -> None:
    with torch.device("meta"):
        module = cnn_mae.build(**architecture)
    assert count(module.encoder_parameters()) == encoder
    if total is not None:
        bands = architecture.get("bands", 3)
        assert count(list(module.parameters())) == total
        assert total - encoder - count(module.decoder_parameters()) == bands


def test_a_feature_sees_383_pixels() -> None:
    module = tiny(blocks=(1, 2, 2, 6))
    image = uniform(1, 3, 8, 800).requires_grad_()
    code = module.encode(image)
    middle = code[0, :, 0, code.shape[3] // 2].square().sum()
    (gradient,) = torch.autograd.grad(middle, image)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()[:, 0]
    assert int(columns.max() - columns.min()) + 1 == 383


def test_a_masked_cell_holds_the_mask_token() -> None:
    module, image = tiny(), uniform(1, 3, 32, 48)
    torch.nn.init.constant_(module.mask_token, 0.5)
    mask = torch.tensor([[True, True, True, True, False, True]])
    painted = image.clone()
    # cell 4 is the middle one of the lower row; the token lives in normalised units
    painted[:, :, 16:32, 16:32] = module.mean + 0.5 * module.std
    assert_near(module.encode_visible(image, mask), module.encode(painted))


def test_the_mask_token_starts_at_the_mean_colour() -> None:
    module, image = tiny(), uniform(1, 3, 16, 32)
    painted = image.clone()
    painted[..., 16:] = module.mean
    assert_near(module.encode_visible(image, torch.tensor([[True, False]])), module.encode(painted))


@given(height=st.integers(8, 70), width=st.integers(8, 70))
@settings(max_examples=15, deadline=None)
def test_with_every_cell_visible_any_size_encodes_alike(height: int, width: int) -> None:
    module, image = tiny(), uniform(1, 3, height, width)
    mask = torch.ones(1, module.cells(height, width), dtype=torch.bool)
    code = module.encode(image)
    assert code.shape == (1, 12, -(-height // 8), -(-width // 8))
    assert torch.equal(module.encode_visible(image, mask), code)


@pytest.mark.parametrize("normalised_target", [False, True])
def test_the_pretraining_loss_of_a_constant_prediction_is_the_hand_computed_one(normalised_target: bool) -> None:
    module = tiny(mask_ratio=0.5, normalised_target=normalised_target)
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
        tiny().encode_visible(uniform(1, 3, 24, 24), torch.ones(1, 1, dtype=torch.bool))


def test_channels_last_gives_the_same_features_and_stays() -> None:
    module, image = tiny(), uniform(2, 3, 40, 40)
    code = module.encode(image)
    other = module.to(memory_format=torch.channels_last).encode(image.to(memory_format=torch.channels_last))
    assert_near(other, code, atol=1e-5)
    assert other.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": (1, 1)}, "blocks: 2 stages, widths has 4"),
        ({"cell": 12}, "cell: 12 is not a multiple of the encoder's stride 8"),
        ({"std": [1.0]}, "std: 1 values for 3 bands"),
    ],
)
def test_settings_that_do_not_fit_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny(**changes)
