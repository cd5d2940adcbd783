"""A loss that is no number, or below zero, is said so by the probe and not ranked."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _outside import forget, installed, written
from conftest import picture
from PIL import Image

from lossbench import __main__ as command_line
from lossbench.probe.loss import ProbeRow, check_rows

FAULTY = """
import torch
from torch import nn

class NotANumber(nn.Module):
    def forward(self, prediction, target): return (prediction - target).mean() * float("nan")

class Root(nn.Module):
    def forward(self, prediction, target): return (0 * (prediction - target)).square().mean().sqrt()

class Endless(nn.Module):
    def forward(self, prediction, target): return (prediction - target).abs().mean() * float("inf")

class Similar(nn.Module):
    def forward(self, prediction, target): return -(-(prediction - target).abs()).exp().mean()

class EachPicture(nn.Module):
    def forward(self, prediction, target): return (prediction - target).abs().mean((1, 2, 3))

class OnPrediction(nn.Module):
    def forward(self, prediction, target): return (prediction.clamp_(0, 1) - target).abs().mean()

class OnTarget(nn.Module):
    def forward(self, prediction, target): return (prediction - target.mul_(0.5)).abs().mean()
"""


@pytest.fixture(autouse=True)
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    installed(written(tmp_path, {"faulty.py": FAULTY}, pictures=False), monkeypatch)
    # one crop, so that a value a picture has one element
    Image.fromarray(picture(100, 100, seed=4)).save(tmp_path / "waves.png")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget()


def probe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, list[str]]:
    """Return the exit code of `lossbench probe`, what it printed, and the lines on standard error."""
    monkeypatch.setattr(sys, "argv", ["lossbench", "probe", *arguments])
    code = 0
    try:
        command_line.main()
    except SystemExit as ended:
        code = int(str(ended.code))
    said = capsys.readouterr()
    return code, said.out, said.err.splitlines()


@pytest.mark.parametrize("mode", [[], ["--json"], ["--match", "0.3"], ["--output", "found"]])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotANumber", "term 'NotANumber' is nan for blur of waves.png; mend the loss"),
        ("Root", "term 'Root': its gradient is nan for blur of waves.png; mend the loss"),
        ("Endless", "term 'Endless' is inf for blur of waves.png; mend the loss"),
    ],
)
def test_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: list[str], name: str, words: str
) -> None:
    code, out, [line] = probe(monkeypatch, capsys, f"faulty:{name}", "waves.png", *mode)
    assert (code, out) == (1, "") and line.startswith(f"error: loss 'faulty:{name}': {words}")
    assert not Path("found").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EachPicture", "gives a tensor (1,), no scalar"),
        ("OnPrediction", "refuses a prediction and a target of (1, 3, 96, 96) (RuntimeError: a leaf"),
        ("OnTarget", "writes into the target that it is given"),
    ],
)
def test_what_no_training_takes_is_refused_of_one_crop_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    code, out, [line] = probe(monkeypatch, capsys, f"faulty:{name}", "waves.png")
    assert (code, out) == (1, "") and line.startswith(f"error: loss 'faulty:{name}' {words}")


def test_a_negative_loss_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        "loss 'faulty:Similar': term 'Similar' is negative; it should be zero for equal pictures and more for others"
    )
    code, out, [line] = probe(monkeypatch, capsys, "faulty:Similar", "waves.png", "--json")
    assert code == 0 and line.startswith(f"warning: waves.png: {words}")
    assert json.loads(out)["degradations"][0]["terms"]["Similar"] < 0
    code, _, [line] = probe(monkeypatch, capsys, "faulty:Similar", "waves.png", "--match", "0.3")
    assert code == 0 and line.startswith(f"warning: waves.png: {words}")


def test_rounding_below_zero_is_passed_over(recwarn: pytest.WarningsRecorder) -> None:
    check_rows("mine", Path("a.png"), [ProbeRow("blur", 30.0, 0.1, 0.0, {"mine": -5e-7}, {"mine": 1.0})])
    assert not recwarn.list
