"""Snakemake twice on a folder, killed while a job runs on, and on a folder that it may only read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from _repository import copied, keep_tables, planned_jobs, snakemake

RUN = "results/ci/train/super_resolution_x2/photographs/edsr/original/0"
CI = ("--config", "scale=ci", "--")
MODEL = f"{RUN}/model.safetensors"
SECONDS = 200
WAITS = """            data = draw(state.step)
            while state.step == 3 and not __import__("os").path.exists("go"):
                time.sleep(0.05)
"""


@dataclass
class Disturbed:
    """A folder in which Snakemake was killed while its training waited, and what others were told there."""

    folder: Path
    second: tuple[int, str]
    """Beside the first one."""
    beside: tuple[int, str]
    """The same that was told to mind no lock."""
    after: tuple[int, str]
    """When the first one was dead."""
    unlocked: tuple[int, str]
    """After that, and after the lock was taken away."""
    training: int
    """The number of the training's process."""
    last: tuple[int, str]
    """When the training had ended by itself."""
    untouched: bool
    """Whether the model is still what that training wrote."""


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with one table, and a training that waits in its fourth step for a file `go`."""
    made = copied(tmp_path_factory.mktemp("disturbed"))
    keep_tables(made, "mae_loss/table3")
    loop, config = made / "pipeline/learning/loop.py", made / "config/config.yaml"
    text = loop.read_text(encoding="utf-8")
    assert "            data = draw(state.step)\n" in text
    loop.write_text(text.replace("            data = draw(state.step)\n", WAITS), encoding="utf-8")
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**values, "checkpoint_minutes": 1e-9}), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def disturbed(folder: Path) -> Iterator[Disturbed]:
    """Disturb it."""
    with (folder / "first.txt").open("wb") as printed:
        command = [sys.executable, "-m", "snakemake", *CI, MODEL]
        first = subprocess.Popen(command, cwd=folder, stdout=printed, stderr=printed)
    try:
        until(lambda: (folder / RUN / "last.ckpt").exists(), (folder / "first.txt").read_text(encoding="utf-8"))
        training = int((folder / RUN / "run.lock").read_text(encoding="utf-8").split()[1])
        second = snakemake(folder, *CI, MODEL)
        beside = snakemake(folder, "--nolock", *CI, MODEL)
        first.send_signal(signal.SIGKILL)
        first.wait()
        after = snakemake(folder, *CI, MODEL)
        assert snakemake(folder, "--unlock", *CI, MODEL)[0] == 0
        unlocked = snakemake(folder, *CI, MODEL)
        assert alive(training)
    finally:
        (folder / "go").touch()
        first.kill()
        first.wait()
    until(lambda: not alive(training), "the training never ended")
    times = (folder / MODEL).stat().st_mtime_ns
    last = snakemake(folder, *CI, MODEL)
    untouched = (folder / MODEL).stat().st_mtime_ns == times
    yield Disturbed(folder, second, beside, after, unlocked, training, last, untouched)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the training's process in /proc")
def test_a_second_snakemake_is_told_of_the_first_and_what_to_do(disturbed: Disturbed) -> None:
    for code, printed in (disturbed.second, disturbed.after):
        assert code != 0 and "Directory cannot be locked" in printed and "--unlock" in printed
        assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the training's process in /proc")
def test_a_training_is_not_run_twice_though_snakemake_is(disturbed: Disturbed) -> None:
    for code, printed in (disturbed.beside, disturbed.unlocked):
        assert code != 0
        assert f"error: {RUN}: another process works on this run (process {disturbed.training} on " in printed


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the training's process in /proc")
def test_a_training_runs_on_when_snakemake_is_killed_and_its_files_stay(disturbed: Disturbed) -> None:
    assert disturbed.last[0] == 0 and "Nothing to be done" in disturbed.last[1], disturbed.last[1]
    assert disturbed.untouched and not (disturbed.folder / RUN / "last.ckpt").exists()


def read_only(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake where `results` can't be written to."""
    mount = "mount --bind results results && mount -o remount,ro,bind results"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "sh", "-c", mount], cwd=folder).returncode:
        pytest.skip("this user may not mount a file system")
    command = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-m", "snakemake"]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, env=os.environ)


@pytest.mark.slow
def test_results_that_can_only_be_read_are_looked_at_and_a_run_stops_before_the_first_job(folder: Path) -> None:
    (folder / "results").mkdir(exist_ok=True)
    target = "results/ci/prepare/generic_photographs/target.json"
    looked = read_only(folder, "--dry-run", *CI, target)
    assert looked.returncode == 0 and "Prepare generic_photographs" in looked.stdout, looked.stderr
    ran = read_only(folder, *CI, target)
    assert ran.returncode != 0 and "Traceback" not in ran.stderr
    assert "can't be written to" in ran.stderr and "Prepare generic_photographs" not in ran.stdout + ran.stderr
    assert planned_jobs(folder, *CI, target)
