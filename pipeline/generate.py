"""Stage generate: what one auto-encoder reconstructs and makes: scores on a test set, and pictures to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench import device as devices
from lossbench import metrics, networks, storage, tasks
from lossbench.device import Device, to_tensor
from lossbench.errors import UserError, room_for
from lossbench.files import write_rows
from lossbench.generation.elbo import kl_divergence, squared_errors
from lossbench.images import write_png
from lossbench.metrics import Protocol
from pipeline.command import run
from pipeline.outputs.arrays import Arrays, Item
from pipeline.specs.generate import GenerateSpec

COLUMNS = ("image", "metric", "value", "code", "picture")
WHOLE_SET = "all"
"""In the place of a picture's name, of what is of a whole set."""
BATCH = 250
ROWS, STEPS = 4, 8
"""Of the sheets of pictures: rows, and pictures in a row, which are the steps of an interpolation."""
SAMPLES = 7
"""Sets the latents of samples apart from other random numbers of a seed."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Generator:
    """What is scored: both functions give tensors (N, C, H, W) in [0, 1], the first the divergence of each as well."""

    reconstruct: Callable[[Tensor], tuple[Tensor, Tensor]]
    sample: Callable[[int], Tensor]
    between: Callable[[Tensor, Tensor, int], Tensor]
    """From one picture to another in so many steps of the latent."""


def main(
    spec: GenerateSpec,
    code: str,
    *,
    targets: Path,
    scores: Path,
    pictures: Path,
    model: Path | None = None,
    metric_weights: dict[str, Path] | None = None,
    threads: int = 1,
) -> None:
    """Write one row a test picture and metric to `scores`, one of the whole set for a metric of two sets.

    Reconstructions are decoded from the mean of the latent. The folder `pictures` gets sheets: `originals.png`,
    `reconstructions.png`, `samples.png` and `interpolations.png`; nothing without `spec.sheets`. `targets` is the card
    of the prepared data, `metric_weights` the stored networks of the metrics. Raises UserError when the model is of
    another network or no auto-encoder, and for a full disk.
    """
    chosen = devices.choose("float32", threads)
    task, arrays = tasks.load(spec.task.name), Arrays(targets)
    items = arrays.split(spec.split)

    def read(item: Item) -> Pictures:
        return np.asarray(task.reference(arrays.read(item), spec.task.settings))

    generator = _mean(arrays, read, chosen) if spec.network is None else _trained(spec, model, chosen)
    rows: list[dict[str, Any]] = []
    with room_for(scores), torch.no_grad():
        for first in range(0, len(items), BATCH):
            group = items[first : first + BATCH]
            batch = to_tensor(np.stack([read(item) for item in group]), chosen.device)
            prediction, divergence = generator.reconstruct(batch)
            values = {"squared_error": squared_errors(prediction, batch), "kl": divergence}
            for index, item in enumerate(group):
                own = {name: float(each[index]) for name, each in values.items()}
                rows += [_row(item.name, name, value, code) for name, value in own.items()]
        # evenly over the test set, which may be sorted by class
        places = np.linspace(0, len(items) - 1, min(spec.samples, len(items))).round().astype(int)
        shown = np.stack([read(items[place]) for place in places])
        made = _pixels(torch.cat([generator.sample(count) for count in _counts(spec.samples)]))
        for metric in spec.metrics:
            weights = (metric_weights or {}).get(metric.name)
            protocol = Protocol(metric.colour, metric.crop, metric.rounding)
            value = metrics.score_set(metric.file, _units(made), _units(shown), protocol=protocol, weights=weights)
            rows.append(_row(WHOLE_SET, metric.name, value, code))
        pictures.mkdir(parents=True, exist_ok=True)
        for name, content in _sheets(generator, shown, made, chosen).items() if spec.sheets else ():
            write_png(pictures / f"{name}.png", sheet(content))
        write_rows(scores, COLUMNS, rows)
    for name in dict.fromkeys(row["metric"] for row in rows):
        found = [row["value"] for row in rows if row["metric"] == name]
        print(f"{scores.parent}  {name} {np.mean(found):.4f} over {len(found)}", flush=True)


def _sheets(generator: Generator, shown: Pictures, made: Pictures, chosen: Device) -> dict[str, Pictures]:
    """Return by name what there is to look at: pictures out of `shown` and what becomes of them, and out of `made`."""
    originals = shown[np.linspace(0, len(shown) - 1, min(ROWS * STEPS, len(shown))).round().astype(int)]
    batch = to_tensor(originals, chosen.device)
    ends = [(batch[row], batch[(row + ROWS) % len(batch)]) for row in range(min(ROWS, len(batch)))]
    return {
        "originals": originals,
        "reconstructions": _pixels(generator.reconstruct(batch)[0]),
        "samples": made[: ROWS * STEPS],
        "interpolations": _pixels(torch.cat([generator.between(one, other, STEPS) for one, other in ends])),
    }


def _row(image: str, metric: str, value: float, code: str) -> dict[str, Any]:
    return {"image": image, "metric": metric, "value": value, "code": code, "picture": image}


def _counts(samples: int) -> Iterator[int]:
    for first in range(0, samples, BATCH):
        yield min(BATCH, samples - first)


def _trained(spec: GenerateSpec, model: Path | None, chosen: Device) -> Generator:
    assert spec.network is not None
    if model is None:
        raise UserError(f"network '{spec.network.name}' needs --model")
    if (held := storage.describe(model)) != (wanted := spec.network.model_dump(mode="json")):
        raise UserError(f"{model} holds the network {held}, not {wanted}; train it again or name that one")
    network = chosen.place(networks.load_network(model))
    if not isinstance(network, networks.Autoencoder):
        raise UserError(f"network '{spec.network.name}' is no auto-encoder, which makes pictures; name vae")
    chance = np.random.default_rng([SAMPLES, spec.seed])

    def reconstruct(batch: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = network.encode(batch)
        return network.decode(mean), kl_divergence(mean, log_variance)

    def sample(count: int) -> Tensor:
        latents = chance.standard_normal((count, network.latent), dtype=np.float32)
        return network.decode(torch.from_numpy(latents).to(chosen.device))

    def between(one: Tensor, other: Tensor, steps: int) -> Tensor:
        first, last = network.encode(torch.stack([one, other]))[0]
        return network.decode(torch.stack([torch.lerp(first, last, step / (steps - 1)) for step in range(steps)]))

    return Generator(reconstruct, sample, between)


def _mean(arrays: Arrays, read: Callable[[Item], Pictures], chosen: Device) -> Generator:
    """Return the mean of the training pictures, whatever is asked for; it knows nothing of a picture."""
    items = arrays.split("train")
    total = sum(read(item).astype(np.float64) for item in items)
    mean = torch.from_numpy(np.asarray(total) / len(items) / 255).float().permute(2, 0, 1).to(chosen.device)

    def repeated(count: int) -> Tensor:
        return mean.expand(count, *mean.shape)

    return Generator(
        lambda batch: (repeated(len(batch)), torch.zeros(len(batch))),
        repeated,
        lambda one, other, steps: repeated(steps),
    )


def _pixels(pictures: Tensor) -> Pictures:
    """Return (N, C, H, W) in [0, 1] as (N, H, W, C) uint8."""
    pixels: Pictures = (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _units(pictures: Pictures) -> Iterator[NDArray[np.float32]]:
    for picture in pictures:
        yield np.moveaxis(picture, -1, 0).astype(np.float32) / 255


def sheet(pictures: Pictures) -> Pictures:
    """Return pictures (N, H, W, 1 or 3) as one RGB picture, `STEPS` in a row; the last row may be filled up black."""
    rows = -(-len(pictures) // STEPS)
    _, height, width, bands = pictures.shape
    filled = np.zeros((rows * STEPS, height, width, bands), np.uint8)
    filled[: len(pictures)] = pictures
    laid = filled.reshape(rows, STEPS, height, width, bands).swapaxes(1, 2)
    return np.repeat(laid.reshape(rows * height, STEPS * width, bands), 3 // bands, axis=-1)


if __name__ == "__main__":
    run(main)
