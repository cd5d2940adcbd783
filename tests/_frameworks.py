"""Training frameworks of registries as their users have them: a tree of files, of which one line is the user's."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _repository import ROOT

PAGE = ROOT / "docs/integrations.md"


def block(mark: str) -> str:
    """Return the code below the comment `mark` of the page."""
    found = re.findall(rf"<!-- {mark} -->\n```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1, mark
    return str(found[0])


def installed(package: str, folder: Path) -> Path:
    """Copy the installed `package` to `folder`, as a clone would lie there; return its folder."""
    found = find_spec(package)
    assert found is not None and found.submodule_search_locations, f"{package} is not installed: uv sync"
    [source] = found.submodule_search_locations
    shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / package


def ran(folder: Path, script: str, *arguments: str) -> Any:
    """Run `script` where `folder` comes first on the path, and return what it prints last, as JSON."""
    file = folder / "script.py"
    file.write_text(script, encoding="utf-8")
    environment = {
        "PYTHONPATH": f"{folder}:{ROOT}",
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, file, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def options_of(text: str) -> Iterator[dict[str, Any]]:
    """Give the entries of an option file in YAML that are losses of lossbench."""
    import yaml

    waiting = [yaml.safe_load(text)]
    while waiting:
        value = waiting.pop()
        waiting += list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        if isinstance(value, dict) and str(value.get("type", "")).startswith("Lossbench"):
            yield value
