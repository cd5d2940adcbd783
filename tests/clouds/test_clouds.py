"""The profiles of clouds through Snakemake's own plugins: planned, and carried out by a pretend cloud."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from _cloud import Cloud
from _repository import ROOT, copied, keep_tables

from pipeline.cluster.clouds import BATCH_MEMORY_MB

for module in ("kubernetes", "aws_batch"):
    pytest.importorskip(f"snakemake_executor_plugin_{module}", reason="needs `uv run --group clouds`")

PROFILES = ("kubernetes", "aws-batch")
FILE = "results/ci/prepare/generic_photographs/target.json"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("repository"))
    keep_tables(folder, "mae_loss/table1")
    return folder


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path) as one:
        yield one


def run(folder: Path, profile: str, *arguments: str, cloud: Cloud | None = None) -> subprocess.CompletedProcess[str]:
    """Run Snakemake under a profile whose volume is `folder`."""
    given = (
        "--default-storage-prefix",
        str(folder),
        "--precommand",
        "true",
        "--seconds-between-status-checks",
        "1",
        "--config",
        "scale=ci",
    )
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", f"profiles/{profile}", *given, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(folder), **(cloud.environment if cloud else {})}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def container(cloud: Cloud) -> dict[str, Any]:
    """Return the container of the job that was sent to Kubernetes."""
    (body,) = cloud.sent
    found: dict[str, Any] = body["spec"]["template"]["spec"]
    assert found["volumes"][1]["persistentVolumeClaim"] == {"claimName": "lossbench"}
    return dict(found["containers"][0])


def made_once(repository: Path, profile: str, cloud: Cloud, *more: str) -> None:
    """Have the file made by the cloud and see that it is whole, with its record, and needs nothing more."""
    (repository / FILE).unlink(missing_ok=True)
    done = run(repository, profile, *more, "--", FILE, cloud=cloud)
    assert done.returncode == 0, done.stderr + "\n".join(cloud.printed)
    assert (repository / FILE).is_file()
    assert (repository / "results/ci/records/prepare/generic_photographs.json").is_file()
    # the job itself began in an empty folder and left it so
    assert not any(path.is_dir() and any(path.iterdir()) for path in cloud.folder.iterdir())
    assert "Nothing to be done" in run(repository, profile, "-n", "--", FILE).stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_a_dry_run_ends_well_and_copies_nothing(profile: str, repository: Path) -> None:
    done = run(repository, profile, "-n", "--verbose", "--", "mae_loss_table1")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert re.search(r"^train +\d+$", said, re.MULTILINE)
    assert "retrieve from storage" not in said


def test_kubernetes_makes_a_file_in_the_shared_folder_with_limits_and_a_gpu(repository: Path, cloud: Cloud) -> None:
    made_once(repository, "kubernetes", cloud, "--set-resources", "prepare:gpu=1")
    asked = container(cloud)
    assert asked["image"] == "registry.example.org/lossbench"
    # in requests alone the cluster refuses a GPU
    limits = {"cpu": "1000m", "memory": "250M", "ephemeral-storage": "1000M", "nvidia.com/gpu": "1"}
    assert asked["resources"]["limits"] == limits
    assert {"name": "lossbench", "mountPath": "/lossbench"}.items() <= asked["volumeMounts"][1].items()


def test_aws_batch_makes_a_file_in_the_shared_folder(repository: Path, cloud: Cloud) -> None:
    made_once(repository, "aws-batch", cloud)
    (definition,) = cloud.sent
    asked = definition["containerProperties"]
    assert definition["timeout"] == {"attemptDurationSeconds": 86400} and asked["privileged"]
    needs = {one["type"]: one["value"] for one in asked["resourceRequirements"]}
    assert needs == {"VCPU": "2", "MEMORY": "4096"}


def test_the_plugin_of_aws_batch_takes_the_memory_that_we_ask_for() -> None:
    from snakemake_executor_plugin_aws_batch.constant import (  # type: ignore[import-not-found]
        VALID_RESOURCES_MAPPING,
    )

    ours = {(size, threads) for threads, sizes in BATCH_MEMORY_MB.items() for size in sizes}
    assert ours == {(size, threads) for size, several in VALID_RESOURCES_MAPPING.items() for threads in several}


def test_a_provider_that_copies_is_refused(repository: Path) -> None:
    done = run(repository, "kubernetes", "-n", "--default-storage-provider", "s3", "--", FILE)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in said
    assert "default-storage-provider s3: stages also read and write beside the files" in said


def test_a_clone_outside_the_volume_is_refused(repository: Path, tmp_path: Path) -> None:
    done = run(repository, "kubernetes", "-n", "--default-storage-prefix", str(tmp_path), "--", FILE)
    assert done.returncode != 0 and "run Snakemake in a clone below it" in done.stdout + done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profile_names_options_that_snakemake_has(profile: str) -> None:
    entries = yaml.safe_load((ROOT / f"profiles/{profile}/config.yaml").read_text(encoding="utf-8"))
    told = subprocess.run([sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True)
    assert {name for name in entries if f"--{name}" not in told.stdout} == set()
