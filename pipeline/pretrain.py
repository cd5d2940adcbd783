"""Stage pretrain: a loss network trained by masked reconstruction, shown and probed before anybody uses it."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench import loss_networks
from lossbench.device import to_clips, to_tensor
from lossbench.errors import UserError
from lossbench.files import write_rows
from lossbench.images import displayed, largest, write_png
from lossbench.loss_networks import Autoencoder
from lossbench.probe.encoder import Probe, probe
from pipeline import command
from pipeline.dividing.division import Batch
from pipeline.learning.loop import StepLoss
from pipeline.learning.run import Run, training
from pipeline.learning.sampling import HELD_OUT_SEED, Crops, own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.specs.pretrain import PretrainSpec

HELD_OUT_CROPS = 32
"""Crops that were not trained on, on which a finished network is judged."""
SHOWN = 8
"""Crops in the reconstruction picture."""
RGB = 3
"""Bands of a photograph."""
PICTURES = 4
"""Axes of a batch of pictures; one of clips has one more."""


def main(spec: PretrainSpec, code: str, run: Run, *, targets: Path) -> None:
    """Train and write `network.safetensors`, `card.json`, `history.csv`, `probe.csv`, `reconstructions.png`.

    `targets` is the card of the prepared data. Raises UserError when another process works on the same network, for bad
    data or values, and for a full disk.
    """
    recipe = spec.recipe
    if recipe is None:
        elsewhere = "weights from elsewhere go through pipeline.import_weights"
        raise UserError(f"{run.label}: the spec has no recipe; {elsewhere}")
    with training(spec, code, run, recipe.precision, (targets,)) as begun:
        chosen, arrays = begun.device, Arrays(targets)
        architecture = _with_statistics(spec.architecture, arrays)
        network = chosen.place(loss_networks.build(spec.loss_network, **architecture))
        assert isinstance(network, Autoencoder)
        chosen.check_arithmetic(network)

        def seen(data: Batch) -> Tensor:
            return (to_tensor if recipe.frames is None else to_clips)(data[0], chosen.device)

        def loss(step: int, data: Batch) -> StepLoss:
            image, noise = seen(data), torch.from_numpy(data[1]).to(chosen.device)
            with chosen.autocast():
                error = network.pretraining_loss(image, noise)
            return StepLoss(error, {"masked_error": error})

        cut = partial(Crops, [(arrays, 1)], patch=recipe.patch, frames=recipe.frames)
        crops = cut("train", batch=recipe.batch, seed=spec.seed, augment=recipe.augment)

        def draw(step: int) -> Batch:
            (pixels,) = crops.draw(step)
            return [pixels, _noise(network, len(pixels), pixels.shape[1:-1], spec.seed, step)]

        # published splits may leave nothing for `val`; nothing is chosen by these crops, so `test` serves as well
        split = "val" if any(item.split == "val" for item in arrays.items) else "test"
        held_out = cut(split, batch=HELD_OUT_CROPS, seed=HELD_OUT_SEED, augment=False)
        result = begun.fit(network, recipe, draw, loss)
        judged = _judge(result.model, seen(held_out.draw(0)), run.output)
        card = begun.card(result, **judged, held_out_split=split)
        # the running mean of the weights is a copy, which does not remember its name
        network.load_state_dict(result.model.state_dict())
        loss_networks.save(network, run.output / "network.safetensors", card)
        begun.write_card(card)


def _with_statistics(architecture: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Add mean and deviation of the training pictures' bands, in [0, 1], where the bands are not RGB.

    ImageNet's statistics, the usual ones, say nothing of other bands.
    """
    if architecture.get("bands", RGB) == RGB or "mean" in architecture:
        return architecture
    pictures = [arrays.read(item) for item in arrays.split("train")]
    values = np.concatenate([pixels.reshape(-1, pixels.shape[-1]) for pixels in pictures]) / largest(arrays.data.dtype)
    mean, std = (np.round(statistic.astype(float), 4).tolist() for statistic in (values.mean(0), values.std(0)))
    return {**architecture, "mean": mean, "std": std}


def _noise(network: Autoencoder, number: int, sides: tuple[int, ...], seed: int, step: int) -> NDArray[np.float32]:
    """Return the random numbers that decide the masks of `number` pictures (H, W), of clips (T, H, W).

    They depend on the seed and the step alone.
    """
    return own_generator(seed, step).random((number, network.cells(*sides)), dtype=np.float32)


@torch.no_grad()
def _judge(model: nn.Module, image: Tensor, output: Path) -> dict[str, float]:
    """Score the network on held-out crops; write the reconstruction picture and the probe."""
    network = model.eval()
    assert isinstance(network, Autoencoder)
    sides = *image.shape[1:-3], *image.shape[-2:]
    noise = torch.from_numpy(_noise(network, len(image), sides, HELD_OUT_SEED, 0)).to(image.device)
    masked, restored = network.reconstruct(image[:SHOWN], noise[:SHOWN])
    # of clips the frames in a row, those of the first clip first
    rows = [
        torch.cat(list(part.flatten(0, part.ndim - 4)[:SHOWN]), dim=-1) for part in (image[:SHOWN], masked, restored)
    ]
    grid = torch.cat(rows, dim=-2).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    write_png(output / "reconstructions.png", displayed(grid))
    found = probe(network.encode, image) if image.ndim == PICTURES else _probe_of_clips(network, image)
    columns = ("degradation", "psnr", "feature_distance", "recognised")
    write_rows(output / "probe.csv", columns, [dict(zip(columns, row, strict=True)) for row in found.rows])
    return {
        "held_out_masked_error": round(float(network.pretraining_loss(image, noise)), 5),
        "probe_accuracy": round(found.accuracy, 4),
        "probe_chance": round(found.chance, 4),
    }


def _probe_of_clips(network: Autoencoder, clip: Tensor) -> Probe:
    """Degrade each frame of clips (N, T, C, H, W) as a picture is, and compare the tokens of the clips."""
    return probe(lambda frames: network.encode(frames.unflatten(0, clip.shape[:2])), clip.flatten(0, 1))


if __name__ == "__main__":
    command.run(main)
