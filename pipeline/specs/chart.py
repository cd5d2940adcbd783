"""What the chart of a figure depends on beside the table that it shows."""

from lossbench.records import Strict


class ChartSpec(Strict):
    """Bars of one table: a panel a metric, a bar a loss."""

    title: str
    scale: str
    panels: tuple[tuple[str, str], ...]
    """Column and metric of each."""
    network: str
    losses: tuple[str, ...]
    """A bar each; `robust_x` stands beside `x`."""
    line: str
    """The loss that is a dashed line."""
    stand_ins: tuple[str, ...]
