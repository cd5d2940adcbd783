"""Stage train: one restoration network under one loss, resumable to the bit."""

from pathlib import Path
from typing import Any

from lossbench import losses, networks, storage, tasks
from lossbench.device import to_tensor
from lossbench.terms import WeightedTerms
from pipeline import command
from pipeline.learning.loop import Batch, StepLoss
from pipeline.learning.outcome import strengths
from pipeline.learning.run import Run, training
from pipeline.learning.sampling import Crops
from pipeline.outputs.arrays import Arrays
from pipeline.specs.train import TrainSpec


def main(
    spec: TrainSpec,
    code: str,
    run: Run,
    *,
    targets: Path,
    pairs: Path,
    weights: Path | None = None,
) -> None:
    """Train and write `model.safetensors`, `history.csv` and `card.json`.

    `targets` and `pairs` are the cards of the prepared data, `weights` the stored loss network when the loss has one.
    Raises UserError when another process works on the same run, for bad data, weights or values, and for a full disk.
    """
    with training(spec, code, run, spec.recipe.precision, (targets, pairs, weights)) as begun:
        chosen = begun.device
        network = chosen.place(networks.build(spec.network.name, **spec.network.arguments))
        own = network if spec.own_loss else None
        assert own is None or isinstance(own, networks.NetworkWithLoss)
        arguments: dict[str, Any] = {"weights": weights} if spec.loss.loss_network else {}
        criterion: WeightedTerms = chosen.place(losses.build(spec.loss.name, **spec.loss.arguments, **arguments))

        def loss(step: int, data: Batch) -> StepLoss:
            low_quality, target = (to_tensor(pixels, chosen.device) for pixels in data)
            with chosen.autocast():
                stages = (network(low_quality),) if own is None else own.stages(low_quality)
            stages = tuple(stage.float() for stage in stages)
            prediction = stages[0]
            terms = criterion.terms(prediction, target)
            if own is not None:
                terms["pixel"] = own.own_loss(stages, target)
            return StepLoss(criterion.total(terms), terms, prediction)

        result = begun.fit(network, spec.recipe, _crops(spec, targets, pairs).draw, loss)
        storage.save(run.output / "model.safetensors", result.model, spec.network.model_dump(mode="json"))
        file = str(weights) if weights else None
        measured = {"loss_weights": criterion.weights, "strength": strengths(result.history, criterion.weights)}
        begun.write_card(begun.card(result, **measured, loss_network_file=file))


def _crops(spec: TrainSpec, targets: Path, pairs: Path) -> Crops:
    scale = tasks.load(spec.task.name).scale(spec.task.settings)
    roles = [(Arrays(pairs), 1), (Arrays(targets), scale)]
    recipe = spec.recipe
    return Crops(roles, "train", patch=recipe.patch, batch=recipe.batch, seed=spec.seed, augment=recipe.augment)


if __name__ == "__main__":
    command.run(main)
