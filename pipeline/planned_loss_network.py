"""What the plan adds for a loss network: its import, its training, or the classifier that it is the trunk of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.errors import UserError
from pipeline.planned_job import PUBLIC, Job
from pipeline.planned_run import pretrain_spec
from pipeline.specs.classifier import ClassifierSpec
from pipeline.specs.config import ClassifierAtScale, JudgementsAtScale, LossNetworkAtScale
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec, PublicWeights

if TYPE_CHECKING:
    from pipeline.plan import Plan

STORED = "network.safetensors"


def plan_loss_network(plan: Plan, name: str, task_dataset: str, task: str) -> str:
    """Add all that makes the loss network `name` of the scale; return its file.

    One that is trained on the ground truth of a task is trained on that of `task` in `task_dataset`.
    """
    chosen = plan.configuration.loss_network(name)
    plugins.check("loss_networks", chosen.network)
    if chosen.classifier:
        return f"{plan_classifier(plan, chosen.classifier)}/{STORED}"
    if chosen.judgements:
        return _distance(plan, name, chosen, chosen.judgements)
    plugin = f"pipeline.loss_networks.{chosen.network}"
    if chosen.weights:
        plugins.check_build_arguments("loss_networks", chosen.network, chosen.architecture)
        imported = PretrainSpec(
            loss_network=chosen.network,
            architecture=chosen.architecture,
            dataset=PUBLIC,
            seed=0,
            weights=PublicWeights(file=chosen.weights.file, digest=chosen.weights.digest),
        )
        plan.add("import_weights", (name,), Job(imported, ("pipeline.import_weights", plugin)))
        return f"{plan.root}/pretrain/{name}/{PUBLIC}/{STORED}"
    assert chosen.dataset is not None, name
    dataset = task_dataset if chosen.dataset == "task" else plan.configuration.dataset(chosen.dataset)
    spec = pretrain_spec(plan.configuration, name, dataset, task)
    job = Job(spec, ("pipeline.pretrain", plugin), {"targets": plan.prepare(dataset)})
    plan.add("pretrain", (name, dataset), job)
    return f"{plan.root}/pretrain/{name}/{dataset}/{STORED}"


def plan_classifier(plan: Plan, name: str) -> str:
    """Add the classifier `name` of the scale and what it starts from; return its folder."""
    chosen = plan.configuration.classifier(name)
    dataset = plan.configuration.dataset(chosen.dataset)
    plugins.check_build_arguments("loss_networks", chosen.architecture, chosen.arguments)
    where = f"{plan.configuration.scale_file}: classifiers.{name}"
    spec = ClassifierSpec.parse(_classifier_values(plan, chosen, dataset), where)
    if (known := plugins.constant("datasets", dataset, "CLASSES", spec.classes)) != spec.classes:
        raise UserError(f"{where}.classes: {spec.classes}, data set '{dataset}' has {known}; make them equal")
    inputs: dict[str, str | list[str]] = {}
    if spec.root is None:
        inputs["targets"] = plan.prepare(dataset)
    if chosen.trunk:
        inputs["initial"] = plan_loss_network(plan, chosen.trunk, dataset, "")
    elif chosen.classifier:
        inputs["initial"] = f"{plan_classifier(plan, chosen.classifier)}/classifier.safetensors"
    modules = ["pipeline.train_classifier", f"pipeline.loss_networks.{chosen.architecture}"]
    # prepared data hold the outcome of their reader, a folder is read by it
    modules += [f"pipeline.datasets.{dataset}"] if spec.root else []
    plan.add("train_classifier", (name, dataset), Job(spec, tuple(modules), inputs))
    return f"{plan.root}/train_classifier/{name}/{dataset}"


def _classifier_values(plan: Plan, chosen: ClassifierAtScale, dataset: str) -> dict[str, object]:
    own = {"trunk", "classifier", "dataset", "weights", "stand_in", "source"}
    weights = chosen.weights
    return {
        **chosen.model_dump(exclude=own),
        "initial": "trunk" if chosen.trunk else "classifier" if chosen.classifier else "scratch",
        "dataset": dataset,
        "root": plan.configuration.data_root(dataset),
        "weights": {"file": weights.file, "digest": weights.digest} if weights else None,
        "seed": 0,
    }


def _distance(plan: Plan, name: str, chosen: LossNetworkAtScale, judged: JudgementsAtScale) -> str:
    """Add a distance whose heads are trained on judgements; return its file."""
    assert chosen.dataset is not None and chosen.recipe is not None, name
    where = f"{plan.configuration.scale_file}: loss_networks.{name}"
    dataset = plan.configuration.dataset(chosen.dataset)
    plugins.check_build_arguments("loss_networks", chosen.network, chosen.architecture)
    spec = DistanceSpec.parse(
        {
            "architecture": chosen.architecture,
            "dataset": dataset,
            "root": plan.configuration.data_root(dataset),
            "side": chosen.recipe.patch,
            "recipe": chosen.recipe,
            "attack": judged.attack,
            "initial": judged.initial is not None,
            "held_out": judged.held_out,
            "seed": 0,
        },
        where,
    )
    inputs: dict[str, str | list[str]] = {}
    modules = ["pipeline.train_distance", f"pipeline.loss_networks.{chosen.network}"]
    for role, other, kind in (
        ("trunk", judged.trunk, "vgg16"),
        ("initial", judged.initial, chosen.network),
        ("released", judged.released, "lpips"),
    ):
        if other is None:
            continue
        if (found := plan.configuration.loss_network(other).network) != kind:
            raise UserError(f"{where}.judgements.{role}: '{other}' is of kind '{found}'; give one of kind '{kind}'")
        inputs[role] = plan_loss_network(plan, other, dataset, "")
        modules.append(f"pipeline.loss_networks.{kind}")
    if spec.root is None:
        inputs["targets"] = plan.prepare(dataset)
    else:
        modules.append(f"pipeline.datasets.{dataset}")
    plan.add("train_distance", (name, dataset), Job(spec, tuple(dict.fromkeys(modules)), inputs))
    return str(Path(plan.root) / "train_distance" / name / dataset / STORED)
