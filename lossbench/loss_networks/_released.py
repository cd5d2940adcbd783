"""The two released files that fill LPIPS or DISTS: weights that people's judgements gave, and torchvision's trunk."""

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.formats import state_dicts


class Released(NamedTuple):
    """Both files by the names under which they were published, which end in leading digits of their SHA-256."""

    heads: str
    trunk: str
    shipped: str
    """The same bytes as `heads` in the installed package torchmetrics, a path of the catalogue of embedded files."""


def weights(path: Path, files: Released) -> dict[str, Tensor]:
    """Return the tensors of both files, those of torchvision's classifier left out.

    `path` is either of the two; the other lies in its folder, and the heads, where they do not, in the package
    torchmetrics. Raises UserError naming the file when one is missing, damaged, or another than the digits in its name
    say: heads are of no use with a trunk that they were not trained for.
    """
    given = path.name == files.heads
    trunk, heads = path.with_name(files.trunk) if given else path, path.with_name(files.heads)
    if not trunk.is_file():
        raise UserError(f"{trunk} is missing; put torchvision's {files.trunk} there")
    if not given and not heads.is_file():
        heads = embedded.locate(files.shipped)
    for file, name in ((heads, files.heads), (trunk, files.trunk)):
        _check(file, name)
    layers = state_dicts.read(trunk).items()
    found = {name: tensor for name, tensor in layers if not name.startswith("classifier.")}
    return {**state_dicts.read(heads), **found}


def _check(file: Path, name: str) -> None:
    """Raise UserError unless the SHA-256 of `file` begins with the digits that end the stem of `name`."""
    if not file.is_file():
        raise UserError(f"{file} is missing; put {name} there")
    expected = Path(name).stem.rpartition("-")[2]
    found = sha256(file)
    if not found.startswith(expected):
        raise UserError(f"{file} has sha256:{found[:16]}, not that of {name} (sha256:{expected}); download it again")
