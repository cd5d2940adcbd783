"""Weights that a training never moved are on its card and in its log, whatever cut it off in between."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _runs import card, cut_off
from torch import nn

from pipeline import train
from pipeline.learning import loop
from pipeline.learning.loop import Batch, Identity, Result, StepLoss, fit
from pipeline.learning.outcome import strengths
from pipeline.learning.run import Run
from pipeline.learning.unmoved import unmoved, weights_of
from pipeline.outputs.training_words import mean_strength, most_unmoved, never_moved
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import NetworkSpec, TrainSpec

MakeRecipe = Callable[..., Recipe]
MakeSpec = Callable[..., TrainSpec]


class Toy(nn.Module):
    """Two layers, of which nothing reaches a half of the second, and a matrix of which half is not used on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Linear(2, 2)
        self.second = nn.Linear(4, 2, bias=False)
        self.triangle = nn.Parameter(torch.ones(2, 2))
        self.frozen = nn.Linear(2, 2).requires_grad_(False)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        reached = self.whole(points) @ self.triangle.tril()
        found: torch.Tensor = self.second(torch.cat([reached, torch.zeros_like(reached)], dim=1))
        return found


def draw(step: int) -> Batch:
    return [np.random.default_rng(step).normal(size=(8, 2)).astype(np.float32)]


def run(recipe: Recipe, folder: Path) -> Result:
    torch.manual_seed(0)
    model = Toy()

    def loss(step: int, data: Batch) -> StepLoss:
        points = torch.from_numpy(data[0])
        error = (model(points) - points).square().mean()
        return StepLoss(error, {"pixel": error})

    identity = Identity("toy", {"spec": "toy"}, folder / "last.ckpt", checkpoint_seconds=0)
    return fit(model, recipe, identity, draw, loss, torch.device("cpu"))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_what_nothing_reached_is_named_with_its_share(
    ema: float | None, make_recipe: MakeRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(make_recipe(ema=ema), tmp_path).unmoved == {"second": 0.5}
    said = [line for line in capsys.readouterr().out.splitlines() if "never moved" in line]
    assert said == ["toy  weights that never moved: 50% of second"]


def test_a_run_that_goes_on_is_compared_with_its_initial_weights(
    make_recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cut_off(loop, "_descend", 7):
        run(make_recipe(), tmp_path)
    # what is left moves nothing
    monkeypatch.setattr(loop, "learning_rate", lambda recipe, step: 0.0)
    resumed = run(make_recipe(), tmp_path)
    assert resumed.resumed_at == 7 and resumed.unmoved == {"second": 0.5}


def test_a_hundredth_of_a_layer_is_not_named() -> None:
    first = {"a": [torch.zeros(200)], "b": [torch.zeros(200)]}
    last = {"a": [torch.ones(200)], "b": [torch.ones(200)]}
    last["a"][0][:2], last["b"][0][:3] = 0, 0
    assert unmoved(first, last) == {"b": 0.015}
    assert set(weights_of(Toy())) == {"whole", "second"}


def test_the_card_of_a_training_on_patches_too_small_says_so(
    targets: Path, pairs: Path, train_spec: MakeSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = NetworkSpec(name="rfdn", arguments={"scale": 2, "channels": 8, "blocks": 1})
    spec = train_spec(steps=2, batch=1, patch=16).model_copy(update={"network": network})
    train.main(spec, "code", Run(tmp_path / "run", "toy"), targets=targets, pairs=pairs)
    found = card(tmp_path / "run")
    coarse = {layer: share for layer, share in found["unmoved"].items() if ".coarse." in layer}
    assert sorted(coarse) == [f"blocks.0.attention.coarse.{number}" for number in (1, 3, 5)]
    # eight of the nine places of two by two kernels, and not the bias
    assert min(coarse.values()) >= round(8 * 4 / (9 * 4 + 2), 4)
    assert "weights that never moved: " in capsys.readouterr().out
    assert found["strength"] == {}


def test_the_strength_of_a_term_is_its_weighted_gradient_over_the_pixel_terms() -> None:
    history: list[dict[str, Any]] = [{"step": step, "other_gradient_ratio": 10.0 + step} for step in range(9)]
    assert strengths(history, {"pixel": 0.5, "other": 0.1}) == {"other": pytest.approx(0.1 / 0.5 * 12.0)}
    assert strengths([{"step": 0}], {"texture": 1.0}) == {}
    # the network's own loss stands beside a loss that has no pixel term of its own
    assert strengths(history, {"other": 0.1}) == {}


def test_a_log_and_a_table_say_it_in_the_same_words() -> None:
    assert never_moved({"a": 0.888, "b": 0.5}) == "89% of a, 50% of b"
    assert never_moved(dict.fromkeys("abcde", 0.5)) == "50% of a, 50% of b, 50% of c and parts of 2 more layers"
    assert most_unmoved([{"a": 0.2}, {}, {"a": 0.1, "b": 0.3}]) == "30% of b, 20% of a"
    assert mean_strength([{"ctmae": 1.0}, {"ctmae": 2.0}]) == "ctmae 1.5"
    assert most_unmoved([{}]) == mean_strength([{}]) == ""
