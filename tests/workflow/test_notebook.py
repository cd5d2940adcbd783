"""The notebooks of docs/: their cells run one after the other, offline, and end with a verdict."""

import json
import math
import re
import socket
from pathlib import Path
from typing import Any

import nbformat
import pytest
from _repository import ROOT
from _verbs import parsed, split
from nbclient import NotebookClient

CHOOSE = ROOT / "docs/notebooks/choose_a_loss.ipynb"
LENGTH, SHORT = "STEPS, BATCH, PATCH = 150, 4, 48", "STEPS, BATCH, PATCH = 15, 4, 48"
"""What the trainings of that notebook last, and how short they are here: all else of it is what a reader runs."""
BOOK = json.loads((ROOT / "docs/first-steps.ipynb").read_text(encoding="utf-8"))


def cells(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in BOOK["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.ipynb")), ids=lambda path: path.stem)
def test_it_is_stored_without_what_a_run_leaves(path: Path) -> None:
    book = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert code and not any(cell["outputs"] or cell["execution_count"] for cell in code)
    names = [cell["id"] for cell in book["cells"]]
    assert len(set(names)) == len(names) and (book["nbformat"], book["nbformat_minor"]) == (4, 5)


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


@pytest.mark.slow
def test_choosing_a_loss_runs_in_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(CHOOSE, as_version=4)
    [training] = [cell for cell in notebook.cells if LENGTH in cell.source]
    training.source = training.source.replace(LENGTH, SHORT)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert "12 photographs to train on, 6 to test with" in text
    assert re.search(r"'pixel': 0\.\d+, 'ccmae': 0\.\d+", text)
    l1, learned = (re.search(rf"^{name} *(.+)$", text, re.MULTILINE) for name in ("L1:", "MAE:"))
    assert l1 is not None and learned is not None and l1[1] != learned[1]
    assert re.search(r"The gradient of the learned term is [\d.]+ times that of L1", text)
    assert text.count("6 pictures, one run a folder; differences are to l1") == 1
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    [folder] = [path for path in tmp_path.glob("tmp*") if (path / "target").is_dir()]
    assert {path.name: len(list(path.iterdir())) for path in folder.iterdir()} == {"l1": 6, "ccmae": 6, "target": 6}
