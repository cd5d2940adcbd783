"""Where the source of a module lies: nothing is imported, not even the package that it lies in."""

import importlib.util
import site
import sys
import sysconfig
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path


def spec_of(name: str) -> ModuleSpec | None:
    """Return what Python would import as the top-level module `name`, None for nothing.

    The working folder comes first, where jobs look first.
    """
    if (spec := PathFinder.find_spec(name, [str(Path.cwd()), *sys.path])) is not None:
        return spec
    try:
        # what is installed to be edited may have a finder of its own
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


@cache
def source_of(module: str) -> Path | None:
    """Return the file of the dotted name `module`, of a package its `__init__.py`; None where there is no source."""
    first, *rest = module.split(".")
    if (spec := spec_of(first)) is None:
        return None
    # what is no package is one file, or comes with the interpreter
    alone = [str(Path(spec.origin).with_suffix(""))] if spec.origin else []
    found = (python_file(Path(place).joinpath(*rest)) for place in spec.submodule_search_locations or alone)
    return next((file for file in found if file is not None), None)


def python_file(path: Path) -> Path | None:
    """Return the source of the module at `path`, which has no ending: a package's or a file; None where none is."""
    files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in files if file.is_file()), None)


def installed(path: Path) -> bool:
    """Say whether `path` lies where libraries are installed, or Python itself."""
    if {"site-packages", "dist-packages"} & set(path.parts):
        return True
    own = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    own |= {*site.getsitepackages(), site.getusersitepackages()}
    folders = [Path(folder).resolve() for folder in own]
    return any(path.is_relative_to(folder) for folder in folders)
