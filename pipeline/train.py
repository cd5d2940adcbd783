"""Stage train: one restoration network or auto-encoder under one loss, resumable to the bit."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from torch import Tensor, is_grad_enabled, nn

from lossbench import losses, networks, storage, tasks
from lossbench.device import Device, to_tensor
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.terms import WeightedTerms
from pipeline import command
from pipeline.dividing.division import Batch
from pipeline.learning.loop import StepLoss
from pipeline.learning.outcome import strengths
from pipeline.learning.run import Run, training
from pipeline.learning.sampling import Crops, DrawnPairs
from pipeline.outputs.arrays import Arrays
from pipeline.specs.train import TrainSpec

CLIPS, GENERATION = "pipeline.clips.training", "pipeline.learning.generation"
"""Imported by their names, as plugins are: what trains on clips or generators is no part of what restores pictures."""

Draw = Callable[[int], Batch]
Loss = Callable[[int, Batch], StepLoss]
Restored = Callable[[int, Batch], tuple[tuple[Tensor, ...], Tensor]]
"""From a step and its data to all that its loss compares with the target, the prediction first, and the target."""


def main(
    spec: TrainSpec,
    code: str,
    run: Run,
    *,
    targets: Path,
    pairs: Path | None = None,
    weights: Path | None = None,
    initial: Path | None = None,
) -> None:
    """Train and write `model.safetensors`, `history.csv` and `card.json`.

    `targets` and `pairs` are the cards of the prepared data, the second of tasks that store their low quality.
    `weights` is the stored loss network when the loss has one, `initial` the model of the network that this one is
    built on, or of this one where the spec has a `start`. Raises UserError when another process works on the same run,
    for bad data, weights or values, and for a full disk.
    """
    with training(spec, code, run, spec.recipe.precision, (targets, pairs, weights, initial)) as begun:
        chosen = begun.device
        network = chosen.place(_begun(spec, initial))
        if not any(weight.requires_grad for weight in network.parameters()):
            raise UserError(f"network '{spec.network.name}' has no weights to train; name one that has")
        arguments: dict[str, Any] = {"weights": weights} if spec.loss.loss_network else {}
        criterion: WeightedTerms = chosen.place(losses.build(spec.loss.name, **spec.loss.arguments, **arguments))
        if isinstance(network, networks.Autoencoder):
            draw, loss = importlib.import_module(GENERATION).training(spec, network, criterion, chosen, targets)
        else:
            _check_sizes(spec, network)
            draw, restored = (_pictures if spec.recipe.frames is None else _clips)(
                spec, network, chosen, targets, pairs
            )
            loss = _compared(spec.network.name, network if spec.own_loss else None, criterion, restored)
        result = begun.fit(network, spec.recipe, draw, loss)
        storage.save(run.output / "model.safetensors", result.model, spec.network.model_dump(mode="json"))
        file = str(weights) if weights else None
        measured = {"loss_weights": criterion.weights, "strength": strengths(result.history, criterion.weights)}
        start = {"start_file": str(initial)} if spec.start else {}
        begun.write_card(begun.card(result, **measured, loss_network_file=file, **start))


def _begun(spec: TrainSpec, initial: Path | None) -> nn.Module:
    """Return the network as its training begins: random weights, on those of another network, or all from `initial`.

    Raises UserError naming the file that is not what the spec says, or that holds another architecture.
    """
    name, arguments = spec.network.name, spec.network.arguments
    if spec.start is None:
        return networks.build(name, **arguments, **({"weights": initial} if initial else {}))
    if initial is None:
        raise UserError(f"network '{name}' begins from the weights of {spec.start}; give them as --initial")
    if spec.start.startswith("sha256:") and spec.start != (found := f"sha256:{sha256(initial)}"):
        raise UserError(f"{initial} has {found}, not {spec.start}, as when this was planned; run snakemake again")
    # a run that goes on takes the same random numbers
    network = networks.build(name, **arguments)
    networks.fill(network, name, initial)
    return network


def _check_sizes(spec: TrainSpec, network: nn.Module) -> None:
    """Raise UserError for a patch or a scale that the network as built does not take: its arguments may change both."""
    sized = cast(networks.Sized, network)
    place, patch = f"network '{spec.network.name}' with {spec.network.arguments}", spec.recipe.patch
    if patch % sized.multiple or patch < sized.minimum:
        raise UserError(
            f"{place}: takes patches of multiples of {sized.multiple} px, {sized.minimum} at least, not of {patch}; "
            "change the recipe's 'patch' or the arguments"
        )
    if (scale := tasks.load(spec.task.name).scale(spec.task.settings)) != sized.scale:
        raise UserError(f"{place}: enlarges by {sized.scale}, the task by {scale}; change the arguments")


def _compared(name: str, own: nn.Module | None, criterion: WeightedTerms, restored: Restored) -> Loss:
    """Return the loss of a step of the network `name`, which is `own` where it has a pixel term of its own.

    The step raises UserError where no gradient reaches the network.
    """
    assert own is None or isinstance(own, networks.NetworkWithLoss)

    def loss(step: int, data: Batch) -> StepLoss:
        stages, target = restored(step, data)
        prediction = stages[0]
        if is_grad_enabled() and not prediction.requires_grad:
            raise UserError(
                f"network '{name}': its prediction depends on none of its weights; leave out detach and no_grad in it"
            )
        terms = criterion.terms(prediction, target, step)
        if own is not None:
            terms["pixel"] = own.own_loss(stages, target)
        return StepLoss(criterion.total(terms), terms, prediction)

    return loss


def _pictures(
    spec: TrainSpec, network: nn.Module, chosen: Device, targets: Path, pairs: Path | None
) -> tuple[Draw, Restored]:
    def restored(step: int, data: Batch) -> tuple[tuple[Tensor, ...], Tensor]:
        low_quality, target = (to_tensor(pixels, chosen.device) for pixels in data)
        with chosen.autocast():
            if spec.own_loss:
                assert isinstance(network, networks.NetworkWithLoss)
                stages = network.stages(low_quality)
            else:
                stages = (network(low_quality),)
        return tuple(stage.float() for stage in stages), target

    return _drawn_pairs(spec, targets, pairs), restored


def _drawn_pairs(spec: TrainSpec, targets: Path, pairs: Path | None) -> Draw:
    """Return what gives low qualities and targets of a step."""
    task, recipe = tasks.load(spec.task.name), spec.recipe
    scale = task.scale(spec.task.settings)
    sizes: dict[str, Any] = {
        "patch": recipe.patch,
        "batch": recipe.batch,
        "seed": spec.seed,
        "augment": recipe.augment,
    }
    if isinstance(task, tasks.PairingTask):
        crops = Crops([(Arrays(targets), scale)], "train", **sizes)
        return DrawnPairs(crops, lambda target, chance: task.training_pair(target, spec.task.settings, chance)).draw
    if pairs is None:
        raise UserError(f"task '{spec.task.name}' with the network '{spec.network.name}' needs --pairs")
    return Crops([(Arrays(pairs), 1), (Arrays(targets), scale)], "train", **sizes).draw


def _clips(
    spec: TrainSpec, network: nn.Module, chosen: Device, targets: Path, pairs: Path | None
) -> tuple[Draw, Restored]:
    clips = importlib.import_module(CLIPS).ClipTraining(spec, network, chosen, targets, pairs)

    def restored(step: int, data: Batch) -> tuple[tuple[Tensor, ...], Tensor]:
        prediction, target = clips.restored(step, data)
        return (prediction,), target

    return clips.draw, restored


if __name__ == "__main__":
    command.run(main)
