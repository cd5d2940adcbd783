"""The type checker holds every plugin to what its front door asks of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench import plugins

CONTRACTS = {
    "tasks": "Task",
    "metrics": "Metric | SetMetric",
    "networks": "Plugin | VideoPlugin | ClipPlugin",
    "loss_networks": "Plugin",
    "classifiers": "Plugin",
}
"""The protocol of a file by its shelf."""
MARKED = {
    ("metrics", "WEIGHTS"): "StoredMetric",
    ("metrics", "NEEDS_LABEL"): "LabelMetric",
    ("networks", "OWN_LOSS"): "PluginWithLoss",
    ("networks", "WINDOW"): "VideoPlugin",
    ("networks", "LEAST_FRAMES"): "ClipPlugin",
    ("loss_networks", "PARAMETERS"): "CountedPlugin",
}
"""The further protocol of a file that holds a constant, by shelf and constant."""
# a file that is not as it should be must not pass unseen
WRONG = """
from lossbench import tasks
from lossbench.metrics import psnr
wrong: tasks.Task = psnr
"""


def assignments(folder: str, contract: str) -> str:
    """Return a module that puts every plugin of a folder in the place of its protocol."""
    front_door = f"lossbench.{folder}"
    names = plugins.names(folder)
    kinds = " | ".join(f"{front_door}.{each}" for each in contract.split(" | "))
    lines = [f"import {front_door}.{name}" for name in names]
    lines += [f"{folder}_{name}: {kinds} = {front_door}.{name}" for name in names]
    for (shelf, constant), further in MARKED.items():
        marked = [name for name in names if shelf == folder and plugins.constant(folder, name, constant, None)]
        lines += [f"{constant}_{name}: {front_door}.{further} = {front_door}.{name}" for name in marked]
    return "\n".join(lines) + "\n"


def checked(folder: Path, text: str) -> str:
    """Return what mypy says of a module."""
    file = folder / "contracts.py"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_every_plugin_holds_what_its_front_door_asks(tmp_path: Path) -> None:
    found = checked(tmp_path, "".join(assignments(*entry) for entry in CONTRACTS.items()) + WRONG)
    errors = [line for line in found.splitlines() if ": error:" in line]
    assert len(errors) == 1, found
    assert 'expression has type Module, variable has type "Task"' in errors[0]
