"""The arithmetic of loss networks: what each mode keeps of the gradient, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import loss_networks, losses, plugins
from lossbench.errors import UserError
from lossbench.loss_networks import vgg16
from lossbench.losses._difference import Difference
from lossbench.precision import PRECISIONS

SIZES: dict[str, dict[str, Any]] = {
    "mae": {
        "image_size": 32,
        "patch": 8,
        "dimension": 64,
        "depth": 3,
        "heads": 2,
        "decoder_dimension": 16,
        "decoder_depth": 1,
        "decoder_heads": 2,
    },
    "cnn_mae": {"widths": [16, 32], "blocks": [1, 2], "decoder_width": 8, "decoder_blocks": 1},
    "vgg16": {},
    "mae_st": {
        "frames": 4,
        "image_size": 16,
        "patch": 8,
        "dimension": 32,
        "depth": 2,
        "heads": 2,
        "decoder_dimension": 8,
        "decoder_depth": 1,
        "decoder_heads": 2,
    },
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "vgg": ("vgg16", {"layer": "conv3_1", "pixel": "l2"}),
    "perceptual": ("vgg16", {"terms": "ept", "patches": "map"}),
    "kmae": ("mae", {"pixel": "l2"}),
    "ctmae": ("mae", {"class_token": True, "layer": 2, "pixel": "l2"}),
    "ccmae": ("cnn_mae", {"pixel": "l2"}),
    "p_ctmae": ("mae", {"keep": 0.5, "pixel": "l2"}),
    "p_ccmae": ("cnn_mae", {"keep": 0.5, "pixel": "l2"}),
    "kmae_video": ("mae_st", {"pixel": "l2"}),
}
EACH = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module", autouse=True)
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Store a small loss network of each kind, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    files = {}
    for kind, size in SIZES.items():
        torch.manual_seed(0)
        files[kind] = folder / f"{kind}.safetensors"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(vgg16, "WIDTHS", ((8, 8), (16, 16), (24, 24, 24), (24,), (24,)))
            loss_networks.save(loss_networks.build(kind, **size), files[kind], {})
    return files


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16, "WIDTHS", ((8, 8), (16, 16), (24, 24, 24), (24,), (24,)))


def built(stored: dict[str, Path], name: str, precision: str) -> Any:
    kind, arguments = CASES[name]
    seeded = {"generator": torch.Generator().manual_seed(0)} if name.startswith("p_") else {}
    return losses.build(name, weights=stored[kind], precision=precision, **arguments, **seeded)


def images(name: str, sigma: float) -> tuple[Tensor, Tensor]:
    """Make a target and a prediction with an error of `sigma`; clips where the loss is one of clips."""
    shape = (2, 4, 3, 16, 16) if name.endswith("_video") else (2, 3, 40, 32)
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(shape, generator=generator)
    return (target + sigma * torch.randn(shape, generator=generator)).requires_grad_(), target


def gradient(loss: Any, prediction: Tensor, target: Tensor) -> Tensor:
    """Return the gradient of the feature terms alone."""
    terms = loss.terms(prediction, target)
    learned = [loss.weights[term] * value for term, value in terms.items() if term != "pixel"]
    return torch.autograd.grad(torch.stack(learned).sum(), prediction)[0].double()


def cosine(one: Tensor, other: Tensor) -> float:
    return float((one * other).sum() / one.norm() / other.norm())


@EACH
@pytest.mark.parametrize("sigma", [0.1, 0.005])
def test_the_difference_keeps_the_gradient_that_fast_loses_near_the_target(
    stored: dict[str, Path], name: str, sigma: float
) -> None:
    prediction, target = images(name, sigma)
    exact, difference, fast = (gradient(built(stored, name, mode), prediction, target) for mode in PRECISIONS)
    assert cosine(difference, exact) > 0.99
    if sigma < 0.01:
        assert cosine(fast, exact) < cosine(difference, exact)


@EACH
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_mode_is_zero_at_equality_and_sends_the_gradient_to_the_prediction(
    stored: dict[str, Path], name: str, precision: str
) -> None:
    loss = built(stored, name, precision)
    prediction, target = images(name, 0.1)
    target.requires_grad_()
    value = loss(prediction, target)
    value.backward()
    assert value.dtype is torch.float32
    assert prediction.grad is not None
    assert float(prediction.grad.abs().max()) > 0
    assert target.grad is None
    assert not any(parameter.requires_grad for parameter in loss.network.parameters())
    assert loss(target, target).item() == 0


@EACH
@pytest.mark.parametrize("precision", ["difference", "fast"])
def test_other_modes_measure_nearly_what_exact_measures(stored: dict[str, Path], name: str, precision: str) -> None:
    prediction, target = images(name, 0.1)
    exact, other = (built(stored, name, mode)(prediction, target).item() for mode in ("exact", precision))
    assert other == pytest.approx(exact, rel=0.02)
    assert other != exact


def test_only_products_are_kept_in_bfloat16(stored: dict[str, Path]) -> None:
    for precision, expected in (("exact", torch.float32), ("difference", torch.bfloat16), ("fast", torch.bfloat16)):
        network = built(stored, "kmae", precision).network
        assert network.blocks[0].attn.qkv.weight.dtype is expected
        assert network.norm.weight.dtype is network.pos_embed.dtype is torch.float32


def test_an_unknown_precision_is_named_with_the_nearest(stored: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"unknown precision 'fats'.*fast"):
        losses.build("kmae", weights=stored["mae"], precision="fats")


def test_shuffled_tokens_have_no_difference(stored: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="'shuffled' compares different patches"):
        losses.build("kmae", weights=stored["mae"], token_order="shuffled", precision="difference")


def test_every_loss_with_a_loss_network_offers_the_modes() -> None:
    for name in plugins.names("losses"):
        kinds = plugins.constant("losses", name, "LOSS_NETWORKS")
        # those that wrap another library's distance compute as it does
        if kinds and name not in ("lpips", "dists"):
            assert "precision" in plugins.build_arguments("losses", name), name


class Everything(nn.Module):
    """Layers and functions of every kind that a network may run."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.LayerNorm(8)
        self.linear = nn.Linear(8, 8)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, image: Tensor) -> Tensor:
        image = (image - 0.4) / 0.2
        maps = self.activation(self.convolution(F.pad(image, (1, 1, 1, 1), mode="reflect")))
        maps = F.max_pool2d(maps, 2) + F.avg_pool2d(maps, 2)
        tokens = self.norm(maps.flatten(2).transpose(1, 2))
        tokens = torch.cat([torch.ones(len(tokens), 1, 8, dtype=tokens.dtype), tokens], dim=1)
        one, other = self.linear(tokens).chunk(2, dim=2)
        mixed = (one @ other.transpose(1, 2) * 0.1).softmax(dim=2) @ one
        mixed += F.gelu(other) * one.sigmoid()
        result: Tensor = 2 - mixed[:, 1:].square() / (1 + mixed[:, :1].abs())
        return result


def test_the_difference_is_that_of_two_runs() -> None:
    torch.manual_seed(0)
    network = Everything().double()
    base, change = torch.rand(2, 3, 9, 8).double(), 1e-3 * torch.randn(2, 3, 9, 8).double()
    expected = network(base + change) - network(base)
    found: Any = network(Difference(base.clone(), change.clone()))
    np.testing.assert_allclose(found.change.detach(), expected.detach(), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.base.detach(), network(base).detach(), rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-7, 1e-2), st.integers(0, 9))
def test_rounding_is_relative_to_the_change(size: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(16, 32, generator=generator).bfloat16()
    base, change = torch.rand(4, 32, generator=generator), size * torch.randn(4, 32, generator=generator)
    found: Any = F.linear(Difference(base, change), weight)  # type: ignore[arg-type]
    expected = F.linear(change.double(), weight.double())
    error = (found.change.double() - expected).norm() / expected.norm()
    assert float(error) < 2**-7


def test_the_change_carries_the_graph_and_the_base_none() -> None:
    change = torch.rand(3, 4).requires_grad_()
    found: Any = F.gelu(Difference(torch.rand(3, 4), change))  # type: ignore[arg-type]
    assert found.change.requires_grad
    assert not found.base.requires_grad
