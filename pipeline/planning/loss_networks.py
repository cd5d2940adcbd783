"""The jobs that make a loss network: its import, its training, or the classifier that it is the trunk of."""

from collections.abc import Sequence
from dataclasses import replace

from lossbench import datasets, plugins
from lossbench.errors import UserError, placed
from pipeline.config import scale
from pipeline.config.once import once
from pipeline.config.read import Configuration
from pipeline.dividing.planned import processes
from pipeline.outputs.layout import PUBLIC
from pipeline.planning.data import prepared
from pipeline.planning.job import File, Job, plugin_module
from pipeline.planning.parts import pretrain_spec
from pipeline.specs.classifier import ClassifierBase, ClassifierSpec
from pipeline.specs.distance import DistanceSpec
from pipeline.specs.pretrain import PretrainSpec, PublicWeights


@once
def loss_network(
    configuration: Configuration, name: str, dataset: str, task: str | None, seed: int | None = None
) -> File:
    """Return the file of the loss network `name` of the scale.

    One that is trained on the ground truth of a task is trained on that of `task` in `dataset`; None where the job that
    reads it has no task. One that is pre-trained is trained under `seed`, that of the run which learns by it; what
    serves several runs, such as a metric, gives none and has that of the scale's first seed. Classifiers, distances
    and imported weights are one for all seeds.
    """
    chosen = configuration.loss_network(name)
    plugins.check("loss_networks", chosen.network)
    if chosen.classifier:
        return classifier(configuration, chosen.classifier).writes("network")
    if chosen.judgements:
        return _distance(configuration, name, chosen, chosen.judgements).writes("network")
    if chosen.weights:
        return _imported(configuration, name, chosen, chosen.weights).writes("network")
    assert chosen.dataset is not None, name
    data = dataset if chosen.dataset == "task" else configuration.dataset(chosen.dataset)
    first = configuration.scale.seeds[0]
    chosen_seed = first if seed is None else seed
    spec = pretrain_spec(configuration, name, data, task, chosen_seed)
    modules = ("pipeline.pretrain", plugin_module("loss_networks", chosen.network))
    reads = {"targets": prepared(configuration, data).writes("card")}
    # the first has the plain name
    folder = name if chosen_seed == first else f"{name}_seed{chosen_seed}"
    job = Job(configuration.root, "pretrain", (folder, data), spec, modules, reads)
    job = replace(job, processes=processes(configuration.scale.gpus, chosen.gpus), accumulate=chosen.accumulate)
    return job.writes("network")


@once
def classifier(configuration: Configuration, name: str) -> Job:
    """Return the making of the classifier `name` of the scale, from what it starts from."""
    chosen = configuration.classifier(name)
    dataset = configuration.dataset(chosen.dataset)
    where = f"{configuration.scale_file}: classifiers.{name}"
    with placed(f"{where}.arguments"):
        plugins.check_build_arguments("loss_networks", chosen.architecture, chosen.arguments)
    values = {
        **chosen.model_dump(include=set(ClassifierBase.model_fields)),
        "initial": "trunk" if chosen.trunk else "classifier" if chosen.classifier else "scratch",
        "dataset": dataset,
        "root": configuration.data_root(dataset),
        "files": configuration.files(dataset),
        "weights": _public(chosen.weights) if chosen.weights else None,
        "seed": 0,
    }
    spec = ClassifierSpec.parse(values, where)
    if (known := datasets.card(dataset).classes) not in (None, spec.classes):
        raise UserError(f"{where}.classes: {spec.classes}, data set '{dataset}' has {known}; make them equal")
    reads: dict[str, File | Sequence[File]] = {}
    if spec.root is None:
        reads["targets"] = prepared(configuration, dataset).writes("card")
    if chosen.trunk:
        reads["initial"] = loss_network(configuration, chosen.trunk, dataset, None)
    elif chosen.classifier:
        reads["initial"] = classifier(configuration, chosen.classifier).writes("classifier")
    modules = ["pipeline.train_classifier", plugin_module("loss_networks", chosen.architecture)]
    # prepared data hold the outcome of their reader, a folder is read by it
    modules += [plugin_module("datasets", dataset)] if spec.root else []
    return Job(configuration.root, "train_classifier", (name, dataset), spec, tuple(modules), reads)


def _public(weights: scale.Weights) -> PublicWeights:
    return PublicWeights(file=weights.file, digest=weights.digest)


def _imported(configuration: Configuration, name: str, chosen: scale.LossNetwork, weights: scale.Weights) -> Job:
    with placed(f"{configuration.scale_file}: loss_networks.{name}.architecture"):
        plugins.check_build_arguments("loss_networks", chosen.network, chosen.architecture)
    spec = PretrainSpec(
        loss_network=chosen.network,
        architecture=chosen.architecture,
        dataset=PUBLIC,
        seed=0,
        weights=_public(weights),
    )
    modules = ("pipeline.import_weights", plugin_module("loss_networks", chosen.network))
    return Job(configuration.root, "import_weights", (name,), spec, modules)


def _distance(configuration: Configuration, name: str, chosen: scale.LossNetwork, judged: scale.Judgements) -> Job:
    """Return the training of the heads of a distance on judgements."""
    assert chosen.dataset is not None and chosen.recipe is not None, name
    where = f"{configuration.scale_file}: loss_networks.{name}"
    dataset = configuration.dataset(chosen.dataset)
    with placed(f"{where}.architecture"):
        plugins.check_build_arguments("loss_networks", chosen.network, chosen.architecture)
    values = {
        "architecture": chosen.architecture,
        "dataset": dataset,
        "root": configuration.data_root(dataset),
        "files": configuration.files(dataset),
        "side": chosen.recipe.patch,
        "recipe": chosen.recipe,
        "attack": judged.attack,
        "initial": judged.initial is not None,
        "held_out": judged.held_out,
        "seed": 0,
    }
    spec = DistanceSpec.parse(values, where)
    reads: dict[str, File | Sequence[File]] = {}
    modules = ["pipeline.train_distance", plugin_module("loss_networks", chosen.network)]
    for role, other, kind in (
        ("trunk", judged.trunk, "vgg16"),
        ("initial", judged.initial, chosen.network),
        ("released", judged.released, "lpips"),
    ):
        if other is None:
            continue
        if (found := configuration.loss_network(other).network) != kind:
            raise UserError(f"{where}.judgements.{role}: '{other}' is of kind '{found}'; give one of kind '{kind}'")
        reads[role] = loss_network(configuration, other, dataset, None)
        modules.append(plugin_module("loss_networks", kind))
    if spec.root is None:
        reads["targets"] = prepared(configuration, dataset).writes("card")
    else:
        modules.append(plugin_module("datasets", dataset))
    return Job(configuration.root, "train_distance", (name, dataset), spec, tuple(dict.fromkeys(modules)), reads)
