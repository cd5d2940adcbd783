"""Random crops cut from prepared arrays; what a step sees depends on the seed and the step alone."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.video.clips import require_frames, truth
from pipeline.outputs.arrays import Arrays, Item

HELD_OUT_SEED = 1_000_003
"""Of crops that nothing is trained on; apart from every training seed."""


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Return the random numbers of one step: a counter-based stream that needs no history to resume."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))


def own_generator(seed: int, step: int) -> np.random.Generator:
    """Return the random numbers of a step for all but its data: a stream apart from that of `step_generator`."""
    return step_generator(seed, step + 2**32)


class Crops:
    """Aligned random crops of one or more roles of a split, such as low quality and target."""

    def __init__(
        self,
        roles: list[tuple[Arrays, int]],
        split: str,
        *,
        patch: int,
        batch: int,
        seed: int,
        augment: bool,
        frames: int | None = None,
    ) -> None:
        """Take `roles` as (arrays, size relative to the first role); `patch` counts pixels of the first role.

        `frames` in a row are cut out of clips; None is for pictures. Raises UserError when a picture is smaller than
        the patch or lacks its partner in another role, and when a clip is shorter than `frames`.
        """
        self.roles, self.patch, self.batch, self.seed, self.augment = roles, patch, batch, seed, augment
        self.frames = frames
        first, *rest = [arrays.split(split) for arrays, _ in roles]
        others = [{item.name: item for item in items} for items in rest]
        self.items: list[tuple[Item, ...]] = []
        for item in sorted(first, key=lambda item: item.name):
            # several degraded versions share their target
            target = item.target or item.name
            if not all(target in items for items in others):
                raise UserError(f"'{item.name}' of split '{split}' has no partner; delete the prepared data and rerun")
            self.items.append((item, *(items[target] for items in others)))
        for item, *_ in self.items:
            if min(item.shape[-3:-1]) < patch:
                raise UserError(f"{item.origin}: {item.shape} is smaller than the training patch of {patch} pixels")
            if frames is not None:
                require_frames(item.name, item.shape[0], frames)

    def draw(self, step: int) -> list[NDArray[np.uint8 | np.uint16]]:
        """Return one (batch, side, side, C) array a role for `step`, (batch, frames, side, side, C) of clips."""
        generator = step_generator(self.seed, step)
        samples = [self._crop(generator) for _ in range(self.batch)]
        return [np.stack(crops) for crops in zip(*samples, strict=True)]

    def _crop(self, generator: np.random.Generator) -> list[NDArray[np.uint8 | np.uint16]]:
        items = self.items[generator.integers(len(self.items))]
        top, left = (int(generator.integers(size - self.patch + 1)) for size in items[0].shape[-3:-1])
        flips = generator.random(3) < 0.5 if self.augment else np.zeros(3, bool)
        first = 0 if self.frames is None else int(generator.integers(items[0].shape[0] - self.frames + 1))
        crops = []
        for (arrays, scale), item in zip(self.roles, items, strict=True):
            whole = arrays.read(item)
            if self.frames is not None:
                # a still is the target of every frame
                whole = truth(whole, items[0].shape[0])[first : first + self.frames]
            rows = slice(top * scale, (top + self.patch) * scale)
            columns = slice(left * scale, (left + self.patch) * scale)
            crops.append(turned(whole[..., rows, columns, :], flips))
        return crops


class DrawnPairs:
    """Crops of targets, of each of which a pair is made in the step that sees it."""

    def __init__(
        self, crops: Crops, pair: Callable[[NDArray[Any], np.random.Generator], tuple[NDArray[Any], NDArray[Any]]]
    ) -> None:
        """Take crops of one role, and what makes low quality and target of one of them."""
        self.crops, self.pair = crops, pair

    def draw(self, step: int) -> list[NDArray[Any]]:
        """Return low qualities and targets (batch, side, side, C) for `step`."""
        generator = own_generator(self.crops.seed, step)
        (targets,) = self.crops.draw(step)
        pairs = [self.pair(target, generator) for target in targets]
        return [np.stack(role) for role in zip(*pairs, strict=True)]


def random_square(arrays: Arrays, items: list[Item], side: int, generator: np.random.Generator) -> NDArray[Any]:
    """Return a random crop (side, side, C) of a random one of the pictures `items`."""
    item = items[generator.integers(len(items))]
    top, left = (int(generator.integers(size - side + 1)) for size in item.shape[:2])
    return arrays.read(item)[top : top + side, left : left + side]


def turned(pixels: NDArray[Any], flips: NDArray[np.bool_]) -> NDArray[Any]:
    """Return pixels (..., H, W, C) turned over vertically, horizontally and along the diagonal as `flips` say."""
    vertical, horizontal, transpose = flips
    pixels = pixels[..., :: -1 if vertical else 1, :: -1 if horizontal else 1, :]
    return pixels.swapaxes(-3, -2) if transpose else pixels


class Ahead:
    """Draw the next step's data in a thread while the current step computes."""

    def __init__(self, draw: Callable[[int], list[NDArray[Any]]]) -> None:
        """Wrap `draw`, which depends on the step alone."""
        self.draw = draw
        self.worker = ThreadPoolExecutor(max_workers=1)
        self.pending: dict[int, Future[list[NDArray[Any]]]] = {}

    def __call__(self, step: int) -> list[NDArray[Any]]:
        """Return the data of `step`; ask for those of the following one."""
        data = self.pending.pop(step, None) or self.worker.submit(self.draw, step)
        self.pending = {step + 1: self.worker.submit(self.draw, step + 1)}
        return data.result()
