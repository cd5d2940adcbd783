"""The loop: it learns, keeps its history, stops at nonsense, and resumes to the bit."""

import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lossbench.device import Device
from lossbench.errors import UserError
from pipeline.learning import checkpoint
from pipeline.learning.loop import Batch, Identity, Result, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import step_generator
from pipeline.specs.recipe import Recipe

MakeRecipe = Callable[..., Recipe]
CPU = torch.device("cpu")
IDENTITY = {"spec": "toy", "code": "c"}
Loss = Callable[[int, Batch], StepLoss]


def draw(step: int) -> Batch:
    """Return 16 points (x, y) and what the network must make of them: a rotation."""
    points = step_generator(5, step).normal(size=(16, 2)).astype(np.float32)
    return [points, points @ np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)]


def network(scale: float = 1.0) -> nn.Module:
    torch.manual_seed(0)
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.mul_(scale)
    return layer


def loss_of(model: nn.Module) -> Loss:
    def loss(step: int, data: Batch) -> StepLoss:
        prediction = model(torch.from_numpy(data[0]))
        error = prediction - torch.from_numpy(data[1])
        terms = {"pixel": error.abs().mean(), "other": error.square().sum()}
        return StepLoss(terms["pixel"] + 0.1 * terms["other"], terms, prediction)

    return loss


@pytest.fixture
def job(tmp_path: Path) -> Identity:
    return Identity("toy", IDENTITY, tmp_path / "last.ckpt")


def run(recipe: Recipe, job: Identity, change: Callable[[Loss], Loss] = lambda loss: loss) -> Result:
    model = network()
    return fit(model, recipe, job, draw, change(loss_of(model)), CPU)


def stopped_by(number: int, at: int) -> Callable[[Loss], Loss]:
    """Send this process the signal `number` during step `at`."""

    def change(loss: Loss) -> Loss:
        def stopping(step: int, data: Batch) -> StepLoss:
            if step == at:
                os.kill(os.getpid(), number)
            return loss(step, data)

        return stopping

    return change


def equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_total_falls_on_a_learnable_toy(make_recipe: MakeRecipe, job: Identity) -> None:
    result = run(make_recipe(steps=300, learning_rate=3e-2, schedule={"name": "cosine"}, history=50), job)
    totals = [row["total"] for row in result.history]
    assert totals[-1] < 0.02 * totals[0]
    weight = result.model.state_dict()["weight"]
    assert torch.allclose(weight, torch.tensor([[0.6, 0.8], [-0.8, 0.6]]), rtol=0, atol=0.01)


def test_the_history_has_every_term_their_gradient_ratio_and_the_last_step(
    make_recipe: MakeRecipe, job: Identity
) -> None:
    result = run(make_recipe(steps=8, history=3, learning_rate=0.01), job)
    assert [row["step"] for row in result.history] == [0, 3, 6, 7]
    names = ["step", "learning_rate", "total", "pixel", "other", "other_gradient_ratio", "gradient_norm"]
    assert all(list(row) == names for row in result.history)
    first = result.history[0]
    assert first["learning_rate"] == 0.01
    assert first["total"] == pytest.approx(first["pixel"] + 0.1 * first["other"])
    # mean of |e| over 32 values: gradient +-1/32 each; sum of e^2: 2 e each
    error = network()(torch.from_numpy(draw(0)[0])) - torch.from_numpy(draw(0)[1])
    assert first["other_gradient_ratio"] == pytest.approx(
        float((2 * error).detach().norm()) / (math.sqrt(32) / 32), rel=1e-5
    )


