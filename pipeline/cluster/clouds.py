"""Kubernetes and AWS Batch: one folder that all jobs share, and what a plugin asks for in words of its own."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from lossbench.errors import UserError

PROVIDER = "fs"
"""Storage provider of Snakemake that stands for a file system which every job has mounted."""
BATCH_GPUS = "_gpus"
"""What the plugin of AWS Batch calls the GPUs of a job."""
BATCH_MEMORY_MB = {
    1: range(2048, 8192 + 1, 1024),
    2: range(4096, 16384 + 1, 1024),
    4: range(8192, 30720 + 1, 1024),
    8: range(16384, 61440 + 1, 4096),
    16: range(32768, 122880 + 1, 8192),
}
"""Memory that the plugin of AWS Batch takes, in MiB, by the number of processors. Of any other it makes the least one
and warns: a job that asks for more gets less (snakemake-executor-plugin-aws-batch 0.2.1, constant.py)."""


def batch_memory_mb(stage: str, needed: int, threads: int, times: int = 1) -> int:
    """Return the least memory of `BATCH_MEMORY_MB` beside `threads` processors that holds `times` the `needed` MB.

    Where none holds as much, the largest does. Raises UserError where none holds what is `needed` once.
    """
    sizes = BATCH_MEMORY_MB.get(threads)
    if sizes is None or sizes[-1] < needed:
        fitting = [str(count) for count, others in BATCH_MEMORY_MB.items() if others[-1] >= needed]
        remedy = (
            f"set-threads of the profile: {stage}={' or '.join(fitting)}" if fitting else "less memory_mb of the scale"
        )
        raise UserError(
            f"AWS Batch: {stage} asks for {needed} MB and {threads} threads, which its plugin refuses; {remedy}"
        )
    return next((size for size in sizes if size >= needed * times), sizes[-1])


def share_folder(workflow: Any) -> bool:
    """Have the jobs of a cloud read and write in the folder in which Snakemake runs; return whether there is a cloud.

    Plugins of clouds insist on a storage provider, which would copy each file that a rule names into a fresh folder
    and back. Stages also read and write beside those: arrays beside their cards, records, checkpoints. So a cloud needs
    a volume that every job mounts at the same path, and the provider stands for it without copying. Raises UserError
    for any other provider, and where the volume does not hold the folder.
    """
    from snakemake_interface_executor_plugins.settings import SharedFSUsage  # type: ignore[import-untyped]

    storage = workflow.storage_settings
    if storage is None or storage.default_storage_provider is None:
        return False
    if storage.default_storage_provider != PROVIDER:
        raise UserError(
            f"default-storage-provider {storage.default_storage_provider}: stages also read and write beside the files "
            f"that it copies; mount one volume for all jobs and write {PROVIDER} (docs/clouds.md)"
        )
    here, volume = Path.cwd(), Path(storage.default_storage_prefix or "/")
    if not here.is_relative_to(volume):
        raise UserError(f"default-storage-prefix {volume}: run Snakemake in a clone below it, not in {here}")
    # a copy: Snakemake itself goes on to ask the plugin's question of its own settings
    workflow.storage_settings = dataclasses.replace(
        storage, default_storage_provider=None, default_storage_prefix=None, shared_fs_usage=SharedFSUsage.all()
    )
    workflow.storage_registry._default_storage_provider = None
    return True


def begin_here(workflow: Any) -> None:
    """Have the jobs of a cloud, which are about to be sent, begin in the folder in which Snakemake runs."""
    remote = workflow.remote_execution_settings
    # each job would install the storage plugins anew, which the image has
    own = f"cd {shlex.quote(str(Path.cwd()))} && pip() {{ :; }}"
    remote.precommand = f"{remote.precommand} && {own}" if remote.precommand else own
