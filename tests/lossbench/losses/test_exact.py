"""The formulas of the losses against numbers worked out by hand and against slow loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lossbench import loss_networks, losses
from lossbench.errors import UserError
from lossbench.losses._patches import PatchFeatureLoss
from lossbench.losses._perceptual import PERCEPTUAL, TEXTURE, PerceptualSum, cut, gram
from lossbench.losses.log_cosh import log_cosh
from lossbench.terms import WeightedTerms

MAE = {"image_size": 32, "patch": 8, "dimension": 32, "depth": 2, "heads": 2}
MAE |= {"decoder_dimension": 16, "decoder_depth": 1, "decoder_heads": 2}
CNN_MAE: dict[str, Any] = {"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1}
SUMS = ["p", "t", "ep", "et", "pt", "ept"]
PATCH_LOSSES = pytest.mark.parametrize(("name", "whole"), [("p_ctmae", "ctmae"), ("p_ccmae", "ccmae")])
CONTROLS = pytest.mark.parametrize(
    ("name", "kind", "architecture"), [("random_tmae", "mae", MAE), ("random_cmae", "cnn_mae", CNN_MAE)]
)
Load = Callable[..., Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Store small loss networks with random weights, by the losses that use them."""
    folder = tmp_path_factory.mktemp("weights")
    made = {"ctmae": ("mae", MAE), "ccmae": ("cnn_mae", CNN_MAE), "sum": ("vgg16", {})}
    for loss, (kind, architecture) in made.items():
        torch.manual_seed(0)
        loss_networks.save(loss_networks.build(kind, **architecture), folder / loss, {})
    return {loss: folder / loss for loss in made}


@pytest.fixture(scope="module")
def load(files: dict[str, Path]) -> Load:
    """Build a loss by name on the stored network that fits it."""

    def loaded(name: str, **arguments: Any) -> WeightedTerms:
        return losses.build(name, weights=files[name.removeprefix("p_") if "mae" in name else "sum"], **arguments)

    return loaded


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Maps(nn.Module):
    """A stand-in for a VGG: each layer is the image itself, and the images asked about are recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def layers(self, image: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        self.seen.append(image)
        return dict.fromkeys(names, image)


class Recorder(nn.Module):
    """A stand-in for a masked autoencoder of 4 x 4 patches of 8 pixels that records its masks."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[Tensor] = []

    def cells(self, height: int, width: int) -> int:
        return height * width // 64

    def encode_visible(self, image: Tensor, mask: Tensor, count: int) -> Tensor:
        assert mask.sum(dim=1).tolist() == [count] * len(mask)
        self.masks.append(mask)
        return image


def patch_loss(keep: float, generator: torch.Generator | None) -> tuple[PatchFeatureLoss, Recorder]:
    recorder = Recorder()
    return PatchFeatureLoss("p_stub", recorder, pixel="l1", weight=1.0, keep=keep, generator=generator), recorder


@pytest.mark.parametrize(
    ("a", "values"),
    [
        (1, [0.00005, 0.00125, 0.00499, 0.1201]),
        (10, [0.00050, 0.01201, 0.04338, 0.4307]),
        (100, [0.00434, 0.04307, 0.09307, 0.4931]),
    ],
)
def test_log_cosh_of_tabulated_differences(a: float, values: list[float]) -> None:
    differences = [0.01, 0.05, 0.1, 0.5]
    for difference, expected in zip(differences, values, strict=True):
        for sign in (1, -1):
            found = float(log_cosh(torch.tensor(sign * difference), a))
            assert found == pytest.approx(expected, abs=6e-6 if expected < 0.1 else 6e-5)
            assert found == pytest.approx(math.log(math.cosh(a * difference)) / a, rel=2e-6)


def test_log_cosh_is_the_mean_over_pixels() -> None:
    target = torch.zeros(1, 1, 2, 2)
    prediction = torch.tensor([0.0, 0.1, -0.5, 2.0]).view(1, 1, 2, 2)
    expected = np.mean([math.log(math.cosh(10 * value)) / 10 for value in (0.0, 0.1, 0.5, 2.0)])
    assert losses.build("log_cosh", a=10)(prediction, target).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [44, 89, 1e3, 1e6])
def test_log_cosh_far_away_is_the_distance_less_a_constant(dtype: torch.dtype, size: float) -> None:
    a = 255.0
    prediction = torch.tensor([-size / a, size / a]).view(1, 1, 1, 2).to(dtype).requires_grad_()
    loss = losses.build("log_cosh", a=a)(prediction, torch.zeros(1, 1, 1, 2))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(prediction.detach().float().abs().mean().item() - math.log(2) / a, rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, prediction)
    assert gradient.flatten().tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("a", [0.5, 1.0, 10.0, 255.0])
