"""Where an imported module comes from: the user's own code, whose text counts, or a library, whose version may."""

import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from lossbench.plugins.modules import installed, spec_of
from lossbench.plugins.packages import distribution_of

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
    known = name in sys.stdlib_module_names or name in ARITHMETIC | WITHOUT_NUMBERS
    # jobs look in the working folder first, also for what Python has itself
    if known and PathFinder.find_spec(name, [str(Path.cwd())]) is None:
        return None
    if (spec := spec_of(name)) is None:
        return None
    places = list(spec.submodule_search_locations or [])
    origin = Path(places[0]) if places else Path(spec.origin or "").with_suffix("")
    return None if installed(origin.resolve()) or not origin.name else origin


@cache
def versioned(name: str) -> str | None:
    """Return the distribution of the library that is imported as `name` where its version counts and it is there."""
    if not name or name in sys.stdlib_module_names or name in ARITHMETIC | WITHOUT_NUMBERS:
        return None
    return distribution_of(name)
