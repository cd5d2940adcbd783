"""Golden rows of the metrics over features and over clips: each is met, or skipped for a stated reason."""

import importlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _golden import GoldenRow, floats, golden_rows, levels, photograph, pictures, rows_of
from torch import Tensor

from lossbench import loss_networks
from lossbench.files import sha256
from lossbench.formats import state_dicts
from lossbench.metrics import score
from lossbench.metrics._frechet import frechet_distance

CLIPS = ("psnr_video", "ssim_video", "mabd", "warping_error")
METRICS = ("lpips", "lpips_vgg_v0.1", "fid", *CLIPS)
TOLERANCES = {"lpips": 1e-4, "lpips_vgg_v0.1": 1e-5, "fid": 1e-6, "psnr_video": 1e-4}
"""Of section 8 of the facts; the published values of `lpips` have four digits."""
TOLERANCES |= {"ssim_video": 1e-6, "mabd": 0.01, "warping_error": 1e-7}
ALEXNET = Path(os.environ.get("LOSSBENCH_DATA", ".")) / "alexnet-owt-7be5be79.pth"


def reason(row: GoldenRow) -> str | None:
    """Return why a row can't be met here, None when it can."""
    if row["metric"] == "lpips" and not ALEXNET.is_file():
        return "needs torchvision's alexnet-owt-7be5be79.pth in the folder that LOSSBENCH_DATA names"
    return None


def released(folder: Path, net: str, trunk: dict[str, Tensor]) -> Any:
    """Return the loss network lpips of `net`, with the heads that the package lpips ships, on `trunk`."""
    plugin = importlib.import_module("lossbench.loss_networks.lpips")
    files = plugin.RELEASED[net]
    packaged = Path(str(importlib.import_module("lpips").__file__)).parent / "weights" / "v0.1"
    (folder / files.heads).symlink_to(packaged / f"{net}.pth")
    torch.save(trunk, folder / "trunk.pth")
    beside = folder / f"trunk-{sha256(folder / 'trunk.pth')[:8]}.pth"
    (folder / "trunk.pth").rename(beside)
    module = loss_networks.build("lpips", net=net)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugin, "RELEASED", {net: files._replace(trunk=beside.name)})
        plugin.import_weights(module, beside)
    return module.eval()


@pytest.fixture(scope="module")
def lpips_of_noise(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Give our LPIPS of the noisy astronaut, with the released heads on the seeded random trunk of the golden rows."""
    from torchvision.models import vgg16

    folder = tmp_path_factory.mktemp("lpips")
    torch.manual_seed(0)
    trunk = {f"features.{name}": each for name, each in vgg16(weights=None).features.state_dict().items()}
    path = folder / "network.safetensors"
    loss_networks.save(released(folder, "vgg", trunk), path, {})
    rows = [row for row in golden_rows() if row["metric"] == "lpips_vgg_v0.1"]
    assert len({(row["image"], row["degradation"]) for row in rows}) == 1
    target, noisy = pictures(rows[0])
    return score("lpips", floats(levels(noisy)), floats(target), weights=path)


def lpips_of_alexnet(row: GoldenRow, folder: Path) -> float:
    target, prediction = pictures(row)
    module = released(folder, "alex", state_dicts.read(ALEXNET))
    pair = (torch.from_numpy(image)[None].float() for image in (floats(levels(prediction)), floats(target)))
    return float(module.distance(*pair))


def frechet(row: GoldenRow) -> float:
    assert "normal(0,1,(500,64)) then normal(0.1,1.1,(400,64))" in row["image"]
    generator = np.random.default_rng(0)
    return frechet_distance(generator.normal(0, 1, (500, 64)), generator.normal(0.1, 1.1, (400, 64)))


def of_clip(row: GoldenRow) -> float:
    image = photograph("astronaut")
    noise = [np.random.default_rng(index).normal(0, sigma, image.shape) for index, sigma in enumerate((10, 25, 50))]
    prediction, target = np.stack([floats(levels(image + each)) for each in noise]), np.stack([floats(image)] * 3)
    if row["convention"].startswith(("mean over", "mean squared")):
        return score(row["metric"], prediction, target)
    assert "pooled" in row["convention"]
    # one picture of all frames one below another has their pooled error
    return score("psnr", *(clip.transpose(1, 0, 2, 3).reshape(3, -1, image.shape[1]) for clip in (prediction, target)))


@pytest.mark.parametrize("row", rows_of(*METRICS))
def test_golden_values_of_learned_and_video_metrics_are_met(
    row: GoldenRow, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if text := reason(row):
        pytest.skip(text)
    if row["metric"] == "fid":
        value = frechet(row)
    elif row["metric"] in CLIPS:
        value = of_clip(row)
    elif row["metric"] == "lpips":
        value = lpips_of_alexnet(row, tmp_path)
    else:
        value = request.getfixturevalue("lpips_of_noise")
    assert value == pytest.approx(float(row["value"]), abs=TOLERANCES[row["metric"]]), row


def test_no_row_is_dropped() -> None:
    rows = [parameter.values[0] for parameter in rows_of(*METRICS)]
    clips = {"psnr_video": 2, "ssim_video": 1, "mabd": 1, "warping_error": 1}
    assert Counter(row["metric"] for row in rows) == {"lpips": 5, "lpips_vgg_v0.1": 3, "fid": 4, **clips}
    met = Counter(row["metric"] for row in rows if reason(row) is None)
    assert {name: met[name] for name in METRICS[1:]} == {"lpips_vgg_v0.1": 3, "fid": 4, **clips}
    assert met["lpips"] == (5 if ALEXNET.is_file() else 0)
