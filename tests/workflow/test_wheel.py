"""The built wheel installs and imports in a fresh environment, on every declared Python that is at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from _repository import ROOT

DECLARED = [
    entry.rsplit(" ", 1)[-1]
    for entry in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    if entry.startswith("Programming Language")
]
# `uv run` says where it is itself
UV = os.environ.get("UV") or shutil.which("uv")

# the wheel's own dependencies cost gigabytes, so the environment borrows them where the Python is the same
IMPORTS = """
import importlib, json, pathlib, pipeline
root = pathlib.Path(pipeline.__file__).parent
names = [".".join(("pipeline", *path.relative_to(root).with_suffix("").parts)) for path in root.rglob("*.py")]
for name in names:
    if not name.endswith(("__init__", "__main__")):
        importlib.import_module(name)
print(json.dumps({"folder": str(root), "modules": len(names)}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if UV is None:
        pytest.skip("uv is not on PATH")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("version", DECLARED)
def test_the_wheel_installs_and_imports(wheel: Path, version: str, tmp_path: Path) -> None:
    assert UV is not None
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    find = [UV, "python", "find", "--no-python-downloads", version]
    found = subprocess.run(find, capture_output=True, text=True)
    if version != own and found.returncode:
        pytest.skip(f"no Python {version} here")
    python = sys.executable if version == own else found.stdout.strip()
    environment = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", "--no-python-downloads", "--python", python, environment], check=True)
    inside = environment / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--no-deps", "--python", inside, wheel], check=True)
    if version == own:
        site = next(environment.glob("lib/python*/site-packages"))
        borrowed = next(path for path in sys.path if path.endswith("site-packages"))
        (site / "borrowed.pth").write_text(borrowed + "\n", encoding="utf-8")
        script = IMPORTS
    else:
        script = "import json, lossbench.errors, lossbench.plugins; print(json.dumps({'folder': pipeline.__path__[0]}))"
    printed = subprocess.run([inside, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    imported = json.loads(printed.splitlines()[-1])
    assert str(environment) in imported["folder"]
    assert imported.get("modules", 40) >= 40
