"""Crops with the labels of their classes; what a step sees depends on the seed and the step alone."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lossbench.classifiers._accuracy import Labelled
from lossbench.datasets import Read, Source, read_source
from lossbench.errors import UserError
from lossbench.images import middle
from lossbench.names import class_names, part
from pipeline.learning.sampling import HELD_OUT_SEED, random_square, step_generator, turned
from pipeline.outputs.arrays import Arrays, Item

AREA, RATIO, ATTEMPTS = (0.08, 1.0), (3 / 4, 4 / 3), 10
"""Of a random crop: share of the picture's area, width over height (Szegedy et al. 2015), tries before the middle."""


class LabelledCrops:
    """Random crops of prepared pictures, each class drawn with the same probability."""

    def __init__(self, arrays: Arrays, *, side: int, batch: int, seed: int, augment: bool) -> None:
        """Train on the split `train`, score on `test`; each picture knows its class.

        `augment` flips and transposes, each with probability one half. Raises UserError when a picture is smaller than
        the side, and when one split lacks a class of the other.
        """
        self.arrays, self.side, self.batch, self.seed, self.augment = arrays, side, batch, seed, augment
        self.classes = class_names(_class_of(item, item.origin) for item in arrays.split("train"))
        self.train, self.test = self._by_class("train"), self._by_class("test")

    def draw(self, step: int) -> Labelled:
        """Return the crops and labels of `step`."""
        generator = step_generator(self.seed, step)
        labels = generator.integers(len(self.classes), size=self.batch)
        crops = [self._crop(self.train[label], generator, self.augment) for label in labels]
        return [np.stack(crops), labels.astype(np.int64)]

    def held_out(self, each: int) -> Iterator[Labelled]:
        """Return `each` fixed test crops of every class, class by class, unturned; the same whatever the seed is."""
        for label, items in enumerate(self.test):
            generator = step_generator(HELD_OUT_SEED, label)
            crops = [self._crop(items, generator, augment=False) for _ in range(each)]
            yield [np.stack(crops), np.full(each, label, np.int64)]

    def names(self, each: int) -> list[tuple[str, str]]:
        """Return of each crop of `held_out` its name and what it counts for in statistics: its class."""
        return [(part(name, index, digits=3), name) for name in self.classes for index in range(each)]

    def _by_class(self, split: str) -> list[list[Item]]:
        found: dict[str, list[Item]] = {name: [] for name in self.classes}
        for item in self.arrays.split(split):
            group = _class_of(item, item.origin)
            if group not in found:
                raise UserError(f"{item.origin}: class '{group}' of split '{split}' has no train picture")
            if min(item.shape[:2]) < self.side:
                raise UserError(f"{item.origin}: {item.shape} is smaller than the crop of {self.side} pixels")
            found[group].append(item)
        for name, items in found.items():
            if not items:
                raise UserError(f"{self.arrays.card['dataset']}: no picture of class '{name}' in split '{split}'")
        return list(found.values())

    def _crop(self, items: list[Item], generator: np.random.Generator, augment: bool) -> NDArray[np.uint8]:
        crop = random_square(self.arrays, items, self.side, generator)
        return turned(crop, generator.random(3) < 0.5) if augment else crop


class LabelledFiles:
    """Crops of pictures that are read when they are needed, cut and scaled as torchvision's references do."""

    def __init__(
        self,
        train: Sequence[Source],
        test: Sequence[Source],
        read: Read,
        *,
        side: int,
        batch: int,
        seed: int,
        workers: int = 1,
    ) -> None:
        """Train on `train`, score on `test`, with `workers` threads that `read`; each source knows its class."""
        self.train, self.read, self.side, self.batch, self.seed = train, read, side, batch, seed
        self.classes = class_names(_class_of(source, str(source.path)) for source in train)
        self.places = {name: place for place, name in enumerate(self.classes)}
        self.test: list[list[Source]] = [[] for _ in self.classes]
        for source in test:
            self.test[self.places[_class_of(source, str(source.path))]].append(source)
        self.threads = ThreadPoolExecutor(max_workers=workers)

    def draw(self, step: int) -> Labelled:
        """Return random crops of random pictures (random area and shape, half of them mirrored) and their labels.

        Raises UserError naming a file that is missing or damaged.
        """
        chosen = step_generator(self.seed, step).integers(len(self.train), size=self.batch)
        sources = [self.train[index] for index in chosen]

        def crop(place: int) -> NDArray[np.uint8]:
            # a stream for each crop, since threads end in any order
            generator = np.random.default_rng((self.seed, step, place))
            return random_crop(read_source(self.read, sources[place], "train"), self.side, generator)

        labels = np.array([self.places[str(source.group)] for source in sources], np.int64)
        return [np.stack(list(self.threads.map(crop, range(self.batch)))), labels]

    def held_out(self, each: int) -> Iterator[Labelled]:
        """Return batches of the middles of the first `each` test pictures of every class, or of all where fewer."""
        for label, sources in enumerate(self.test):
            crops = list(self.threads.map(self._middle, sources[:each]))
            yield [np.stack(crops), np.full(len(crops), label, np.int64)]

    def names(self, each: int) -> list[tuple[str, str]]:
        """Return of each picture of `held_out` its name, and again its name: each counts for itself."""
        return [(source.name, source.name) for sources in self.test for source in sources[:each]]

    def _middle(self, source: Source) -> NDArray[np.uint8]:
        return middle(read_source(self.read, source, "test"), self.side)


CropsWithLabels = LabelledCrops | LabelledFiles


def _class_of(picture: Item | Source, origin: str) -> str:
    if picture.group is None:
        raise UserError(f"{origin} belongs to no class; take a data set whose pictures have classes")
    return picture.group


def random_crop(pixels: NDArray[np.uint8], side: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a random part of a picture (H, W, 3), scale it to `side` x `side`, and mirror every second one.

    As torchvision's RandomResizedCrop, whose own random numbers cannot be given.
    """
    top, left, height, width = _part(pixels.shape[0], pixels.shape[1], generator)
    part = Image.fromarray(pixels[top : top + height, left : left + width])
    crop = np.asarray(part.resize((side, side), Image.Resampling.BILINEAR))
    return crop[:, ::-1] if generator.random() < 0.5 else crop


def _part(height: int, width: int, generator: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw top, left, height and width of a part within `AREA` and `RATIO`, or take the largest in the middle."""
    for _ in range(ATTEMPTS):
        area = height * width * generator.uniform(*AREA)
        ratio = math.exp(generator.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        rows, columns = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < rows <= height and 0 < columns <= width:
            top, left = (int(generator.integers(room + 1)) for room in (height - rows, width - columns))
            return top, left, rows, columns
    rows, columns = min(height, round(width / RATIO[0])), min(width, round(height * RATIO[1]))
    return (height - rows) // 2, (width - columns) // 2, rows, columns
