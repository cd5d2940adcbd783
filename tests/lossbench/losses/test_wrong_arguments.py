"""Arguments of a loss that are of a wrong type: one line that names the argument."""

from typing import Any

import numpy as np
import pytest
import torch
from _losses import NETWORKS, Build

import lossbench
from lossbench.errors import UserError

CASES: list[tuple[str, dict[str, Any], str]] = [
    *[
        (name, {"layer": layer}, f"loss '{name}'.*layer")
        for name in ("vgg", "timm")
        for layer in (["conv2_2", "conv1_1"], 5, {"conv1_1": 1.0})
    ],
    ("vgg", {"layer": None}, "layer = None is not of the right type; give text"),
    ("ctmae", {"layer": "1"}, "loss 'ctmae': layer: '1' is not a block"),
    ("ctmae", {"layer": [1]}, r"loss 'ctmae': layer: \[1\] is not a block"),
    ("vgg", {"weight": "0.1"}, "weight of term 'vgg': '0.1' is not a finite number >= 0; write it as 1.0e-3"),
    ("vgg", {"weight": True}, "weight of term 'vgg': True is not a finite number >= 0; give one, such as 0.1"),
    ("ssim", {"weights": "README.md"}, "loss 'ssim' has no loss network, and takes no weights; leave them out"),
    ("vgg", {"weight": [1.0]}, "weight of term 'vgg': "),
    ("vgg", {"pixel": ["l1"]}, r"pixel: unknown distance \['l1'\]; did you mean 'l1'"),
    ("vgg", {"pixel": 1}, "pixel: unknown distance 1; did you"),
    ("vgg", {"pixel": "L1"}, "pixel: unknown distance 'L1'; did you mean 'l1'"),
    ("vgg", {"precision": ["fast"]}, "unknown precision"),
    ("vgg", {"weights": 3}, "loss 'vgg': weights: 3 is no path"),
    ("vgg", {"weights": ""}, "loss 'vgg': weights: '' is no path"),
    ("vgg", {"wieght": 1.0}, "loss 'vgg' takes no argument 'wieght'; did you mean 'weight'"),
    ("vgg", {"Layer": "conv1_1"}, "did you mean 'layer'"),
    ("p_ctmae", {"keep": "0.5"}, "keep = '0.5' is not a fraction"),
    ("p_ctmae", {"generator": 3}, "generator = 3 is not of the right type; give a Generator or None"),
    ("random_tmae", {"seed": 1.5}, "loss 'random_tmae': seed = 1.5 is not of the right type; give a whole number"),
    ("random_tmae", {"seed": -1}, "loss 'random_tmae': seed = -1 is not in 0 to 9223372036854775807; give another"),
    ("random_cmae", {"seed": 10**30}, "loss 'random_cmae': seed = 1000000000000000000000000000000 is not in 0 to"),
    ("vgg", {"weight": torch.tensor(0.5)}, r"weight of term 'vgg': tensor\(0.5000\) is a Tensor; give its number"),
    ("vgg", {"weight": np.array(0.5)}, r"weight of term 'vgg': array\(0.5\) is a ndarray; give its number"),
    ("random_tmae", {"seed": "0"}, "seed = '0' is not of the right type"),
    ("random_tmae", {"architecture": "ViT-B"}, "architecture = 'ViT-B' is not of the right type; give a dict or None"),
    ("random_tmae", {"architecture": {**NETWORKS["mae"], "depth": "2"}}, "depth: '2' is not of type int"),
    ("log_cosh", {"a": "1"}, "a = '1' is not a positive number"),
    ("log_cosh", {"a": True}, "a = True is not a positive number"),
    ("perceptual-ep", {"terms": ["e", "p"]}, "unknown terms"),
]


@pytest.mark.parametrize(
    ("name", "changes", "message"), CASES, ids=[f"{name}-{changes}"[:50] for name, changes, _ in CASES]
)
def test_an_argument_of_a_wrong_type_is_named(build: Build, name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        build(name, **changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [None, 3, ["vgg"], b"vgg", 1.5])
def test_what_is_no_name_is_refused(name: Any) -> None:
    with pytest.raises(UserError, match=r"loss: .* is no name; give one as text"):
        lossbench.create_loss(name)
    with pytest.raises(UserError, match=r"metric: .* is no name; give one as text"):
        lossbench.create_metric(name)


def test_the_nearest_name_ignores_capitals() -> None:
    with pytest.raises(UserError, match=r"unknown loss 'CTMAE' .*did you mean 'ctmae'"):
        lossbench.create_loss("CTMAE")
    with pytest.raises(UserError, match=r"unknown metric 'PSNR' .*did you mean 'psnr'"):
        lossbench.create_metric("PSNR")


@pytest.mark.parametrize("path", [None, 3, "", ["a"], b"a"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(UserError, match=r"load_network: .* is no path; give the file"):
        lossbench.load_network(path)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.float16(0.5)])
def test_numbers_of_numpy_are_weights(build: Build, number: Any) -> None:
    assert build("vgg", weight=number).weights == build("vgg", weight=0.5).weights
    assert isinstance(build("vgg", weight=number).weights["vgg"], float)
