"""The job that trains one restoration network under one loss."""

from lossbench import plugins
from pipeline.config.losses import SEED_OFFSET
from pipeline.config.read import Configuration
from pipeline.config.scale import SEEDS
from pipeline.config.table import Column, Table
from pipeline.planning.data import pairs
from pipeline.planning.job import File, Job, plugin_module
from pipeline.planning.loss_networks import loss_network
from pipeline.planning.parts import loss_spec, network_spec, recipe
from pipeline.specs.train import TrainSpec


def trained(configuration: Configuration, table: Table, column: Column, network: str, loss: str, seed: int) -> Job:
    """Return one training, on the data of `column`; raises UserError for a name or argument that is not known."""
    dataset = configuration.dataset(column.dataset)
    task = configuration.config.tasks[column.task]
    chosen, own_loss = configuration.loss(loss), configuration.network(network).own_loss
    if own_loss:
        # refused here when the network has none
        plugins.constant("networks", network, "OWN_LOSS")
    spec = TrainSpec(
        task=task,
        dataset=dataset,
        network=network_spec(configuration, network, task),
        loss=loss_spec(configuration, loss, table.pixel, column.task, seed),
        own_loss=own_loss,
        recipe=recipe(configuration, network, column.task),
        as_long_as=chosen.as_long_as,
        seed=seed if chosen.again_of is None else (seed + SEED_OFFSET) % SEEDS,
    )
    reads = pairs(configuration, dataset, column.task)
    modules = ["pipeline.train", plugin_module("networks", network), plugin_module("losses", spec.loss.name)]
    modules += [plugin_module("tasks", task.name)]
    if chosen.loss_network:
        # of a file that gives an architecture alone one is enough
        own = None if plugins.constant("losses", spec.loss.name, "ARCHITECTURE_OF", ()) else seed
        reads["weights"] = loss_network(configuration, chosen.loss_network, dataset, column.task, own)
        modules.append(plugin_module("loss_networks", str(spec.loss.loss_network)))
    if chosen.as_long_as:
        compared = (table.reference_loss, chosen.as_long_as)
        runs = [trained(configuration, table, column, network, other, seed) for other in compared]
        reads["cards"] = [run.writes("card") for run in runs]
    key = (column.task, dataset, network, loss, str(seed))
    return Job(configuration.root, "train", key, spec, tuple(modules), reads)


def same_time(job: Job) -> Job | None:
    """Return the training whose time the training `job` takes; None for one with steps of its own."""
    match job.reads.get("cards"):
        case [_, File(job=longer)]:
            return longer
        case _:
            return None
