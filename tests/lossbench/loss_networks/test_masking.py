"""Masks and patches: which stay visible, in which order, and how they are cut."""

import pytest
import torch
from _loss_networks import uniform

from lossbench.loss_networks._masking import kept, patches, selected, unpatched


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
