"""A metric of a table as evaluation takes it: file, protocol and the network that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.configuration import Configuration
from pipeline.errors import UserError
from pipeline.planned_loss_network import plan_classifier, plan_loss_network
from pipeline.specs.config import Column, Metric, Table
from pipeline.specs.evaluate import MetricSpec

if TYPE_CHECKING:
    from pipeline.plan import Plan

CLASSIFIER = "classifier"
"""The kind of network that a metric on a classifier rests on."""


def metric_spec(configuration: Configuration, name: str, table: Table, label: str) -> MetricSpec:
    """Return the metric `name` of the column `label`; raises UserError for a network that it can't use."""
    metric = table.metrics[name]
    file = plugins.check("metrics", metric.file or name)
    crop = metric.crop[label] if isinstance(metric.crop, dict) else metric.crop
    chosen = metric.loss_network
    kind = configuration.loss_network(chosen).network if chosen else CLASSIFIER if metric.classifier else None
    kinds = plugins.constant("metrics", file, "WEIGHTS", ())
    if kind not in (kinds or (None,)):
        given = f"'{chosen or metric.classifier}' is of kind '{kind}'" if kind else "none is given"
        section = "classifier" if CLASSIFIER in (kind, *kinds) else "loss_network"
        raise UserError(f"metrics.{name}.{section}: {given}; '{file}' takes {' or '.join(kinds) or 'none'}")
    return MetricSpec(
        name=name, file=file, colour=metric.colour, crop=crop, rounding=metric.rounding, loss_network=kind
    )


def plan_metrics(plan: Plan, table: Table, label: str, column: Column) -> tuple[tuple[MetricSpec, ...], list[str]]:
    """Add what the metrics of the column `label` rest on; return them, and the files of their networks in order."""
    chosen = {name: metric for name, metric in table.metrics.items() if metric.of(label)}
    specs = tuple(metric_spec(plan.configuration, name, table, label) for name in chosen)
    return specs, [
        _file(plan, metric, column) for metric in chosen.values() if metric.loss_network or metric.classifier
    ]


def _file(plan: Plan, metric: Metric, column: Column) -> str:
    if metric.classifier:
        return f"{plan_classifier(plan, metric.classifier)}/classifier.safetensors"
    assert metric.loss_network is not None
    trained_on = plan.configuration.dataset(column.dataset)
    return plan_loss_network(plan, metric.loss_network, trained_on, column.task)


def metric_modules(plan: Plan, table: Table, metrics: tuple[MetricSpec, ...], test_set: str) -> Iterator[str]:
    """Give the modules, beside those that they import by name, that scoring `test_set` by `metrics` runs."""
    for metric in metrics:
        yield f"pipeline.metrics.{metric.file}"
        if plugins.constant("metrics", metric.file, "NEEDS_LABEL", False):
            yield f"pipeline.datasets.{test_set}"
        if chosen := table.metrics[metric.name].classifier:
            yield f"pipeline.loss_networks.{plan.configuration.classifier(chosen).architecture}"
        elif metric.loss_network:
            yield f"pipeline.loss_networks.{metric.loss_network}"
        if standard := plugins.constant("metrics", metric.file, "CLASSIFIER", None):
            yield f"pipeline.classifiers.{standard}"
