"""Metrics and losses of the package pyiqa by name: the same numbers, one clear line where something is missing."""

import json
import re
import subprocess
import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _repository import ROOT
from PIL import Image
from torch import Tensor

from lossbench import losses, measure, metrics
from lossbench.assets import hub_client, pyiqa_models
from lossbench.errors import UserError
from lossbench.metrics import Protocol

pyiqa = pytest.importorskip("pyiqa", reason="the extra pyiqa is not installed")

LICENCE = r"pyiqa \d+\.\d+\.\d+, PolyForm-Noncommercial-1\.0\.0"


def uniform(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["gmsd", "psnr", "ssim", "vif"])
def test_a_metric_is_what_pyiqa_gives(name: str) -> None:
    target = uniform(3, 200, 204, seed=1)
    prediction = (target + 0.1 * uniform(3, 200, 204, seed=2)).clamp(0, 1)
    expected = float(pyiqa.create_metric(name, device="cpu")(prediction[None], target[None]))
    protocol = Protocol(rounding=False)
    assert metrics.score(f"pyiqa:{name}", prediction, target, protocol=protocol) == pytest.approx(expected, rel=1e-5)
    assert metrics.load(f"pyiqa:{name}").better == ("down" if name == "gmsd" else "up")


def test_the_list_is_that_of_pyiqa_and_is_read_without_torch() -> None:
    code = (
        "import sys; from lossbench.assets.pyiqa_models import _models, named; named('pyiqa:topiq_fr');"
        "print(len(_models())); sys.exit('torch' in sys.modules or 'pyiqa' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    known = pyiqa_models._models()
    assert int(done.stdout) == len(known) and set(known) == set(pyiqa.list_models())
    assert {name for name, model in known.items() if model.needs_target} == set(pyiqa.list_models(metric_mode="FR"))


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    for use in (metrics.load, losses.build):
        with pytest.raises(UserError, match=r"pyiqa:topic_fr: pyiqa has no 'topic_fr'; did you mean 'topiq_fr'"):
            use("pyiqa:topic_fr")
    with pytest.raises(UserError, match="pyiqa:fid compares two sets of pictures; use the metric fid"):
        metrics.load("pyiqa:fid")
    with pytest.raises(UserError, match="loss 'pyiqa:gmsd': metric is given twice"):
        losses.build("pyiqa:gmsd", metric="vif")
    with pytest.raises(UserError, match="loss 'pyiqa' needs the name of a model"):
        losses.build("pyiqa")


@pytest.mark.parametrize(("name", "sign"), [("gmsd", 1), ("ssim", -1)])
def test_a_loss_is_the_pixel_distance_and_the_score(name: str, sign: int) -> None:
    loss: Any = losses.build(f"pyiqa:{name}", pixel="l2", weight=0.5)
    target = uniform(2, 3, 48, 52, seed=3)
    prediction = (target + 0.1 * uniform(2, 3, 48, 52, seed=4)).clamp(0, 1).requires_grad_()
    terms = loss.terms(prediction, target)
    assert list(terms) == ["pixel", name]
    expected = pyiqa.create_metric(name, device="cpu", as_loss=True)(prediction, target)
    assert terms[name].item() == pytest.approx(sign * expected.item(), rel=1e-5)
    total = loss(prediction, target)
    assert total.item() == pytest.approx(terms["pixel"].item() + 0.5 * terms[name].item(), rel=1e-6)
    total.backward()
    assert prediction.grad is not None and bool(prediction.grad.isfinite().all()) and float(prediction.grad.norm()) > 0
    assert list(loss.parameters()) == [] and loss.state_dict() == {}


def test_weights_that_cannot_be_downloaded_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no\nnetwork")

    monkeypatch.setattr(pyiqa, "create_metric", unreachable)
    monkeypatch.setattr(hub_client, "_unreachable", lambda _: "")
    for use in (lambda: metrics.score("pyiqa:topiq_nr", np.zeros((3, 8, 8))), lambda: losses.build("pyiqa:topiq_fr")):
        with pytest.raises(UserError, match=r"pyiqa:topiq_\w+ can't be made \(URLError: .*no network.*\); .*network$"):
            use()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise pyiqa_models.PackageNotFoundError

    monkeypatch.setattr(pyiqa_models, "distribution", absent)
    pyiqa_models._models.cache_clear()
    with pytest.raises(UserError, match=r'needs the package pyiqa; install it by `pip install "lossbench\[pyiqa\]"`'):
        metrics.load("pyiqa:gmsd")


def test_measure_prints_the_licence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a.png", 1), ("b.png", 2)):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 44, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    request = measure.requested("psnr,pyiqa:gmsd", None, 0, True, [])
    measure.main(tmp_path / "a.png", tmp_path / "b.png", request, False, False)
    printed = capsys.readouterr().out
    assert re.search(rf"^pyiqa:gmsd: gmsd of {LICENCE}$", printed, re.MULTILINE)
    measure.main(tmp_path / "a.png", tmp_path / "b.png", request, False, True)
    found = json.loads(capsys.readouterr().out)
    assert found["licences"].keys() == {"pyiqa:gmsd"} and found["mean"]["pyiqa:gmsd"] > 0
