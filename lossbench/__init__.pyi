from lossbench import statistics as statistics
from lossbench.comparing.compare import compare
from lossbench.losses import build as create_loss
from lossbench.losses import list_losses
from lossbench.metrics import create_metric
from lossbench.networks import load_network
from lossbench.restoring.picture import restore

__all__ = [
    "__version__",
    "compare",
    "create_loss",
    "create_metric",
    "list_losses",
    "load_network",
    "restore",
    "statistics",
]

__version__: str
