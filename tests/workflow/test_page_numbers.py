"""The figures of choose-a-loss.md and why-your-psnr-differs.md are what their commands print here."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _repository import ROOT

DOCS = ROOT / "docs"
CLOSE = 0.02
"""How far a share of the probe may lie from the printed one: convolutions differ in their last bits by processor."""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the names of a script of docs/."""
    monkeypatch.syspath_prepend(DOCS)
    return lambda name: runpy.run_path(str(DOCS / f"{name}.py"))


def printed(page: str, command: str) -> str:
    """Return the block of a page that `command` makes."""
    mark = re.escape(f"<!-- made by: uv run python docs/{command} -->\n")
    (found,) = re.findall(f"{mark}(.*?)\n<!-- /made by -->", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def numbers(table: str) -> list[list[float]]:
    """Return the numbers in each row of a table below its heading."""
    return [[float(cell) for cell in re.findall(r"(?<=\| )-?\d+\.\d+(?= \|)", row)] for row in table.splitlines()[2:]]


@pytest.mark.parametrize("part", ["psnr", "grey", "input", "brightness", "average", "ssim", "niqe"])
def test_the_scores_under_each_convention_are_those_of_the_metrics(part: str, script: Any) -> None:
    command = f"protocol_numbers.py {part}"
    assert script("protocol_numbers")["PARTS"][part]() == printed("why-your-psnr-differs.md", command)


@pytest.mark.parametrize("part", ["demo", "cost"])
def test_what_the_demo_tells_and_a_step_costs_is_what_is_kept(part: str, script: Any) -> None:
    remedy = "run: uv run python docs/choosing_numbers.py --write"
    command = f"choosing_numbers.py {part}"
    assert script("choosing_numbers")["PARTS"][part]() == printed("choose-a-loss.md", command), remedy


@pytest.mark.slow
def test_what_a_loss_sees_is_what_the_probe_finds(script: Any) -> None:
    found, kept = script("choosing_numbers")["probe"](), printed("choose-a-loss.md", "choosing_numbers.py probe")
    assert re.sub(r"\d+\.\d+", "", found) == re.sub(r"\d+\.\d+", "", kept)
    np.testing.assert_allclose(numbers(found), numbers(kept), rtol=CLOSE, atol=CLOSE)


def test_the_differences_that_are_told_are_those_of_the_intervals(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = script("choosing_numbers")
    row = {"column": "x2", "loss": "mine", "metric": "psnr", "better": "up", "control": False, "answer": False,
           "again": False}  # fmt: skip
    found = [
        names["_direction"]({**row, "better": better, "low": low, "high": high})
        for better, low, high in (("up", 0.1, 0.3), ("up", -0.1, 0.3), ("up", -0.3, -0.1), ("down", -0.3, -0.1))
    ]
    assert found == ["better", "not to be told", "worse", "better"]


def test_a_page_without_a_region_is_named(script: Any) -> None:
    from lossbench.errors import UserError

    names = script("choosing_numbers")
    kept = "<!-- made by: uv run python docs/choosing_numbers.py cost -->\nold\n<!-- /made by -->\n"
    assert names["page"](kept, {"cost": "a\nb"}) == kept.replace("old", "a\nb")
    # an empty region is filled, and what follows it stays
    empty = kept.replace("old\n", "")
    assert names["page"](f"{empty}text\n{kept.replace('cost', 'demo')}", {"cost": "a"}).count("old") == 1
    with pytest.raises(UserError, match="no region for demo"):
        names["page"](kept, {"demo": "a"})
