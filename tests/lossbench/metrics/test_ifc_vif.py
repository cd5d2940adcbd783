"""IFC and the forms of VIF: their limits, their invariances, and what is refused."""

import sys
import time
from subprocess import run

import numpy as np
import pytest
from _golden import Floats, floats, photograph
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from lossbench.errors import UserError
from lossbench.metrics import Protocol, load, protocol_of, score

FIDELITIES = ("vif", "vifp", "vif_unit_range")
ALL = ("ifc", *FIDELITIES)
LEAST = {"ifc": 72, "vif": 72, "vifp": 41, "vif_unit_range": 41}
EXACT = Protocol("gray", rounding=False)


def target_of(side: int = 160) -> Floats:
    return floats(photograph("chelsea"))[:, 60 : 60 + side, 120 : 120 + side]


def contrast(image: Floats, gain: float) -> Floats:
    return 0.5 + gain * (image - 0.5)


@pytest.mark.parametrize("name", FIDELITIES)
def test_equal_pictures_keep_everything(name: str) -> None:
    assert score(name, target_of(), target_of()) == 1
    nearly = target_of() + 1e-7 * np.random.default_rng(0).normal(size=target_of().shape)
    assert score(name, nearly, target_of(), protocol=EXACT) == pytest.approx(1, abs=1e-4)


def test_equal_pictures_share_many_bits_but_finitely_many() -> None:
    assert 50 < score("ifc", target_of(), target_of()) < 100


@pytest.mark.parametrize("name", ALL)
def test_blur_loses_information_and_more_blur_more(name: str) -> None:
    target = target_of()
    values = [score(name, gaussian_filter(target, (0, sigma, sigma)), target) for sigma in (0.7, 1.5, 3, 20)]
    assert values == sorted(values, reverse=True) and values[-1] < 0.15


@pytest.mark.parametrize("name", FIDELITIES)
def test_contrast_moves_fidelity_to_either_side_of_one(name: str) -> None:
    target = contrast(target_of(), 0.5)
    assert score(name, contrast(target, 0.5), target) < 1 < score(name, contrast(target, 1.5), target)


def test_fed_unit_range_fidelity_is_the_gain_squared_and_blind_to_noise() -> None:
    """Its noise variance of 2 drowns everything else."""
    target = contrast(target_of(), 0.5)
    for gain in (0.5, 0.8, 1.2):
        value = score("vif_unit_range", contrast(target, gain), target, protocol=EXACT)
        assert value == pytest.approx(gain**2, rel=2e-3)
        assert abs(score("vifp", contrast(target, gain), target, protocol=EXACT) - gain**2) > 0.04
    noisy = np.clip(target + np.random.default_rng(0).normal(0, 20 / 255, target.shape), 0, 1)
    assert score("vif_unit_range", noisy, target) > 2 * score("vifp", noisy, target)


@pytest.mark.parametrize("name", ALL)
def test_brightness_changes_nothing(name: str) -> None:
    target = contrast(target_of(), 0.4)
    prediction = gaussian_filter(target, (0, 1, 1))
    expected = score(name, prediction, target, protocol=EXACT)
    assert score(name, prediction + 0.15, target - 0.1, protocol=EXACT) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_target_and_prediction_are_not_exchangeable(name: str) -> None:
    target = target_of()
    prediction = gaussian_filter(target, (0, 1.5, 1.5))
    assert abs(score(name, prediction, target) - score(name, target, prediction)) > 0.01


@pytest.mark.parametrize("name", ["vifp", "vif_unit_range"])
def test_bands_are_averaged(name: str) -> None:
    target = np.concatenate([target_of(64), target_of(64)[:1]])
    prediction = np.clip(target + np.random.default_rng(0).normal(0, 0.1, target.shape), 0, 1)
    each = [score(name, ours[None], theirs[None]) for ours, theirs in zip(prediction, target, strict=True)]
    assert score(name, prediction, target) == pytest.approx(np.mean(each), abs=1e-12)


@settings(max_examples=12, deadline=None)
@given(height=st.integers(72, 110), width=st.integers(72, 110), seed=st.integers(0, 99))
def test_any_size_has_a_score(height: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    target = gaussian_filter(generator.random((3, height, width)), (0, 1, 1))
    noisy = np.clip(target + generator.normal(0, 0.05, target.shape), 0, 1)
    assert 0 < score("ifc", noisy, target) < 20
    assert all(0 < score(name, noisy, target) < 1.5 for name in FIDELITIES)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("rounding", [True, False])
def test_flat_pictures_never_give_nan(level: float, rounding: bool) -> None:
    flat, textured = np.full((3, 96, 96), level), target_of(96)
    for name in ALL:
        protocol = Protocol(load(name).colours[0], rounding=rounding)
        assert score(name, flat, textured, protocol=protocol) == 0
        if name == "ifc":
            assert score(name, textured, flat, protocol=protocol) == score(name, flat, flat, protocol=protocol) == 0
            continue
        assert score(name, flat, flat, protocol=protocol) == 1
        with pytest.raises(UserError, match=r"target: .* flat.* holds no information to be kept; leave it out"):
            score(name, textured, flat, protocol=protocol)


@pytest.mark.parametrize("name", ALL)
def test_patterns_without_variation_in_a_direction_have_a_score(name: str) -> None:
    stripes = np.tile((np.arange(96) % 8 < 4).astype(float), (3, 96, 1))
    ramp = np.tile(np.linspace(0, 1, 96), (3, 96, 1))
    for target in (stripes, stripes.transpose(0, 2, 1), ramp):
        prediction = gaussian_filter(target, (0, 1, 1))
        assert np.isfinite(score(name, prediction, target)) and score(name, prediction, target) >= 0


@pytest.mark.parametrize("name", ALL)
def test_a_picture_smaller_than_the_scales_is_refused(name: str) -> None:
    least = LEAST[name]
    target = target_of(least)
    assert score(name, gaussian_filter(target, (0, 1, 1)), target) > 0
    message = (
        f"prediction: {least - 1}x{least} pixels after the crop, {name} needs {least}x{least}; use larger pictures"
    )
    with pytest.raises(UserError, match=message):
        score(name, target[:, 1:], target[:, 1:])
    with pytest.raises(UserError, match=f"prediction: {least - 2}x{least - 2} pixels after the crop"):
        score(name, target, target, protocol=Protocol(load(name).colours[0], 1))


@pytest.mark.parametrize("name", ["ifc", "vif"])
def test_the_pyramid_sees_luma_whatever_is_asked(name: str) -> None:
    assert protocol_of(name, "rgb") == Protocol("y601_rounded") and protocol_of(name, "gray") == Protocol("gray")
    with pytest.raises(UserError, match=f"{name} is not defined for the protocol 'rgb'; use 'y601_rounded', 'gray'"):
        load(name).score(target_of(), target_of(), Protocol())


def test_the_metrics_say_what_they_are() -> None:
    assert {load(name).better for name in ALL} == {"up"}
    assert (load("ifc").unit, load("vif").unit) == ("bit/px", "")


def test_loading_the_metrics_does_not_load_matplotlib() -> None:
    code = "import sys; import lossbench.metrics.ifc, lossbench.metrics.vif; sys.exit('matplotlib' in sys.modules)"
    assert run([sys.executable, "-c", code]).returncode == 0


def test_a_photograph_takes_a_second_at_most() -> None:
    target = floats(photograph("astronaut"))
    prediction = gaussian_filter(target, (0, 1, 1))
    score("ifc", prediction[:, :96, :96], target[:, :96, :96])
    start = time.process_time()
    score("ifc", prediction, target)
    assert time.process_time() - start < 3
