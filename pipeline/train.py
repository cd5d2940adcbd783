"""Stage train: one restoration network under one loss, resumable to the bit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from lossbench import device as devices
from lossbench import losses, networks, plugins, storage
from lossbench.device import to_tensor
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from lossbench.terms import WeightedTerms
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Job, Result, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import Ahead, Crops
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.provenance import provenance
from pipeline.specs.recipe import Recipe
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
    cards: list[Path] | None = None,
    threads: int = 1,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Train and write `model.safetensors`, `history.csv` and `card.json` to `output`.

    `targets` and `pairs` are the prepared data, `weights` the stored loss network when the loss has one, `cards` those
    of the same network under the reference loss and under the loss `as_long_as` which this run takes.
    Raises UserError when another process works on the same run, for bad data, weights or values, and for a full disk.
    """
    if spec.as_long_as:
        spec = spec.model_copy(update={"recipe": lengthened(spec.recipe, *(cards or []))})
    with exclusive(output):
        _train(spec, code, targets, pairs, weights, output, label, threads, checkpoint_seconds)


def lengthened(recipe: Recipe, reference: Path, other: Path) -> Recipe:
    """Return `recipe` with as many steps as the reference takes in the time of the other run; never fewer.

    Both are cards of finished runs. Raises UserError naming the card that can't be read.
    """
    seconds = []
    for card in (reference, other):
        try:
            content = json.loads(card.read_text(encoding="utf-8"))
            seconds.append(content["seconds"] / content["spec"]["recipe"]["steps"])
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise UserError(f"{card} can't be read ({error!r}); delete its folder and rerun") from None
    factor = max(1.0, seconds[1] / max(seconds[0], 1e-9))
    milestones = tuple(round(step * factor) for step in recipe.schedule.milestones)
    schedule = recipe.schedule.model_copy(update={"milestones": milestones})
    return recipe.model_copy(update={"steps": round(recipe.steps * factor), "schedule": schedule})


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
    _write(output, spec, code, result, criterion, chosen, weights)
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
    output: Path,
    spec: TrainSpec,
    code: str,
    result: Result,
    criterion: WeightedTerms,
    chosen: devices.Device,
    weights: Path | None,
) -> None:
    write_history(output / "history.csv", result.history)
    storage.save(output / "model.safetensors", result.model, spec.network.model_dump(mode="json"))
    card = {
        **provenance(spec, code),
        **run_card(result, chosen),
        "loss_weights": criterion.weights,
        "loss_network_file": str(weights) if weights else None,
    }
    write_text(output / "card.json", json.dumps(card, indent=1) + "\n")


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("spec", help="TrainSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--targets", type=Path, required=True, help="folder of the prepared data set")
    parser.add_argument("--pairs", type=Path, required=True, help="folder of the task's degraded inputs")
    parser.add_argument("--weights", type=Path, help="stored loss network")
    parser.add_argument("--cards", type=Path, nargs=2, help="cards of the reference run and of the one as long as this")
    parser.add_argument("--output", type=Path, required=True, help="folder of the run")
    parser.add_argument("--label", required=True, help="name of the run in progress lines")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint-seconds", type=float, default=300.0, help="time between two checkpoints")
    given = vars(parser.parse_args())
    main(TrainSpec.from_json(given.pop("spec")), given.pop("code"), **given)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
