"""Metrics of clips: PSNR by frames, flicker by brightness, and what is left after the target's motion is undone."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from _golden import floats
from _golden import photograph as photographed
from numpy.typing import NDArray
from scipy.ndimage import shift

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.metrics import Protocol, listing, load, mabd, protocol_of, score, warping_error

Floats = NDArray[np.float64]
CLIPS = ("psnr_video", "ssim_video", "mabd", "warping_error")
EXACT = Protocol(rounding=False)


def moving(step: tuple[float, float], frames: int = 3, side: int = 64) -> Floats:
    """Return a clip (T, 3, side, side) whose content moves by `step` pixels a frame."""
    photograph = floats(photographed("astronaut")[60 : 80 + side, 170 : 190 + side])
    moved = [
        [shift(band, (step[0] * index, step[1] * index), order=3, mode="reflect") for band in photograph]
        for index in range(frames)
    ]
    clip: Floats = np.clip(moved, 0, 1)[:, :, 10 : 10 + side, 10 : 10 + side]
    return clip


def noisy(clip: Floats, sigma: float) -> Floats:
    generator = np.random.default_rng(0)
    return np.clip(clip + generator.normal(0, sigma, clip.shape), 0, 1)


def test_the_psnr_of_a_clip_is_the_mean_over_frames_and_not_that_of_the_pooled_error() -> None:
    target = np.full((2, 3, 8, 9), 100 / 255)
    prediction = target + np.array([1, 10]).reshape(2, 1, 1, 1) / 255
    first, second = 20 * math.log10(255), 20 * math.log10(25.5)
    assert score("psnr_video", prediction, target) == pytest.approx((first + second) / 2, abs=1e-12)
    pooled = score("psnr", *(clip.transpose(1, 0, 2, 3).reshape(3, -1, 9) for clip in (prediction, target)))
    assert pooled == pytest.approx(10 * math.log10(255**2 / 50.5), abs=1e-12)
    assert pooled < (first + second) / 2 - 7
    prediction[0] = target[0]
    assert score("psnr_video", prediction, target) == math.inf


def test_the_psnr_of_one_frame_is_that_of_the_picture_under_any_protocol() -> None:
    target = moving((0, 0), frames=1)
    prediction = noisy(target, 0.1)
    for protocol in (Protocol(), EXACT, Protocol("y601", 4), Protocol("gray", 1)):
        assert score("psnr_video", prediction, target, protocol=protocol) == score(
            "psnr", prediction[0], target[0], protocol=protocol
        )


def test_the_ssim_of_a_clip_is_the_mean_over_its_frames_under_any_protocol() -> None:
    target = moving((1, 0), frames=2)
    prediction = noisy(target, 0.1)
    for protocol in (Protocol(), EXACT, Protocol("y601", 4)):
        each = [score("ssim", *pair, protocol=protocol) for pair in zip(prediction, target, strict=True)]
        assert score("ssim_video", prediction, target, protocol=protocol) == pytest.approx(sum(each) / 2, abs=1e-15)
    assert score("ssim_video", target, target) == 1


def test_flicker_is_the_squared_difference_of_the_two_curves() -> None:
    levels = np.array([[10, 13, 13, 9], [20, 20, 26, 27]]) / 255
    prediction, target = (np.broadcast_to(each.reshape(4, 1, 1, 1), (4, 3, 5, 6)) for each in levels)
    # curves 3, 0, 4 and 0, 6, 1
    assert score("mabd", prediction, target) == pytest.approx((9 + 36 + 9) / 3, abs=1e-4)
    assert mabd.curve(np.array([10.0, 13, 9]).reshape(3, 1, 1, 1)).tolist() == [3, 4]


def test_flicker_does_not_see_a_constant_bias_but_what_changes_between_frames() -> None:
    target = 0.25 + 0.5 * moving((1, 0.5))
    assert score("mabd", target + 20 / 255, target, protocol=EXACT) == pytest.approx(0, abs=1e-6)
    flickering = target.copy()
    flickering[1] += 20 / 255
    assert score("mabd", flickering, target) > 1
    assert score("mabd", target[::-1], target[::-1]) == 0
    assert protocol_of("mabd", "rgb").colour == "gray"


def test_pixels_of_both_signs_do_not_cancel_in_the_curve() -> None:
    clip = np.full((2, 1, 1, 2), 5.0)
    clip[1, 0, 0] = [8, 2]
    assert mabd.curve(clip).tolist() == [3]


def test_without_motion_the_warping_error_is_the_difference_of_neighbouring_frames() -> None:
    target = np.repeat(moving((0, 0), frames=1), 3, axis=0)
    prediction = target * np.array([1, 0.9, 1]).reshape(3, 1, 1, 1)
    expected = np.square(np.diff(prediction, axis=0)).mean()
    assert score("warping_error", prediction, target, protocol=EXACT) == pytest.approx(expected, rel=1e-6)
    assert score("warping_error", target, target) == 0


def test_motion_of_the_target_is_undone() -> None:
    target = moving((0.75, -1.5))
    still = np.square(np.diff(target, axis=0)).mean()
    own = score("warping_error", target, target)
    assert 0 < own < still / 20
    # noise of two frames remains, less what the interpolation smooths
    sigma = 0.05
    found = score("warping_error", noisy(target, sigma), target, protocol=EXACT)
    assert sigma**2 < found - own < 2 * sigma**2
    assert score("warping_error", noisy(target, 0.1), target) > found


def test_the_flow_points_to_the_following_frame() -> None:
    clip = moving((0, 2), frames=2).mean(axis=1)
    places, followed = warping_error._motion(clip[0], clip[1])
    moved = places - np.indices(clip[0].shape)
    inside = (slice(8, -8), slice(8, -8))
    assert np.median(moved[0][inside]) == pytest.approx(0, abs=0.2)
    assert np.median(moved[1][inside]) == pytest.approx(2, abs=0.2)
    assert followed[inside].mean() > 0.9


def test_what_leaves_the_picture_or_is_covered_is_not_compared() -> None:
    clip = moving((0, 6), frames=2).mean(axis=1)
    followed = warping_error._motion(clip[0], clip[1])[1]
    assert not followed[8:-8, -4:].any()
    target = moving((0, 6), frames=2)
    broken = target.copy()
    broken[0, :, :, -4:] = 0
    assert score("warping_error", broken, target) == score("warping_error", target, target)


def test_a_clip_of_which_nothing_can_be_followed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = moving((0, 0))
    nothing = np.zeros((64, 64), dtype=bool)
    monkeypatch.setattr(warping_error, "_motion", lambda *_: (np.indices((64, 64)), nothing))
    with pytest.raises(UserError, match="no pixel can be followed from frame to frame"):
        score("warping_error", clip, clip)


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[0], r"prediction: shape \(3, 64, 64\) is not \(T, C, H, W\); give one clip"),
        (lambda x: x[:0], "prediction: 0 frames; give "),
        (lambda x: x[:-1], "prediction: 2 frames, target: 3; give clips of one length"),
        (lambda x: x[..., 1:], r"prediction: shape \(3, 64, 63\), target: \(3, 64, 64\)"),
        (lambda x: x * 255, r"prediction: values .* are not in \[0, 1\]"),
        (lambda x: np.where(x == x[2].max(), np.nan, x), "prediction: NaN or infinite"),
        (lambda x: (x * 255).astype(np.uint8), "prediction: uint8 values"),
    ],
)
def test_clips_that_mean_something_else_are_refused(name: str, change: Any, message: str) -> None:
    clip = moving((0, 0))
    with pytest.raises(UserError, match=message):
        score(name, change(clip), clip)


def test_too_few_frames_and_too_small_ones_are_refused() -> None:
    clip = moving((0, 0))
    for name in ("mabd", "warping_error"):
        with pytest.raises(UserError, match="prediction: 1 frames; give 2 or more"):
            score(name, clip[:1], clip[:1])
    with pytest.raises(UserError, match="target: 64x15 pixels after the crop; use frames of 16x16 or more"):
        score("warping_error", clip[..., :15], clip[..., :15])


def test_the_list_says_what_a_number_is_of_and_what_it_needs() -> None:
    found = {entry["name"]: (entry["over"], entry["weights"]) for entry in listing()}
    assert {name: found[name] for name in CLIPS} == dict.fromkeys(CLIPS, ("clip", []))
    assert found["psnr"] == ("picture", []) and found["lpips"] == ("picture", ["lpips"])
    assert found["r_lpips"] == ("picture", ["robust_lpips"])
    assert found["fid"] == ("set", ["inception"]) and found["frechet_vgg16"] == ("set", ["vgg16"])
    for name, (over, weights) in found.items():
        metric = load(name)
        assert hasattr(metric, "score_set" if over == "set" else "score"), name
        assert hasattr(metric, "WEIGHTS_FROM") == bool(weights), name


def test_the_list_of_metrics_loads_no_torch() -> None:
    script = "import sys; from lossbench.metrics import listing; listing(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=plugins.PACKAGE.parent, check=True)
