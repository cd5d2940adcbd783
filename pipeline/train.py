"""Stage train: one restoration network under one loss, resumable to the bit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from pipeline import plugins
from pipeline.arrays import Arrays
from pipeline.errors import exit_with_one_line
from pipeline.files import write_text
from pipeline.learning import device as devices
from pipeline.learning import storage
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Job, Result, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import Ahead, Crops, to_tensor
from pipeline.losses import catalog as losses
from pipeline.losses._terms import WeightedTerms
from pipeline.networks import catalog as networks
from pipeline.provenance import provenance
from pipeline.specs.train import TrainSpec


def main(
    spec: TrainSpec,
    code: str,
    *,
    targets: Path,
    pairs: Path,
    weights: Path | None,
    output: Path,
    label: str,
    threads: int = 1,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Train and write `model.safetensors`, `history.csv` and `card.json` to `output`.

    `targets` and `pairs` are the prepared data, `weights` the stored loss network when the loss has one.
    Raises UserError when another process works on the same run, for bad data, weights or values, and for a full disk.
    """
    with exclusive(output):
        _train(spec, code, targets, pairs, weights, output, label, threads, checkpoint_seconds)


def _train(
    spec: TrainSpec,
    code: str,
    targets: Path,
    pairs: Path,
    weights: Path | None,
    output: Path,
    label: str,
    threads: int,
    checkpoint_seconds: float,
) -> None:
    chosen = devices.choose(spec.recipe.precision, threads)
    torch.manual_seed(spec.seed)
    network: Any = chosen.place(networks.build(spec.network.name, **spec.network.arguments))
    criterion = chosen.place(_criterion(spec, weights))
    crops = _crops(spec, targets, pairs)

    def loss(step: int, data: Batch) -> StepLoss:
        low_quality, target = (to_tensor(pixels, chosen.device) for pixels in data)
        with chosen.autocast():
            stages = network.stages(low_quality) if spec.own_loss else (network(low_quality),)
        stages = tuple(stage.float() for stage in stages)
        prediction = stages[0]
        terms = criterion.terms(prediction, target)
        if spec.own_loss:
            terms["pixel"] = network.own_loss(stages, target)
        return StepLoss(criterion.total(terms), terms, prediction)

    job = Job(label, {"spec": spec.canonical(), "code": code}, output / "last.ckpt", checkpoint_seconds)
    result = fit(network, spec.recipe, job, Ahead(crops.draw), loss, chosen.device)
    _write(output, spec, code, result, criterion, chosen)
    job.checkpoint.unlink(missing_ok=True)


def _criterion(spec: TrainSpec, weights: Path | None) -> WeightedTerms:
    arguments = dict(spec.loss.arguments)
    if spec.loss.loss_network:
        arguments["weights"] = weights
    return losses.build(spec.loss.name, **arguments)


def _crops(spec: TrainSpec, targets: Path, pairs: Path) -> Crops:
    scale = plugins.load("tasks", spec.task.name).scale(spec.task.settings)
    roles = [(Arrays(pairs, "low_quality"), 1), (Arrays(targets), scale)]
    recipe = spec.recipe
    return Crops(roles, "train", patch=recipe.patch, batch=recipe.batch, seed=spec.seed, augment=recipe.augment)


def _write(
    output: Path, spec: TrainSpec, code: str, result: Result, criterion: WeightedTerms, chosen: devices.Device
) -> None:
    write_history(output / "history.csv", result.history)
    storage.save(output / "model.safetensors", result.model, spec.network.model_dump(mode="json"))
    card = {
        **provenance(spec, code),
        **run_card(result, chosen),
        "loss_weights": criterion.weights,
    }
    write_text(output / "card.json", json.dumps(card, indent=1) + "\n")


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("spec", help="TrainSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--targets", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of the task's degraded inputs")
    parser.add_argument("--weights", type=Path, help="stored loss network")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--label", required=True, help="name of the run in progress lines")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint-seconds", type=float, default=300.0, help="time between two checkpoints")
    given = vars(parser.parse_args())
    main(TrainSpec.from_json(given.pop("spec")), given.pop("code"), **given)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
