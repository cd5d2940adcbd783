"""A training that is stopped: by a cluster or by Ctrl-C it saves itself first, and goes on to the bit."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from _toy_training import CPU, IDENTITY, Loss, MakeRecipe, equal, run, stopped_by

from pipeline.learning import checkpoint
from pipeline.learning.loop import Batch, Identity, StepLoss


@pytest.fixture
def job(tmp_path: Path) -> Identity:
    return Identity("toy", IDENTITY, tmp_path / "last.ckpt")


LEAVES = {signal.SIGTERM: SystemExit, signal.SIGINT: KeyboardInterrupt}


@pytest.mark.parametrize(("number", "ema", "at"), [
    *((signal.SIGTERM, ema, at) for ema in (None, 0.9) for at in (0, 5, 12)), (signal.SIGINT, None, 5)
])  # fmt: skip
@pytest.mark.usefixtures("interruptible")
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


@pytest.mark.usefixtures("interruptible")
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
