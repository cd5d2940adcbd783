"""LPIPS as a metric: the numbers of the packages, one file a process, and no other weights under its name."""

import importlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.metrics import Protocol, _stored, load, protocol_of, score


def picture(seed: int, height: int = 40, width: int = 35) -> NDArray[np.float64]:
    return np.random.default_rng(seed).integers(0, 256, (3, height, width)) / 255


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return loss_networks.build("lpips", net="vgg").eval()


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lpips") / "network.safetensors"
    loss_networks.save(network, path, {})
    return path


def named_as_in_the_packages(network: Any, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of `network` under the names of the package lpips, which has two names for each head."""
    state = {**network.state_dict(), "scaling_layer.shift": network.shift, "scaling_layer.scale": network.scale}

    def ours(name: str) -> str:
        name = re.sub(r"^net\.slice\d\.", "features.", name)
        return re.sub(r"^lins?\.?(\d)\.model\.1\.", r"heads.\1.", name)

    return {name: state[ours(name)] for name in own}


@pytest.mark.filterwarnings("ignore:.*weight:UserWarning")
@pytest.mark.parametrize("source", ["lpips", "torchmetrics.functional.image.lpips"])
def test_values_are_those_of_the_packages(network: Any, weights: Path, source: str) -> None:
    module = importlib.import_module(source)
    arguments = {"net": "vgg", "pretrained": False, "pnet_rand": True}
    if source == "lpips":
        theirs: Any = module.LPIPS(**arguments, verbose=False).eval()
    else:
        theirs = module._LPIPS(**arguments).eval()
    theirs.load_state_dict(named_as_in_the_packages(network, theirs.state_dict()))
    target, other = picture(1), picture(2)
    for share in (1.0, 0.2, 0.02):
        prediction = np.round(((1 - share) * target + share * other) * 255) / 255
        with torch.no_grad():
            pair = (torch.from_numpy(image)[None].float() for image in (prediction, target))
            expected = float(theirs(*pair, normalize=True))
        assert expected > 1e-6
        value = score("lpips", prediction, target, weights=weights)
        assert value == pytest.approx(expected, abs=1e-5)
        assert value == pytest.approx(expected, rel=1e-3)


def test_equal_pictures_have_no_distance_and_the_order_does_not_matter(weights: Path) -> None:
    assert score("lpips", picture(1), picture(1), weights=weights) == 0
    there, back = (score("lpips", picture(a), picture(b), weights=weights) for a, b in ((1, 2), (2, 1)))
    assert there == pytest.approx(back, rel=1e-5) and there > 0


def test_a_batch_has_the_mean_of_its_pictures(network: Any, weights: Path) -> None:
    seeds = (3, 4, 5)
    values = [score("lpips", picture(seed), picture(1), weights=weights) for seed in seeds]
    batch = torch.from_numpy(np.stack([picture(seed) for seed in seeds])).float()
    with torch.no_grad():
        mean = float(network.distance(batch, torch.from_numpy(picture(1)).float().expand_as(batch)))
    assert mean == pytest.approx(np.mean(values), rel=1e-5)


def test_the_protocol_rounds_and_crops_and_luma_becomes_rgb(weights: Path) -> None:
    target, prediction = picture(1), np.clip(picture(2) + 0.4 / 255, 0, 1)
    assert score("lpips", prediction, target, weights=weights) == score("lpips", picture(2), target, weights=weights)
    exact = score("lpips", prediction, target, protocol=Protocol(rounding=False), weights=weights)
    assert exact != score("lpips", prediction, target, weights=weights)
    inside = (slice(None), slice(4, -4), slice(4, -4))
    cropped = score("lpips", picture(2), target, protocol=Protocol(crop=4), weights=weights)
    assert cropped == score("lpips", picture(2)[inside], target[inside], weights=weights)
    assert protocol_of("lpips", "y601") == Protocol("rgb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 255, r"values .* are not in \[0, 1\]"),
        (lambda x: np.where(x == x.max(), np.nan, x), "NaN or infinite"),
        (lambda x: x[:1], r"takes \(N, 3, H, W\)"),
        (lambda x: x[:, :7], "7 x 35 pixels"),
    ],
)
def test_other_pictures_are_refused(weights: Path, change: Any, message: str) -> None:
    image = change(picture(1))
    with pytest.raises(UserError, match=message):
        score("lpips", image, image, weights=weights)


def test_without_a_file_it_says_what_to_get_and_where_it_goes() -> None:
    message = r"lpips needs weights=PATH .*'lpips'; run: lossbench fetch weights lpips, which names the file"
    with pytest.raises(UserError, match=message):
        score("lpips", picture(1), picture(1))
    with pytest.raises(UserError, match=r"psnr needs no loss network; leave some\.safetensors out"):
        score("psnr", picture(1), picture(1), weights="some.safetensors")
    assert load("lpips").WEIGHTS == ("lpips",)


def test_another_net_another_network_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path, pair = tmp_path / "other.safetensors", (picture(1), picture(2))
    with pytest.raises(UserError, match=r"other\.safetensors is missing"):
        score("lpips", *pair, weights=path)
    loss_networks.save(loss_networks.build("lpips", net="squeeze"), path, {})
    with pytest.raises(UserError, match=rf"{path} was made with net 'squeeze'; give a file of net 'vgg'"):
        score("lpips", *pair, weights=path)
    other = tmp_path / "robust.safetensors"
    loss_networks.save(loss_networks.build("robust_lpips", widths=[2] * 5), other, {})
    with pytest.raises(UserError, match=rf"{other} holds the loss network 'robust_lpips'; give the file of a 'lpips'"):
        score("lpips", *pair, weights=other)


def test_a_file_is_read_once_and_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, original, reads = tmp_path / "network.safetensors", loss_networks.load, list[Path]()

    def counted(given: Path) -> Any:
        reads.append(given)
        return original(given)

    monkeypatch.setattr(loss_networks, "load", counted)
    for seed in (0, 1):
        torch.manual_seed(seed)
        loss_networks.save(loss_networks.build("robust_lpips", widths=[2] * 5), path, {})
        os.utime(path, ns=(0, 10**9 * (seed + 1)))
        values = {score("r_lpips", picture(1), picture(2), weights=path) for _ in range(3)}
        assert len(values) == 1
    assert len(reads) == 2
    assert _stored.network(path, "robust_lpips") is _stored.network(path, "robust_lpips")