def test_the_gradient_of_log_cosh_is_tanh_and_never_missing(a: float) -> None:
    scaled = torch.cat([torch.linspace(-30, 30, 6001), torch.tensor([1e-7, -1e-7, 1e-3, 1.0, -1.0, 0.0])])
    difference = (scaled / a).requires_grad_()
    (gradient,) = torch.autograd.grad(log_cosh(difference, a).sum(), difference)
    np.testing.assert_allclose(gradient, (a * difference.detach().double()).tanh(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("a", [0.5, 1.0, 10.0, 255.0])
def test_the_curvature_of_log_cosh_at_zero_is_a(a: float) -> None:
    for dtype in (torch.float32, torch.float64):
        zero = torch.zeros((), dtype=dtype, requires_grad=True)
        (slope,) = torch.autograd.grad(log_cosh(zero, a), zero, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, zero)
        assert curvature.item() == pytest.approx(a, rel=1e-6)
    step = 1e-4 / a
    low, middle, high = log_cosh(torch.tensor([-step, 0, step], dtype=torch.float64), a).tolist()
    assert (low - 2 * middle + high) / step**2 == pytest.approx(a, rel=1e-6)


def test_log_cosh_joins_its_two_forms_smoothly() -> None:
    scaled = torch.tensor([1 - 1e-9, 1.0, 1 + 1e-9], dtype=torch.float64, requires_grad=True)
    values = log_cosh(scaled, 1.0)
    (slopes,) = torch.autograd.grad(values.sum(), scaled)
    np.testing.assert_allclose(values.detach(), math.log(math.cosh(1)), atol=2e-9)
    np.testing.assert_allclose(slopes, math.tanh(1), atol=2e-9)


@pytest.mark.parametrize("a", [0, -1.0, math.nan, math.inf])
def test_a_curvature_that_is_not_positive_is_named(a: float) -> None:
    with pytest.raises(UserError, match=f"log_cosh: a = {a} is not a positive number"):
        losses.build("log_cosh", a=a)


def test_e_is_the_mean_squared_error() -> None:
    prediction = torch.tensor([0.6, 0.0, 0.5, 1.3]).view(1, 1, 2, 2)
    found = losses.build("e")(prediction, torch.full((1, 1, 2, 2), 0.5))
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
        "e": losses.build("e").terms(prediction, target)["pixel"],
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


@pytest.mark.parametrize("name", SUMS)
def test_a_robust_loss_is_the_plain_one_on_other_weights(load: Load, name: str) -> None:
    prediction, target = uniform(1, 3, 36, 33), uniform(1, 3, 36, 33, seed=2)
    assert torch.equal(load(f"robust_{name}")(prediction, target), load(name)(prediction, target))


@pytest.mark.parametrize("name", ["ept", "robust_pt"])
def test_an_unknown_preset_is_named_with_the_nearest(load: Load, name: str) -> None:
    with pytest.raises(UserError, match=f"loss '{name}': unknown layers 'litteral'; did you mean 'literal'"):
        load(name, layers="litteral")
    with pytest.raises(UserError, match=f"loss '{name}': unknown patches 'maps'; did you mean 'map'"):
        load(name, patches="maps")


def test_prediction_and_target_get_the_same_patches_drawn_anew_at_each_call() -> None:
    image = uniform(2, 3, 32, 32)
    loss, recorder = patch_loss(0.25, seeded())
    for _ in range(5):
        loss(image, image)
    assert all(torch.equal(*recorder.masks[call : call + 2]) for call in range(0, 10, 2))
    assert all(mask.shape == (2, 16) and mask.sum(dim=1).tolist() == [4, 4] for mask in recorder.masks)
    assert len({tuple(mask.flatten().tolist()) for mask in recorder.masks}) == 5
    assert not torch.equal(recorder.masks[0][0], recorder.masks[0][1])


def test_one_seed_gives_one_sequence_of_patches() -> None:
    image = uniform(2, 3, 32, 32)
    drawn = []
    for seed in (7, 7, 8):
        loss, recorder = patch_loss(0.25, seeded(seed))
        for _ in range(3):
            loss(image, image)
        drawn.append(torch.stack(recorder.masks))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_every_patch_is_drawn_equally_often() -> None:
    loss, _ = patch_loss(0.25, seeded())
    share = loss.draw(4000, 16).float().mean(dim=0)
    # four standard deviations of a fraction 0.25 in 4000
    np.testing.assert_allclose(share, 0.25, atol=4 * math.sqrt(0.25 * 0.75 / 4000))


@settings(max_examples=50, deadline=None)
@given(cells=st.integers(1, 200), keep=st.floats(1e-6, 1))
def test_the_fraction_is_rounded_down_but_one_patch_is_always_seen(cells: int, keep: float) -> None:
    loss, _ = patch_loss(keep, seeded())
    assert loss.draw(3, cells).sum(dim=1).tolist() == [max(1, math.floor(keep * cells))] * 3


def test_a_tenth_of_ten_patches_is_one() -> None:
    # 1 - (1 - 0.1) is below 0.1 in floating point
    loss, _ = patch_loss(0.1, seeded())
    assert [int(loss.draw(1, cells).sum()) for cells in (1, 10, 49, 100)] == [1, 1, 4, 10]


@PATCH_LOSSES
@pytest.mark.parametrize("size", [(32, 48), (33, 24), (8, 8)])
def test_all_patches_give_the_loss_of_the_whole_image(load: Load, name: str, whole: str, size: tuple[int, int]) -> None:
    prediction, target = uniform(2, 3, *size), uniform(2, 3, *size, seed=2)
    found = load(name, keep=1.0, generator=seeded()).terms(prediction, target)
    expected = load(whole).terms(prediction, target)
    assert found["pixel"].item() == expected["pixel"].item()
    assert found[name].item() == pytest.approx(expected[whole].item(), rel=1e-6)


@PATCH_LOSSES
def test_what_is_not_drawn_gives_no_gradient(load: Load, name: str, whole: str) -> None:
    loss = load(name, generator=seeded())
    side = loss.network.side
    prediction = uniform(1, 3, 4 * side, 4 * side).requires_grad_()
    term = loss.terms(prediction, uniform(1, 3, 4 * side, 4 * side, seed=2))[name]
    (gradient,) = torch.autograd.grad(term, prediction)
    per_patch = gradient.abs().sum(dim=1).view(4, side, 4, side).sum(dim=(1, 3))
    seen = load(name, generator=seeded()).draw(1, 16).view(4, 4)
    assert torch.equal(per_patch > 0, seen)
    assert int(seen.sum()) == 4


@PATCH_LOSSES
@pytest.mark.parametrize("keep", [0, -0.1, 1.01, math.nan, "0.25", None, True])
def test_a_fraction_out_of_range_is_named(load: Load, name: str, whole: str, keep: Any) -> None:
    with pytest.raises(UserError, match=f"loss '{name}': keep = {keep!r} is not a fraction of the patches; choose"):
        load(name, keep=keep)


@PATCH_LOSSES
def test_resuming_the_global_generator_resumes_the_patches(load: Load, name: str, whole: str) -> None:
    prediction, target = uniform(2, 3, 64, 64), uniform(2, 3, 64, 64, seed=2)
    loss = load(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        loss(prediction, target)
        state = torch.get_rng_state()
        going_on = [loss(prediction, target).item() for _ in range(4)]
        torch.manual_seed(99)
        # a new process has a new module
        resumed = load(name)
        torch.set_rng_state(state)
        assert [resumed(prediction, target).item() for _ in range(4)] == going_on
    assert len(set(going_on)) == 4


@CONTROLS
def test_a_control_depends_on_its_seed_alone(name: str, kind: str, architecture: dict[str, Any]) -> None:
    prediction, target = uniform(1, 3, 24, 24), uniform(1, 3, 24, 24, seed=2)
    values = []
    for number, seed in enumerate((0, 0, 1)):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        values.append(losses.build(name, architecture=architecture, seed=seed)(prediction, target).item())
        assert torch.equal(torch.get_rng_state(), before)
    assert values[0] == values[1]
    assert abs(values[0] - values[2]) > 1e-4
    assert losses.build(name, architecture=architecture)(prediction, target).item() == values[0]


@CONTROLS
def test_a_control_has_the_weights_that_the_seed_draws(name: str, kind: str, architecture: dict[str, Any]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = loss_networks.build(kind, **architecture).state_dict()
    loss: Any = losses.build(name, architecture=architecture, seed=5)
    found = loss.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


@CONTROLS
def test_a_control_takes_the_architecture_of_a_stored_network_and_none_of_its_weights(
    name: str, kind: str, architecture: dict[str, Any], tmp_path: Path
) -> None:
    statistics = {"bands": 4, "mean": [0.1, 0.2, 0.3, 0.4], "std": [0.1, 0.1, 0.2, 0.2]}
    loss_networks.save(loss_networks.build(kind, **architecture, **statistics), tmp_path / "network", {})
    expected: Any = losses.build(name, architecture={**architecture, **statistics}, seed=5)
    found: Any = losses.build(name, weights=tmp_path / "network", seed=5)
    pair = uniform(1, 4, 24, 24), uniform(1, 4, 24, 24, seed=2)
    assert torch.equal(found(*pair), expected(*pair))
    with pytest.raises(UserError, match="give architecture or weights"):
        losses.build(name, weights=tmp_path / "network", architecture=architecture)


@CONTROLS
def test_a_control_reseeds_no_other_device(
    name: str, kind: str, architecture: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded_devices: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded_devices.append)
    losses.build(name, architecture=architecture, seed=5)
    assert seeded_devices == []


@CONTROLS
def test_an_unknown_setting_of_a_control_is_named(name: str, kind: str, architecture: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"loss network '{kind}' has no argument 'band'; did you mean 'bands'"):
        losses.build(name, architecture={**architecture, "band": 4})
