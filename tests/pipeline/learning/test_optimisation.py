"""Our Adam, SGD and schedules give torch's numbers, and a training stage starts without torch's compiler."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossbench.errors import UserError
from pipeline.learning.loop import Identity, Result, StepLoss, fit
from pipeline.learning.optimisation import SGD, Adam, learning_rate, optimizer
from pipeline.specs.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
HEAVY = ("torch._dynamo", "torch._inductor", "torchvision", "timm", "pyiqa", "transformers")
TWO_STEPS = """
import sys
import pipeline.train, pipeline.pretrain, pipeline.evaluate
from pathlib import Path
from pipeline.learning.run import Run
from pipeline.specs.train import TrainSpec

pipeline.train.main(
    TrainSpec.from_json(sys.argv[1]), "code", Run(Path(sys.argv[4]), "train/toy"),
    targets=Path(sys.argv[2]), pairs=Path(sys.argv[3]),
)
print(*[name for name in sys.argv[5].split() if name in sys.modules])
"""


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.LayerNorm(5 * 4 * 4), nn.Linear(5 * 4 * 4, 2))


def groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_fifty_steps_equal_those_of_torch(name: str, decay: float, make_recipe: MakeRecipe) -> None:
    recipe = make_recipe(optimizer=name, learning_rate=1e-2, betas=(0.9, 0.95), weight_decay=decay)
    ours, theirs = network(), network()
    adam = Adam(ours.parameters(), recipe)
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    reference = kind(groups(theirs, decay), lr=1e-2, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        image = torch.rand((4, 3, 6, 6), generator=generator)
        for model in (ours, theirs):
            model.zero_grad()
            model(image).square().mean().backward()
        adam.step(1e-2)
        reference.step()
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(own, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_fifty_steps_of_sgd_equal_those_of_torch(decay: float, momentum: float, make_recipe: MakeRecipe) -> None:
    recipe = make_recipe(optimizer="sgd", momentum=momentum, weight_decay=decay)
    ours, theirs = network(), network()
    descent = optimizer(recipe, ours.parameters())
    assert isinstance(descent, SGD)
    reference = torch.optim.SGD(theirs.parameters(), lr=1.0, momentum=momentum, weight_decay=decay)
    generator = torch.Generator().manual_seed(1)
    for step in range(50):
        image = torch.rand((4, 3, 6, 6), generator=generator)
        for model in (ours, theirs):
            model.zero_grad()
            model(image).square().mean().backward()
        # a rate that changes tells a kept direction from a kept step
        rate = 0.005 if step % 2 else 0.002
        reference.param_groups[0]["lr"] = rate
        descent.step(rate)
        reference.step()
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(own, other, rtol=0, atol=1e-6)


def test_decay_of_sgd_shrinks_vectors_too(make_recipe: MakeRecipe) -> None:
    model = nn.LayerNorm(2)
    descent = optimizer(make_recipe(optimizer="sgd", weight_decay=0.5), model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    descent.step(0.1)
    # 1 - 0.1 * 0.5
    assert torch.allclose(model.weight, torch.full((2,), 0.95))
    assert model.weight.grad is not None and torch.equal(model.weight.grad, torch.zeros(2))


def test_a_recipe_chooses_its_optimizer(make_recipe: MakeRecipe) -> None:
    chosen = {name: optimizer(make_recipe(optimizer=name), network().parameters()) for name in ("adam", "adamw", "sgd")}
    assert {name: type(found) for name, found in chosen.items()} == {"adam": Adam, "adamw": Adam, "sgd": SGD}
    assert make_recipe(optimizer="sgd").momentum == 0.9
    with pytest.raises(UserError, match="momentum"):
        make_recipe(optimizer="sgd", momentum=1.0)


def test_decay_shrinks_matrices_and_spares_biases_and_norms(make_recipe: MakeRecipe) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    nn.init.ones_(next(model.parameters()))
    adam = Adam(model.parameters(), make_recipe(optimizer="adamw", weight_decay=0.5))
    before = [parameter.clone() for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    adam.step(0.1)
    weight, *vectors = model.parameters()
    # 1 - 0.1 * 0.5
    assert torch.allclose(weight, torch.full((2, 2), 0.95))
    assert all(torch.equal(vector, old) for vector, old in zip(vectors, before[1:], strict=True))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_a_frozen_parameter_and_one_without_gradient_stay_as_they_are(name: str, make_recipe: MakeRecipe) -> None:
    frozen, idle, used = (nn.Parameter(torch.ones(2, 2)) for _ in range(3))
    frozen.requires_grad_(False)
    frozen.grad = torch.ones(2, 2)
    used.grad = torch.ones(2, 2)
    optimizer(make_recipe(optimizer=name), [frozen, idle, used]).step(0.1)
    assert torch.equal(frozen, torch.ones(2, 2))
    assert torch.equal(idle, torch.ones(2, 2))
    # the first step is the learning rate: Adam's whatever the gradient, that of SGD for a gradient of 1
    assert torch.allclose(used, torch.full((2, 2), 0.9))


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_the_stored_state_continues_where_it_was(name: str, make_recipe: MakeRecipe) -> None:
    models = [network(), network()]
    optimizers = [optimizer(make_recipe(optimizer=name), model.parameters()) for model in models]
    image = torch.rand((4, 3, 6, 6), generator=torch.Generator().manual_seed(1))

    def step(index: int) -> None:
        models[index].zero_grad()
        models[index](image).square().mean().backward()
        optimizers[index].step(1e-2)

    step(0)
    step(0)
    models[1].load_state_dict(models[0].state_dict())
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    step(0)
    step(1)
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


def test_a_run_under_sgd_that_was_stopped_resumes_to_the_bit(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    recipe = make_recipe(steps=9, optimizer="sgd", learning_rate=0.05, weight_decay=0.01)

    def run(name: str, stopped_at: int | None = None) -> Result:
        def loss(step: int, data: list[Any]) -> StepLoss:
            if step == stopped_at:
                os.kill(os.getpid(), signal.SIGTERM)
            error = model(torch.from_numpy(data[0])).square().mean()
            return StepLoss(error, {"error": error})

        torch.manual_seed(0)
        model = nn.Linear(6, 3)
        job = Identity("toy", {"spec": "s", "code": "c"}, tmp_path / name)
        return fit(model, recipe, job, draw, loss, torch.device("cpu"))

    def draw(step: int) -> list[Any]:
        return [np.random.default_rng(step).random((4, 6), dtype=np.float32)]

    with pytest.raises(SystemExit):
        run("stopped", 4)
    resumed, whole = run("stopped"), run("whole")
    assert (resumed.resumed_at, whole.resumed_at) == (5, 0)
    pairs = zip(resumed.model.parameters(), whole.model.parameters(), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)


@pytest.mark.parametrize(("steps", "warm_up"), [(100, 0.3), (600, 0.15), (7, 0.3), (50, 0.0), (3, 0.1), (9, 0.95)])
def test_one_cycle_equals_torch_at_every_step(steps: int, warm_up: float, make_recipe: MakeRecipe) -> None:
    recipe = make_recipe(steps=steps, learning_rate=2e-3, schedule={"name": "one_cycle", "warm_up": warm_up})
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps, pct_start=warm_up, cycle_momentum=False
    )
    for step in range(steps):
        assert learning_rate(recipe, step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < steps - 1:
            schedule.step()


def test_steps_equal_those_of_torch(make_recipe: MakeRecipe) -> None:
    schedule = {"name": "steps", "milestones": [5, 9, 9, 17], "factor": 0.3}
    recipe = make_recipe(steps=20, learning_rate=1.0, schedule=schedule)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 9, 9, 17], gamma=0.3)
    for step in range(20):
        assert learning_rate(recipe, step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        reference.step()


def test_cosine_rises_to_its_peak_and_falls_to_its_end(make_recipe: MakeRecipe) -> None:
    recipe = make_recipe(steps=1000, learning_rate=2.0, schedule={"name": "cosine", "warm_up": 0.1, "final": 0.05})
    rates = [learning_rate(recipe, step) for step in range(1000)]
    # a tenth of 1000 steps is the warm-up, in equal parts
    assert rates[0] == pytest.approx(0.02)
    assert rates[49] == pytest.approx(1.0)
    assert max(rates) == rates[99] == pytest.approx(2.0)
    assert all(a < b for a, b in pairwise(rates[:100]))
    assert all(a > b for a, b in pairwise(rates[100:]))
    # half way down, between 2 and 0.1
    assert rates[550] == pytest.approx(1.05)
    assert rates[-1] == pytest.approx(0.1, rel=1e-4)


def test_constant_is_constant_and_without_warm_up_cosine_begins_at_the_peak(make_recipe: MakeRecipe) -> None:
    assert {learning_rate(make_recipe(learning_rate=0.5), step) for step in range(8)} == {0.5}
    cosine = make_recipe(learning_rate=0.5, schedule={"name": "cosine"})
    assert learning_rate(cosine, 0) == 0.5
    assert learning_rate(cosine, 4) == pytest.approx(0.25)


def test_a_stage_runs_without_the_compiler_and_without_heavy_packages(
    tmp_path: Path, targets: Path, pairs: Path, train_spec: Callable[..., Any]
) -> None:
    spec = train_spec(steps=2, optimizer="adamw", weight_decay=0.1, clip=0.5, ema=0.9, precision="bfloat16")
    arguments = [spec.canonical(), str(targets), str(pairs), str(tmp_path), " ".join(HEAVY)]
    done = subprocess.run([sys.executable, "-c", TWO_STEPS, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "", f"imported: {done.stdout.splitlines()[-1]}"
    assert (tmp_path / "model.safetensors").exists()
