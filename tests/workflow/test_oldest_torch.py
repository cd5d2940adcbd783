"""The oldest torch that pyproject.toml allows runs all losses; asked for by a variable, since it is gigabytes."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
from _repository import ROOT

UV = os.environ.get("UV") or shutil.which("uv")
ASKED = "LOSSBENCH_OLDEST_TORCH"
BESIDE = (
    "torchvision",
    "torchmetrics",
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "pyyaml",
    "scikit-image",
    "transformers",
)
# that test names a model which newer versions of timm alone can't cut
NOT_OF_TORCH = "tests/lossbench/losses/test_timm.py::test_a_model_that_cannot_be_cut_is_named"


def oldest(requirements: list[str], name: str) -> str:
    """Return the lower bound of `name`."""
    [bound] = [found[1] for text in requirements if (found := re.fullmatch(rf"{name}>=([\d.]+)", text))]
    return bound


@pytest.mark.slow
@pytest.mark.skipif(ASKED not in os.environ, reason=f"gigabytes to download; set {ASKED}=1 after a change of the bound")
def test_the_losses_pass_their_tests_under_the_oldest_torch() -> None:
    assert UV is not None, "uv is not on PATH"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # newer timm asks more of torch.fx than this torch has: its transformers are then refused in one line
    pinned = [f"torch=={oldest(project['dependencies'], 'torch')}.*"]
    pinned += [f"timm=={oldest(project['optional-dependencies']['timm'], 'timm')}"]
    packages = [*(entry for entry in project["dependencies"] if not entry.startswith("torch")), *pinned, *BESIDE]
    command = [UV, "run", "--isolated", "--no-project"]
    command += [part for package in packages for part in ("--with", package)]
    command += [
        "python",
        "-m",
        "pytest",
        "-n",
        "0",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        "tests/lossbench/losses",
    ]
    subprocess.run(
        [*command, "--deselect", NOT_OF_TORCH], cwd=ROOT, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
