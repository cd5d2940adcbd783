"""Pan-sharpening by Wald's protocol: a multispectral picture (MS) is reduced, its original resolution is the target.

Bands are in the order blue, green, red, near infrared. The low quality has the target's height and width: the reduced
bands interpolated back to the grid of the panchromatic picture (PAN), and the PAN as the last band.
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.errors import UserError, as_written, nearest
from lossbench.images import largest
from lossbench.resize import crop_to_multiple, resize_bicubic
from lossbench.tasks import Pixels, TaskSettings

SOURCE = "Wald et al. 1997 (protocol); Zhou et al. 2022 (low-pass 'bicubic'); MAE paper, section 4.4"
TRIVIAL = "interpolated"
ALSO_TRIVIAL = ("gram_schmidt",)
"""Functions of this module that answer without a trained network either, for a row of their own."""

BANDS = ("blue", "green", "red", "nir")
PAN = {"green": 0.25, "red": 0.35, "nir": 0.40}
"""Weights of the PAN where the data set ships none; a sensor's PAN sees little blue."""

NYQUIST_GAIN = 0.3
"""Of the low-pass `mtf` at half the reduced sampling rate: near that of the sensors."""
LOWPASS = ("mtf", "bicubic")


SETTINGS = ("bands", "ratio", "lowpass", "pan")
"""`bands` is for networks and loss networks alone."""


def scale(settings: TaskSettings) -> int:
    """Return 1: the low quality lies on the grid of the target. Raises UserError for a setting unknown or wrong."""
    for name in settings:
        if name not in SETTINGS:
            raise UserError(f"settings: unknown setting '{name}'; {nearest(str(name), SETTINGS)}")
    ratio(settings)
    _lowpass(settings)
    _pan_weights(settings)
    bands = settings.get("bands", len(BANDS))
    if not isinstance(bands, int) or isinstance(bands, bool) or bands < 1:
        raise UserError(f"settings.bands: {as_written(bands)} is no number of bands; write a whole number, such as 4")
    return 1


def ratio(settings: TaskSettings) -> int:
    """Return the pixel size of the MS over that of the PAN; raises UserError unless it is 2 or more."""
    value = settings.get("ratio", 4)
    if not isinstance(value, int) or value < 2:
        raise UserError(f"settings.ratio: {value} is not a whole number of 2 or more; the sensors of the tables have 4")
    return value


def versions(settings: TaskSettings) -> int:
    """Return 1: nothing is random."""
    return 1


def reference(target: Pixels, settings: TaskSettings) -> Pixels:
    """Return the part of `target` (H, W, bands) that is scored: sides cut to multiples of the ratio."""
    return crop_to_multiple(target, ratio(settings))


def degrade(target: Pixels, settings: TaskSettings, generator: np.random.Generator) -> Pixels:
    """Return (H, W, bands + 1) of the target's type, the PAN being a weighted sum of the bands; nothing is random.

    Raises UserError for weights that are none, for other bands than `BANDS` and for an unknown low-pass.
    """
    target = reference(target, settings)
    weights = _pan_weights(settings)
    if target.shape[-1] != len(BANDS):
        raise UserError(f"target: {target.shape[-1]} bands; a PAN is made of {', '.join(BANDS)} only")
    return _stacked(target, _as_type(target @ weights, target.dtype)[..., None], settings)


def combine(target: Pixels, shipped: Pixels, settings: TaskSettings) -> Pixels:
    """Return (H, W, bands + 1) with the PAN `shipped` (h, w, 1), which is reduced if it is finer than the target.

    `target` comes as prepared, before `reference`. Raises UserError when `shipped` has not one band and the target's
    type, or is neither of the target's size nor `ratio` times as large.
    """
    factor = ratio(settings)
    if shipped.ndim != 3 or shipped.shape[-1] != 1:
        raise UserError(f"PAN: shape {shipped.shape} is not (H, W, 1); give one band")
    if shipped.dtype != target.dtype:
        raise UserError(f"PAN: {shipped.dtype} values, the target's are {target.dtype}; give both in one bit depth")
    height, width = target.shape[:2]
    target = reference(target, settings)
    rows, columns = target.shape[:2]
    if shipped.shape[:2] == (height, width):
        return _stacked(target, shipped[:rows, :columns], settings)
    if shipped.shape[:2] == (height * factor, width * factor):
        return _stacked(target, _reduced(shipped[: rows * factor, : columns * factor], settings), settings)
    raise UserError(
        f"PAN: {shipped.shape[0]} x {shipped.shape[1]} pixels (height x width) are neither the target's"
        f" {height} x {width} nor {factor} times that; replace one of the files"
    )


def trivial(low_quality: Pixels, settings: TaskSettings) -> Pixels:
    """Return the answer that every network has to beat: the interpolated bands, without the PAN."""
    return np.ascontiguousarray(low_quality[..., :-1])


