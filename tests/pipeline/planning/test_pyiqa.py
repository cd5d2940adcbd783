"""Metrics and losses of the package pyiqa in a table: planned by name, printed with their licence, scored."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from _repository import ROOT

from lossbench.errors import UserError
from pipeline import evaluate
from pipeline.config.losses import Loss
from pipeline.config.read import Configuration
from pipeline.config.table import Metric
from pipeline.outputs import fingerprint
from pipeline.planning.plan import Plan
from pipeline.specs.evaluate import EvaluateSpec, MetricSpec
from pipeline.specs.train import TaskSpec

pytest.importorskip("pyiqa", reason="the extra pyiqa is not installed")

TABLE = "mae_loss/table3"
LICENCE = "PolyForm-Noncommercial-1.0.0"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    fingerprint.clear()


def planned(file: str = "pyiqa:topiq_fr", loss: str = "pyiqa:gmsd") -> Plan:
    """Plan one table with one more metric and one more loss, both by name."""
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    read = Configuration.read({**values, "scale": "ci"}, ROOT / "config")
    table = read.tables[TABLE]
    metrics = {**table.metrics, "topiq": Metric(file=file, source="a newer one")}
    table = table.model_copy(update={"metrics": metrics, "losses": ("original", "by_gmsd")})
    losses = {**read.losses, "by_gmsd": Loss(loss=loss, source="a trial")}
    return Plan(replace(read, tables={TABLE: table}, losses=losses))


def test_both_are_planned_and_printed_with_their_licence() -> None:
    plan = planned()
    trained = plan.job("train", ("super_resolution_x2", "photographs", "edsr", "by_gmsd", "0"))
    assert trained.spec.loss.name == "pyiqa"  # type: ignore[attr-defined]
    assert trained.spec.loss.arguments == {"pixel": "l1", "metric": "gmsd"}  # type: ignore[attr-defined]
    assert "lossbench.losses.pyiqa" in trained.modules
    of_run = {"super_resolution_x2", "by_gmsd", "edsr"}
    evaluated, *_ = [job for key, job in plan.jobs["evaluate"].items() if of_run <= set(key)]
    assert evaluated.spec.metrics[-1].file == "pyiqa:topiq_fr"  # type: ignore[attr-defined]
    assert "lossbench.metrics._pyiqa" in evaluated.modules
    assert "pyiqa:topiq_fr" not in plan.job("harness", ()).spec.metrics  # type: ignore[attr-defined]
    table: Any = plan.job("tabulate", tuple(TABLE.split("/"))).spec
    assert table.metrics[-1].better == "up"
    assert "topiq_fr of pyiqa" in table.metrics[-1].protocol and LICENCE in table.metrics[-1].protocol
    [line] = [text for text in table.settings if text.startswith("by_gmsd:")]
    assert "l1 + gmsd of pyiqa" in line and LICENCE in line


def test_another_version_of_the_package_reruns_what_uses_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def codes() -> dict[Any, str]:
        fingerprint.clear()
        return {job.name: job.code for stage in planned().jobs.values() for job in stage.values()}

    before = codes()
    monkeypatch.setattr(fingerprint, "version", lambda _: "99")
    after = codes()
    changed = {name for name in before if before[name] != after[name]}
    assert {stage for stage, _ in changed} == {"train", "evaluate"}
    assert all("by_gmsd" in key for stage, key in changed if stage == "train")


def test_an_unknown_name_stops_at_planning() -> None:
    with pytest.raises(UserError, match="pyiqa has no 'topic_fr'; did you mean 'topiq_fr'"):
        planned(file="pyiqa:topic_fr")
    with pytest.raises(UserError, match="pyiqa has no 'gmds'; did you mean 'gmsd'"):
        planned(loss="pyiqa:gmds")


def test_planning_imports_neither_torch_nor_pyiqa() -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}, {str(Path(__file__).parent)!r}];"
        "import pytest, test_pyiqa; loaded = {*sys.modules}; plan = test_pyiqa.planned();"
        "[job.code for stage in plan.jobs.values() for job in stage.values()];"
        "sys.exit(bool({'torch', 'pyiqa'} & ({*sys.modules} - loaded)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_stage_scores_by_name_and_keeps_the_number(targets: Path, pairs: Path, tmp_path: Path) -> None:
    metric = MetricSpec(name="other", file="pyiqa:psnr", colour="rgb", crop=2, rounding=True)
    ours = metric.model_copy(update={"name": "ours", "file": "psnr"})
    spec = EvaluateSpec(
        task=TaskSpec(name="super_resolution", settings={"scale": 2}),
        test_set="toy",
        split="test",
        network=None,
        trivial="bicubic",
        metrics=(metric, ours),
        keep_pictures=0,
        tile=None,
    )
    for _ in range(2):
        scores = tmp_path / "toy.csv"
        evaluate.main(spec, "code", targets=targets, pairs=pairs, model=None, scores=scores, pictures=tmp_path / "toy")
        with scores.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for theirs, own in zip(rows[::2], rows[1::2], strict=True):
            # pyiqa adds a constant to the error, so that no score is infinite
            assert float(theirs["value"]) == pytest.approx(float(own["value"]), abs=1e-3)
