"""Write the table of all losses into use-a-loss.md: run `uv run python docs/loss_table.py` after adding a loss."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lossbench.files import write_text
from lossbench.losses import listing

PAGE = Path(__file__).with_name("use-a-loss.md")
REGION = re.compile(r"(?<=<!-- made by: uv run python docs/loss_table\.py -->\n).*?(?=<!-- /made by -->)", re.S)
HEAD = ["| loss | what it rewards | source of the formula | loss network |", "| --- | --- | --- | --- |"]


def line(entry: Mapping[str, Any]) -> str:
    """Return the line of one loss of `python -m pipeline losses --json`."""
    networks = ", ".join(f"`{kind}`" for kind in entry["loss_networks"]) or "none"
    rewards, source = (entry[key].replace("|", r"\|") for key in ("rewards", "source"))
    return f"| `{entry['name']}` | {rewards} | {source} | {networks} |"


def page(text: str, entries: Iterable[Mapping[str, Any]]) -> str:
    """Return `text` with the table of `entries` in its region."""
    table = "\n".join([*HEAD, *(line(entry) for entry in entries)])
    return REGION.sub(lambda _: f"{table}\n", text)


if __name__ == "__main__":
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), (entry for entry in listing() if "package" not in entry)))
