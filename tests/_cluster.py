"""Runs of the workflow through a cluster of Slurm's, as a user has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from _slurm import PROGRAMS, Cluster

ABSENT = [program for program in PROGRAMS if shutil.which(program) is None]
MARKS = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(bool(ABSENT), reason=f"Slurm is not installed: no {', '.join(ABSENT)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Slurm's daemons are tried as root"),
]
CI = ("--config", "scale=ci", "--")
SLOWLY = "            data = draw(state.step)\n            time.sleep(float(__import__('os').environ.get('SLOW', 0)))\n"


def changed(file: Path, **changes: Any) -> None:
    """Replace top-level entries of a YAML file."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**values, **changes}, sort_keys=False), encoding="utf-8")


def submit(folder: Path, cluster: Cluster, *targets: str, slow: float) -> subprocess.Popen[bytes]:
    """Begin a run through the cluster as a user does, who asks for news more often; a step takes `slow` seconds."""
    often = ["--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"]
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/slurm", *often, *CI, *targets]
    environment = {**os.environ, **cluster.environment, "SLOW": str(slow)}
    with (folder / "printed.txt").open("wb") as printed:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=printed)


def name_the_cluster(folder: Path, gpu_partition: str, longest_job_hours: float) -> None:
    """Write into the profile what its user writes there."""
    named = {"slurm_partition": "cpu", "gpu_partition": gpu_partition, "gpu_model": "pretend"}
    entries = [f"{name}={one}" for name, one in {**named, "longest_job_hours": longest_job_hours}.items()]
    changed(folder / "profiles/slurm/config.yaml", **{"default-resources": entries})
