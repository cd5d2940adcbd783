"""What the chart of a table shows."""

from __future__ import annotations

from pipeline.specs.chart import ChartSpec
from pipeline.specs.config import Table
from pipeline.specs.tabulate import TabulateSpec


def chart_spec(table: Table, line: str, tabulated: TabulateSpec) -> ChartSpec:
    """Return the chart of a table with one network: every metric in its columns, the loss `line` as a line."""
    (network,) = table.networks
    return ChartSpec(
        title=table.title,
        scale=tabulated.scale,
        panels=tuple(
            (label, name) for name, metric in table.metrics.items() for label in table.columns if metric.of(label)
        ),
        network=network,
        losses=tuple(loss for loss in table.losses if loss != line),
        line=line,
        stand_ins=tabulated.stand_ins,
    )
