"""Scales that extend another one: the file of that one is read first, and theirs is put over it, entry by entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lossbench.errors import UserError, as_written, placed
from lossbench.plugins import check
from pipeline.config.files import read_yaml
from pipeline.config.places import named_file
from pipeline.config.scale import Scale

KEY = "extends"
"""The entry of a scale's file that names the other scale."""


def read_scale(folder: Path, name: str) -> tuple[Scale, str]:
    """Return the scale `name` of the configuration in `folder`, and how messages call its file.

    Raises UserError for an unknown scale with the nearest one, for what stands in a file that another one extends with
    that file, and for scales that extend one another with all of them.
    """
    scale, _ = _read(folder, name, ())
    file = named_file(folder, "scale", name, "scale")
    return scale, named(Path("config", file.relative_to(folder)), scale.extends)


def named(file: Path | str, extends: str | None) -> str:
    """Return how messages call the `file` of a scale: by the one that it extends too, where a value may stand there."""
    return str(file) if extends is None else f"{file} ({KEY} {extends})"


def over(base: Any, own: Any) -> Any:
    """Return `base` with `own` over it: mappings are merged entry by entry, anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(own, dict)):
        return own
    return {**base, **{key: over(base[key], value) if key in base else value for key, value in own.items()}}


def _read(folder: Path, name: str, extending: tuple[str, ...]) -> tuple[Scale, Any]:
    """Return the scale `name` and its content; `extending` are those that rest on it, the asked for first."""
    file = named_file(folder, "scale", name, "scale")
    content = read_yaml(file)
    base = content.get(KEY) if isinstance(content, dict) else None
    if base is None:
        return Scale.parse(_with_variants(content, str(file)), str(file)), content
    where, way = f"{file}: {KEY}", (*extending, name)
    if not isinstance(base, str):
        raise UserError(f"{where}: the name of one scale is expected (got {as_written(base)})")
    if base in way:
        chain = ", which extends ".join(f"'{each}'" for each in (*way[way.index(base) + 1 :], base))
        raise UserError(f"{where}: '{base}' extends {chain}; let one of them extend none")
    with placed(where):
        named_file(folder, "scale", base, "scale")
    # read by itself, so that what is wrong in it is named with its own file
    _, below = _read(folder, base, way)
    merged, place = over(below, content), named(file, base)
    return Scale.parse(_with_variants(merged, place), place), merged


def _with_variants(content: Any, where: str) -> Any:
    """Return the `content` of a scale whose networks of another name than their file's have what they leave out.

    That is what the entry of the file's own name says, merged as scales are. Raises UserError, naming the file `where`,
    for an unknown network.
    """
    networks = content.get("networks") if isinstance(content, dict) else None
    if not isinstance(networks, dict):
        return content
    return {**content, "networks": {name: _variant(name, entry, networks, where) for name, entry in networks.items()}}


def _variant(name: Any, entry: Any, networks: dict[Any, Any], where: str) -> Any:
    file = entry.get("network") if isinstance(entry, dict) else None
    if not isinstance(file, str):
        return entry
    with placed(f"{where}: networks.{name}.network"):
        check("networks", file)
    base = networks.get(file) if file != name else None
    return over(base, entry) if isinstance(base, dict) and base.get("network") in (None, file) else entry
