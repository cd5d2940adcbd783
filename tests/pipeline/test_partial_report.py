"""The report of what is there, where a run of a drawn figure failed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from _pages import words
from _repository import ROOT

from pipeline import partial_report
from pipeline.config import read
from pipeline.planning.plan import Plan
from pipeline.specs.tabulate import TabulateSpec

CONFIG = ROOT / "config"
CARD = {"parameters": 9, "seconds": 1.0, "device": "a CPU", "precision": "bfloat16", "spec": {"recipe": {"steps": 6}}}


def finished(plan: Plan, lost: str) -> None:
    """Write scores, card and history of all runs of the sweep but those under the loss `lost`."""
    spec = plan.job("tabulate", ("log_cosh", "figure6")).spec
    assert isinstance(spec, TabulateSpec)
    for cell in spec.cells:
        if cell.loss == lost:
            continue
        scores = Path(cell.scores)
        scores.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"image": f"p{n}", "metric": "squared_error", "value": n + cell.seed / 10} for n in range(3)]
        pd.DataFrame([{**row, "picture": row["image"]} for row in rows]).to_csv(scores, index=False)
        if cell.card is not None:
            card = Path(cell.card)
            card.parent.mkdir(parents=True, exist_ok=True)
            card.write_text(json.dumps(CARD), encoding="utf-8")
            history = pd.DataFrame({"step": [0, 5], "squared_error": [8.0, 4.0], "kl": [1.0, 2.0], "total": [9.0, 6.0]})
            history.to_csv(card.with_name("history.csv"), index=False)


def test_a_figure_is_drawn_of_the_runs_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = {**read.values(CONFIG), "scale": "ci", "tables": ["log_cosh/figure6"]}
    plan = Plan.from_config(values, CONFIG)
    finished(plan, "log_cosh_50")
    page = partial_report.main(plan).read_text(encoding="utf-8")
    assert page.count('<figure class="drawn">') == 1
    numbers = pd.read_csv("results/ci/figures/log_cosh/figure6.csv")
    losses = set(numbers.loc[numbers["panel"] == "squared_error", "loss"])
    assert {"log_cosh_20", "log_cosh_100", "l2_50"} < losses and "log_cosh_50" not in losses
    assert "vae under log_cosh_50, mnist, seed 1" in words(page.split('id="missing"')[1])
    # the next run draws it anew
    assert "figures/log_cosh/figure6.png" in Path("results/ci/report/partial.json").read_text(encoding="utf-8")
