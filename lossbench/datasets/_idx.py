"""Files of MNIST's format IDX: a magic number, the sizes, and the bytes, perhaps compressed."""

import gzip
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import UserError

UNSIGNED_BYTES = 8
"""The type in the magic number."""


@lru_cache(maxsize=4)
def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in `path`, which may end in `.gz`; raises UserError naming a file that is damaged."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if len(data) < 4 or data[:3] != bytes((0, 0, UNSIGNED_BYTES)):
            raise ValueError("no magic number of IDX")
        dimensions = data[3]
        sizes = np.frombuffer(data, ">i4", dimensions, offset=4)
        if dimensions == 0 or sizes.min() < 0:
            raise ValueError(f"sizes {sizes.tolist()}")
        return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(sizes)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); get the file again") from None
