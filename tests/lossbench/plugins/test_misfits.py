"""What installed packages offer and can't be used is a row with its fault, and takes no other row away."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _outside import forget, installed, offering, written

from lossbench import __main__ as command
from lossbench import losses, networks, plugins

USABLE = """
import torch
from torch import Tensor, nn
try:
    import absent_library
except ImportError:
    absent_library = None

class Network(nn.Module):
    def forward(self, low_quality, sigma=None): return low_quality

class Loss(nn.Module):
    def forward(self, prediction, target): return (prediction - target).abs().mean()

class Both(nn.Module):
    def forward(self, *pictures): return pictures[0]

class Alone: ...

def made() -> Network: return Network()
def silent(): return Network()
NUMBER = 3
"""
FILES = {
    "mine/__init__.py": "",
    "mine/usable.py": USABLE,
    "mine/broken.py": "import os\nimport absent_library.part\nfrom mine.usable import Loss\n",
    "mine/raises.py": "from mine.usable import Loss\nraise RuntimeError('no')\n",
    "mine/syntax.py": "class Loss(:\n",
}
SAME = {
    "gone": "gone_pkg.x:Loss",
    "nope": "mine.usable:Nope",
    "syntax": "mine.syntax:Loss",
    "broken": "mine.broken:Loss",
    "raises": "mine.raises:Loss",
    "alone": "mine.usable:Alone",
    "silent": "mine.usable:silent",
    "number": "mine.usable:NUMBER",
    "whole": "mine.usable",
    "both": "mine.usable:Both",
}
OFFERED = {
    "losses": {**SAME, "a_network": "mine.usable:Network", "fine": "mine.usable:Loss"},
    "networks": {**SAME, "a_loss": "mine.usable:Loss", "fine": "mine.usable:Network", "made": "mine.usable:made"},
}
FAULTS = {
    "gone": "no source of the module 'gone_pkg",
    "nope": "defines no 'Nope'",
    "syntax": "syntax.py, line 1: ",
    "broken": "broken.py, line 2 imports 'absent_library', which Python does not find",
    "raises": "raises.py, line 2: its import raises RuntimeError('no')",
    "alone": "'Alone' is no torch.nn.Module",
    "silent": "'silent' does not say what it returns",
    "number": "has a constant of that name",
    "whole": "has no function 'build'",
    "a_loss": "forward of 'Loss' takes prediction, target where it is given pictures alone",
}


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the package `mine`, which offers what can and what can't be used."""
    entries = {shelf: "\n".join(f"{name} = {value}" for name, value in all_.items()) for shelf, all_ in OFFERED.items()}
    installed(written(tmp_path, {**FILES, **offering("mine", **entries)}, pictures=False), monkeypatch)
    yield
    forget()


def test_each_fault_that_a_file_tells_is_a_row_and_all_else_is_listed() -> None:
    for found in (losses.listing(), networks.listing()):
        rows = {row["name"]: row for row in found if row.get("package") == "mine 1.0"}
        faulty = {name: row["fault"] for name, row in rows.items() if "fault" in row}
        assert {*rows} - {*faulty} <= {"fine", "made", "both", "a_network"}
        for name, fault in faulty.items():
            assert FAULTS[name] in fault and "\n" not in fault, name
        assert {"gone", "nope", "syntax", "broken", "raises", "alone", "silent", "number", "whole"} <= {*faulty}
    assert "fault" in rows["a_loss"]
    assert "mine" not in sys.modules


def test_what_takes_more_than_it_needs_is_usable() -> None:
    # a second picture may be what a loss calls its target
    assert plugins.misfit("losses", "a_network") is None
    assert plugins.misfit("networks", "fine") is None and plugins.misfit("losses", "fine") is None


@pytest.mark.parametrize("verb", ["losses", "networks"])
def test_the_command_prints_them_all(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["lossbench", verb, "--json"])
    command.main()
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {*plugins.names(verb), *OFFERED[verb]}
    monkeypatch.setattr(sys, "argv", ["lossbench", verb])
    command.main()
    printed = capsys.readouterr().out
    assert "gone\n" in printed and "fault: " in printed and "nope\n" in printed
