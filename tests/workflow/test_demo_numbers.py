"""The script that writes the demo's numbers into the README: what it reads, prints and refuses."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from _report_inputs import WARNING, results, rewrite
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.pages.readme import _control as control

SCRIPT = ROOT / "docs/demo_numbers.py"
README = "".join(
    f"<!-- demo:{name} -->\nold\n<!-- /demo:{name} -->\n" for name in ("time", "table3", "claims", "controls")
)
CONTROL = {
    "id": "control", "kind": "ours", "text": "CTMAE beats an encoder with random weights", "source": "",
    "better": "ctmae", "than": "random_tmae", "metric": "psnr", "difference": 0.6, "low": 0.2, "high": 1.0,
    "published_difference": None, "verdict": "confirmed", "reason": "",
}  # fmt: skip

Names = dict[str, Any]


@pytest.fixture(scope="module")
def script() -> Names:
    """Return what the script defines; the size of the environment is that of one file."""
    names = runpy.run_path(str(SCRIPT))
    names["snapshot"].__globals__["_environment"] = lambda: 6.94
    return names


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """Return the results folder of table 3 with a control and its report."""
    (verdicts,) = results(tmp_path)
    content = json.loads(verdicts.read_text())
    claims = [*content["claims"], CONTROL]
    rewrite(verdicts, claims=claims)
    long = tmp_path / "results/ci/tables/mae_loss/table3.csv"
    pd.read_csv(long).assign(parameters=53211, gain_over_trivial=0.5).to_csv(long, index=False)
    report = tmp_path / "results/ci/report/claims.json"
    report.parent.mkdir()
    report.write_text(json.dumps([{"paper": "mae_loss", "table": "table3", **claim} for claim in claims]))
    return tmp_path / "results/ci"


def test_the_snapshot_has_what_the_files_say(script: Names, finished: Path) -> None:
    kept = script["snapshot"](finished, "24 to 27")
    assert kept["trained"] == {"networks": 4, "minutes": round((10 + 20 + 30 + 40) / 60, 1)}
    assert kept["pretrained"] == {"networks": 1, "minutes": 1.0}
    claims = kept["tables"]["mae_loss/table3"]["claims"]
    assert {kind: {name: count for name, count in own.items() if count} for kind, own in claims.items()} == {
        "text": {"confirmed in size": 1, "contradicted": 1}, "ours": {"confirmed": 1, "not attempted": 1},
    }  # fmt: skip
    assert (kept["table3"]["parameters"], kept["table3"]["pictures"]) == ({"x2": 53211}, 3)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_the_blocks_print_the_snapshot(script: Names, finished: Path) -> None:
    text = script["page"](README, script["snapshot"](finished, "24 to 27"))
    for line in (
        "| PSNR, dB (higher is better) | x2 | the paper's x2 |",
        "| bicubic | 26.00 |  |",
        "| `original` | 30.00 | 34.40 |",
        "| `ctmae` | +0.50 [+0.10, +0.90] | +0.10 |",
        r"| `vgg` | −1.00 [−1.40, −0.60] | −0.30\* |",
        "| `random_tmae` (control) | −0.10 [−0.50, +0.30] |  |",
        "| NIQE (lower is better) | x2 | the paper's x2 |",
        rf"\* The paper's number {WARNING}.",
        "| table | kind | claims | confirmed | confirmed in size | contradicted | not attempted |",
        "| `mae_loss/table3` | text | 2 | 0 | 1 | 1 | 0 |",
        "| `mae_loss/table3` | ours | 2 | 1 | 0 | 0 | 1 |",
        "| all | text | 2 | 0 | 1 | 1 | 0 |",
        "| all | ours | 2 | 1 | 0 | 0 | 1 |",
    ):
        assert line in text.splitlines(), line
    assert "take 24 to 27 minutes" in text and "6.9 GiB" in text and "old" not in text
    assert "of this project" not in text
    assert "(`ctmae`, `random_tmae`)? Yes: +0.60 dB [+0.20, +1.00]." in text


def test_tables_of_this_project_are_told_apart(script: Names, finished: Path) -> None:
    own = finished / "verdicts/beyond/every.json"
    own.parent.mkdir()
    own.write_text("{}")
    kept = script["snapshot"](finished, "30", "8")
    assert kept["made"] == {"tables": 1, "minutes": "30", "own_tables": 1, "own_minutes": "8"}
    assert "the 1 of this project 8 more" in " ".join(script["page"](README, kept).split())


def test_a_measure_that_no_paper_prints_has_no_columns_for_it(script: Names, finished: Path) -> None:
    kept = script["snapshot"](finished, "24 to 27")
    for row in kept["table3"]["rows"]:
        if row["metric"] == "niqe":
            row |= {"metric": "grid", "published": None, "published_difference": None}
    lines = script["page"](README, kept).splitlines()
    assert (
        "| GRID, dB (lower is better) | x2 |" in lines
        and "| PSNR, dB (higher is better) | x2 | the paper's x2 |" in lines
    )


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(-1.0, -0.2, "No, it is worse: "), (-0.1, 0.3, "Not to be told: "), (None, None, "Not attempted: no scores.")],
)
def test_a_control_is_answered_by_its_interval(low: float, high: float, answer: str) -> None:
    claim = {**CONTROL, "low": low, "high": high, "difference": low, "reason": "no scores", "astray": []}
    assert answer in control(claim)
    assert "astray" not in control(claim)


def test_one_run_is_no_answer_to_a_control() -> None:
    claim = {**CONTROL, "verdict": "higher in one run", "astray": []}
    assert "? Higher in one run, which is no answer: +0.60 dB [+0.20, +1.00]." in control(claim)


def test_a_run_below_the_trivial_answer_is_named_with_the_control(script: Names, finished: Path) -> None:
    long = finished / "tables/mae_loss/table3.csv"
    table = pd.read_csv(long)
    astray = (table["loss"] == "random_tmae") & (table["metric"] == "psnr")
    table.loc[astray, ["gain_over_trivial", "value", "trivial"]] = [-10.0, 16.7, 26.7]
    table.to_csv(long, index=False)
    block = script["blocks"](script["snapshot"](finished))["controls"]
    assert "Not a fair answer, a run went astray: edsr x2 under `random_tmae` (16.70, trivial answer 26.70)" in block


def test_rendering_again_changes_nothing(script: Names, finished: Path) -> None:
    kept = script["snapshot"](finished)
    once = script["page"](README, kept)
    assert script["page"](once, json.loads(json.dumps(kept))) == once


def _without_report(root: Path) -> None:
    (root / "report/claims.json").unlink()


def _other_verdict(root: Path) -> None:
    file = root / "report/claims.json"
    file.write_text(file.read_text().replace('"contradicted"', '"confirmed"'))


def _old_table(root: Path) -> None:
    file = root / "tables/mae_loss/table3.csv"
    pd.read_csv(file).drop(columns="low").to_csv(file, index=False)


def _failed_run(root: Path) -> None:
    gap = {"column": "x2", "network": "edsr", "loss": "vgg", "seed": 0, "file": "vgg.csv", "why": "the run failed"}
    rewrite(root / "verdicts/mae_loss/table3.json", missing=[gap])


def _wrong_metrics(root: Path) -> None:
    rewrite(root / "verdicts/mae_loss/table3.json", harness={"passed": False, "rows": 9, "failures": ["psnr"]})


def _without_verdicts(root: Path) -> None:
    (root / "verdicts/mae_loss/table3.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_without_report, "report/claims.json is missing"),
        (_other_verdict, "other verdicts on mae_loss/table3"),
        (_old_table, "table3.csv has no column low"),
        (_failed_run, "vgg.csv: the run failed"),
        (_wrong_metrics, "do not meet their golden values"),
        (_without_verdicts, "holds no verdicts"),
    ],
)
def test_what_is_missing_is_named(script: Names, finished: Path, spoil: Callable[[Path], None], named: str) -> None:
    spoil(finished)
    with pytest.raises(UserError, match=f"{named}.*run `uv run snakemake report`"):
        script["snapshot"](finished)


def test_a_readme_without_a_place_is_named(script: Names, finished: Path) -> None:
    with pytest.raises(UserError, match="<!-- demo:claims -->"):
        script["page"](README.replace("<!-- demo:claims -->", ""), script["snapshot"](finished))


def test_an_unknown_verdict_is_named(script: Names) -> None:
    with pytest.raises(UserError, match="'perhaps' is none of"):
        script["_counted"]([{"verdict": "perhaps"}])


def test_an_unknown_kind_is_named(script: Names) -> None:
    with pytest.raises(UserError, match="kind 'tabel' is none of"):
        script["_counted"]([{"kind": "tabel", "verdict": "confirmed"}])
