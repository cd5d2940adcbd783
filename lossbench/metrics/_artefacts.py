"""Artefacts that only the eye is said to find, measured: grids, ringing beside edges, and echoes of edges.

All three look at the residual, prediction minus target in levels of luma, after the best multiple of the target and the
best constant are taken out of the prediction: a change of contrast or brightness is no artefact. Each is 0 for equal
pictures, grows with the artefact, and is built so that blur and white noise, which leave residuals too, stay near 0:

- blur is a linear filter of the target, so its residual is predictable from the target, smooth far from edges, and its
  impulse response ends within some pixels;
- white noise is independent from pixel to pixel, so products of different pixels are 0 on average.

Luma is not rounded, since patterns fainter than a level count.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

from lossbench.metrics._levels import compared
from lossbench.metrics._protocol import Floats, Pixels, Protocol

Step = tuple[int, int]

SIDE = 128
"""Least height and width in pixels: below, there are too few blocks to tell a pattern from chance."""

GRID_BLOCK = 32
"""Side of the blocks whose spectra are averaged for `grid`; periods of 2, 4 and 8 pixels are whole numbers of bins."""
PERIOD = 8
"""Longest period of a grid in pixels; 4 and 2 are among its harmonics."""
FLOOR = 0.5
"""Variance of white noise, in levels squared, that is added to every background: fainter patterns are not seen."""

DIRECTIONS: tuple[tuple[Step, Step], ...] = (((0, 1), (1, 0)), ((1, 1), (1, -1)), ((1, 0), (0, 1)), ((1, -1), (1, 1)))
"""Steps (down, right) across and along an edge, for gradients at 0, 45, 90 and 135 degrees."""
STRONG, SMOOTH = 12.0, 5.0
"""Gradients in levels per pixel: above the first is an edge, below the second the picture is smooth."""
REACH = 16
"""How far from an edge ringing is looked for, in pixels."""
HALF_WAVES = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
"""Half of the wavelengths of ringing in pixels."""
FEWEST = 200
"""Pairs of pixels below which a mean product says nothing."""

ECHO_BLOCK = 96
"""Side of the blocks whose spectra are averaged for `echoes`."""
NEAR, FAR = 4, 24
"""Displacements of echoes in pixels."""
REGULARISATION = 0.02
"""Share of the mean power of the target's gradient that is added to it at every frequency."""
CHANCE = 5.0
"""Deviations that the strongest of some 1800 displacements stays below by chance."""


def score(
    name: str, of: Callable[[Floats, Floats], float], prediction: Pixels, target: Pixels, protocol: Protocol
) -> float:
    """Return the metric `name`, which is `of` prediction and target, 0 for none.

    (1 or 3, H, W) in [0, 1] are compared as luma, after the best contrast and brightness are fitted. Raises UserError
    as Protocol.apply, and for pictures under 128x128 pixels after the crop.
    """
    ours, theirs = compared(name, prediction, target, protocol, ("gray",), SIDE, exact_luma=True)
    return of(ours[0], theirs[0])


def residual(prediction: Floats, target: Floats) -> Floats:
    """Return what is left of (H, W) `prediction` after the best fit slope * target + offset, least squares."""
    ours, theirs = prediction - prediction.mean(), target - target.mean()
    energy = float(np.sum(theirs**2))
    slope = float(np.sum(ours * theirs)) / energy if energy else 1.0
    left: Floats = ours - slope * theirs
    return left


