"""Print envs/pipeline.yaml as uv.lock dictates it: `python envs/mirror_lock.py > envs/pipeline.yaml`."""

import tomllib
from pathlib import Path
from typing import Any

from packaging.markers import Marker

ROOT = Path(__file__).parents[1]
PYTHON = "3.11"
GROUPS = ("workflow", "embedded")
HEADER = "# Mirrors uv.lock for conda users; made by: python envs/mirror_lock.py > envs/pipeline.yaml\n"


def mirrored(lock: dict[str, Any]) -> str:
    """Return the conda environment: what the project, its extras and its groups GROUPS name, pinned as in `lock`."""
    packages = lock["package"]
    project = next(entry for entry in packages if entry["name"] == "lossbench")
    groups = [project["dev-dependencies"][group] for group in GROUPS]
    direct = [project["dependencies"], *project["optional-dependencies"].values(), *groups]
    # a group names extras of the project itself
    names = sorted({entry["name"] for entries in direct for entry in entries} - {"lossbench"})
    pins = "".join(f"      - {name}=={_version(name, packages)}\n" for name in names)
    channels = "channels:\n  - conda-forge\n"
    return f"{HEADER}name: lossbench\n{channels}dependencies:\n  - python={PYTHON}\n  - pip\n  - pip:\n{pins}"


def _version(name: str, packages: list[dict[str, Any]]) -> str:
    """Return the locked version of `name` for Linux and `PYTHON`; the lock may hold one a Python version."""
    target = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "sys_platform": "linux"}
    for entry in packages:
        markers = entry.get("resolution-markers", [])
        if entry["name"] == name and (not markers or any(Marker(text).evaluate(target) for text in markers)):
            return str(entry["version"])
    raise SystemExit(f"uv.lock holds no {name} for Python {PYTHON}")


if __name__ == "__main__":
    print(mirrored(tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))), end="")
