"""A table's spec: its cells, the published numbers, and every word that is printed with it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError
from pipeline.losses.catalog import split
from pipeline.specs.config import Metric, Table
from pipeline.specs.precision import PRECISIONS
from pipeline.specs.recipe import Recipe
from pipeline.specs.tabulate import Cell, MetricColumn, PublishedValue, TabulateSpec


def tabulate_spec(
    configuration: Configuration, name: str, table: Table, cells: list[Cell], trivials: tuple[str, ...]
) -> TabulateSpec:
    """Put together what the stage tabulate needs for the table `paper/table`."""
    paper, short = name.split("/")
    return TabulateSpec(
        paper=paper,
        table=short,
        title=table.title,
        scale=configuration.config.scale,
        columns=tuple(table.columns),
        networks=table.networks,
        losses=table.losses,
        controls=table.controls,
        reference_loss=table.reference_loss,
        trivials=trivials,
        server_only={label: column.server_only for label, column in table.columns.items() if column.server_only},
        metrics=tuple(_metric_columns(table)),
        cells=tuple(cells),
        published=tuple(_published(configuration, paper, short, table)),
        stand_ins=tuple(_stand_ins(configuration, table)),
        settings=(*table.settings, *_scale_settings(configuration, table)),
    )


def _metric_columns(table: Table) -> Iterator[MetricColumn]:
    for name, metric in table.metrics.items():
        better = plugins.constant("metrics", metric.file or name, "better")
        yield MetricColumn(name=name, better=better, protocol=f"{_protocol(metric)}; {metric.source}")


def _protocol(metric: Metric) -> str:
    crop = metric.crop
    shave = "/".join(f"{pixels} ({column})" for column, pixels in crop.items()) if isinstance(crop, dict) else str(crop)
    rounding = "rounded to 8 bit" if metric.rounding else "not rounded"
    return f"{metric.colour}, border of {shave} px left out, {rounding}, mean over pictures"


def _published(configuration: Configuration, paper: str, short: str, table: Table) -> Iterator[PublishedValue]:
    warnings = {(entry.column, entry.network, entry.loss, entry.metric): entry.reason for entry in table.warnings}
    unused = set(warnings)
    for row in configuration.published:
        if (row["paper"], row["table"]) == (paper, short):
            key = (row["dataset"], row["model"], row["loss"], row["metric"])
            column, network, loss, metric = key
            unused.discard(key)
            yield PublishedValue(
                column=column,
                network=network,
                loss=loss,
                metric=metric,
                value=float(row["value"]),
                warning=warnings.get(key, ""),
            )
    for entry in sorted(unused):
        raise UserError(f"config/tables/{paper}/{short}.yaml: warnings: nothing is published for {' '.join(entry)}")


def _stand_ins(configuration: Configuration, table: Table) -> Iterator[str]:
    columns = [column for whole in table.columns.values() for column in whole.by_test_set()]
    used = {name for column in columns for name in (column.dataset, column.test_set.dataset)}
    networks = {configuration.loss(loss).loss_network for loss in table.losses} - {None}
    loss_networks = {str(name): configuration.loss_network(str(name)) for name in sorted(map(str, networks))}
    used |= {entry.dataset for entry in loss_networks.values() if entry.dataset not in (None, "task")}
    for name in sorted(map(str, used)):
        data = configuration.scale.data.get(name)
        if data and data.stand_in:
            yield f"data set {data.dataset} stands in for {name}"
    for name, entry in loss_networks.items():
        if entry.stand_in:
            yield f"loss network {name} ({entry.network}) stands in for {entry.stand_in}"


def _scale_settings(configuration: Configuration, table: Table) -> Iterator[str]:
    tasks = {column.task for column in table.columns.values()}
    for name in table.networks:
        network = configuration.network(name)
        size = _listed(network.arguments) or "published size"
        differs = _special(network.per_task, tasks)
        trained = plugins.constant("networks", name, "OWN_LOSS") if network.own_loss else table.pixel
        made = f"{_recipe(network.recipe)}{differs}"
        yield f"{name}: {size}; {made}; pixel term: {trained}; source: {network.source}"
    for name in table.losses:
        loss = configuration.loss(name)
        if loss.loss_network:
            entry = configuration.loss_network(loss.loss_network)
            made = _recipe(entry.recipe) if entry.recipe else "imported weights"
            if plugins.constant("losses", split(loss.loss or name)[0], "ARCHITECTURE_OF", ()):
                made = "weights drawn at random"
            size = _listed(entry.architecture) or "published size"
            yield (
                f"{name}: {table.pixel} + {_listed(loss.arguments) or 'defaults'}{_special(loss.per_task, tasks)} "
                f"({loss.source}); "
                f"loss network in {PRECISIONS[loss.arguments.get('precision', 'exact')]}; "
                f"it is {entry.network}, {size}, {made}; source: {entry.source}"
            )
        elif loss.as_long_as:
            yield f"{name}: {loss.loss}, with as many more steps as take the seconds of {loss.as_long_as}'s steps"
        elif loss.arguments:
            yield f"{name}: {_listed(loss.arguments)}{_special(loss.per_task, tasks)} ({loss.source})"


def _recipe(recipe: Recipe) -> str:
    return (
        f"{recipe.steps} steps, batch {recipe.batch}, patch {recipe.patch}, {recipe.optimizer}, "
        f"learning rate {recipe.learning_rate:g}, schedule {recipe.schedule.name}"
    )


def _special(per_task: dict[str, dict[str, object]], tasks: set[str]) -> str:
    """Return what differs for those of `tasks` that have something of their own."""
    return "".join(f"; for {task}: {_listed(values)}" for task, values in sorted(per_task.items()) if task in tasks)


def _listed(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))
