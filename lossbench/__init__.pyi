from lossbench.losses import build as create_loss
from lossbench.losses import list_losses
from lossbench.metrics import create_metric
from lossbench.networks import load_network

__all__ = ["__version__", "create_loss", "create_metric", "list_losses", "load_network"]

__version__: str
