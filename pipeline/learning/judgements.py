"""Triplets for distances: a reference, two variants, and the share of people who find the second one closer.

What a step sees depends on the seed and the step alone.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from lossbench.datasets import Source
from lossbench.errors import UserError
from lossbench.images import through_jpeg
from pipeline.learning.sampling import HELD_OUT_SEED, random_square, step_generator, turned
from pipeline.outputs.arrays import Arrays

Pixels = NDArray[np.uint8]
Triplets = list[NDArray[Any]]
"""References, first and second variants, (N, side, side, 3) uint8 each, and judgements (N,) float32."""
Triplet = tuple[Sequence[Pixels], float]
Distort = Callable[[NDArray[np.float64], float, np.random.Generator], NDArray[np.float64]]
HELD_OUT_BATCH = 32
"""Held-out triplets that are drawn at once."""
GAP = 0.1
"""Least difference of two severities, of 0 (faint) to 1 (strong)."""


class HumanJudgements:
    """Triplets that people judged, read when they are needed."""

    kind = "human"

    def __init__(
        self,
        train: Sequence[Source],
        test: Sequence[Source],
        read: Callable[[Source, int], Triplet],
        *,
        side: int,
        batch: int,
        seed: int,
        augment: bool,
        workers: int = 1,
    ) -> None:
        """Train on `train`, score on `test`, set by set, with `workers` threads that `read`.

        `read` gives a triplet of a source at a side. `augment` turns all images of a triplet alike.
        """
        self.train, self.read, self.side, self.batch = train, read, side, batch
        self.seed, self.augment = seed, augment
        self.sets: dict[str, list[Source]] = {}
        for source in test:
            self.sets.setdefault(str(source.group), []).append(source)
        self.threads = ThreadPoolExecutor(max_workers=workers)

    def draw(self, step: int) -> Triplets:
        """Return the triplets of `step`; raises UserError naming a file that is missing or damaged."""
        generator = step_generator(self.seed, step)
        chosen = generator.integers(len(self.train), size=self.batch)
        found = self.threads.map(lambda index: self._triplet(self.train[index], "train"), chosen)
        return _stacked([_turned(triplet, generator) if self.augment else triplet for triplet in found])

    def held_out(self, count: int) -> Iterator[tuple[str, Triplets]]:
        """Return `count` triplets of each validation set, or all, with its name, in batches; the same for all seeds."""
        for place, (name, sources) in enumerate(self.sets.items()):
            order = step_generator(HELD_OUT_SEED, place).permutation(len(sources))
            chosen = [sources[index] for index in sorted(order[:count])]
            for first in range(0, len(chosen), HELD_OUT_BATCH):
                part = chosen[first : first + HELD_OUT_BATCH]
                yield name, _stacked(list(self.threads.map(lambda source: self._triplet(source, "test"), part)))

    def _triplet(self, source: Source, split: str) -> Triplet:
        try:
            return self.read(source, self.side)
        except UserError as error:
            raise UserError(f"split {split}: {error}") from None


class PseudoJudgements:
    """Crops of photographs, distorted in one way at two severities: the fainter one counts as what all people chose."""

    kind = "pseudo"

    def __init__(self, arrays: Arrays, *, side: int, batch: int, seed: int, augment: bool) -> None:
        """Train on the split `train`, score on `test`, with each kind of `DISTORTIONS` as a validation set.

        `augment` turns all images of a triplet alike. Raises UserError for a picture that is smaller than the side or
        is not 8-bit RGB.
        """
        self.arrays, self.side, self.batch, self.seed, self.augment = arrays, side, batch, seed, augment
        self.items = {split: arrays.split(split) for split in ("train", "test")}
        for item in (item for items in self.items.values() for item in items):
            if len(item.shape) != 3 or item.shape[-1] != 3 or arrays.data.dtype != np.uint8:
                raise UserError(f"{item.origin}: {arrays.data.dtype} {item.shape} is no 8-bit RGB picture")
            if min(item.shape[:2]) < side:
                raise UserError(f"{item.origin}: {item.shape} is smaller than the crop of {side} pixels")

    def draw(self, step: int) -> Triplets:
        """Return the triplets of `step`."""
        generator, names = step_generator(self.seed, step), list(DISTORTIONS)
        drawn = []
        for _ in range(self.batch):
            name = names[generator.integers(len(names))]
            triplet = self._triplet("train", name, generator)
            drawn.append(_turned(triplet, generator) if self.augment else triplet)
        return _stacked(drawn)

    def held_out(self, count: int) -> Iterator[tuple[str, Triplets]]:
        """Return `count` triplets of each kind of distortion with its name, in batches; the same for all seeds."""
        for place, name in enumerate(DISTORTIONS):
            generator = step_generator(HELD_OUT_SEED, place)
            for first in range(0, count, HELD_OUT_BATCH):
                size = min(HELD_OUT_BATCH, count - first)
                yield name, _stacked([self._triplet("test", name, generator) for _ in range(size)])

    def _triplet(self, split: str, name: str, generator: np.random.Generator) -> Triplet:
        reference: Pixels = random_square(self.arrays, self.items[split], self.side, generator)
        faint = generator.uniform(0, 1 - GAP)
        severities = np.array([faint, generator.uniform(faint + GAP, 1)])
        generator.shuffle(severities)
        first, second = (distorted(reference, name, severity, generator) for severity in severities)
        # a flat crop stays what it is under some distortions
        judgement = 0.5 if np.array_equal(first, second) else float(severities[1] < severities[0])
        return [reference, first, second], judgement


def distorted(pixels: Pixels, name: str, severity: float, generator: np.random.Generator) -> Pixels:
    """Return a picture (H, W, 3) distorted as `name` of `DISTORTIONS`, with a `severity` of 0 (faint) to 1 (strong).

    The strength lies between both ends that are given there, in equal ratios.
    """
    distort, faint, strong = DISTORTIONS[name]
    found = distort(pixels.astype(np.float64), faint * (strong / faint) ** severity, generator)
    image: Pixels = np.rint(found.clip(0, 255)).astype(np.uint8)
    return image


def _blur(pixels: NDArray[np.float64], deviation: float, _: np.random.Generator) -> NDArray[np.float64]:
    blurred: NDArray[np.float64] = gaussian_filter(pixels, (deviation, deviation, 0), mode="reflect")
    return blurred


def _brightness(pixels: NDArray[np.float64], levels: float, generator: np.random.Generator) -> NDArray[np.float64]:
    return pixels + _sign(generator) * levels


def _contrast(pixels: NDArray[np.float64], exponent: float, generator: np.random.Generator) -> NDArray[np.float64]:
    mean = pixels.mean(axis=(0, 1))
    changed: NDArray[np.float64] = mean + (pixels - mean) * np.exp(_sign(generator) * exponent)
    return changed


def _gamma(pixels: NDArray[np.float64], exponent: float, generator: np.random.Generator) -> NDArray[np.float64]:
    changed: NDArray[np.float64] = 255 * (pixels / 255) ** np.exp(_sign(generator) * exponent)
    return changed


def _jpeg(pixels: NDArray[np.float64], quality: float, _: np.random.Generator) -> NDArray[np.float64]:
    return through_jpeg(pixels.astype(np.uint8), round(quality)).astype(np.float64)


def _noise(pixels: NDArray[np.float64], deviation: float, generator: np.random.Generator) -> NDArray[np.float64]:
    return pixels + generator.normal(0, deviation, pixels.shape)


def _reduction(pixels: NDArray[np.float64], factor: float, _: np.random.Generator) -> NDArray[np.float64]:
    height, width = pixels.shape[:2]
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    image = Image.fromarray(pixels.astype(np.uint8)).resize(small, Image.Resampling.BICUBIC)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float64)


def _warp(pixels: NDArray[np.float64], shift: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Move each pixel along a smooth random field whose root mean square, over both axes, is `shift` pixels."""
    height, width = pixels.shape[:2]
    field = gaussian_filter(generator.normal(size=(2, height, width)), (0, height / 8, width / 8), mode="reflect")
    field *= shift / np.sqrt(2 * np.square(field).mean())
    places = np.mgrid[:height, :width] + field
    bands = [map_coordinates(pixels[..., band], places, order=1, mode="reflect") for band in range(3)]
    return np.stack(bands, axis=-1)


