"""Patch losses: which patches are drawn, and what they give."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from _losses import (
    NETWORKS,
    uniform,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import loss_networks, losses
from lossbench.errors import UserError
from lossbench.losses._patches import PatchFeatureLoss
from lossbench.terms import WeightedTerms

PATCH_LOSSES = pytest.mark.parametrize(("name", "whole"), [("p_ctmae", "ctmae"), ("p_ccmae", "ccmae")])
Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Build a loss by name on the stored network that fits it, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("mae", "cnn_mae"):
        torch.manual_seed(0)
        loss_networks.save(loss_networks.build(kind, **NETWORKS[kind]), folder / kind, {})

    def loaded(name: str, **arguments: Any) -> WeightedTerms:
        kind = "mae" if name.endswith("ctmae") else "cnn_mae"
        return losses.build(name, weights=folder / kind, **arguments)

    return loaded


class Recorder(nn.Module):
    """A stand-in for a masked autoencoder of 4 x 4 patches of 8 pixels that records its masks."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[Tensor] = []

    def cells(self, height: int, width: int) -> int:
        return height * width // 64

    def encode_visible(self, image: Tensor, mask: Tensor, count: int) -> Tensor:
        assert mask.sum(dim=1).tolist() == [count] * len(mask)
        self.masks.append(mask)
        return image


def patch_loss(keep: float, generator: torch.Generator | None) -> tuple[PatchFeatureLoss, Recorder]:
    recorder = Recorder()
    return PatchFeatureLoss("p_stub", recorder, pixel="l1", weight=1.0, keep=keep, generator=generator), recorder


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_prediction_and_target_get_the_same_patches_drawn_anew_at_each_call() -> None:
    image = uniform(2, 3, 32, 32)
    loss, recorder = patch_loss(0.25, seeded())
    for _ in range(5):
        loss(image, image)
    assert all(torch.equal(*recorder.masks[call : call + 2]) for call in range(0, 10, 2))
    assert all(mask.shape == (2, 16) and mask.sum(dim=1).tolist() == [4, 4] for mask in recorder.masks)
    assert len({tuple(mask.flatten().tolist()) for mask in recorder.masks}) == 5
    assert not torch.equal(recorder.masks[0][0], recorder.masks[0][1])


def test_one_seed_gives_one_sequence_of_patches() -> None:
    image = uniform(2, 3, 32, 32)
    drawn = []
    for seed in (7, 7, 8):
        loss, recorder = patch_loss(0.25, seeded(seed))
        for _ in range(3):
            loss(image, image)
        drawn.append(torch.stack(recorder.masks))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_every_patch_is_drawn_equally_often() -> None:
    loss, _ = patch_loss(0.25, seeded())
    share = loss.draw(4000, 16).float().mean(dim=0)
    # four standard deviations of a fraction 0.25 in 4000
    np.testing.assert_allclose(share, 0.25, atol=4 * math.sqrt(0.25 * 0.75 / 4000))


@settings(max_examples=50, deadline=None)
@given(cells=st.integers(1, 200), keep=st.floats(1e-6, 1))
def test_the_fraction_is_rounded_down_but_one_patch_is_always_seen(cells: int, keep: float) -> None:
    loss, _ = patch_loss(keep, seeded())
    assert loss.draw(3, cells).sum(dim=1).tolist() == [max(1, math.floor(keep * cells))] * 3


def test_a_tenth_of_ten_patches_is_one() -> None:
    # 1 - (1 - 0.1) is below 0.1 in floating point
    loss, _ = patch_loss(0.1, seeded())
    assert [int(loss.draw(1, cells).sum()) for cells in (1, 10, 49, 100)] == [1, 1, 4, 10]


@PATCH_LOSSES
@pytest.mark.parametrize("size", [(32, 48), (33, 24), (8, 8)])
def test_all_patches_give_the_loss_of_the_whole_image(load: Load, name: str, whole: str, size: tuple[int, int]) -> None:
    prediction, target = uniform(2, 3, *size), uniform(2, 3, *size, seed=2)
    found = load(name, keep=1.0, generator=seeded()).terms(prediction, target)
    expected = load(whole).terms(prediction, target)
    assert found["pixel"].item() == expected["pixel"].item()
    assert found[name].item() == pytest.approx(expected[whole].item(), rel=1e-6)


@PATCH_LOSSES
def test_what_is_not_drawn_gives_no_gradient(load: Load, name: str, whole: str) -> None:
    loss = load(name, generator=seeded())
    side = loss.network.side
    prediction = uniform(1, 3, 4 * side, 4 * side).requires_grad_()
    term = loss.terms(prediction, uniform(1, 3, 4 * side, 4 * side, seed=2))[name]
    (gradient,) = torch.autograd.grad(term, prediction)
    per_patch = gradient.abs().sum(dim=1).view(4, side, 4, side).sum(dim=(1, 3))
    seen = load(name, generator=seeded()).draw(1, 16).view(4, 4)
    assert torch.equal(per_patch > 0, seen)
    assert int(seen.sum()) == 4


@PATCH_LOSSES
@pytest.mark.parametrize("keep", [0, -0.1, 1.01, math.nan, "0.25", None, True])
def test_a_fraction_out_of_range_is_named(load: Load, name: str, whole: str, keep: Any) -> None:
    with pytest.raises(UserError, match=f"loss '{name}': keep = {keep!r} is not a fraction of the patches; choose"):
        load(name, keep=keep)


@PATCH_LOSSES
def test_resuming_the_global_generator_resumes_the_patches(load: Load, name: str, whole: str) -> None:
    prediction, target = uniform(2, 3, 64, 64), uniform(2, 3, 64, 64, seed=2)
    loss = load(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        loss(prediction, target)
        state = torch.get_rng_state()
        going_on = [loss(prediction, target).item() for _ in range(4)]
        torch.manual_seed(99)
        # a new process has a new module
        resumed = load(name)
        torch.set_rng_state(state)
        assert [resumed(prediction, target).item() for _ in range(4)] == going_on
    assert len(set(going_on)) == 4
