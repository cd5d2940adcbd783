"""What numbers allow to say: `interval` of a plain list of scores or paired differences; the modules hold the rest."""

from importlib import import_module
from typing import Any

# by name, as in the front door of the package: whoever imports one module must not import all
_FRONT_DOOR = {
    "Interval": ("lossbench.statistics.bootstrap", "Interval"),
    "holm": ("lossbench.statistics.intervals", "holm"),
    "interval": ("lossbench.statistics.plain", "interval"),
}


def __getattr__(name: str) -> Any:
    if name not in _FRONT_DOOR:
        raise AttributeError(
            f"module 'lossbench.statistics' has no attribute '{name}'; it has {', '.join(_FRONT_DOOR)}"
        )
    module, attribute = _FRONT_DOOR[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FRONT_DOOR})
