"""What several tests of the stages run first: a report, and the stage evaluate."""

from pathlib import Path

import pytest
from _evaluated import Evaluate, evaluate_into
from _pages import made
from _report_inputs import results

from pipeline.specs.evaluate import EvaluateSpec


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a report of two tables."""
    return made(results(tmp_path_factory.mktemp("report"), ("table3", "table4")))


@pytest.fixture
def evaluated(targets: Path, pairs: Path, tmp_path: Path) -> Evaluate:
    """Evaluate into `tmp_path` and return the rows of the scores."""

    def run(chosen: EvaluateSpec, model: Path | None = None, low: Path = pairs) -> list[dict[str, str]]:
        return evaluate_into(tmp_path, chosen, targets, low, model)

    return run
