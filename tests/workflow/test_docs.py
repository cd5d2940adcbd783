"""The pages of docs/ as a reader uses them: their code runs as printed, their table is the present one."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from _repository import ROOT
from PIL import Image
from torch import Tensor

from lossbench import __main__ as library_command_line
from lossbench import loss_networks, losses, networks, plugins
from lossbench.assets import embedded
from lossbench.errors import UserError
from lossbench.loss_networks import vgg16
from lossbench.terms import WeightedTerms
from pipeline import __main__ as command_line

PAGE = (ROOT / "docs/use-a-loss.md").read_text(encoding="utf-8")
WEIGHTS = Path("results/demo/pretrain/cnn_mae_task/photographs/network.safetensors")
COMMAND = "uv run python docs/loss_table.py"


def block(mark: str) -> str:
    """Return the code below the comment `mark` of the page."""
    found = re.findall(rf"<!-- {mark} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 1, mark
    return str(found[0])


def executed(mark: str) -> dict[str, Any]:
    """Run a Python block as printed; return what it defines."""
    names: dict[str, Any] = {"__name__": mark}
    exec(compile(block(mark), f"docs/use-a-loss.md: {mark}", "exec"), names)
    return names


@pytest.fixture
def folder(tmp_path: Path, loss_network: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder where a small loss network and a picture lie at the paths that the page names."""
    from conftest import picture

    (tmp_path / WEIGHTS).parent.mkdir(parents=True)
    (tmp_path / WEIGHTS).symlink_to(loss_network)
    (tmp_path / "pictures").mkdir()
    Image.fromarray(picture(40, 48, seed=1)).save(tmp_path / "pictures" / "a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_plain_losses_are_made_as_printed() -> None:
    names = executed("plain")
    *calls, total = [line.partition("  # ")[0] for line in block("plain").splitlines()[2:]]
    target = uniform(1, 3, 170, 165, seed=2)
    for line in (*calls, total):
        loss = eval(line, names)
        assert float(loss(target, target)) == 0 < float(loss(uniform(1, 3, 170, 165, seed=1), target))
    assert list(eval(total, names).weights) == ["pixel", "gradient"]


def test_the_weights_are_matched_as_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from conftest import picture

    Image.fromarray(picture(100, 100, seed=1)).save(folder / "picture.png")
    (folder / "lossbench").symlink_to(ROOT / "lossbench")
    monkeypatch.setattr(sys, "argv", shlex.split(block("match").replace("\\\n", " ")))
    library_command_line.main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[3:-1]]
    assert [row[0] for row in rows] == ["ctmae", "ccmae", "fft"]
    assert all(float(row[2]) > 0 for row in rows)


def uniform(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_the_loop_trains_as_printed(folder: Path) -> None:
    assert len(list(filter(None, block("loop").splitlines()))) <= 15
    torch.manual_seed(0)
    ran = executed("loop")
    torch.manual_seed(0)
    before = networks.build("edsr", scale=2)
    after = networks.build("edsr", scale=2)
    after.load_state_dict(torch.load(folder / "edsr.pt", weights_only=True))
    loss, low_quality, target = ran["loss"], ran["low_quality"], ran["target"]
    assert (tuple(low_quality.shape), tuple(target.shape)) == ((1, 3, 20, 24), (1, 3, 40, 48))
    with torch.no_grad():
        assert loss(after(low_quality), target) < 0.9 * loss(before(low_quality), target)


def test_the_loss_has_no_parameters_and_no_state(folder: Path) -> None:
    loss: WeightedTerms = losses.build("ccmae", weights=WEIGHTS)
    assert not list(loss.parameters()) and not loss.state_dict()
    assert loss(uniform(1, 3, 8, 8, seed=1) * 3 - 1, uniform(1, 3, 8, 8, seed=2)).isfinite()


def test_a_file_is_imported_by_the_command_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        embedded.locate(vgg16.EMBEDDED)
    except UserError as error:
        pytest.skip(str(error))
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(block("import").replace("\\\n", ""))
    assert program == "lossbench"
    monkeypatch.setattr(sys, "argv", [program, *words])
    library_command_line.main()
    network, card = loss_networks.load(Path("vgg16.safetensors"))
    assert loss_networks.described(network).name == "vgg16" and card["checked"] == "sha256:3be917fb"


@pytest.fixture(scope="module")
def printed() -> dict[str, dict[str, Any]]:
    """Return what `python -m pipeline losses --json` prints, by name."""
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr(sys, "argv", ["pipeline", "losses", "--json"])
        patch.setattr("builtins.print", lambda text: written.append(text))
        command_line.main()
    return {entry["name"]: entry for entry in json.loads("".join(written))}


@pytest.mark.parametrize("name", plugins.names("losses"))
def test_the_table_has_the_line_of_every_loss(name: str, printed: dict[str, dict[str, Any]]) -> None:
    line = runpy.run_path(str(ROOT / "docs/loss_table.py"))["line"]
    assert line(printed[name]) in PAGE.splitlines(), f"run: {COMMAND}"


def test_the_table_is_what_its_command_writes(printed: dict[str, dict[str, Any]]) -> None:
    page = runpy.run_path(str(ROOT / "docs/loss_table.py"))["page"]
    assert f"`{COMMAND}`" in PAGE
    assert page(PAGE, []) != PAGE, "the page has no region for the table"
    assert page(PAGE, printed.values()) == PAGE, f"run: {COMMAND}"
