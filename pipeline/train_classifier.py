"""Stage train_classifier: a classifier trained on clean images or against attacks, and how well it withstands them."""

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lossbench import classifiers, datasets, loss_networks
from lossbench.assets.weight_files import checked_digest, locate
from lossbench.attacks.targeted import adversarial_loss, adversarial_terms, perturb, random_wrong_class
from lossbench.classifiers import Classifier
from lossbench.device import Device, to_tensor
from lossbench.errors import UserError
from lossbench.files import write_rows
from lossbench.loss_networks._normalise import normalise_filters
from lossbench.loss_networks._vgg import VGG
from pipeline import command
from pipeline.dividing.division import Batch
from pipeline.learning.classification import require_accuracy, score, write_witness
from pipeline.learning.labelled import CropsWithLabels, LabelledCrops, LabelledFiles
from pipeline.learning.loop import Result, StepLoss
from pipeline.learning.run import Run, Training, training
from pipeline.learning.sampling import own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.recipe import Recipe

GIVEN_BATCH = 32
"""Crops that are drawn at once for a classifier that is not trained."""


def main(
    spec: ClassifierSpec,
    code: str,
    run: Run,
    *,
    targets: Path | None = None,
    initial: Path | None = None,
    weights_root: Path = Path("weights"),
) -> None:
    """Write `classifier.safetensors`, `network.safetensors`, `witness.npz`, `scores.csv`, `chance.csv` and `card.json`.

    `network.safetensors` is the trunk as a loss network; that of a VGG has its filters scaled to a mean activation of 1
    on clean training crops. Both tables of scores hold a row a held-out crop and metric, in per cent, the second those
    of guessing. A trained classifier has `history.csv` too. Crops come from the prepared data whose card is `targets`
    where the spec has no `root`. `initial` is the file that the spec's `initial` speaks of; the spec's `weights` lie
    below `weights_root`, or in an installed package. Raises UserError when another process works on the same
    classifier, for bad data or values, for weights from elsewhere that fall short of their stated accuracy, and for a
    full disk.
    """
    with training(spec, code, run, spec.recipe.precision if spec.recipe else "auto", (targets, initial)) as begun:
        chosen, output = begun.device, run.output
        crops = _crops(spec, run, targets)
        given = locate(spec.weights.file, weights_root) if spec.weights else initial
        model = chosen.place(_built(spec, run.label, given))
        if spec.frozen_trunk:
            model.freeze_trunk()
        if spec.recipe is None:
            trained = begun.card(None, **_given(spec, model, crops, chosen, str(given)))
        else:
            trained = begun.card(_fitted(spec, spec.recipe, model, crops, begun))
        found = score(model, crops.held_out(spec.evaluation.each), spec.classes, spec.evaluation, chosen, run.label)
        card = {**trained, **found.card(), "classes": crops.classes}
        names = crops.names(spec.evaluation.each)
        for file, values in (("scores", found.rows()), ("chance", found.guessed(spec.classes))):
            rows = [
                {"image": name, "metric": metric, "value": value, "picture": picture}
                for metric, own in values.items()
                for (name, picture), value in zip(names, own, strict=True)
            ]
            write_rows(output / f"{file}.csv", list(rows[0]), rows)
        write_witness(output / "witness.npz", model, crops)
        classifiers.save(model, output / "classifier.safetensors", card)
        loss_networks.save(_loss_network(spec, model, crops, chosen), output / "network.safetensors", card)
        begun.write_card(card)


def _loss_network(spec: ClassifierSpec, model: Classifier, crops: CropsWithLabels, chosen: Device) -> nn.Module:
    """Return the trunk, a VGG's filters scaled on clean training crops: the classifier is stored before and is no more.

    A ResNet's are normalised in each batch already.
    """
    if not isinstance(model.trunk, VGG):
        return model.trunk
    count = math.ceil(spec.normalised_on / len(crops.draw(0)[0]))
    normalise_filters(model.trunk, (to_tensor(crops.draw(step)[0], chosen.device) for step in range(count)))
    return model.trunk


def _crops(spec: ClassifierSpec, run: Run, targets: Path | None) -> CropsWithLabels:
    found: CropsWithLabels
    sizes = {"side": spec.side, "batch": spec.recipe.batch if spec.recipe else GIVEN_BATCH, "seed": spec.seed}
    if spec.root is None:
        if targets is None:
            raise UserError(f"{run.label}: the spec has no root; give the prepared data set as `targets`")
        augment = spec.recipe is not None and spec.recipe.augment
        found = LabelledCrops(Arrays(targets), augment=augment, **sizes)
    else:
        dataset = datasets.load(spec.dataset)
        splits = datasets.located(dataset, Path(spec.root))
        found = LabelledFiles(splits["train"], splits["test"], dataset.read, workers=run.threads, **sizes)
    if len(found.classes) != spec.classes:
        raise UserError(f"classes: {spec.classes}, data set '{spec.dataset}' has {len(found.classes)}; make them equal")
    return found


def _built(spec: ClassifierSpec, label: str, initial: Path | None) -> Classifier:
    model = classifiers.build(spec.architecture, spec.classes, spec.arguments, spec.head, spec.dropout)
    classifiers.initialise(model)
    if spec.weights is None and spec.initial == "scratch":
        return model
    if initial is None:
        raise UserError(f"{label}: the spec starts from a file; give it as `initial`")
    if spec.weights is not None:
        checked_digest(initial, spec.weights.digest)
        classifiers.import_weights(model, initial)
    elif spec.initial == "trunk":
        classifiers.load_trunk(model, initial)
    else:
        classifiers.load_into(model, initial)
    return model


def _given(
    spec: ClassifierSpec, model: Classifier, crops: CropsWithLabels, chosen: Device, where: str
) -> dict[str, Any]:
    """Check a classifier from elsewhere and return what the card says of it."""
    if spec.clean_accuracy is not None:
        require_accuracy(model, crops.held_out(spec.evaluation.each), spec.clean_accuracy, where)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"parameters": parameters, "seconds": 0.0, "device": chosen.name, "precision": chosen.precision}


def _fitted(spec: ClassifierSpec, recipe: Recipe, model: Classifier, crops: CropsWithLabels, begun: Training) -> Result:
    """Train `model` in place."""
    chosen = begun.device

    def loss(step: int, data: Batch) -> StepLoss:
        images, labels = to_tensor(data[0], chosen.device), torch.from_numpy(data[1]).to(chosen.device)
        attack = spec.attack
        if attack is None:
            with chosen.autocast():
                error = F.cross_entropy(model(images), labels)
            return StepLoss(error, {"clean": error})
        wrong = random_wrong_class(labels, spec.classes, own_generator(spec.seed, step))
        radius, length = attack.at(step, recipe.steps)
        with chosen.autocast():
            changed = perturb(model, images, wrong, radius, attack.steps, length)
            # one pass, so that batch normalisation sees both halves alike
            clean, adversarial = model(torch.cat([images, changed])).chunk(2)
        terms = adversarial_terms(clean, adversarial, labels)
        return StepLoss(adversarial_loss(terms, attack.pairing), terms)

    result = begun.fit(model, recipe, crops.draw, loss)
    # the running mean of the weights is a copy, which does not remember its name
    model.load_state_dict(result.model.state_dict())
    return result


if __name__ == "__main__":
    command.run(main)
