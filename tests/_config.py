"""Edits of the configuration files: the change that sets an entry, renames one, or makes several changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lossbench.errors import UserError
from pipeline.planning.plan import Plan

FILES = {
    "config": "config.yaml",
    "losses": "losses.yaml",
    "scale": "scale/ci.yaml",
    "table": "tables/mae_loss/table3.yaml",
}
TABLE = "config/tables/mae_loss/table3.yaml"

Contents = dict[str, Any]
Change = Callable[[Contents], object]
PlanOf = Callable[[Change], Plan]
Mistakes = dict[str, tuple[Change, str]]


def content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def parted(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: parted(value) for key, value in content.items()}
    return [parted(value) for value in content] if isinstance(content, list) else content


def place(path: str, value: object) -> Change:
    """Return a change that sets the entry at `path`, such as `scale.networks.edsr`, to `value`."""

    def change(contents: Contents) -> None:
        *parents, last = path.split(".")
        section: Any = contents
        for parent in parents:
            section = section[parent]
        section[last] = value

    return change


def both(*changes: Change) -> Change:
    """Return the change that makes all of `changes`."""

    def change(contents: Contents) -> None:
        for one in changes:
            one(contents)

    return change


def renamed(path: str, name: str) -> Change:
    """Return a change that gives the entry at `path` the key `name`."""

    def change(contents: Contents) -> None:
        *parents, last = path.split(".")
        section: Any = contents
        for parent in parents:
            section = section[parent]
        section[name] = section.pop(last)

    return change


def refused(plan_of: PlanOf, mistake: tuple[Change, str]) -> None:
    """Fail unless planning refuses the change of `mistake` in one line that holds its message."""
    change, message = mistake
    with pytest.raises(UserError) as caught:
        plan_of(change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
