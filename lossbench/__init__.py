"""Losses, loss networks and metrics for image and video restoration.

`create_loss` and `create_metric` build one by name, `list_losses` lists the names, `load_network` opens a trained
restoration network, `restore` runs it on a picture, `compare` says which of some folders of restored pictures is
better. `statistics.interval` is the interval of a plain list. The shelves are modules: `from lossbench import losses`.
"""

from importlib import import_module
from typing import Any

# by name and not by import statement: whoever imports one module of the package must not import all of it
_FRONT_DOOR = {
    "__version__": ("lossbench.version", "VERSION"),
    "compare": ("lossbench.comparing.compare", "compare"),
    "create_loss": ("lossbench.weights.creating", "create_loss"),
    "create_metric": ("lossbench.metrics", "create_metric"),
    "list_losses": ("lossbench.losses", "list_losses"),
    "load_network": ("lossbench.networks", "load_network"),
    "restore": ("lossbench.restoring.picture", "restore"),
    # a module, not a name in one
    "statistics": ("lossbench.statistics", ""),
}


def __getattr__(name: str) -> Any:
    if name not in _FRONT_DOOR:
        raise AttributeError(f"module 'lossbench' has no attribute '{name}'; it has {', '.join(_FRONT_DOOR)}")
    module, attribute = _FRONT_DOOR[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted({*globals(), *_FRONT_DOOR})
