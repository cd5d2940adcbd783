"""The leaderboard's equal strengths: the configuration has what the script writes, measured by gradients."""

import runpy
from typing import Any

import pytest
import torch
import yaml
from _repository import ROOT

from lossbench import create_loss
from lossbench.errors import UserError

SCALE = yaml.safe_load((ROOT / "config/scale/bench.yaml").read_text(encoding="utf-8"))
TABLE = yaml.safe_load((ROOT / "config/tables/beyond/losses.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks/strengths.py"))


def test_the_table_has_each_loss_at_each_strength(script: dict[str, Any]) -> None:
    names = [loss for base in script["BASES"] for loss in script["named"](base).values()]
    assert TABLE["losses"] == [*script["PLAIN"], *names]
    curves = TABLE["figure"]["curves"]
    assert [loss for curve in curves.values() for loss in curve.values()] == TABLE["losses"]
    assert set(names) <= set(SCALE["losses"])


def test_strengths_are_a_quarter_one_and_four_times(script: dict[str, Any]) -> None:
    tasks = {column["task"] for column in TABLE["columns"].values()}
    for base in script["BASES"]:
        entries = [SCALE["losses"][name] for name in script["named"](base).values()]
        for task in tasks:
            weights = [entry["per_task"][task]["weight"] for entry in entries]
            assert [weight / weights[1] for weight in weights] == pytest.approx([0.25, 1, 4], rel=0.01)


def test_a_strength_is_the_norm_of_a_gradient_over_that_of_the_pixels(script: dict[str, Any]) -> None:
    target = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    prediction = target + torch.linspace(-0.2, 0.3, 192).reshape(target.shape)
    loss = create_loss("gradient", weight=2.0)
    given = prediction.clone().requires_grad_()
    (own,) = torch.autograd.grad(2 * create_loss("gradient", pixel=None, weight=1.0)(given, target), given)
    # L1's gradient is a sign over the number of values
    assert script["strength"](loss, prediction, target) == pytest.approx(float(own.norm() * 192**0.5), rel=1e-5)


def test_what_lies_outside_the_regions_stays(script: dict[str, Any]) -> None:
    text = "a\n  # losses by: python benchmarks/strengths.py --write\n  old\n  # /losses\nb\n"
    made = script["written"](text, {"losses": "  x\n  y"})
    assert made == text.replace("  old", "  x\n  y")
    with pytest.raises(UserError, match="there are 0 regions 'curves'"):
        script["written"](text, {"curves": ""})
