"""The rows, columns and metrics that a table has at one scale."""

from pipeline.config.scale import Scale
from pipeline.config.table import Metric, Table


def _with_rows(name: str, table: Table, scale: Scale) -> Table:
    """Return the table with its further rows: controls that the scale trains, answers, and its A/A row last.

    Its settings say which are left out: controls, and answers that are made of a loss that the table has not.
    """
    here = scale.control_tables is None or name in scale.control_tables
    kept = tuple(control for control in table.controls if here and control not in scale.absent_controls)
    left = [control for control in table.controls if control not in kept]
    said = [f"control rows {', '.join(left)}: not trained at this scale"] if left else []
    rows = [*table.losses, *kept]
    for answer, made in table.answers.items():
        if absent := [loss for loss in made.of if loss not in (*table.losses, *kept)]:
            said.append(f"row {answer}: not made, since the table has no loss {' and '.join(absent)}")
        else:
            rows.append(answer)
    rows += [table.again] if table.again else []
    changes = {"losses": tuple(rows), "controls": kept, "settings": (*table.settings, *said)}
    return table.model_copy(update=changes)


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
    replaced = {taken: other.name for taken, other in scale.metrics.items() if other is not None}
    figure = table.figure and table.figure.with_metrics(replaced)
    return table.model_copy(update={"columns": columns, "metrics": metrics, "figure": figure})