def test_the_gradient_norm_is_the_one_before_clipping_and_clipping_limits_the_step(
    make_recipe: MakeRecipe, job: Identity
) -> None:
    model = network()
    loss_of(model)(0, draw(0)).total.backward()
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None))
    free = run(make_recipe(steps=1), job)
    clipped = run(make_recipe(steps=1, clip=norm / 1e9), job)
    assert free.history[0]["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    assert clipped.history[0]["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    start = network().state_dict()["weight"]
    moved = [float((result.model.state_dict()["weight"] - start).abs().max()) for result in (free, clipped)]
    # Adam's first step is the rate for any gradient far above its epsilon of 1e-8
    assert moved[0] == pytest.approx(1e-3, rel=1e-3)
    assert moved[1] < 0.5e-3


def test_the_running_mean_is_the_result_when_asked_for(make_recipe: MakeRecipe, job: Identity) -> None:
    model, weights = network(), []
    loss = loss_of(model)

    def recorded(step: int, data: Batch) -> StepLoss:
        weights.append(model.state_dict()["weight"].clone())
        return loss(step, data)

    fit(model, make_recipe(steps=5, learning_rate=0.1), job, draw, recorded, CPU)
    weights.append(model.state_dict()["weight"])
    # it begins with the weights after the first step
    mean = weights[1]
    for weight in weights[2:]:
        mean = 0.7 * mean + 0.3 * weight
    averaged = run(make_recipe(steps=5, learning_rate=0.1, ema=0.7), job)
    assert torch.allclose(averaged.model.state_dict()["weight"], mean, rtol=1e-5, atol=0)
    assert not torch.allclose(weights[-1], mean, rtol=1e-2)


LEAVES = {signal.SIGTERM: SystemExit, signal.SIGINT: KeyboardInterrupt}


@pytest.mark.parametrize(("number", "ema", "at"), [
    *((signal.SIGTERM, ema, at) for ema in (None, 0.9) for at in (0, 5, 12)), (signal.SIGINT, None, 5)
])  # fmt: skip
def test_a_run_that_is_stopped_saves_leaves_and_resumes_to_the_bit(
    number: signal.Signals,
    ema: float | None,
    at: int,
    make_recipe: MakeRecipe,
    job: Identity,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = make_recipe(
        steps=14,
        learning_rate=0.02,
        ema=ema,
        history=2,
        weight_decay=0.01,
        schedule={"name": "one_cycle", "warm_up": 0.3},
    )
    whole = run(recipe, replace(job, checkpoint=job.checkpoint.with_name("other.ckpt")))
    with pytest.raises(LEAVES[number]) as left:
        run(recipe, job, stopped_by(number, at))
    assert not isinstance(left.value, SystemExit) or left.value.code == 143
    stored, _ = checkpoint.load(job.checkpoint, IDENTITY, CPU)
    assert stored is not None
    assert stored["step"] == at + 1
    resumed = run(recipe, job)
    assert resumed.resumed_at == at + 1
    assert f"toy  resumes at step {at + 1}/14" in capsys.readouterr().out
    assert equal(resumed.model, whole.model)
    assert resumed.history == whole.history


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_random_numbers_of_a_gpu_go_on_where_the_run_stopped(make_recipe: MakeRecipe, job: Identity) -> None:
    recipe = make_recipe(steps=8, learning_rate=0.02)

    def noisy(loss: Loss) -> Loss:
        def changed(step: int, data: Batch) -> StepLoss:
            found = loss(step, data)
            noise = torch.rand((), device="cuda").cpu()
            return StepLoss(found.total * (1 + noise), found.terms, found.prediction)

        return changed

    torch.cuda.manual_seed(3)
    whole = run(recipe, replace(job, checkpoint=job.checkpoint.with_name("other.ckpt")), noisy)
    torch.cuda.manual_seed(3)
    with pytest.raises(SystemExit):
        run(recipe, job, lambda loss: stopped_by(signal.SIGTERM, 4)(noisy(loss)))
    torch.cuda.manual_seed(5)
    assert equal(run(recipe, job, noisy).model, whole.model)


def test_sigterm_in_the_last_step_lets_the_run_finish(make_recipe: MakeRecipe, job: Identity) -> None:
    recipe = make_recipe(steps=4)
    before = signal.getsignal(signal.SIGTERM)
    assert equal(run(recipe, job, stopped_by(signal.SIGTERM, 3)).model, run(recipe, job).model)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_interrupt_ends_the_step_itself(make_recipe: MakeRecipe, job: Identity) -> None:
    before = signal.getsignal(signal.SIGINT)

    def impatient(loss: Loss) -> Loss:
        def changed(step: int, data: Batch) -> StepLoss:
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            pytest.fail("the step went on")

        return changed

    with pytest.raises(KeyboardInterrupt):
        run(make_recipe(steps=4), job, impatient)
    assert not job.checkpoint.exists() and signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_is_ignored_stays_so(make_recipe: MakeRecipe, job: Identity) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        recipe = make_recipe(steps=4)
        assert equal(run(recipe, job, stopped_by(signal.SIGINT, 1)).model, run(recipe, job).model)
    finally:
        signal.signal(signal.SIGINT, before)


def test_checkpoints_come_when_they_are_due_and_hold_the_time_spent(
    make_recipe: MakeRecipe, job: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[dict[str, Any]] = []
    monkeypatch.setattr(checkpoint, "save", lambda path, state, identity: saved.append(state))
    result = run(make_recipe(steps=5), replace(job, checkpoint_seconds=0.0))
    # none after the last step: the result itself follows
    assert [state["step"] for state in saved] == [1, 2, 3, 4]
    for name in ("seconds", "cpu_seconds"):
        seconds = [state[name] for state in saved]
        assert seconds == sorted(seconds)
        assert 0 < seconds[0] < getattr(result, name)
    saved.clear()
    run(make_recipe(steps=5), replace(job, checkpoint_seconds=3600.0))
    assert saved == []


@pytest.mark.parametrize("damage", ["truncated", "other code"])
def test_a_refused_checkpoint_starts_the_run_anew_and_says_so(
    damage: str, make_recipe: MakeRecipe, job: Identity, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = make_recipe(steps=6, ema=0.5)
    whole = run(recipe, job)
    with pytest.raises(SystemExit):
        run(recipe, job, stopped_by(signal.SIGTERM, 3))
    if damage == "truncated":
        job.checkpoint.write_bytes(job.checkpoint.read_bytes()[:-1])
    else:
        job = replace(job, content={**IDENTITY, "code": "d"})
    capsys.readouterr()
    anew = run(recipe, job)
    assert anew.resumed_at == 0
    reason = "is truncated or damaged" if damage == "truncated" else "belongs to another code"
    line = f"toy  checkpoint {job.checkpoint} {reason}: refused, the run starts anew"
    assert capsys.readouterr().out.splitlines()[0] == line
    assert equal(anew.model, whole.model)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["pixel", "other"])
def test_a_term_that_is_not_finite_stops_the_run_and_leaves_its_batch(
    name: str, value: float, make_recipe: MakeRecipe, job: Identity
) -> None:
    def poisoned(loss: Loss) -> Loss:
        def poison(step: int, data: Batch) -> StepLoss:
            outcome = loss(step, data)
            if step != 4:
                return outcome
            terms = {**outcome.terms, name: outcome.terms[name] * value}
            return StepLoss(terms["pixel"] + terms["other"], terms, outcome.prediction)

        return poison

    with pytest.raises(UserError) as caught:
        run(make_recipe(steps=9), job, poisoned)
    batch = job.checkpoint.with_name("bad_batch.npz")
    assert str(caught.value) == (
        f"toy: loss term {name} is not finite at step 4; its batch is in {batch}; "
        "lower the learning rate, set `clip`, or use precision float32"
    )
    with np.load(batch) as stored:
        assert all(np.array_equal(stored[f"arr_{i}"], part) for i, part in enumerate(draw(4)))
    assert not job.checkpoint.exists()


def test_a_learning_rate_that_explodes_is_stopped_at_the_step_after(make_recipe: MakeRecipe, job: Identity) -> None:
    with pytest.raises(UserError, match=r"loss term other is not finite at step 1;"):
        run(make_recipe(steps=9, learning_rate=1e30), job)


def test_a_run_whose_last_update_breaks_the_weights_does_not_end_well(make_recipe: MakeRecipe, job: Identity) -> None:
    def break_weights(loss: Loss) -> Loss:
        def breaking(step: int, data: Batch) -> StepLoss:
            outcome = loss(step, data)
            if step == 3:
                # finite itself, with a gradient of 0 / 0
                rest = (outcome.terms["pixel"] * 0).square().sqrt()
                return StepLoss(outcome.total + rest, outcome.terms)
            return outcome

        return breaking

    with pytest.raises(UserError, match="toy: the weights are not finite after step 4"):
        run(make_recipe(steps=4), job, break_weights)


def test_a_finished_run_writes_its_history_and_card(make_recipe: MakeRecipe, job: Identity, tmp_path: Path) -> None:
    result = run(make_recipe(steps=3, history=2), job)
    write_history(tmp_path / "history.csv", result.history)
    header, *lines = (tmp_path / "history.csv").read_text(encoding="utf-8").splitlines()
    assert header == "step,learning_rate,total,pixel,other,other_gradient_ratio,gradient_norm"
    assert [line.split(",")[0] for line in lines] == ["0", "2"]
    # exact: a float's text is its shortest that reads back equal
    assert float(lines[1].split(",")[2]) == result.history[1]["total"]
    card = run_card(result, Device(CPU, torch.bfloat16))
    assert (card["parameters"], card["precision"], card["resumed_at"]) == (6, "bfloat16", 0)
