"""E, P, T and their sums against numbers worked out by hand and against slow loops."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from _losses import (
    uniform,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import loss_networks, losses
from lossbench.errors import UserError
from lossbench.losses.perceptual import CHOICES, PERCEPTUAL, TEXTURE, PerceptualSum, cut, gram
from lossbench.terms import WeightedTerms

SUMS = ["p", "t", "ep", "et", "pt", "ept"]
Load = Callable[..., Any]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Build a sum by its terms on a stored VGG with random weights."""
    file = tmp_path_factory.mktemp("weights") / "vgg16"
    torch.manual_seed(0)
    loss_networks.save(loss_networks.build("vgg16"), file, {})

    def loaded(terms: str, **arguments: Any) -> WeightedTerms:
        return losses.build("perceptual", terms=terms, weights=file, **arguments)

    return loaded


class Maps(nn.Module):
    """A stand-in for a VGG: each layer is the image itself, and the images asked about are recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def layers(self, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        self.seen.append(image)
        return dict.fromkeys(names, image)


def test_e_is_the_mean_squared_error() -> None:
    prediction = torch.tensor([0.6, 0.0, 0.5, 1.3]).view(1, 1, 2, 2)
    found = losses.build("original", pixel="l2")(prediction, torch.full((1, 1, 2, 2), 0.5))
    assert found.item() == pytest.approx((0.01 + 0.25 + 0.0 + 0.64) / 4)


def test_the_gram_matrix_of_worked_out_maps_is_not_divided_by_the_positions() -> None:
    # channels (1, 2, 3, 4) and (0, 1, 0, -1): 1 + 4 + 9 + 16 = 30, 2 - 4 = -2, 1 + 1 = 2
    maps = torch.tensor([[1.0, 2, 3, 4], [0, 1, 0, -1]]).view(1, 2, 2, 2)
    assert gram(maps).tolist() == [[[30, -2], [-2, 2]]]


@pytest.mark.parametrize("patches", ["image", "map"])
def test_the_texture_loss_of_a_worked_out_picture(patches: str) -> None:
    loss = PerceptualSum("t", Maps(), {}, {"first": 0.5, "second": 0.25}, patches)
    prediction = torch.tensor([[1.0, 2, 3, 4], [0, 1, 0, -1]]).view(1, 2, 2, 2)
    target = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 0]]).view(1, 2, 2, 2)
    # Gram matrices [[30, -2], [-2, 2]] and [[4, 1], [1, 1]]: 26^2 + 3^2 + 3^2 + 1 = 695 over k c^2 = 1 * 4
    assert loss(prediction, target).item() == pytest.approx((0.5 + 0.25) * 695 / 4, rel=1e-6)


def test_the_texture_loss_is_the_mean_over_patches() -> None:
    loss = PerceptualSum("t", Maps(), {}, {"first": 1.0}, "image")
    target = torch.zeros(1, 1, 16, 32)
    prediction = target.clone()
    prediction[..., 0, 0], prediction[..., 0, 16] = 2, 3
    # one channel: the Gram matrices are 4 and 9, c = 1 and k = 2
    assert loss(prediction, target).item() == pytest.approx((4**2 + 9**2) / 2)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), bands=st.integers(1, 4))
def test_patches_are_cut_row_by_row_and_the_rest_is_left_out(height: int, width: int, bands: int) -> None:
    image = uniform(2, bands, height, width)
    rows, columns = min(16, height), min(16, width)
    expected = [
        one[:, top : top + rows, left : left + columns]
        for one in image
        for top in range(0, height - rows + 1, rows)
        for left in range(0, width - columns + 1, columns)
    ]
    assert torch.equal(cut(image, 16), torch.stack(expected))


def test_image_patches_reach_the_network_as_images_and_map_patches_do_not() -> None:
    prediction, target = uniform(2, 3, 40, 33), uniform(2, 3, 40, 33, seed=2)
    for patches, shape in (("image", (2 * 4, 3, 16, 16)), ("map", (2, 3, 40, 33))):
        network = Maps()
        PerceptualSum("t", network, {}, {"first": 1.0}, patches)(prediction, target)
        assert [tuple(image.shape) for image in network.seen] == [shape, shape]


def test_texture_forgets_where_things_are_in_a_patch_but_not_in_which() -> None:
    loss = PerceptualSum("t", Maps(), {}, {"first": 1.0}, "image")
    image = uniform(1, 3, 16, 32)
    assert loss(image.flip(2), image).item() == pytest.approx(0, abs=1e-6)
    assert loss(image.roll(16, dims=3), image).item() > 0.1


@pytest.mark.parametrize("preset", ["literal", "enhancenet"])
def test_the_perceptual_loss_is_the_sum_of_squares_over_the_size_of_each_map(load: Load, preset: str) -> None:
    loss = load("p", layers=preset)
    weights = {"literal": {"conv1_2": 0.2, "conv3_1": 0.02}, "enhancenet": {"pool2": 0.2, "pool5": 0.02}}[preset]
    prediction, target = uniform(1, 3, 36, 33), uniform(1, 3, 36, 33, seed=2)
    given_maps, wanted_maps = (loss.network.layers(image, weights) for image in (prediction, target))
    expected = 0.0
    for name, weight in weights.items():
        _, c, h, w = given_maps[name].shape
        expected += weight * float((given_maps[name] - wanted_maps[name]).double().square().sum()) / (c * h * w)
    assert loss(prediction, target).item() == pytest.approx(expected, rel=1e-5)
    assert loss.weights == {"perceptual": 1.0}


def test_layers_and_weights_of_the_papers() -> None:
    assert PERCEPTUAL["literal"] == {"conv1_2": 0.2, "conv3_1": 0.02}
    assert PERCEPTUAL["enhancenet"] == {"pool2": 0.2, "pool5": 0.02}
    assert TEXTURE == {"conv1_1": 3e-7, "conv2_1": 1e-6, "conv3_1": 1e-6}


@pytest.mark.parametrize("patches", ["image", "map"])
def test_the_texture_loss_of_a_vgg_against_loops(load: Load, patches: str) -> None:
    loss = load("t", patches=patches)
    prediction, target = uniform(2, 3, 40, 33), uniform(2, 3, 40, 33, seed=2)
    expected = 0.0
    for name, weight in {"conv1_1": 3e-7, "conv2_1": 1e-6, "conv3_1": 1e-6}.items():
        squares, size = [], 0
        for one, other in zip(prediction.split(1), target.split(1), strict=True):
            pair = [one, other] if patches == "map" else [cut(one, 16), cut(other, 16)]
            maps = [loss.network.layers(image, [name])[name] for image in pair]
            pieces = [cut(m, 16) if patches == "map" else m for m in maps]
            for a, b in zip(*(piece.double().flatten(2) for piece in pieces), strict=True):
                squares.append(float((a @ a.T - b @ b.T).square().sum()))
                size = len(a) ** 2
        expected += weight * sum(squares) / (len(squares) * size)
    assert loss(prediction, target).item() == pytest.approx(expected, rel=1e-5)


def test_terms_of_a_sum_are_those_of_its_parts(load: Load) -> None:
    prediction, target = uniform(1, 3, 36, 33), uniform(1, 3, 36, 33, seed=2)
    names = {"e": "pixel", "p": "perceptual", "t": "texture"}
    alone = {
        "e": losses.build("original", pixel="l2").terms(prediction, target)["pixel"],
        "p": load("p").terms(prediction, target)["perceptual"],
        "t": load("t").terms(prediction, target)["texture"],
    }
    for name in SUMS:
        loss = load(name)
        terms = loss.terms(prediction, target)
        assert list(terms) == [names[letter] for letter in name]
        assert all(torch.equal(terms[names[letter]], alone[letter]) for letter in name)
        assert set(loss.weights.values()) == {1.0}
        assert loss(prediction, target).item() == pytest.approx(sum(alone[letter].item() for letter in name), rel=1e-6)


@pytest.mark.parametrize("terms", ["ept", "pt"])
def test_an_unknown_preset_is_named_with_the_nearest(load: Load, terms: str) -> None:
    with pytest.raises(UserError, match="loss 'perceptual': unknown layers 'litteral'; did you mean 'literal'"):
        load(terms, layers="litteral")
    with pytest.raises(UserError, match="loss 'perceptual': unknown patches 'maps'; did you mean 'map'"):
        load(terms, patches="maps")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("epp", "loss 'perceptual': unknown terms 'epp'; did you mean 'ep'"),
        ("e", "terms 'e' need no VGG; use the loss 'original' with pixel 'l2'"),
        ("", "loss 'perceptual': unknown terms ''; known: ep, ept, et, p, pt, t"),
        (None, "loss 'perceptual': unknown terms 'None'"),
    ],
)
def test_terms_that_are_no_sum_on_a_vgg_are_named(load: Load, terms: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(terms)


def test_a_setting_of_a_term_that_is_not_there_is_refused(load: Load) -> None:
    for terms in ("t", "et"):
        with pytest.raises(UserError, match=f"layers 'enhancenet' has no effect on terms '{terms}'; leave it out"):
            load(terms, layers="enhancenet")
    for terms in ("p", "ep"):
        with pytest.raises(UserError, match=f"patches 'map' has no effect on terms '{terms}'; leave it out"):
            load(terms, patches="map")


def test_the_choices_are_those_of_the_layers() -> None:
    assert CHOICES["layers"] == tuple(PERCEPTUAL)
    assert sorted(CHOICES["terms"]) == sorted(SUMS)
