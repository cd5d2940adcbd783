"""A package of somebody else makes a table with a verdict by Snakemake, and an edit of it reruns what it changes."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from _outside import written
from _repository import copied, edited, keep_tables, planned_jobs, snakemake

CI = ("--config", "scale=ci")
RESULTS = Path("results/ci")
EDGES = "fringe.losses:half_edges"
TABLE = {
    "title": "Plugins from outside",
    "columns": {
        "x2": {"task": "super_resolution_x2", "dataset": "waves", "test_set": {"dataset": "waves", "split": "test"}},
    },
    "networks": ["shuffled", "fringe.networks:Shuffled"],
    "losses": ["original", "by_edges", "by_half"],
    "reference_loss": "original",
    "metrics": {
        "psnr": {"colour": "rgb", "source": "as ever"},
        "mean_error": {"colour": "rgb", "source": "theirs"},
    },
    "settings": ["a trial"],
}
CLAIM = {
    "id": "edges_help",
    "kind": "text",
    "table": "mine/outside",
    "better": "by_edges",
    "than": "original",
    "metric": "mean_error",
    "columns": "",
    "networks": "",
    "source": "this test",
    "text": "edges help",
    "reason": "",
}
NETWORK = {
    "arguments": {"width": 3},
    "recipe": {"steps": 4, "batch": 2, "patch": 16, "learning_rate": 1e-3, "history": 2},
    "source": "a trial",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on PYTHONPATH with the package."""
    return written(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a table of plugins from outside."""
    folder = copied(tmp_path_factory.mktemp("outside"))
    (folder / "config/tables/mine").mkdir()
    table = folder / "config/tables/mine/outside.yaml"
    table.write_text(yaml.safe_dump(TABLE, sort_keys=False), encoding="utf-8")
    with (folder / "config/claims/mine.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, CLAIM)
        rows.writeheader()
        rows.writerow(CLAIM)
    scale = folder / "config/scale/ci.yaml"
    values = yaml.safe_load(scale.read_text(encoding="utf-8"))
    values["networks"] |= dict.fromkeys(TABLE["networks"], NETWORK)
    values["losses"] |= {
        "by_edges": {"loss": "edges", "arguments": {"weight": 0.1}, "source": "a trial"},
        "by_half": {"loss": EDGES, "arguments": {"power": 1.0}, "source": "a trial"},
    }
    values |= {"seeds": [0], "control_tables": [], "table_seeds": {}}
    scale.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    keep_tables(folder, "mine/outside")
    return folder


@pytest.mark.slow
def test_it_goes_from_nothing_to_a_verdict(workflow: Path, packages: Path) -> None:
    code, printed = snakemake(workflow, *CI, "--", "all", "report", packages=packages)
    assert code == 0, printed
    results = workflow / RESULTS
    with (results / "tables/mine/outside.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["network"], row["loss"], row["metric"]) for row in rows} == {
        (network, loss, metric)
        for network in TABLE["networks"]
        for loss in TABLE["losses"]
        for metric in TABLE["metrics"]
    }
    assert all(row["value"] for row in rows)
    verdicts = json.loads((results / "verdicts/mine/outside.json").read_text(encoding="utf-8"))
    assert "edges_help" in str(verdicts) and verdicts["harness"]["passed"]
    assert any("mean_error: from outside" in line for line in verdicts["harness"]["skipped"])
    page = (results / "tables/mine/outside.html").read_text(encoding="utf-8")
    assert "fringe" in page and "by_edges" in page
    assert (results / "report/index.html").is_file()
    card = json.loads(
        (results / "train/super_resolution_x2/waves/shuffled/by_edges/0/card.json").read_text(encoding="utf-8")
    )
    assert card["loss_weights"] == {"pixel": 1.0, "edges": 0.1}
    assert planned_jobs(workflow, *CI, "--", "all", "report", packages=packages) == []


@pytest.mark.slow
def test_an_edit_of_a_loss_reruns_what_it_can_change(workflow: Path, packages: Path) -> None:
    """Of the others tests/pipeline/planning/test_outside.py holds the plans."""
    file = packages / "fringe/losses.py"
    with edited(file, lambda text: f"# a comment\n{text}"):
        assert planned_jobs(workflow, *CI, "--", "all", "report", packages=packages) == []
    with edited(file, lambda text: text.replace(".mean()", ".sum()")):
        planned = planned_jobs(workflow, *CI, "--", "all", "report", packages=packages)
    trained = [job for job in planned if job.startswith("Train ")]
    assert len(trained) == 4 and all(re.match("Train [^ ]+ under by_(edges|half):", job) for job in trained)
    assert not [job for job in planned if "under original" in job]
