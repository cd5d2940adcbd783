"""Trained networks on disk that are small, and what a verb of the command line does with them."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lossbench import __main__ as command_line
from lossbench import networks, storage

EDSR = {"scale": 2, "channels": 4, "blocks": 1}


def save_model(path: Path, name: str, arguments: dict[str, Any], seed: int = 0) -> Path:
    """Store the network `name` with weights drawn by `seed`."""
    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage.save(path, networks.build(name, **arguments), {"name": name, "arguments": arguments})
    return path


def save_identity(path: Path, bands: int = 3, value: float = 0.0) -> Path:
    """Store a network whose prediction is its input; with a `value` that is added to it everywhere."""
    arguments = {"bands": bands, "channels": 2, "depth": 2}
    network = networks.build("red30", **arguments)
    for parameter in network.parameters():
        parameter.data.zero_()
    network.decoder[-1].bias.data.fill_(value)  # type: ignore[union-attr,index]
    storage.save(path, network, {"name": "red30", "arguments": arguments})
    return path


def levels(height: int, width: int, bands: int = 3, deep: bool = False, seed: int = 0) -> NDArray[Any]:
    """Return noise (height, width, bands) of uint8 or uint16."""
    kind = np.uint16 if deep else np.uint8
    noise = np.random.default_rng(seed).integers(0, np.iinfo(kind).max, (height, width, bands), kind, endpoint=True)
    return noise


class Verb:
    """A verb of the command line, as a test runs it."""

    def __init__(self, name: str, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        """Run the verb `name`."""
        self.name, self.patch, self.captured = name, patch, captured

    def __call__(self, *arguments: object) -> str:
        """Return what it prints on standard output."""
        self.patch.setattr(sys, "argv", ["lossbench", self.name, *map(str, arguments)])
        command_line.main()
        return self.captured.readouterr().out

    def json(self, *arguments: object) -> Any:
        """Return its JSON."""
        return json.loads(self(*arguments, "--json"))

    def told(self, *arguments: object) -> list[str]:
        """Return what it says on standard error while it ends well."""
        self.patch.setattr(sys, "argv", ["lossbench", self.name, *map(str, arguments)])
        command_line.main()
        return self.captured.readouterr().err.splitlines()

    def lines(self, *arguments: object) -> list[str]:
        """Return what it says on standard error while it fails."""
        with pytest.raises(SystemExit) as stopped:
            self(*arguments)
        assert stopped.value.code == 1
        return self.captured.readouterr().err.splitlines()

    def error(self, *arguments: object) -> str:
        """Return the one line that it fails with."""
        (line,) = self.lines(*arguments)
        assert line.startswith("error: ")
        return line.removeprefix("error: ")
