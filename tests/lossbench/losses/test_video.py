"""Losses of clips: the features of all cubes, aligned, of even numbers of frames and of nothing but clips."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _loss_networks import TINY
from torch import Tensor

from lossbench import loss_networks, losses
from lossbench.errors import UserError

SIZES: dict[str, dict[str, Any]] = {
    **TINY,
    "videomae": {"frames": 4, "image_size": 24, "patch": 8, "dimension": 16, "depth": 1, "heads": 2},
}
EACH = pytest.mark.parametrize("name", ["kmae_video", "ctmae_video"])


def stored(folder: Path, kind: str = "mae_st") -> Path:
    """Store a small loss network with random weights."""
    path = folder / f"{kind}.safetensors"
    torch.manual_seed(0)
    loss_networks.save(loss_networks.build(kind, **SIZES[kind]), path, {})
    return path


def clips(*shape: int) -> tuple[Tensor, Tensor]:
    """Make a prediction, partly outside [0, 1], that wants a gradient, and a target."""
    generator = torch.Generator().manual_seed(1)
    prediction = 3 * torch.rand(shape, generator=generator) - 1
    return prediction.requires_grad_(), torch.rand(shape, generator=generator)


@EACH
@pytest.mark.parametrize("pixel", ["l1", "l2"])
def test_a_loss_of_clips_is_the_distance_of_pixels_and_of_aligned_tokens(name: str, pixel: str, tmp_path: Path) -> None:
    loss: Any = losses.build(name, pixel=pixel, weight=0.25, weights=stored(tmp_path))
    prediction, target = clips(2, 4, 3, 16, 24)
    terms = loss.terms(prediction, target)
    pairs = {
        "pixel": (prediction, target),
        name: (loss.network.encode(prediction), loss.network.encode(target)),
    }
    assert list(terms) == list(pairs)
    for key, (found, wanted) in pairs.items():
        difference = np.abs(found.detach().double().numpy() - wanted.double().numpy())
        assert terms[key].item() == pytest.approx(np.mean(difference if pixel == "l1" else difference**2), rel=1e-5)
    assert loss(prediction, target).item() == pytest.approx(terms["pixel"].item() + 0.25 * terms[name].item(), rel=1e-6)


@EACH
def test_it_is_zero_at_equality_and_pulls_on_every_frame(name: str, tmp_path: Path) -> None:
    loss = losses.build(name, weights=stored(tmp_path))
    prediction, target = clips(1, 4, 3, 17, 16)
    assert loss(target, target).item() == 0
    term = loss.terms(prediction, target)[name]
    assert 0 < term.item() < math.inf
    term.backward()
    assert prediction.grad is not None
    assert bool(prediction.grad.isfinite().all())
    assert bool((prediction.grad.abs().amax(dim=(0, 2)) > 0).all())
    assert list(loss.parameters()) == list(loss.buffers()) == []


@EACH
def test_frames_that_change_places_are_noticed(name: str, tmp_path: Path) -> None:
    loss = losses.build(name, weights=stored(tmp_path))
    _, target = clips(1, 4, 3, 16, 16)
    assert loss.terms(target[:, [0, 1, 3, 2]], target)[name].item() > 0.01
    assert loss.terms(target[:, [2, 3, 0, 1]], target)[name].item() > 0.01


@EACH
def test_images_odd_clips_and_other_networks_are_refused(name: str, tmp_path: Path) -> None:
    loss = losses.build(name, weights=stored(tmp_path))
    image = torch.zeros(1, 3, 16, 16)
    with pytest.raises(ValueError, match=r"shape \(1, 3, 16, 16\): a loss of clips takes \(N, T, C, H, W\)"):
        loss(image, image)
    clip = torch.zeros(1, 3, 3, 16, 16)
    with pytest.raises(ValueError, match="3 frames; the loss network needs an even number of frames"):
        loss(clip, clip)
    with pytest.raises(UserError, match=f"loss '{name}' needs weights=PATH of a videomae or mae_st loss network"):
        losses.build(name)
    with pytest.raises(UserError, match=f"holds the loss network 'mae', but loss '{name}' needs videomae or mae_st"):
        losses.build(name, weights=stored(tmp_path, "mae"))


@pytest.mark.slow
@EACH
def test_videomae_serves_too(name: str, tmp_path: Path) -> None:
    loss = losses.build(name, weights=stored(tmp_path, "videomae"))
    prediction, target = clips(1, 2, 3, 16, 24)
    terms = loss.terms(prediction, target)
    assert 0 < terms[name].item() < math.inf
    terms[name].backward()
    assert prediction.grad is not None
    assert float(prediction.grad.abs().amin()) >= 0
    assert float(prediction.grad.abs().max()) > 0


def test_the_control_is_the_same_encoder_with_weights_of_its_seed(tmp_path: Path) -> None:
    file = stored(tmp_path)
    prediction, target = clips(1, 4, 3, 16, 16)
    learned = losses.build("ctmae_video", weights=file)
    drawn = [losses.build("random_tmae_video", weights=file, seed=seed) for seed in (0, 0, 1)]
    values = [loss.terms(prediction, target)["random_tmae_video"].item() for loss in drawn]
    assert values[0] == values[1] != values[2]
    assert loss_networks.described(drawn[0].network) == loss_networks.described(learned.network)
