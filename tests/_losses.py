"""Every loss built small, which tests ask what, and what these tests share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from lossbench import plugins
from lossbench.losses._features import Hidden
from lossbench.losses._patches import PatchFeatureLoss
from lossbench.terms import DISTANCES, WeightedTerms


class Case(NamedTuple):
    """How a loss is built small."""

    loss: str
    network: str | None
    arguments: dict[str, Any]


NETWORKS: dict[str, dict[str, Any]] = {
    "mae": {
        "image_size": 32,
        "patch": 8,
        "dimension": 32,
        "depth": 2,
        "heads": 2,
        "decoder_dimension": 16,
        "decoder_depth": 1,
        "decoder_heads": 2,
    },
    "unet_mae": {"channels": 8},
    "cnn_mae": {"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1},
    "vgg16": {},
    "vgg19": {},
    "timm": {"model": "test_resnet"},
    "lpips": {"net": "squeeze"},
    "robust_lpips": {"widths": [8, 8, 8, 8, 8]},
    "dists": {},
}
LOSSES: dict[str, Case] = {
    **{
        name: Case(name, network, arguments)
        for name, network, arguments in (
            ("original", None, {}),
            ("l1", None, {}),
            ("l2", None, {}),
            ("charbonnier", None, {}),
            ("ssim", None, {"pixel": "l1"}),
            # one scale, since these pictures are small
            ("ms_ssim", None, {"pixel": "l1", "scales": 1}),
            ("fft", None, {"pixel": "l1"}),
            ("gradient", None, {"pixel": "l1"}),
            ("focal_frequency", None, {"pixel": "l1"}),
            ("laplacian", None, {"pixel": "l1"}),
            ("log_cosh", None, {"a": 10.0}),
            ("scaled_l2", None, {"scale": 5.0}),
            ("vgg", "vgg16", {"layer": "conv2_2"}),
            ("timm", "timm", {}),
            ("lpips", "lpips", {}),
            ("dists", "dists", {}),
            ("kmae", "mae", {}),
            ("ctmae", "mae", {}),
            ("ccmae", "cnn_mae", {}),
            ("p_ctmae", "mae", {}),
            ("p_ccmae", "cnn_mae", {}),
            ("random_tmae", None, {"architecture": NETWORKS["mae"]}),
            ("random_cmae", None, {"architecture": NETWORKS["cnn_mae"]}),
            ("p_random_tmae", None, {"architecture": NETWORKS["mae"]}),
            ("p_random_cmae", None, {"architecture": NETWORKS["cnn_mae"]}),
        )
    },
    **{f"perceptual-{sum}": Case("perceptual", "vgg16", {"terms": sum}) for sum in ("p", "t", "ep", "et", "pt", "ept")},
}
"""By the name of the loss, and of the terms where it has a choice."""
NAMES = list(LOSSES)
# those of clips have tests of their own
FILES = [name for name in plugins.names("losses") if not name.endswith("_video") and name != "pyiqa"]
NEEDED = {name: plugins.constant("losses", case.loss, "LOSS_NETWORKS") for name, case in LOSSES.items()}
TAKEN = {name: plugins.build_arguments("losses", case.loss) for name, case in LOSSES.items()}
AUTOENCODERS = [name for name, kinds in NEEDED.items() if kinds and all(kind.endswith("mae") for kind in kinds)]
RANDOM = [name for name in NAMES if "architecture" in TAKEN[name]]
ON_VGG = [name for name in NAMES if {"vgg16", "lpips", "dists"} & set(NEEDED[name])]
EVERY = pytest.mark.parametrize("name", NAMES)
LEARNED = pytest.mark.parametrize("name", [name for name, kinds in NEEDED.items() if kinds])
FROZEN = pytest.mark.parametrize("name", [name for name, kinds in NEEDED.items() if kinds or name in RANDOM])
WEIGHTED = pytest.mark.parametrize("name", [name for name in NAMES if "weight" in TAKEN[name]])
MASKED = pytest.mark.parametrize("name", AUTOENCODERS + RANDOM)
OF_PIXELS = pytest.mark.parametrize("name", [name for name in NAMES if "pixel" in TAKEN[name]])
EACH_DISTANCE = pytest.mark.parametrize("pixel", sorted(DISTANCES))
EVERY_WITH_EACH_DISTANCE = pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param(name, changes, id="-".join([name, *changes.values()]))
        for name in NAMES
        for changes in ([{"pixel": pixel} for pixel in sorted(DISTANCES)] if "pixel" in TAKEN[name] else [{}])
    ],
)
Weights = Callable[..., Path]
Build = Callable[..., WeightedTerms]


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def pair(*shape: int) -> tuple[Tensor, Tensor]:
    """Make a prediction that wants a gradient, and a target."""
    return uniform(*shape, seed=2).requires_grad_(), uniform(*shape, seed=3)


def held(loss: Hidden) -> dict[str, Tensor]:
    """Copy the parameters and buffers of the loss network."""
    named = [*loss.network.named_parameters(), *loss.network.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def frozen(loss: WeightedTerms) -> Any:
    assert isinstance(loss, Hidden)
    return loss


def restarted(loss: WeightedTerms) -> WeightedTerms:
    """Set the generator of a patch loss back, so that it draws the same patches again."""
    if isinstance(loss, PatchFeatureLoss):
        assert loss.generator is not None
        loss.generator.manual_seed(0)
    return loss


def everywhere(name: str) -> dict[str, Any]:
    """Return the arguments that make a patch loss see the whole image."""
    return {"keep": 1.0} if "keep" in TAKEN[name] else {}
