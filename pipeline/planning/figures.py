"""The jobs that draw a figure of a paper: bars of a made table, or what its runs left."""

from collections.abc import Sequence

from lossbench import datasets
from lossbench.errors import UserError
from pipeline.config.read import Configuration
from pipeline.planning.job import File, Job
from pipeline.specs.chart import ChartSpec
from pipeline.specs.figure import FigureSpec
from pipeline.specs.tabulate import TabulateSpec


def charted(configuration: Configuration, table: Job) -> Job | None:
    """Return the drawing of a made table, which has one network; None for one that is no figure of its paper."""
    chosen = configuration.tables["/".join(table.key)]
    if chosen.chart is None:
        return None
    assert isinstance(table.spec, TabulateSpec)
    (network,) = chosen.networks
    spec = ChartSpec(
        title=chosen.title,
        scale=table.spec.scale,
        panels=tuple(
            (label, name) for name, metric in chosen.metrics.items() for label in chosen.columns if metric.of(label)
        ),
        network=network,
        losses=tuple(loss for loss in chosen.losses if loss not in (chosen.chart, chosen.again, *chosen.answers)),
        line=chosen.chart,
        stand_ins=table.spec.stand_ins,
    )
    return Job(configuration.root, "chart", table.key, spec, ("pipeline.chart",), {"table": table.writes("long")})


def drawn(configuration: Configuration, table: Job) -> Job | None:
    """Return the drawing of what the runs of a table left; None for a table without such a figure."""
    figure = configuration.tables["/".join(table.key)].figure
    if figure is None:
        return None
    assert isinstance(table.spec, TabulateSpec)
    _check_kind(configuration, "/".join(table.key), figure.kind)
    for test_set in dict.fromkeys(cell.test_set for cell in table.spec.cells) if figure.kind == "gallery" else ():
        if not datasets.card(test_set).pictures:
            place = f"{configuration.table_files['/'.join(table.key)]}: figure"
            raise UserError(f"{place}: the licence of {test_set} allows no pictures; leave the gallery out")
    # a run's scores, history and pictures are named by the cells of the table
    reads: dict[str, File | Sequence[File]] = {name: table.reads[name] for name in ("scores", "cards")}
    spec = FigureSpec(figure=figure, table=table.spec)
    return Job(configuration.root, "figure", table.key, spec, ("pipeline.figure",), reads)


def _check_kind(configuration: Configuration, name: str, kind: str) -> None:
    """Raise UserError where a figure shows what the table `name` has not, or has more of than it shows."""
    table, place = configuration.tables[name], f"{configuration.table_files[name]}: figure.kind"
    of_pictures = kind in ("scatter", "plane")
    if of_pictures and table.compares == "classifiers":
        raise UserError(f"{place}: {kind} shows scores of pictures, and classifiers have none; leave the figure out")
    if not of_pictures and table.compares != "generators":
        raise UserError(f"{place}: {kind} shows what auto-encoders make; take scatter, or a table of generators")
    for entry, values in (("columns", table.columns), ("networks", table.networks)):
        if kind == "sweep" and len(values) > 1:
            raise UserError(
                f"{place}: sweep shows one of the {entry}, the table has {len(values)}; make a table of each"
            )
