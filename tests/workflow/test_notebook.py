"""docs/first-steps.ipynb: its cells run one after the other, offline, and end with a verdict."""

import json
import math
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from _repository import ROOT
from _verbs import parsed, split

BOOK = json.loads((ROOT / "docs/first-steps.ipynb").read_text(encoding="utf-8"))


def cells(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in BOOK["cells"] if cell["cell_type"] == kind]


def test_it_is_stored_without_what_a_run_leaves() -> None:
    code = [cell for cell in BOOK["cells"] if cell["cell_type"] == "code"]
    assert code and not any(cell["outputs"] or cell["execution_count"] for cell in code)
    names = [cell["id"] for cell in BOOK["cells"]]
    assert len(set(names)) == len(names) and (BOOK["nbformat"], BOOK["nbformat_minor"]) == (4, 5)


@pytest.mark.slow
def test_its_cells_run_and_end_with_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    def refused(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refused)
    # a notebook sets it for its own process
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells("code")):
        exec(compile(cell, f"cell {number}", "exec"), names)
    found = names["found"]
    assert (found.seeds, found.pictures) == (2, 8) and found.low < found.difference < found.high
    printed = capsys.readouterr().out
    assert found.verdict in printed.splitlines()[-1] and "psnr (dB, higher is better)" in printed
    # both have learned something
    assert min(found.mean, found.reference_mean) > 15 and math.isfinite(found.mean)


def test_the_command_that_it_names_is_one() -> None:
    (line,) = re.findall(r"`(lossbench compare [^`]+)`", "".join(cells("markdown")))
    command = split(line)
    assert command is not None and parsed(*command).verb == "compare"
