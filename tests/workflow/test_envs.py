"""The conda environment is what the lock file dictates."""

import copy
import runpy
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml
from _repository import ROOT

SCRIPT = ROOT / "envs/mirror_lock.py"
SHIPPED = (ROOT / "envs/pipeline.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    """The parsed lock file."""
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


def mirrored(lock: dict[str, Any]) -> str:
    """Return the environment file that the script makes of `lock`."""
    return str(runpy.run_path(str(SCRIPT))["mirrored"](lock))


def test_the_environment_file_is_what_the_script_prints() -> None:
    printed = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True).stdout
    assert printed == SHIPPED


def test_every_dependency_of_the_project_is_pinned_once(lock: dict[str, Any]) -> None:
    pins = yaml.safe_load(SHIPPED)["dependencies"][-1]["pip"]
    names = [pin.split("==")[0] for pin in pins]
    assert all(len(pin.split("==")) == 2 for pin in pins)
    assert len(names) == len(set(names))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [project["dependencies"], *project["optional-dependencies"].values()]
    assert {requirement.split(">")[0] for part in required for requirement in part} <= set(names)
    assert "lossbench" not in names


@pytest.mark.parametrize("package", ["torch", "numpy", "pyiqa", "foolbox"])
def test_a_changed_pin_is_noticed(lock: dict[str, Any], package: str) -> None:
    changed = copy.deepcopy(lock)
    for entry in changed["package"]:
        if entry["name"] == package:
            entry["version"] = "0.0.1"
    assert mirrored(lock) == SHIPPED
    assert mirrored(changed) != SHIPPED
    assert f"- {package}==0.0.1\n" in mirrored(changed)


def test_a_dependency_that_the_lock_lacks_is_named(lock: dict[str, Any]) -> None:
    changed = {**lock, "package": [entry for entry in lock["package"] if entry["name"] != "torch"]}
    with pytest.raises(SystemExit, match="torch"):
        mirrored(changed)
