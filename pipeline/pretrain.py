"""Stage pretrain: a loss network trained by masked reconstruction, shown and probed before anybody uses it."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lossbench import device as devices
from lossbench import loss_networks
from lossbench.device import to_tensor
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text, written_atomically
from lossbench.images import displayed, largest, write_png
from lossbench.loss_networks import Autoencoder
from lossbench.probe.encoder import Probe, probe
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Job, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import HELD_OUT_SEED, Ahead, Crops, own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.provenance import provenance
from pipeline.specs.pretrain import PretrainSpec

HELD_OUT_CROPS = 32
"""Crops that were not trained on, on which a finished network is judged."""
SHOWN = 8
"""Crops in the reconstruction picture."""
RGB = 3
"""Bands of a photograph."""


def main(
    spec: PretrainSpec,
    code: str,
    *,
    targets: Path,
    output: Path,
    label: str,
    threads: int = 1,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Train and write `network.safetensors`, `card.json`, `history.csv`, `probe.csv`, `reconstructions.png`.

    Raises UserError when another process works on the same network, for bad data or values, and for a full disk.
    """
    with exclusive(output):
        _pretrain(spec, code, targets, output, label, threads, checkpoint_seconds)


def _pretrain(
    spec: PretrainSpec, code: str, targets: Path, output: Path, label: str, threads: int, checkpoint_seconds: float
) -> None:
    recipe = spec.recipe
    if recipe is None:
        raise UserError(f"{label}: the spec has no recipe; weights from elsewhere go through pipeline.import_weights")
    chosen = devices.choose(recipe.precision, threads)
    torch.manual_seed(spec.seed)
    arrays = Arrays(targets)
    network = chosen.place(loss_networks.build(spec.loss_network, **_with_statistics(spec.architecture, arrays)))
    assert isinstance(network, Autoencoder)

    def loss(step: int, data: Batch) -> StepLoss:
        image = to_tensor(data[0], chosen.device)
        noise = _noise(network, image, spec.seed, step)
        with chosen.autocast():
            error = network.pretraining_loss(image, noise)
        return StepLoss(error, {"masked_error": error})

    crops = Crops(
        [(arrays, 1)], "train", patch=recipe.patch, batch=recipe.batch, seed=spec.seed, augment=recipe.augment
    )
    # published splits may leave nothing for `val`; nothing is chosen by these crops, so `test` serves as well
    split = "val" if any(item.split == "val" for item in arrays.items) else "test"
    held_out = Crops([(arrays, 1)], split, patch=recipe.patch, batch=HELD_OUT_CROPS, seed=HELD_OUT_SEED, augment=False)
    job = Job(label, {"spec": spec.canonical(), "code": code}, output / "last.ckpt", checkpoint_seconds)
    result = fit(network, recipe, job, Ahead(crops.draw), loss, chosen.device)
    image = to_tensor(held_out.draw(0)[0], chosen.device)
    judged = _judge(result.model, image, output)
    write_history(output / "history.csv", result.history)
    card = {**provenance(spec, code), **run_card(result, chosen), **judged, "held_out_split": split}
    loss_networks.save(_unwrapped(network, result.model), output / "network.safetensors", card)
    write_text(output / "card.json", json.dumps(card, indent=1) + "\n")
    job.checkpoint.unlink(missing_ok=True)


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


def _unwrapped(network: nn.Module, trained: nn.Module) -> nn.Module:
    """Return the built network holding the trained weights: a copy of it does not remember its name."""
    network.load_state_dict(trained.state_dict())
    return network


def _noise(network: Autoencoder, image: Tensor, seed: int, step: int) -> Tensor:
    """Return the random numbers that decide a step's masks; they depend on the seed and the step alone."""
    cells = network.cells(*image.shape[-2:])
    values = own_generator(seed, step).random((len(image), cells), dtype=np.float32)
    return torch.from_numpy(values).to(image.device)


@torch.no_grad()
def _judge(model: nn.Module, image: Tensor, output: Path) -> dict[str, float]:
    """Score the network on held-out crops; write the reconstruction picture and the probe."""
    network = model.eval()
    assert isinstance(network, Autoencoder)
    noise = _noise(network, image, HELD_OUT_SEED, 0)
    masked, restored = network.reconstruct(image[:SHOWN], noise[:SHOWN])
    rows = [torch.cat(list(part), dim=-1) for part in (image[:SHOWN], masked, restored)]
    grid = torch.cat(rows, dim=-2).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    write_png(output / "reconstructions.png", displayed(grid))
    found = probe(network.encode, image)
    _write_probe(output / "probe.csv", found)
    return {
        "held_out_masked_error": round(float(network.pretraining_loss(image, noise)), 5),
        "probe_accuracy": round(found.accuracy, 4),
        "probe_chance": round(found.chance, 4),
    }


def _write_probe(path: Path, found: Probe) -> None:
    with written_atomically(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["degradation", "psnr", "feature_distance", "recognised"])
        writer.writerows(found.rows)


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.pretrain", description=__doc__)
    parser.add_argument("spec", help="PretrainSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--targets", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--output", type=Path, required=True, help="folder of the loss network")
    parser.add_argument("--label", required=True, help="name of the run in progress lines")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint-seconds", type=float, default=300.0, help="time between two checkpoints")
    given = vars(parser.parse_args())
    main(PretrainSpec.from_json(given.pop("spec")), given.pop("code"), **given)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
