"""Files of weights that others trained: where they lie, and whether they are the ones that are meant."""

import re
from pathlib import Path

from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.files import digest

DIGEST = r"(sha256|md5):[0-9a-f]{6,}"
"""The digest or its leading digits, as file names publish them; fewer than six would check too little."""


def checked_digest(file: Path, expected: str) -> str:
    """Return `<algorithm>:<full digest>` of `file`; raises UserError unless it starts with `expected`."""
    if not re.fullmatch(DIGEST, expected):
        raise UserError(f"digest: '{expected}' of {file.name}; write sha256: or md5: and at least 6 hexadecimal digits")
    algorithm = expected.partition(":")[0]
    found = f"{algorithm}:{digest(file, algorithm)}"
    if not found.startswith(expected):
        raise UserError(f"{file} has {found}, expected {expected}; download it again")
    return found


def locate(file: str, weights_root: Path) -> Path:
    """Return where a weight file lies: inside a package when it is catalogued, else below `weights_root`."""
    if file in embedded.catalogue():
        return embedded.locate(file)
    path = weights_root / file
    if not path.is_file():
        raise UserError(f"{path} is missing; `python -m pipeline plan` says where to get it")
    return path