DISTORTIONS: dict[str, tuple[Distort, float, float]] = {
    "blur": (_blur, 0.4, 4.0),
    "brightness": (_brightness, 6.0, 80.0),
    "contrast": (_contrast, 0.1, 1.2),
    "gamma": (_gamma, 0.1, 1.0),
    "jpeg": (_jpeg, 80.0, 5.0),
    "noise": (_noise, 2.0, 50.0),
    "reduction": (_reduction, 1.3, 6.0),
    "warp": (_warp, 0.3, 4.0),
}
"""Function and strength at severity 0 and 1: standard deviation in pixels, levels added or taken, exponents of a factor
and of a gamma, JPEG's quality, standard deviation in levels, factor of a bicubic reduction, pixels moved."""


def _sign(generator: np.random.Generator) -> float:
    return 1.0 if generator.random() < 0.5 else -1.0


def _turned(triplet: Triplet, generator: np.random.Generator) -> Triplet:
    """Flip and transpose all images of a triplet alike, each with probability one half."""
    return list(turned(np.stack(triplet[0]), generator.random(3) < 0.5)), triplet[1]


def _stacked(drawn: Sequence[Triplet]) -> Triplets:
    images = [np.stack(parts) for parts in zip(*(triplet[0] for triplet in drawn), strict=True)]
    return [*images, np.array([judge for _, judge in drawn], np.float32)]
