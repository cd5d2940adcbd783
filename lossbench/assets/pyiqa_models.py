"""What the package pyiqa has by name, `pyiqa:NAME`: read from its files for the list, imported to be made."""

import ast
import contextlib
import io
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lossbench.assets.hub_client import hub_client, reason
from lossbench.assets.optional import absent, imported
from lossbench.errors import UserError, nearest
from lossbench.plugins.packages import described

PREFIX = "pyiqa:"
METRIC = "lossbench.metrics._pyiqa"
"""The module of every metric of such a name."""
CATALOGUE, VARIABLE = "pyiqa/default_model_configs.py", "DEFAULT_CONFIGS"
SETS = ("fid", "sfid", "fid_dinov2", "inception_score")
"""Those that compare sets of pictures."""


@dataclass(frozen=True)
class Model:
    """One quality model of pyiqa."""

    name: str
    needs_target: bool
    lower_better: bool

    @property
    def source(self) -> str:
        """Return whose it is, with version and licence of the package."""
        return f"{self.name} of {package()}"


def named(name: str) -> Model | None:
    """Return the model that `name` asks for as `pyiqa:NAME`, None for a name of another form; nothing is imported.

    Raises UserError with the nearest match for a model that pyiqa has not, for one of sets of pictures, and without
    the package.
    """
    if not name.startswith(PREFIX):
        return None
    known, asked = _models(), name.removeprefix(PREFIX)
    if not asked:
        raise UserError(f"{name} names no model of pyiqa; name one, as {PREFIX}topiq_fr")
    if asked not in known:
        raise UserError(f"{name}: pyiqa has no '{asked}'; {nearest(asked, known)}: pyiqa.list_models()")
    if asked in SETS:
        raise UserError(f"{name} compares two sets of pictures; use the metric fid")
    return known[asked]


def package() -> str:
    """Return name, version and licence of the package; raises UserError without it."""
    _distribution()
    return described("pyiqa")


def made(model: Model) -> Any:
    """Return the torch module of `model` on the CPU; pyiqa downloads its weights, once, where it needs any.

    Raises UserError without the package, and where that download fails.
    """
    pyiqa = imported("pyiqa", f"{PREFIX}{model.name}")
    # what pyiqa says of its files is no part of what a command prints, and of a download that can't be of no use
    with hub_client() as unreachable, contextlib.redirect_stdout(io.StringIO() if unreachable else sys.stderr):
        try:
            return pyiqa.create_metric(model.name, as_loss=True, device="cpu").net
        # whatever a download or an unpickled file raises
        except Exception as error:
            raise UserError(
                f"{PREFIX}{model.name} can't be made ({reason(unreachable, error)}); pyiqa downloads its "
                "weights, so make it once where there is a network"
            ) from None


@cache
def _models() -> dict[str, Model]:
    """Return every model by its name, out of the catalogue that pyiqa makes them by."""
    found = _distribution()
    file = Path(str(found.locate_file(CATALOGUE)))
    try:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == VARIABLE:
                assert isinstance(node.value, ast.Call)
                entries = ast.literal_eval(node.value.args[0])
                return {
                    name: Model(name, entry["metric_mode"] == "FR", bool(entry.get("lower_better")))
                    for name, entry in entries.items()
                }
    except (OSError, ValueError, SyntaxError, AssertionError, KeyError, IndexError):
        pass
    raise UserError(f"{file}: no {VARIABLE} as pyiqa 0.1.14 has it; install that version of pyiqa")


def _distribution() -> Distribution:
    try:
        return distribution("pyiqa")
    except PackageNotFoundError:
        raise absent("pyiqa", f"{PREFIX}NAME") from None
