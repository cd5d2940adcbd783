"""Where stored loss networks lie: those that were fetched, those that ship, those that the pipeline made here."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lossbench.errors import UserError
from lossbench.plugins import PACKAGE

FOLDER = "LOSSBENCH_WEIGHTS"
"""Environment variable that names another folder for what is fetched."""
SHIPPED = PACKAGE / "assets/loss_networks"
"""The folder of those that come with the package."""
RESULTS = Path("results")
MADE_HERE = "*/*/*/*/network.safetensors"
"""Where below `RESULTS` the stages of the pipeline write loss networks: scale, stage, name, data set."""


def fetched() -> Path:
    """Return the folder of fetched loss networks: that of `LOSSBENCH_WEIGHTS`, or the platform's for caches.

    Raises UserError where neither that variable nor a home is set.
    """
    if given := os.environ.get(FOLDER):
        return Path(os.path.expanduser(given))
    cache = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    try:
        usual = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:
        raise UserError(f"no home folder is known here; name a folder for weights in {FOLDER}") from None
    # a relative one is to be ignored, by the specification of XDG
    base = Path(cache) if cache and os.path.isabs(cache) else usual
    return base / "lossbench" / "weights"


def stored(folder: Path, name: str) -> Path:
    """Return where in `folder` the loss network `name` is stored."""
    return folder / f"{name}.safetensors"


def files(folder: Path, pattern: str = "*.safetensors") -> Iterator[Path]:
    """Give the files of `folder` that `pattern` matches, sorted; none where there is no such folder."""
    yield from sorted(folder.glob(pattern)) if folder.is_dir() else ()
