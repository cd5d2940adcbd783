"""A metric of a table as evaluation takes it: file, protocol and the loss network that it rests on."""

from __future__ import annotations

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError
from pipeline.specs.config import Table
from pipeline.specs.evaluate import MetricSpec


def metric_spec(configuration: Configuration, name: str, table: Table, label: str) -> MetricSpec:
    """Return the metric `name` of the column `label`; raises UserError for a loss network that it can't use."""
    metric = table.metrics[name]
    file = plugins.check("metrics", metric.file or name)
    crop = metric.crop[label] if isinstance(metric.crop, dict) else metric.crop
    chosen = metric.loss_network
    kind = configuration.loss_network(chosen).network if chosen else None
    kinds = plugins.constant("metrics", file, "WEIGHTS", ())
    if kind not in (kinds or (None,)):
        given = f"'{chosen}' is of kind '{kind}'" if kind else "none is given"
        raise UserError(f"metrics.{name}.loss_network: {given}; '{file}' takes {' or '.join(kinds) or 'none'}")
    return MetricSpec(
        name=name, file=file, colour=metric.colour, crop=crop, rounding=metric.rounding, loss_network=kind
    )
