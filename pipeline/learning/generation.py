"""How an auto-encoder is trained: whole pictures of one size, and the negative evidence lower bound of a step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench import tasks
from lossbench.device import Device, to_tensor
from lossbench.generation.elbo import drawn, negative_elbo, squared_errors
from lossbench.networks import Autoencoder
from lossbench.terms import WeightedTerms
from pipeline.dividing.division import Batch
from pipeline.learning.loop import StepLoss
from pipeline.learning.sampling import own_generator, step_generator
from pipeline.outputs.arrays import Arrays
from pipeline.specs.train import TrainSpec

Loss = Callable[[int, Batch], StepLoss]


def training(
    spec: TrainSpec, network: Autoencoder, criterion: WeightedTerms, chosen: Device, targets: Path
) -> tuple[Callable[[int], Batch], Loss]:
    """Return what gives the data of a step, and the loss of a step on them."""
    task, recipe, settings = tasks.load(spec.task.name), spec.recipe, spec.task.settings
    pictures = WholePictures(
        Arrays(targets),
        "train",
        lambda picture: task.reference(picture, settings),
        batch=recipe.batch,
        seed=spec.seed,
        augment=recipe.augment,
    )

    def draw(step: int) -> Batch:
        (seen,) = pictures.draw(step)
        return [seen, own_generator(spec.seed, step).standard_normal((len(seen), network.latent), dtype=np.float32)]

    return draw, bound(network, criterion, chosen)


class WholePictures:
    """Random pictures of a split, each brought to its size when it is drawn."""

    def __init__(
        self,
        arrays: Arrays,
        split: str,
        sized: Callable[[NDArray[Any]], NDArray[Any]],
        *,
        batch: int,
        seed: int,
        augment: bool,
    ) -> None:
        """Take the pictures of `split`; `augment` turns each over horizontally in one of two cases."""
        self.arrays, self.items, self.sized = arrays, arrays.split(split), sized
        self.batch, self.seed, self.augment = batch, seed, augment

    def draw(self, step: int) -> Batch:
        """Return one array (batch, side, side, C)."""
        generator = step_generator(self.seed, step)
        chosen = generator.integers(len(self.items), size=self.batch)
        mirrored = generator.random(self.batch) < 0.5 if self.augment else np.zeros(self.batch, bool)
        pictures = (self.sized(self.arrays.read(self.items[index])) for index in chosen)
        return [np.stack([each[:, ::-1] if turn else each for each, turn in zip(pictures, mirrored, strict=True)])]


def bound(network: Autoencoder, criterion: WeightedTerms, chosen: Device) -> Loss:
    """Return the loss of a step: reconstruction under `criterion` plus divergence, of latents drawn by the data.

    Its terms have `squared_error` beside, the same measure for every loss, which nothing is trained by.
    """

    def loss(step: int, data: Batch) -> StepLoss:
        pictures, chance = to_tensor(data[0], chosen.device), torch.from_numpy(data[1]).to(chosen.device)
        with chosen.autocast():
            mean, log_variance = network.encode(pictures)
            latents = drawn(mean.float(), log_variance.float(), chance)
            prediction = network.decode(latents)
        prediction = prediction.float()
        terms = negative_elbo(criterion, prediction, pictures, mean, log_variance, step)
        beside = squared_errors(prediction.detach(), pictures).mean()
        return StepLoss(terms["reconstruction"] + terms["kl"], {**terms, "squared_error": beside})

    return loss
