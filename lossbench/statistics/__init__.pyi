from lossbench.statistics.bootstrap import Interval
from lossbench.statistics.intervals import holm
from lossbench.statistics.plain import interval

__all__ = ["Interval", "holm", "interval"]