def grid(prediction: Floats, target: Floats) -> float:
    """Return how far the strongest periodic line stands above the spectrum around it, in dB, 0 or more.

    Of the residual's power spectrum (mean over blocks of 32 pixels, Hann window) the part that a linear filter of the
    target explains is taken out, so that blur leaves nothing. A line is the 3 x 3 bins at a frequency (i / 8, j / 8)
    cycles per pixel, which are all harmonics, across, down and both, of patterns of period 2, 4 and 8. Its background
    is the mean of two opposite bins at distance 2, in whichever of four directions it is largest, times 9: a ridge or
    a slope of the spectrum is no line. 10 log10(1 + excess / background); the background has a
    floor of 0.7 levels of white noise.
    """
    own, target_power, cross = _spectra(residual(prediction, target), target, GRID_BLOCK, GRID_BLOCK // 2)
    explained = np.abs(cross) ** 2 / np.maximum(target_power, np.finfo(np.float64).tiny)
    power = np.maximum(own - explained, 0) + FLOOR / GRID_BLOCK**2
    line = sum((_bins(power, (down, right)) for down in (-1, 0, 1) for right in (-1, 0, 1)), np.zeros_like(power))
    opposite = [
        (_bins(power, (2 * down, 2 * right)) + _bins(power, (-2 * down, -2 * right))) / 2
        for (down, right), _ in DIRECTIONS
    ]
    background = 9 * np.max(opposite, axis=0)
    apart = GRID_BLOCK // PERIOD
    ratio = np.maximum(line / background - 1, 0)[::apart, ::apart].copy()
    # a constant is no pattern
    ratio[0, 0] = 0
    return float(10 * np.log10(1 + ratio.max()))


def ringing(prediction: Floats, target: Floats) -> float:
    """Return the amplitude in levels (root mean square) of the residual's waves beside strong edges, 0 or more.

    Looked at are pixels up to 16 from an edge of the target (gradient above 12 levels per pixel), where the target is
    smooth (below 5 in the 5 x 5 pixels around), and waves of some 4 to 16 pixels there.
    A wave across the edge of wavelength 4 to 12 pixels makes the product of two pixels half a wavelength apart negative
    and that of two pixels a whole one apart positive; what counts is the smaller of the two, for the wavelength where
    it is largest, less twice its standard error. Pixels of a pair also lie 2 apart along the edge, so that noise has
    no part in the products, and the tail of a blur, which changes its sign once at most, has no second product. 0
    where the target has no such surroundings of edges.
    """
    down, right = gaussian_filter(target, 1, (1, 0)), gaussian_filter(target, 1, (0, 1))
    steepness = np.hypot(down, right)
    edge = steepness > STRONG
    if not edge.any():
        return 0.0
    distance, nearest = distance_transform_edt(~edge, return_indices=True)
    beside = (maximum_filter(steepness, 5) < SMOOTH) & (distance <= REACH)
    direction = np.round(np.arctan2(down, right) / (np.pi / 4)).astype(int) % len(DIRECTIONS)
    direction = direction[nearest[0], nearest[1]]
    left = residual(prediction, target)
    waves = [_waves(left, across) for across, _ in DIRECTIONS]
    zones = [beside & (direction == index) for index in range(len(DIRECTIONS))]
    strongest = 0.0
    for half in HALF_WAVES:
        trough, trough_error = _mean_product(waves, zones, half)
        crest, crest_error = _mean_product(waves, zones, 2 * half)
        strongest = max(strongest, min(-trough - 2 * trough_error, crest - 2 * crest_error))
    return float(np.sqrt(strongest))


def echoes(prediction: Floats, target: Floats) -> float:
    """Return the contrast of the strongest echo in per cent of that of the edges it repeats, 0 or more.

    The residual is regressed on the target's gradient at all displacements at once, which is the impulse response of
    the filter from target to residual: cross spectrum over regularised power spectrum (means over blocks of 96 pixels,
    Hann window, gradients to give every frequency a like weight). A structure that the target itself repeats is thus no
    echo. What counts is the largest absolute value at a displacement of 4 to 24 pixels, less 5 times the deviation of
    all of them (from their median), relative to what an echo of 100 % gives. Blur stays within a few pixels.
    """
    _, target_power, cross = _spectra(residual(prediction, target), target, ECHO_BLOCK, ECHO_BLOCK // 4)
    cosine = np.cos(2 * np.pi * np.fft.fftfreq(ECHO_BLOCK))
    gradient = 4 - 2 * cosine[:, None] - 2 * cosine
    steep = gradient * target_power
    denominator = steep + REGULARISATION * steep.mean()
    if not denominator.any():
        return 0.0
    response = np.fft.ifft2(gradient * cross / denominator).real
    response /= np.fft.ifft2(steep / denominator).real.max()
    places = np.fft.fftfreq(ECHO_BLOCK, 1 / ECHO_BLOCK).astype(int)
    distance = np.hypot(places[:, None], places)
    looked_at = (distance >= NEAR) & (distance <= FAR)
    # the window of a block shows less of an edge together with its echo, the farther they are apart
    window = _window(ECHO_BLOCK)
    shown = np.correlate(window, window, "full")[places + ECHO_BLOCK - 1] / np.sum(window**2)
    strength = np.abs(response[looked_at] / (shown[:, None] * shown)[looked_at])
    deviation = float(np.median(strength)) / 0.6745
    return 100 * max(float(strength.max()) - CHANCE * deviation, 0.0)


def _spectra(left: Floats, target: Floats, block: int, step: int) -> tuple[Floats, Floats, NDArray[np.complex128]]:
    """Return the power of `left` and of `target` and their cross spectrum; the bins of a power sum to the variance."""
    window = _window(block)
    taper = window[:, None] * window
    power, target_power = np.zeros((block, block)), np.zeros((block, block))
    cross = np.zeros((block, block), np.complex128)
    height, width = left.shape
    corners = list(product(range(0, height - block + 1, step), range(0, width - block + 1, step)))
    for top, start in corners:
        place = (slice(top, top + block), slice(start, start + block))
        ours, theirs = (np.fft.fft2((image[place] - image[place].mean()) * taper) for image in (left, target))
        power += np.abs(ours) ** 2
        target_power += np.abs(theirs) ** 2
        cross += ours * theirs.conj()
    scale = 1 / (len(corners) * block**2 * np.sum(taper**2))
    return power * scale, target_power * scale, cross * scale


def _window(block: int) -> Floats:
    """Return Hann's window (block,), periodic."""
    return np.hanning(block + 1)[:-1]


def _bins(power: Floats, offset: Step) -> Floats:
    """Return at every bin the power of the one `offset` away."""
    return np.roll(power, (-offset[0], -offset[1]), (0, 1))


def _waves(left: Floats, across: Step) -> Floats:
    """Return (H, W) filtered along the line through each pixel in steps `across`: waves of some 4 to 16 pixels."""
    radius = 8
    steps = np.arange(-radius, radius + 1)
    # the narrow mean takes out what changes from pixel to pixel, the wide one what hardly changes
    narrow, wide = (np.exp(-((steps * np.hypot(*across)) ** 2) / (2 * deviation**2)) for deviation in (0.8, 3.0))
    weights = narrow / narrow.sum() - wide / wide.sum()
    padded = np.pad(left, radius, mode="reflect")
    height, width = left.shape
    waves = np.zeros_like(left)
    for step, weight in zip(steps, weights, strict=True):
        top, start = radius + across[0] * step, radius + across[1] * step
        waves += weight * padded[top : top + height, start : start + width]
    return waves


def _mean_product(waves: list[Floats], zones: list[NDArray[np.bool_]], length: float) -> tuple[float, float]:
    """Return the mean product of pixels `length` apart across the edge, both in its zone, and its standard error."""
    products = []
    for (across, along), wave, zone in zip(DIRECTIONS, waves, zones, strict=True):
        size = float(np.hypot(*across))
        far, aside = round(length / size), max(1, round(2 / size))
        for sign in (1, -1):
            offset = (far * across[0] + sign * aside * along[0], far * across[1] + sign * aside * along[1])
            here, there = _overlap(offset)
            both = zone[here] & zone[there]
            products.append((wave[here] * wave[there])[both])
    values = np.concatenate(products)
    if len(values) < FEWEST:
        return 0.0, 0.0
    # neighbouring products share pixels, so they count as a quarter of their number
    return float(values.mean()), 2 * float(values.std()) / float(np.sqrt(len(values)))


def _overlap(offset: Step) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where pixels lie that have a partner `offset` away, and where the partners lie."""
    here = tuple(slice(max(0, -step), -step if step > 0 else None) for step in offset)
    there = tuple(slice(max(0, step), step if step < 0 else None) for step in offset)
    return (here[0], here[1]), (there[0], there[1])