def gram_schmidt(low_quality: Pixels, settings: TaskSettings) -> Pixels:
    """Return adaptive Gram-Schmidt sharpening (GSA; Aiazzi et al., IEEE TGRS 45(10), 2007) of (H, W, bands + 1).

    The intensity is the combination of bands that is nearest to the PAN at the resolution of the bands; what the PAN
    has beyond it is added to each band by the band's covariance with the intensity. A picture without contrast
    stays as it is.
    """
    bands, pan = low_quality[..., :-1].astype(np.float64), low_quality[..., -1].astype(np.float64)
    factor = ratio(settings)
    coarse = resize_bicubic(_gaussian(pan, factor), Fraction(factor), size=(pan.shape[0], pan.shape[1]))
    spectra = bands.reshape(-1, bands.shape[-1])
    design = np.column_stack([spectra, np.ones(len(spectra))])
    weights = np.linalg.lstsq(design, coarse.ravel(), rcond=None)[0]
    intensity = bands @ weights[:-1] + weights[-1]
    centred = intensity - intensity.mean()
    variance = np.mean(centred**2)
    if variance == 0:
        return trivial(low_quality, settings)
    gains = np.mean(centred.reshape(-1, 1) * (spectra - spectra.mean(axis=0)), axis=0) / variance
    return _as_type(bands + gains * (pan - intensity)[..., None], low_quality.dtype)


def _stacked(target: Pixels, pan: Pixels, settings: TaskSettings) -> Pixels:
    interpolated = resize_bicubic(_reduced(target, settings), Fraction(ratio(settings)))
    return np.concatenate([interpolated, pan], axis=-1)


def _pan_weights(settings: TaskSettings) -> NDArray[np.float64]:
    given = settings.get("pan", PAN)
    if not isinstance(given, dict):
        raise UserError(f"settings.pan: a mapping of bands to weights is expected (got {as_written(given)})")
    for name, weight in given.items():
        if name not in BANDS:
            raise UserError(f"settings.pan: unknown band '{name}'; {nearest(name, BANDS)}")
        if not isinstance(weight, int | float):
            raise UserError(f"settings.pan.{name}: a number is expected (got {as_written(weight)})")
        if weight < 0:
            raise UserError(f"settings.pan.{name}: {weight} is negative; give weights that sum to 1")
    if not math.isclose(sum(given.values()), 1, abs_tol=1e-6):
        raise UserError(f"settings.pan: the weights sum to {sum(given.values()):.6g}; let them sum to 1")
    return np.array([given.get(name, 0.0) for name in BANDS])


def _lowpass(settings: TaskSettings) -> str:
    lowpass = settings.get("lowpass", "mtf")
    if lowpass not in LOWPASS:
        raise UserError(f"settings.lowpass: unknown '{lowpass}'; {nearest(str(lowpass), LOWPASS)}")
    return str(lowpass)


def _reduced(image: Pixels, settings: TaskSettings) -> Pixels:
    """Return (H / ratio, W / ratio, bands): low-pass and decimation, rounded to the image's integers."""
    lowpass, factor = _lowpass(settings), ratio(settings)
    if lowpass == "mtf":
        return _as_type(_gaussian(image.astype(np.float64), factor), image.dtype)
    height, width = image.shape[0] // factor, image.shape[1] // factor
    # Pillow resizes 16-bit values as floats only; 8-bit ones it rounds after each pass, as the published loader has it
    bands = image if image.dtype == np.uint8 else image.astype(np.float32)
    small = [
        Image.fromarray(np.ascontiguousarray(bands[..., band])).resize((width, height), Image.Resampling.BICUBIC)
        for band in range(bands.shape[-1])
    ]
    return _as_type(np.stack([np.asarray(band) for band in small], axis=-1).astype(np.float64), image.dtype)


def _gaussian(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Low-pass (H, W, ...) and keep the middle of every `factor` pixels in both directions; symmetric borders."""
    from scipy.ndimage import correlate1d

    deviation = factor * math.sqrt(-2 * math.log(NYQUIST_GAIN)) / math.pi
    reach = math.ceil(4 * deviation)
    # an even factor has its middle between two pixels, and so has the kernel
    length = 2 * reach + factor % 2
    weights = np.exp(-(((np.arange(length) - (length - 1) / 2) / deviation) ** 2) / 2)
    weights /= weights.sum()
    for axis in (0, 1):
        smooth = correlate1d(image, weights, axis=axis, mode="reflect")
        image = smooth[factor // 2 :: factor] if axis == 0 else smooth[:, factor // 2 :: factor]
    return image


def _as_type(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Pixels:
    return np.clip(np.rint(values), 0, largest(dtype)).astype(dtype)
