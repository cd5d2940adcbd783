"""A feature term without the pixel term, and losses added to one."""

import pickle

import pytest
import torch
from _losses import OF_PIXELS, Build, pair, restarted

import lossbench
from lossbench.errors import UserError


@OF_PIXELS
def test_without_the_pixel_term_the_other_is_what_it_was(build: Build, name: str) -> None:
    prediction, target = pair(1, 3, 24, 24)
    if name == "original":
        with pytest.raises(UserError, match="pixel: unknown distance None; known: charbonnier, l1, l2"):
            build(name, pixel=None)
        return
    whole, alone = build(name, weight=0.5), build(name, weight=0.5, pixel=None)
    term = restarted(whole).terms(prediction, target)[name]
    assert alone.weights == {name: 0.5}
    assert {key: value.item() for key, value in restarted(alone).terms(prediction, target).items()} == {
        name: term.item()
    }
    assert restarted(alone)(prediction, target).item() == pytest.approx(0.5 * term.item(), rel=1e-6)


def test_losses_are_added_with_one_pixel_term(build: Build) -> None:
    prediction, target = pair(1, 3, 24, 24)
    first, second, third = build("vgg"), build("ccmae", pixel=None, weight=0.1), build("vgg", pixel=None)
    whole = sum([first, second, third])
    assert whole.weights == {"pixel": 1.0, "vgg": 1.0, "ccmae": 0.1, "vgg_2": 1.0}
    parts = [first(prediction, target), second(prediction, target), third(prediction, target)]
    assert whole(prediction, target).item() == pytest.approx(sum(part.item() for part in parts), rel=1e-6)
    assert list(whole.terms(prediction, target)) == list(whole.weights)
    assert list(whole.parameters()) == [] and whole.state_dict() == {}
    twin = pickle.loads(pickle.dumps(whole)).half()
    assert torch.equal(twin(prediction, target), whole(prediction, target))


def test_a_pixel_term_that_would_count_twice_is_refused(build: Build) -> None:
    with pytest.raises(UserError, match=r"both losses have the term 'pixel', which would count twice; .* pixel=None"):
        build("vgg") + build("ccmae")
    with pytest.raises(TypeError):
        build("vgg") + 1.0


def test_a_sum_looks_at_its_first_target_unless_a_part_does_not(build: Build) -> None:
    prediction, target = pair(1, 3, 24, 24)
    feature = build("vgg", pixel=None)
    with pytest.raises(UserError, match="not in"):
        (lossbench.create_loss("original") + feature)(prediction, target * 255)
    unchecked = lossbench.create_loss("original", check_range=False)
    assert (unchecked + feature)(prediction, target * 255).item() > 0


def test_terms_that_can_not_be_added_up_are_named() -> None:
    loss = lossbench.create_loss("ssim", pixel="l1")
    with pytest.raises(UserError, match=r"no terms are given; give those of loss\.terms"):
        loss.total({})
    with pytest.raises(UserError, match="'pixl' is no term of this loss; did you mean 'pixel'"):
        loss.total({"pixl": torch.ones(())})
