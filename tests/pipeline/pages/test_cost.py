"""What the page says that training costs."""

import json
from pathlib import Path

import pytest
from _report_inputs import results

from pipeline.pages.cost import cost, step_factors
from pipeline.pages.inputs import Gaps, Table, read_table


def table_of(root: Path, cpu_seconds: dict[str, float | None]) -> Table:
    """Return a table whose runs had so many seconds of a CPU, by loss."""
    found = read_table(results(root)[0], Gaps())
    for cell in found.runs:
        path = Path(str(cell.card))
        card = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**card, "cpu_seconds": cpu_seconds.get(cell.loss)}), encoding="utf-8")
    return found


def test_steps_are_compared_by_what_they_had_of_a_cpu_since_jobs_run_beside_each_other(tmp_path: Path) -> None:
    table = table_of(tmp_path, {"original": 8.0, "vgg": 20.0, "kmae": 8.0})
    factors = step_factors(table)
    assert (factors["original"], factors["vgg"]) == (pytest.approx(1), pytest.approx(2.5))
    rows = {row["loss"]: row for row in cost(table, []).rows}
    assert rows["vgg"]["factor"] == pytest.approx(2.5)


def test_on_a_gpu_the_clock_counts(tmp_path: Path) -> None:
    table = table_of(tmp_path, {})
    seconds = {cell.loss: table.cards[str(cell.card)]["seconds"] for cell in table.runs}
    assert step_factors(table)["vgg"] == pytest.approx(seconds["vgg"] / seconds["original"])
