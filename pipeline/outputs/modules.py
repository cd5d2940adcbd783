"""Where an imported module comes from: the user's own code, whose text counts, or a library, whose version may."""

import importlib.metadata
import importlib.util
import site
import sys
import sysconfig
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from lossbench.assets.optional import DISTRIBUTIONS

ARITHMETIC = {"numpy", "pandas", "scipy", "torch"}
"""Their versions do not count: each computes the same function but for rounding, as another machine does.

The cards name them.
"""
WITHOUT_NUMBERS = {
    *("PIL", "accelerate", "filelock", "h5py", "jinja2", "markupsafe", "matplotlib", "pydantic", "pynvml"),
    *("safetensors", "yaml"),
}
"""Their versions do not count: they read, write, check, draw, and let processes share a batch."""


@cache
def local(name: str) -> Path | None:
    """Return the folder, or the path without its ending, of the top-level module `name` of the user's own.

    None for a library, for what comes with Python, and where there is none. Nothing is imported.
    """
    # jobs look in the working folder first, also for what Python has itself
    spec = PathFinder.find_spec(name, [str(Path.cwd())])
    if spec is None and (name in sys.stdlib_module_names or name in ARITHMETIC | WITHOUT_NUMBERS):
        return None
    if spec is None:
        spec = PathFinder.find_spec(name, sys.path)
    if spec is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or [])
    origin = Path(places[0]) if places else Path(spec.origin or "").with_suffix("")
    return None if _installed(origin.resolve()) or not origin.name else origin


@cache
def versioned(name: str) -> str | None:
    """Return the distribution of the library that is imported as `name` where its version counts and it is there."""
    if not name or name in sys.stdlib_module_names or name in ARITHMETIC | WITHOUT_NUMBERS:
        return None
    known = DISTRIBUTIONS.get(name, name)
    try:
        importlib.metadata.version(known)
    except importlib.metadata.PackageNotFoundError:
        found = importlib.metadata.packages_distributions().get(name)
        return sorted(found)[0] if found else None
    return known


def _installed(path: Path) -> bool:
    """Say whether `path` lies where libraries are installed, or Python itself."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    own = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    own |= {*site.getsitepackages(), site.getusersitepackages()}
    folders = [Path(folder).resolve() for folder in own]
    return any(path.is_relative_to(folder) for folder in folders)
