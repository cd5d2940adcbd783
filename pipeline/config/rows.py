"""The rows, columns and metrics that a table has at one scale."""

from pipeline.config.scale import Scale
from pipeline.config.table import Metric, Table


def _with_rows(name: str, table: Table, scale: Scale) -> Table:
    """Return the table with its control rows, or words that the scale does not train them, and its A/A row last."""
    here = scale.control_tables is None or name in scale.control_tables
    kept = tuple(control for control in table.controls if here and control not in scale.absent_controls)
    absent = ", ".join(control for control in table.controls if control not in kept)
    settings = (*table.settings, f"control rows {absent}: not trained at this scale") if absent else table.settings
    rows = (*table.losses, *kept, *([table.again] if table.again else []))
    return table.model_copy(update={"losses": rows, "controls": kept, "settings": settings})


def at_scale(name: str, table: Table, scale: Scale) -> Table:
    """Return the table `name` with its further rows, without columns that the scale has no data for.

    What replaces a metric at the scale stands in its place.
    """
    table = _with_rows(name, table, scale)
    columns = {
        label: column
        for label, column in table.columns.items()
        if not column.optional or column.test_set.dataset not in scale.absent
    }
    metrics: dict[str, Metric] = {}
    for taken, metric in table.metrics.items():
        if not any(metric.of(label) for label in columns):
            continue
        if taken not in scale.metrics:
            metrics[taken] = metric
        elif (other := scale.metrics[taken]) is not None:
            changes = {"file": other.file or metric.file or taken, "loss_network": other.loss_network}
            changes |= {"published": metric.published or taken, "source": f"{other.stand_in}; {metric.source}"}
            metrics[other.name] = metric.model_copy(update=changes)
    return table.model_copy(update={"columns": columns, "metrics": metrics})
