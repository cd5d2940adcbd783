"""Pan-sharpening: Wald's protocol in numbers, the PAN, component substitution, and what is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from lossbench import datasets
from lossbench.datasets import Dataset, Source, Splits, landsat7
from lossbench.errors import UserError
from lossbench.tasks import pan_sharpening as task
from pipeline import degrade, prepare
from pipeline.outputs.arrays import Arrays
from pipeline.specs.prepare import DegradeSpec, PrepareSpec

MTF = {"ratio": 4, "lowpass": "mtf", "pan": {"green": 0.25, "red": 0.35, "nir": 0.40}}
BICUBIC = {**MTF, "lowpass": "bicubic"}
GENERATOR = np.random.default_rng(0)


def picture(height: int = 32, width: int = 48, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    largest = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, largest + 1, (height, width, 4), dtype=dtype)


def psnr(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    error = np.mean(np.square(ours.astype(np.float64) - theirs))
    return 10 * math.log10(np.iinfo(theirs.dtype).max ** 2 / error)


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(4, 45),
    width=st.integers(4, 45),
    lowpass=st.sampled_from(task.LOWPASS),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_any_size_keeps_its_grid_and_type(height: int, width: int, lowpass: str, dtype: Any) -> None:
    target, chosen = picture(height, width, dtype), {**MTF, "lowpass": lowpass}
    low = task.degrade(target, chosen, GENERATOR)
    reference = task.reference(target, chosen)
    assert reference.shape == (height // 4 * 4, width // 4 * 4, 4)
    assert low.shape == (*reference.shape[:2], 5) and low.dtype == dtype
    for name in ("trivial", *task.ALSO_TRIVIAL):
        answer = getattr(task, name)(low, chosen)
        assert answer.shape == reference.shape and answer.dtype == dtype
    assert task.scale(chosen) == 1


@pytest.mark.parametrize("lowpass", task.LOWPASS)
@pytest.mark.parametrize("value", [0, 1, 77, 65535])
def test_a_flat_picture_stays_as_it_is(lowpass: str, value: int) -> None:
    target = np.full((24, 28, 4), value, np.uint16)
    low = task.degrade(target, {**MTF, "lowpass": lowpass}, GENERATOR)
    assert (low == value).all()
    assert (task.gram_schmidt(low, MTF) == value).all()


def test_the_gaussian_has_a_gain_of_three_tenths_at_the_reduced_nyquist_frequency() -> None:
    # one period is two reduced pixels, and their middles lie on its crests
    columns = np.arange(256)
    wave = np.cos(np.pi * (columns - 1.5) / 4)
    reduced = task._gaussian(np.tile(wave, (64, 1)), 4)
    assert reduced.shape == (16, 64)
    assert np.abs(reduced[8, 8:-8]) == pytest.approx(0.3, abs=1e-3)
    assert reduced[8, 20] == pytest.approx(0.3, abs=1e-3) and reduced[8, 21] == pytest.approx(-0.3, abs=1e-3)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_ramp_stays_in_its_place(factor: int) -> None:
    """A reduced pixel lies in the middle of the pixels that it stands for."""
    ramp = np.tile(np.arange(240.0), (48, 1))
    reduced = task._gaussian(ramp, factor)
    middles = (np.arange(240 // factor) + 0.5) * factor - 0.5
    assert reduced[3, 10:-10] == pytest.approx(middles[10:-10], abs=1e-9)


def test_the_published_low_pass_has_the_bytes_of_pillow() -> None:
    target = picture()
    cmyk = Image.frombytes("CMYK", (48, 32), target.tobytes())
    expected = np.asarray(cmyk.resize((12, 8), Image.Resampling.BICUBIC))
    assert np.array_equal(task._reduced(target, BICUBIC), expected)
    # 16 bits: the same picture with finer levels
    fine = task._reduced(target.astype(np.uint16) * 257, BICUBIC)
    assert np.abs(fine / 257 - expected).max() < 1.5


def test_the_pan_is_the_weighted_sum_of_green_red_and_infrared() -> None:
    target = np.zeros((4, 4, 4), np.uint8)
    target[0, :4] = [[200, 0, 0, 0], [0, 200, 0, 0], [0, 0, 200, 0], [0, 0, 0, 200]]
    low = task.degrade(target, MTF, GENERATOR)
    assert low[0, :, 4].tolist() == [0, 50, 70, 80]
    blue = task.degrade(target, {**MTF, "pan": {"blue": 1.0}}, GENERATOR)
    assert blue[0, :, 4].tolist() == [200, 0, 0, 0]


def test_a_shipped_pan_on_the_grid_is_taken_as_it_is() -> None:
    target, pan = picture(33, 50, np.uint16), picture(33, 50, np.uint16, seed=1)[..., :1]
    low = task.combine(target, pan, BICUBIC)
    assert low.shape == (32, 48, 5)
    assert np.array_equal(low[..., 4], pan[:32, :48, 0])
    assert np.array_equal(low[..., :4], task.degrade(target, BICUBIC, GENERATOR)[..., :4])


@pytest.mark.parametrize("chosen", [MTF, BICUBIC])
def test_a_finer_pan_is_reduced_with_the_same_low_pass(chosen: dict[str, Any]) -> None:
    target = picture(33, 50)
    pan = picture(4 * 33, 4 * 50, seed=1)[..., :1]
    low = task.combine(target, pan, chosen)
    assert low.shape == (32, 48, 5)
    assert np.array_equal(low[..., 4:], task._reduced(pan[:128, :192], chosen))


def test_gram_schmidt_gains_nine_decibels_on_landsat() -> None:
    """With a peak of 117, below which 99.9 % of the values lie, these are 30.6 and 39.4 dB."""
    scene = landsat7._bands(landsat7.DATASET.locate(None)["train"][0].path)
    low, target = task.degrade(scene, MTF, GENERATOR), task.reference(scene, MTF)
    interpolated, sharpened = (psnr(answer(low, MTF), target) for answer in (task.trivial, task.gram_schmidt))
    assert interpolated == pytest.approx(37.34, abs=0.05)
    assert sharpened - interpolated == pytest.approx(8.8, abs=0.2)


def test_gram_schmidt_of_a_pan_that_is_a_band_returns_that_band() -> None:
    scene = landsat7.DATASET.read(landsat7.DATASET.locate(None)["test"][0])
    low = task.degrade(scene, {**MTF, "pan": {"red": 1.0}}, GENERATOR)
    sharpened = task.gram_schmidt(low, MTF)
    assert psnr(sharpened[..., 2], scene[..., 2]) > psnr(low[..., 2], scene[..., 2]) + 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lowpass": "mft"}, r"settings\.lowpass: unknown 'mft'; did you mean 'mtf'\?"),
        ({"ratio": 1}, r"settings\.ratio: 1 is not a whole number of 2 or more"),
        ({"ratio": 2.5}, r"settings\.ratio: 2\.5"),
        ({"pan": {"gren": 1.0}}, r"settings\.pan: unknown band 'gren'; did you mean 'green'\?"),
        ({"pan": {"green": 1.5, "red": -0.5}}, r"settings\.pan\.red: -0\.5 is negative"),
        ({"pan": {"green": 0.5}}, r"settings\.pan: the weights sum to 0\.5; let them sum to 1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        task.degrade(picture(), {**MTF, **change}, GENERATOR)


def test_a_pan_needs_the_four_bands() -> None:
    with pytest.raises(UserError, match="target: 3 bands; a PAN is made of blue, green, red, nir only"):
        task.degrade(picture()[..., :3], MTF, GENERATOR)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((32, 48, 3), np.uint8, r"PAN: shape \(32, 48, 3\) is not \(H, W, 1\)"),
        ((32, 48, 1), np.uint16, "PAN: uint16 values, the target's are uint8"),
        ((64, 96, 1), np.uint8, "PAN: 64 x 96 pixels .* are neither the target's 32 x 48 nor 4 times that"),
        ((48, 32, 1), np.uint8, "PAN: 48 x 32 pixels"),
    ],
)
def test_a_shipped_pan_that_does_not_fit_is_named_with_both_files(
    shape: tuple[int, ...], dtype: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ms.tif", "pan.tif"):
        (tmp_path / name).touch()

    class Shipping(Dataset):
        card = datasets.card("worldview2")

        def locate(self, root: Path | None) -> Splits:
            return {"train": [], "val": [], "test": [Source("a", tmp_path / "ms.tif", "none")]}

        def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits:
            return {"test": [Source("a", tmp_path / "pan.tif", "none")]}

        def read(self, source: Source) -> NDArray[Any]:
            return picture()

        def read_low_quality(self, source: Source) -> NDArray[Any]:
            return pan

    pan = np.zeros((32, 48, 1), np.uint8)
    monkeypatch.setattr(datasets, "load", lambda name: Shipping())
    prepare.main(PrepareSpec(dataset="worldview2", root=None), "code", tmp_path / "out")
    spec = DegradeSpec(dataset="worldview2", root=None, task="pan_sharpening", settings=BICUBIC)
    degrade.main(spec, "code", tmp_path / "out/target.json", tmp_path / "out")
    (item,) = Arrays(tmp_path / "out/low_quality.json").items
    assert (item.shape, item.origin) == ((32, 48, 5), "pan.tif")
    pan = np.zeros(shape, dtype)
    with pytest.raises(UserError, match=rf"^split test: {tmp_path}/pan\.tif does not fit ms\.tif: {message}"):
        degrade.main(spec, "code", tmp_path / "out/target.json", tmp_path / "again")
