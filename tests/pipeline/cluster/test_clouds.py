"""What jobs of a cloud ask for, and the folder that they share; the plugins themselves are in tests/clouds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from _asking import asked, first, workflow
from _plans import planned
from _repository import ROOT
from snakemake.settings.types import SharedFSUsage, StorageSettings  # type: ignore[import-untyped]

from lossbench.errors import UserError
from pipeline.cluster import clouds
from pipeline.planning import session


def of_cloud(provider: str | None, prefix: str, precommand: str | None = None) -> Any:
    """Return the state of a run whose jobs are sent to a cloud."""
    return SimpleNamespace(
        storage_settings=StorageSettings(
            default_storage_provider=provider, default_storage_prefix=prefix, shared_fs_usage=frozenset()
        ),
        storage_registry=SimpleNamespace(_default_storage_provider=provider),
        remote_execution_settings=SimpleNamespace(precommand=precommand),
    )


def test_a_gpu_is_asked_for_in_the_words_of_either_plugin() -> None:
    plan = planned("paper")
    for state, names in (
        (
            workflow(gpu_manufacturer="nvidia", gpu_machine_type="a2", machine_type="n2"),
            {"gpu": 1, "machine_type": "a2"},
        ),
        (workflow(cloud="aws_batch"), {"gpu": 1, clouds.BATCH_GPUS: 1}),
    ):
        assert names.items() <= asked(state, plan, "train", first(plan, "train")).items()
        without = asked(state, plan, "evaluate", first(plan, "evaluate", "trivial"))
        assert {without[name] for name in names} <= {None, "n2"}


def test_memory_is_rounded_up_to_what_aws_batch_takes() -> None:
    assert [clouds.batch_memory_mb("train", *each) for each in ((250, 1), (2049, 1), (32000, 8))] == [2048, 3072, 32768]
    # further tries ask for more, as far as there is more
    assert [clouds.batch_memory_mb("train", 3000, 1, times) for times in (1, 2, 3)] == [3072, 6144, 8192]
    with pytest.raises(UserError, match="set-threads of the profile: train=8 or 16"):
        clouds.batch_memory_mb("train", 32000, 1)
    with pytest.raises(UserError, match="memory_mb of the scale"):
        clouds.batch_memory_mb("train", 200_000, 16)
    with pytest.raises(UserError, match="3 threads"):
        clouds.batch_memory_mb("train", 1000, 3)


@pytest.mark.parametrize("scale", ["ci", "demo", "paper"])
def test_the_profile_of_aws_batch_has_threads_for_the_memory_of_every_stage(scale: str) -> None:
    profile = yaml.safe_load((ROOT / "profiles/aws-batch/config.yaml").read_text(encoding="utf-8"))
    threads = {stage: int(count) for stage, count in (entry.split("=") for entry in profile["set-threads"])}
    plan = planned(scale)
    for stage in session.MEMORY_MB.keys() & {stage for stage, jobs in plan.jobs.items() if jobs}:
        wildcards = plan.job(stage, first(plan, stage)).wildcards
        memory = session.memory_mb(workflow(threads, cloud="aws_batch"), plan, stage)
        assert memory(wildcards, 1) >= session.MEMORY_MB[stage]


def test_jobs_share_the_folder_and_begin_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    state = of_cloud("fs", str(tmp_path), "mount it")
    asked_first = state.storage_settings
    assert clouds.share_folder(state)
    assert state.storage_settings.shared_fs_usage == SharedFSUsage.all()
    assert state.storage_settings.default_storage_provider is state.storage_registry._default_storage_provider is None
    assert asked_first.default_storage_provider == "fs"
    clouds.begin_here(state)
    assert state.remote_execution_settings.precommand == f"mount it && cd '{folder}' && pip() {{ :; }}"
    assert not clouds.share_folder(of_cloud(None, ""))


def test_what_would_copy_or_lies_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^default-storage-provider s3: .*docs/clouds\.md"):
        clouds.share_folder(of_cloud("s3", "s3://bucket"))
    with pytest.raises(UserError, match=r"^default-storage-prefix /lossbench: run Snakemake"):
        clouds.share_folder(of_cloud("fs", "/lossbench"))
