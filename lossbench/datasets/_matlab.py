"""One variable of a MATLAB file of either format: up to v7 (SciPy) and v7.3, which is HDF5 (h5py)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.errors import UserError


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn whatever reading `path` raises into one UserError that names it."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except Exception as error:  # a damaged file makes both libraries raise nearly any kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} is not a readable MATLAB file ({reason}); get the file again") from None


def read_variable(path: Path, key: str) -> NDArray[Any]:
    """Return the array `key` of `path` with its axes in MATLAB's order, contiguous.

    Raises UserError naming the file when it is missing or damaged or holds no such array.
    """
    from scipy.io import loadmat

    h5py = imported("h5py", path.name)

    with damage_named(path):
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                found: Any = file.get(key)
                # HDF5 lists the axes of a column-major array in reverse
                found = found[()].T if isinstance(found, h5py.Dataset) else None
        else:
            found = loadmat(path, variable_names=[key]).get(key)
        if found is None:
            raise UserError(f"{path} holds no array '{key}'; get the file again")
        return np.ascontiguousarray(found)
