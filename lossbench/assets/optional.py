"""Libraries that only some plugins need: imported where they are used, and named with their extra where absent."""

import importlib
from typing import Any

from lossbench.errors import UserError

EXTRAS = {
    "av": "video",
    "h5py": "pipeline",
    "matplotlib": "pipeline",
    "onnx": "export",
    "onnxruntime": "export",
    "pandas": "pipeline",
    "pyiqa": "pyiqa",
    "pyrtools": "metrics",
    "skimage": "metrics",
    "spandrel": "spandrel",
    "tensorboard": "tensorboard",
    "tifffile": "pipeline",
    "timm": "timm",
    "torchmetrics": "metrics",
    "torchvision": "timm",
    "transformers": "video",
}
"""The extra of the package lossbench that brings each."""
DISTRIBUTIONS = {"skimage": "scikit-image"}
"""Where the registry has another name."""


def imported(module: str, owner: str) -> Any:
    """Import `module` of an optional library for `owner`, such as "metric 'ifc'".

    Raises UserError with the command that installs the library where it is absent.
    """
    library = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # a module that an installed library lacks is another fault
        if error.name not in (None, library):
            raise
        raise absent(library, owner) from None


def absent(library: str, owner: str) -> UserError:
    """Return what to say when `owner` lacks `library`."""
    package = DISTRIBUTIONS.get(library, library)
    return UserError(f'{owner} needs the package {package}; install it by `pip install "lossbench[{EXTRAS[library]}]"`')


def extra_of(package: str) -> str | None:
    """Return the extra that brings what the registry calls `package`; None for one that no extra brings."""
    return next((extra for name, extra in EXTRAS.items() if DISTRIBUTIONS.get(name, name) == package), None)
