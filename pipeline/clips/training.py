"""Train on clips: what a step sees of them, and what a network of video makes of it."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lossbench import networks, tasks
from lossbench.device import Device, to_clips
from lossbench.networks._orthogonal import orthogonalise
from lossbench.tasks import NoisyTask
from lossbench.video.windows import frames_for
from pipeline.dividing.division import Batch
from pipeline.learning.sampling import Crops, own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec


class ClipTraining:
    """One network on crops of consecutive frames.

    A network with a window is run on every window of the crop, so that the loss is given frames in a row, none of them
    twice; what stands in the crop beside them is looked at alone. A network of whole clips restores the whole crop.
    """

    def __init__(self, spec: TrainSpec, network: nn.Module, chosen: Device, targets: Path, pairs: Path | None) -> None:
        """Take the cards of the targets and, of a task that stores it, of the low quality.

        Raises UserError for a clip that is shorter than what is cut out of it.
        """
        self.spec, self.network, self.chosen = spec, network, chosen
        chosen.check_arithmetic(network)
        self.frames = spec.recipe.frames or 0
        self.window = networks.window(spec.network.name)
        self.task = tasks.load(spec.task.name)
        arrays = [Arrays(targets)] if pairs is None else [Arrays(pairs), Arrays(targets)]
        recipe = spec.recipe
        self.crops = Crops(
            [(each, 1) for each in arrays],
            "train",
            patch=recipe.patch,
            batch=recipe.batch,
            seed=spec.seed,
            augment=recipe.augment,
            frames=frames_for(self.frames, self.window) if self.window else self.frames,
        )

    def draw(self, step: int) -> Batch:
        """Return the data of `step`: low quality and target (N, T, H, W, C), or target, noise and its deviations (N,).

        Both deviations are of values in [0, 1]; noise differs from frame to frame and is that of the step alone.
        """
        drawn = self.crops.draw(step)
        if not isinstance(self.task, NoisyTask):
            return drawn
        (target,) = drawn
        generator = own_generator(self.spec.seed, step)
        levels = generator.uniform(*self.task.training_levels(self.spec.task.settings), len(target)) / 255
        sigma = levels.astype(np.float32)
        noise = generator.standard_normal(target.shape, dtype=np.float32)
        noise *= sigma.reshape(-1, 1, 1, 1, 1)
        return [target, noise, sigma]

    def restored(self, step: int, data: Batch) -> tuple[Tensor, Tensor]:
        """Return prediction and target of the data of `step`, (N, frames, C, H, W) both."""
        if due(self.spec.recipe, step):
            orthogonalise(self.network)
        device, sigma = self.chosen.device, None
        if isinstance(self.task, NoisyTask):
            target = to_clips(data[0], device)
            noise, sigma = (torch.from_numpy(values).to(device) for values in data[1:])
            low_quality = target + noise.permute(0, 1, 4, 2, 3)
        else:
            low_quality, target = (to_clips(values, device) for values in data)
        with self.chosen.autocast():
            prediction = run(self.network, self.window, low_quality, sigma)
        beside = (self.window or 1) // 2
        return prediction.float(), target[:, beside : beside + self.frames]


def run(network: nn.Module, window: int | None, frames: Tensor, sigma: Tensor | None) -> Tensor:
    """Return what a network of video makes of (N, T, C, H, W): (N, T - window + 1, C, H, W), all T of whole clips."""
    if window is None:
        whole: Tensor = network(frames, sigma)
        return whole
    # (N, outputs, window, C, H, W)
    each = frames.unfold(1, window, 1).movedim(-1, 2)
    told = None if sigma is None else sigma.repeat_interleave(each.shape[1])
    middle: Tensor = network(each.flatten(0, 1), told)
    restored: Tensor = middle.unflatten(0, each.shape[:2])
    return restored


def due(recipe: Recipe, step: int) -> bool:
    """Return whether kernels are made orthogonal before `step` (from 0)."""
    chosen = recipe.orthogonal
    return chosen is not None and step % chosen.each == 0 and step < chosen.until * recipe.steps
