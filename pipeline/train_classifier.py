"""Stage train_classifier: a classifier trained on clean images or against attacks, and how well it withstands them."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lossbench import classifiers, datasets, loss_networks
from lossbench import device as devices
from lossbench.assets.weight_files import checked_digest, locate
from lossbench.attacks.targeted import adversarial_loss, adversarial_terms, perturb, random_wrong_class
from lossbench.classifiers import Classifier
from lossbench.device import Device, to_tensor
from lossbench.errors import UserError, exit_with_one_line
from lossbench.files import write_text
from lossbench.images import read_image
from lossbench.loss_networks._normalise import normalise_filters
from lossbench.loss_networks._vgg import VGG
from pipeline.learning.classification import require_accuracy, score, write_witness
from pipeline.learning.labelled import LabelledCrops, LabelledFiles
from pipeline.learning.lock import exclusive
from pipeline.learning.loop import Batch, Job, StepLoss, fit
from pipeline.learning.outcome import run_card, write_history
from pipeline.learning.sampling import Ahead, own_generator
from pipeline.outputs.arrays import Arrays
from pipeline.outputs.provenance import provenance
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.recipe import Recipe

GIVEN_BATCH = 32
"""Crops that are drawn at once for a classifier that is not trained."""


def main(
    spec: ClassifierSpec,
    code: str,
    *,
    output: Path,
    label: str,
    targets: Path | None = None,
    initial: Path | None = None,
    weights_root: Path = Path("weights"),
    threads: int = 1,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Write `classifier.safetensors`, `network.safetensors`, `witness.npz`, `scores.csv`, `chance.csv` and `card.json`.

    `network.safetensors` is the trunk as a loss network; that of a VGG has its filters scaled to a mean activation of 1
    on clean training crops. Both tables of scores hold a row a held-out crop and metric, in per cent, the second those
    of guessing. A trained classifier has `history.csv` too. Crops come from the prepared folder `targets` where the
    spec has no `root`. `initial` is the file that the spec's `initial` speaks of; the spec's `weights` lie below
    `weights_root`, or in an installed package. Raises UserError when another process works on the same classifier, for
    bad data or values, for weights from elsewhere that fall short of their stated accuracy, and for a full disk.
    """
    with exclusive(output):
        chosen = devices.choose(spec.recipe.precision if spec.recipe else "auto", threads)
        torch.manual_seed(spec.seed)
        crops = _crops(spec, label, targets, threads)
        given = locate(spec.weights.file, weights_root) if spec.weights else initial
        model = chosen.place(_built(spec, label, given))
        if spec.frozen_trunk:
            model.freeze_trunk()
        job = Job(label, {"spec": spec.canonical(), "code": code}, output / "last.ckpt", checkpoint_seconds)
        if spec.recipe is None:
            trained = _given(spec, model, crops, chosen, str(given))
        else:
            trained = _trained(spec, spec.recipe, model, crops, chosen, job)
        found = score(model, crops.held_out(spec.evaluation.each), spec.classes, spec.evaluation, chosen, label)
        card = {**provenance(spec, code), **trained, **found.card(), "classes": crops.classes}
        names = crops.names(spec.evaluation.each)
        for name, rows in (("scores", found.rows()), ("chance", found.guessed(spec.classes))):
            write_text(output / f"{name}.csv", _table(names, rows))
        write_witness(output / "witness.npz", model, crops)
        classifiers.save(model, output / "classifier.safetensors", card)
        loss_networks.save(_loss_network(spec, model, crops, chosen), output / "network.safetensors", card)
        write_text(output / "card.json", json.dumps(card, indent=1) + "\n")
        job.checkpoint.unlink(missing_ok=True)


def _loss_network(
    spec: ClassifierSpec, model: Classifier, crops: LabelledCrops | LabelledFiles, chosen: Device
) -> nn.Module:
    """Return the trunk, a VGG's filters scaled on clean training crops: the classifier is stored before and is no more.

    A ResNet's are normalised in each batch already.
    """
    if not isinstance(model.trunk, VGG):
        return model.trunk
    batch = len(crops.draw(0)[0])
    count = math.ceil(spec.normalised_on / batch)
    normalise_filters(model.trunk, (to_tensor(crops.draw(step)[0], chosen.device) for step in range(count)))
    return model.trunk


def _table(names: list[str], scores: dict[str, list[float]]) -> str:
    """Return scores as the CSV that tables are made of."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "metric", "value"])
    for metric, values in scores.items():
        writer.writerows((name, metric, value) for name, value in zip(names, values, strict=True))
    return text.getvalue()


def _crops(spec: ClassifierSpec, label: str, targets: Path | None, threads: int) -> LabelledCrops | LabelledFiles:
    batch = spec.recipe.batch if spec.recipe else GIVEN_BATCH
    found: LabelledCrops | LabelledFiles
    if spec.root is None:
        if targets is None:
            raise UserError(f"{label}: the spec has no root; give the prepared data set as `targets`")
        augment = spec.recipe is not None and spec.recipe.augment
        found = LabelledCrops(Arrays(targets), side=spec.side, batch=batch, seed=spec.seed, augment=augment)
    else:
        module = datasets.load(spec.dataset)
        splits = module.locate(Path(spec.root))
        read = getattr(module, "read", lambda source: read_image(source.path))
        sizes = {"side": spec.side, "batch": batch, "seed": spec.seed, "workers": threads}
        found = LabelledFiles(splits["train"], splits["test"], read, **sizes)
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
    spec: ClassifierSpec, model: Classifier, crops: LabelledCrops | LabelledFiles, chosen: Device, where: str
) -> dict[str, Any]:
    """Check a classifier from elsewhere and return what the card says of it."""
    if spec.clean_accuracy is not None:
        require_accuracy(model, crops.held_out(spec.evaluation.each), spec.clean_accuracy, where)
    precision = str(chosen.dtype).removeprefix("torch.")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"parameters": parameters, "seconds": 0.0, "device": chosen.name, "precision": precision}


def _trained(
    spec: ClassifierSpec,
    recipe: Recipe,
    model: Classifier,
    crops: LabelledCrops | LabelledFiles,
    chosen: Device,
    job: Job,
) -> dict[str, Any]:
    """Train `model` in place, write the history, and return what the card says of the training."""

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

    result = fit(model, recipe, job, Ahead(crops.draw), loss, chosen.device)
    write_history(job.checkpoint.with_name("history.csv"), result.history)
    # the running mean of the weights is a copy, which does not remember its name
    model.load_state_dict(result.model.state_dict())
    return run_card(result, chosen)


def _arguments() -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.train_classifier", description=__doc__)
    parser.add_argument("spec", help="ClassifierSpec as JSON")
    parser.add_argument("--code", required=True, help="fingerprint of the code")
    parser.add_argument("--output", type=Path, required=True, help="folder of the classifier")
    parser.add_argument("--label", required=True, help="name of the run in progress lines")
    parser.add_argument("--targets", type=Path, help="folder of the prepared data set, where the spec has no root")
    parser.add_argument("--initial", type=Path, help="stored network that the training starts from")
    parser.add_argument("--weights-root", type=Path, default=Path("weights"), help="folder of public weight files")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--checkpoint-seconds", type=float, default=300.0, help="time between two checkpoints")
    given = vars(parser.parse_args())
    main(ClassifierSpec.from_json(given.pop("spec")), given.pop("code"), **given)


if __name__ == "__main__":
    exit_with_one_line(_arguments)
