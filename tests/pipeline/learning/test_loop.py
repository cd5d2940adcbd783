"""The loop: it learns, keeps its history, stops at nonsense, and refuses a checkpoint of another run."""

import math
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _toy_training import CPU, IDENTITY, Loss, MakeRecipe, draw, equal, loss_of, network, run, stopped_by

from lossbench.device import Device
from lossbench.errors import UserError
from pipeline.learning import checkpoint
from pipeline.learning.loop import Batch, Identity, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history


@pytest.fixture
def job(tmp_path: Path) -> Identity:
    return Identity("toy", IDENTITY, tmp_path / "last.ckpt")


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
