"""What `new` writes for a table, a loss or a network: files that work as they stand, and rows that tests ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lossbench import plugins
from lossbench.errors import UserError
from lossbench.files import write_text
from pipeline.config import places
from pipeline.config.files import read_text

TEMPLATES = Path(__file__).parent / "templates"
PLACEHOLDER = "NAME"
"""In a template, where the name comes."""
CONFIG = Path("config")
COUNT = 78_348
"""Trainable values of the network of the template in its published size x2, as tests count them."""


@dataclass(frozen=True)
class Row:
    """A line that is put at the end of a list or mapping of a file."""

    file: Path
    opening: str
    """The line that begins the list or mapping, up to its bracket."""
    text: str


@dataclass(frozen=True)
class Kind:
    """What is made of one kind."""

    files: dict[str, Path]
    """By template, with `NAME` in their paths."""
    rows: tuple[Row, ...]
    following: tuple[str, ...]
    """Commands that work then."""


MINE = CONFIG / places.MINE
KINDS: dict[str, Kind] = {
    "table": Kind(
        {
            "table": MINE / "tables" / places.MINE / "NAME.yaml",
            "claims": MINE / "claims" / places.MINE / "NAME.csv",
        },
        (),
        (
            "uv run snakemake mine_NAME --config 'tables=[\"mine/NAME\"]'",
            "uv run snakemake report --config 'tables=[\"mine/NAME\"]'",
        ),
    ),
    "loss": Kind(
        {"loss": Path("lossbench/losses/NAME.py")},
        (
            Row(CONFIG / "losses.yaml", "original: {}", "NAME: {arguments: {weight: 1.0}, source: skeleton of a loss}"),
            Row(Path("tests/_losses.py"), '            ("original", None, {}),', '            ("NAME", None, {}),'),
        ),
        (
            "uv run python docs/loss_table.py",
            "uv run pytest tests/lossbench/losses -k NAME",
            "uv run lossbench probe NAME PICTURE",
            "uv run python -m pipeline try NAME",
        ),
    ),
    "network": Kind(
        {"network": Path("lossbench/networks/NAME.py"), "scale": MINE / "scale" / "NAME.yaml"},
        (
            Row(
                Path("tests/_networks.py"),
                "SMALL: dict[str, dict[str, Any]] = {",
                '    "NAME": {"scale": 2, "channels": 4, "blocks": 1},',
            ),
            Row(
                Path("tests/_network_sizes.py"),
                "COUNTS: list[tuple[str, dict[str, Any], int]] = [",
                f'    ("NAME", {{"scale": 2}}, {COUNT:_}),',
            ),
            Row(
                Path("tests/_network_sizes.py"),
                "SIZES: dict[str, list[tuple[dict[str, Any], int, int, int]]] = {",
                '    "NAME": [({"scale": scale, "channels": 4, "blocks": 1}, 3, 3, scale) for scale in (1, 2, 3)],',
            ),
        ),
        (
            "uv run pytest tests/lossbench/networks -k NAME",
            "uv run python -m pipeline try ctmae --network NAME --extends NAME",
        ),
    ),
}


def made(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Write what belongs to a new one of `kind` called `name`, and give each file, then each command that follows.

    Before each stands what it is: `written`, `a row added` or `then`.

    Raises UserError for a name that can't be one and for what is there already; nothing is written then.
    """
    chosen = KINDS[kind]
    _check(kind, name)
    texts = {
        _named(path, name): _filled((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8"), name)
        for template, path in chosen.files.items()
    }
    for file in texts:
        if file.exists():
            raise UserError(f"{file} is there already; give another name, or edit it")
    changed = _with_rows(chosen.rows, name)
    for file, text in {**texts, **changed}.items():
        write_text(file, text)
    yield from (("written", str(file)) for file in texts)
    yield from (("a row added", str(file)) for file in changed)
    yield from (("then", _filled(command, name)) for command in chosen.following)


def _check(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"{name}: no name of a {kind}; write small letters, digits and underscores, a letter first")
    if kind != "table" and name in plugins.names(f"{kind}s" if kind == "network" else "losses"):
        raise UserError(f"{name}: there is a {kind} of this name; give another")


def _with_rows(rows: tuple[Row, ...], name: str) -> dict[Path, str]:
    """Return the texts of files with their rows; files that are not here, as without the tests, are left out."""
    found: dict[Path, str] = {}
    for row in rows:
        if not row.file.is_file():
            continue
        text = found.get(row.file) or read_text(row.file)
        if text.count(f"{row.opening}\n") != 1:
            own = _filled(row.text, name).strip()
            raise UserError(f"{row.file}: no line '{row.opening.strip()}' to put '{own}' below; mend the file")
        found[row.file] = text.replace(f"{row.opening}\n", f"{row.opening}\n{_filled(row.text, name)}\n")
    return found


def _named(path: Path, name: str) -> Path:
    return path.with_name(path.name.replace(PLACEHOLDER, name))


def _filled(text: str, name: str) -> str:
    return text.replace(PLACEHOLDER, name)
