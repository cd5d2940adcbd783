"""The plan of an edited copy of the configuration."""

import shutil
from pathlib import Path

import pytest
import yaml
from _config import FILES, Change, PlanOf, content, parted
from _repository import ROOT

from pipeline.planning.plan import Plan


@pytest.fixture
def plan_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlanOf:
    """Return a function that edits a copy of the shipped files by `change` and plans what they ask for."""
    monkeypatch.chdir(tmp_path)
    folder = Path("config")
    shutil.copytree(ROOT / "config", folder)

    def plan(change: Change) -> Plan:
        # dumping and loading again parts what YAML anchors share
        contents = {key: parted(content(folder / file)) for key, file in FILES.items()}
        contents["config"].update(scale="ci", tables=["mae_loss/table3"])
        change(contents)
        for key, file in FILES.items():
            (folder / file).write_text(yaml.safe_dump(contents[key], sort_keys=False), encoding="utf-8")
        return Plan.from_config(content(folder / "config.yaml"), folder)

    return plan
