"""`every: k`: what the loss network gives is in every k-th step alone, k times as heavy there."""

import copy
import pickle
from typing import Any

import pytest
import torch
from _losses import LOSSES, NAMES, TAKEN, Build, pair, restarted
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.losses._every import checked_every
from lossbench.losses._inputs import InputError
from lossbench.terms import WeightedTerms

WITH_NETWORK = [name for name in NAMES if "every" in TAKEN[name]]
WITH_PIXELS = [name for name in WITH_NETWORK if not name.startswith("perceptual") or "e" in name.split("-")[1]]
HAS_PIXELS = pytest.mark.parametrize("name", WITH_PIXELS)


def gradient(loss: WeightedTerms, prediction: Tensor, target: Tensor, step: int | None = None) -> Tensor:
    (found,) = torch.autograd.grad(restarted(loss)(prediction, target, step), prediction)
    return found


def test_every_loss_with_a_network_takes_it_and_no_other() -> None:
    plain = {"l1", "l2", "charbonnier", "ssim", "ms_ssim", "fft", "gradient", "focal_frequency", "laplacian"}
    assert set(NAMES) - set(WITH_NETWORK) == {"original", "log_cosh", "scaled_l2", *plain}
    with pytest.raises(UserError, match="loss 'original' takes no argument 'every'"):
        lossbench.create_loss("original", every=2)


@HAS_PIXELS
def test_the_mean_over_k_steps_is_the_gradient_of_the_term_in_every_step(build: Build, name: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    plain = gradient(build(name), prediction, target)
    loss = build(name, every=4)
    steps = [gradient(loss, prediction, target, step) for step in range(8, 12)]
    torch.testing.assert_close(sum(steps) / 4, plain, rtol=1e-5, atol=1e-7)
    # three steps of the pixels alone
    assert torch.equal(steps[1], steps[2]) and torch.equal(steps[2], steps[3]) and not torch.equal(steps[0], steps[1])


@HAS_PIXELS
def test_the_step_decides_and_not_how_often_the_loss_was_asked(build: Build, name: str) -> None:
    loss = build(name, every=3)
    prediction, target = pair(1, 3, 24, 24)
    own = [term for term in loss.weights if term != "pixel"]
    assert loss.every == dict.fromkeys(own, 3)
    for step in (0, 1, 1, 6, 2, 3, 3, 7, 300_000, 300_001):
        expected = ["pixel", *own] if step % 3 == 0 else ["pixel"]
        assert list(loss.terms(prediction, target, step=step)) == expected
    # the terms themselves are not weighted, and the weights are those that were given
    plain = restarted(build(name)).terms(prediction, target)
    assert all(torch.equal(term, plain[key]) for key, term in restarted(loss).terms(prediction, target, 3).items())
    assert loss.weights == build(name).weights
    for step in (3, 4):
        terms = restarted(loss).terms(prediction, target, step)
        assert torch.equal(loss.total(terms), restarted(loss)(prediction, target, step))


@HAS_PIXELS
def test_every_step_is_the_loss_as_it_was_bit_for_bit(build: Build, name: str) -> None:
    prediction, target = pair(2, 3, 33, 24)
    plain, one = build(name), build(name, every=1)
    assert one.every == {}
    values = [restarted(loss)(prediction, target, step) for loss, step in ((plain, None), (one, None), (one, 1))]
    assert torch.equal(values[0], values[1]) and torch.equal(values[0], values[2])
    assert torch.equal(gradient(plain, prediction, target), gradient(one, prediction, target, 5))


def test_the_network_is_not_run_where_its_term_is_not_due(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    loss: Any = build("ccmae", every=2)
    prediction, target = pair(1, 3, 24, 24)
    seen: list[Tensor] = []
    encode = loss.network.encode
    monkeypatch.setattr(loss.network, "encode", lambda image: encode(seen.append(image) or image))
    loss(prediction, target, step=1)
    assert seen == []
    loss(prediction, target, step=2)
    assert len(seen) == 2


@pytest.mark.parametrize("step", [None, -1, 1.0, "4", True])
def test_without_the_number_of_the_step_there_is_one_clear_line(build: Build, step: Any) -> None:
    loss = build("ccmae", every=4)
    with pytest.raises(InputError) as caught:
        loss(*pair(1, 3, 24, 24), step=step)
    given = "no step is given" if step is None else f"{step!r} is no whole number of a step"
    assert str(caught.value) == (
        f"the term 'ccmae' is in every k-th step alone (every = 4), and {given}; give that of the optimiser, counted "
        "from 0: loss(prediction, target, step=step)"
    )


@pytest.mark.parametrize("every", [0, -2, 1.5, "4", True, None])
def test_what_is_no_number_of_steps_is_named(build: Build, every: Any) -> None:
    for name in ("ccmae", "perceptual-ep", "vgg", "lpips", "p_ctmae"):
        with pytest.raises(UserError) as caught:
            build(name, every=every)
        assert str(caught.value) == (
            f"loss '{LOSSES[name].loss}': every = {every!r} is no whole number >= 1; 1 means every step, 4 every fourth"
        )
    with pytest.raises(UserError, match="x: every = "):
        checked_every("x", every)


def test_losses_that_are_added_keep_their_own_steps(build: Build) -> None:
    whole = build("vgg", every=2) + build("ccmae", pixel=None, weight=0.5, every=3) + build("vgg", pixel=None)
    assert whole.every == {"vgg": 2, "ccmae": 3}
    prediction, target = pair(1, 3, 24, 24)
    terms = [list(whole.terms(prediction, target, step)) for step in range(7)]
    every, ccmae, vgg = ["pixel", "vgg_2"], "ccmae", "vgg"
    assert [sorted(set(each) - set(every)) for each in terms] == [
        [ccmae, vgg], [], [vgg], [ccmae], [vgg], [], [ccmae, vgg]
    ]  # fmt: skip
    assert all(set(every) <= set(each) for each in terms)
    found = whole.terms(prediction, target, 6)
    expected = found["pixel"] + 2 * found["vgg"] + 3 * 0.5 * found["ccmae"] + found["vgg_2"]
    assert whole(prediction, target, step=6).item() == pytest.approx(expected.item(), rel=1e-6)
    twin = copy.deepcopy(pickle.loads(pickle.dumps(whole)))
    assert torch.equal(twin(prediction, target, step=4), whole(prediction, target, step=4))
    assert not whole.state_dict() and not list(whole.parameters())


def test_a_step_without_any_term_is_named(build: Build) -> None:
    alone = build("perceptual-pt", every=2)
    prediction, target = pair(1, 3, 24, 24)
    assert list(alone.terms(prediction, target, 2)) == ["perceptual", "texture"]
    with pytest.raises(
        InputError, match="step 1 has no term: there is no other than perceptual and texture, which 'every'"
    ):
        alone(prediction, target, step=1)
    assert list((lossbench.create_loss("original") + alone).terms(prediction, target, 1)) == ["pixel"]


def test_a_compiled_loss_takes_the_step_too(build: Build) -> None:
    loss = build("ccmae", every=4)
    prediction, target = pair(1, 3, 24, 24)
    loss(prediction, target, step=0)
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    for step in (0, 1, 2, 4, 5, 8):
        assert torch.equal(compiled(prediction, target, step=step), loss(prediction, target, step=step))
    torch.compiler.reset()
