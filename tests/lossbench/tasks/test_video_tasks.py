"""Noise and darkness of clips: fixed once a clip, the same in every window and crop, and of the stated strength."""

import math

import numpy as np
import pytest

from lossbench import tasks
from lossbench.errors import UserError
from lossbench.tasks import enhancement, video_denoising, video_enhancement

CLIP = np.random.default_rng(0).integers(0, 256, (4, 90, 150, 3), dtype=np.uint8)


@pytest.mark.parametrize("sigma", [10, 50])
def test_noise_is_white_of_its_strength_and_not_clipped(sigma: float) -> None:
    noisy = video_denoising.noisy(CLIP, "a", sigma)
    found = noisy - CLIP.astype(np.float32) / 255
    assert noisy.dtype == np.float32 and noisy.min() < 0 and noisy.max() > 1
    assert found.std() * 255 == pytest.approx(sigma, rel=0.02) and abs(found.mean()) * 255 < sigma / 100
    error = np.square(found).mean()
    assert -10 * math.log10(error) == pytest.approx(20 * math.log10(255 / sigma), abs=0.1)
    for axis in range(4):
        ours, theirs = (
            np.take(found, range(*span), axis).ravel() for span in ((0, found.shape[axis] - 1), (1, found.shape[axis]))
        )
        assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.02


def test_noise_is_the_same_for_whoever_reads_the_clip_in_windows_and_crops() -> None:
    whole = video_denoising.noisy(CLIP, "a", 20)
    assert np.array_equal(video_denoising.noisy(CLIP, "a", 20.0), whole)
    window = video_denoising.noisy(CLIP[1:4], "a", 20, first=1)
    assert np.array_equal(window, whole[1:4])
    for top, left, side in ((0, 0, 64), (3, 60, 70), (63, 127, 20), (64, 64, 1)):
        crop = CLIP[2:3, top : top + side, left : left + side]
        found = video_denoising.noisy(crop, "a", 20, first=2, corner=(top, left))
        assert np.array_equal(found, whole[2:3, top : top + side, left : left + side])


def test_another_clip_level_or_frame_has_other_noise() -> None:
    size = (64, 64, 3)
    first = video_denoising.noise("a", 10, 0, size)
    for other in (
        video_denoising.noise("b", 10, 0, size),
        video_denoising.noise("a", 10, 1, size),
        video_denoising.noise("a", 20, 0, size) / 2,
        video_denoising.noise("a", 10, 0, size, (64, 0)),
        video_denoising.noise("a", 10, 0, size, (0, 64)),
    ):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05
    # what was once drawn stays
    assert first[0, 0].tolist() == pytest.approx(video_denoising.noise("a", 10, 0, (1, 1, 3))[0, 0].tolist())


def test_sixteen_bits_are_brought_to_the_same_range() -> None:
    deep = CLIP.astype(np.uint16) * np.uint16(257)
    assert np.allclose(video_denoising.noisy(deep, "a", 10), video_denoising.noisy(CLIP, "a", 10), atol=1e-6)


def test_the_settings_are_those_of_the_published_tables() -> None:
    found = video_denoising.parsed({})
    assert found.sigmas == (10, 20, 30, 40, 50) and found.training == (5, 55)
    with pytest.raises(UserError, match=r"settings of task 'video_denoising'.*sigmas"):
        video_denoising.scale({"sigmas": [20, 10]})
    with pytest.raises(UserError, match="'video_denoising' stores no low quality; its noise is added where frames"):
        video_denoising.degrade(CLIP, {}, np.random.default_rng(0))


def test_a_clip_is_darkened_by_one_curve_and_noise_of_each_frame() -> None:
    still = np.broadcast_to(CLIP[:1], (3, *CLIP.shape[1:]))
    dark = video_enhancement.degrade(still, {}, np.random.default_rng(1))
    assert dark.dtype == np.uint8 and dark.shape == still.shape
    means = dark.mean(axis=(1, 2, 3))
    # one curve: no flicker beyond that of photons
    assert np.ptp(means) < 0.3 and means.mean() < 0.6 * still.mean()
    assert not np.array_equal(dark[0], dark[1])
    curve = enhancement.drawn_curve({}, np.random.default_rng(1))
    assert 2 <= curve.gamma <= 3.5 and curve.peak == 200
    expected = 255 * curve.beta * (curve.alpha * still[0] / 255) ** curve.gamma
    assert dark.mean(axis=0).mean() == pytest.approx(expected.mean(), abs=0.3)


def test_frames_are_darkened_as_they_come_and_as_the_whole_clip_is() -> None:
    task = tasks.load("video_enhancement")
    assert isinstance(task, tasks.StreamedTask) and not isinstance(tasks.load("enhancement"), tasks.StreamedTask)
    whole = task.degrade(CLIP, {}, np.random.default_rng(2))
    frames = task.degrade_frames(iter(CLIP), {}, np.random.default_rng(2))
    assert np.array_equal(next(frames), whole[0]) and np.array_equal(list(frames), whole[1:])
    # the first frame is what the task of pictures makes of it
    assert np.array_equal(whole[0], enhancement.degrade(CLIP[0], {}, np.random.default_rng(2)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_harder_answer_brightens_a_clip_by_one_power(dtype: type) -> None:
    white = np.iinfo(dtype).max
    dark = (CLIP.astype(float) / 255 * 0.3 * white).astype(dtype)
    dark[2] //= 2
    found = video_enhancement.gamma_corrected(dark, {})
    assert found.dtype == dtype and found.mean() / white == pytest.approx(enhancement.MEAN, abs=0.01)
    assert found[2].mean() < found[1].mean()
    if dtype == np.uint8:
        flat = dark.reshape(-1, *dark.shape[2:])
        assert np.array_equal(found.reshape(flat.shape), enhancement.gamma_corrected(flat, {}))
