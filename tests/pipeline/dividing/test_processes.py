"""Two processes on CPUs: the weights of one, files of the first alone, signals and deaths that end both."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from _divided import Files, train_each, trained
from _repository import ROOT
from _runs import card, history, names

from lossbench import storage
from lossbench.errors import UserError
from lossbench.loss_networks import KIND
from pipeline.dividing import launch as launching
from pipeline.dividing.launch import launch
from pipeline.learning import checkpoint
from pipeline.learning.run import Run
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.train import TrainSpec

# on CPUs, or on two GPUs
pytestmark = pytest.mark.skipif(torch.cuda.device_count() == 1, reason="two processes need two GPUs, or none")
MakeSpec = Callable[..., TrainSpec]
MakePretraining = Callable[..., PretrainSpec]
TOLERANCE = 1e-5
LOSSES = ("original", "ccmae", "p_ccmae")
"""The pixel loss, a learned one, and one that draws random patches."""


@pytest.fixture
def files(targets: Path, pairs: Path, loss_network: Path) -> Files:
    return Files(targets, pairs, loss_network)


def furthest(first: Path, second: Path, kind: str | None = None) -> float:
    """Return the largest difference of two files of weights."""
    (ours, _), (theirs, _) = (storage.read(file, kind) if kind else storage.read(file) for file in (first, second))
    return max(float((value - theirs[name]).abs().max()) for name, value in ours.items())


@pytest.mark.slow
def test_two_processes_at_half_the_batch_train_as_one(
    train_spec: MakeSpec, pretrain_spec: MakePretraining, files: Files, tmp_path: Path
) -> None:
    changes = {"steps": 5, "batch": 4, "history": 2, "clip": 0.5}
    specs: dict[str, TrainSpec | PretrainSpec] = {name: train_spec(name, **changes, ema=0.9) for name in LOSSES}
    specs["pretrain"] = pretrain_spec(**changes)
    arguments = {"specs": specs, "place": Run(tmp_path / "two", "toy", processes=2), "files": files}
    launch(train_each, arguments, 2)
    for name, spec in specs.items():
        one, two = trained(spec, Run(tmp_path / "one" / name, "toy"), files), tmp_path / "two" / name
        assert names(one) == names(two)
        file, kind = ("network.safetensors", KIND) if name == "pretrain" else ("model.safetensors", None)
        assert 0 < furthest(one / file, two / file, kind) < TOLERANCE, name
        for left, right in zip(history(one), history(two), strict=True):
            assert {key: float(value) for key, value in right.items()} == pytest.approx(
                {key: float(value) for key, value in left.items()}, rel=1e-3
            )
        assert (card(two)["processes"], card(two)["accumulate"]) == (2, 1) and "processes" not in card(one)


def command(files: Files, output: Path, *options: str) -> list[str]:
    """Return the arguments of python for a training in two processes that saves after every step."""
    arguments = ["--code", "code", "--label", "toy", "--targets", files.targets, "--pairs", files.pairs]
    arguments += ["--output", output, "--checkpoint-seconds", "0", "--processes", "2", *options]
    return ["pipeline.train", *map(str, arguments)]


def children(process: int) -> list[int]:
    """Return the numbers of the training processes that `process` started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


@contextmanager
def bounded(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Kill a process that did not end by itself."""
    try:
        yield
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_sigterm_saves_what_one_process_would_have_and_ends_all(
    train_spec: MakeSpec, files: Files, tmp_path: Path, start_until_saved: Callable[..., "subprocess.Popen[str]"]
) -> None:
    spec = train_spec("original", steps=400, batch=4, history=100)
    folder = tmp_path / "run"
    process = start_until_saved(spec, command(files, folder), folder / "last.ckpt", 5)
    with bounded(process):
        started = children(process.pid)
        assert len(started) == 2
        for number in (process.pid, *started):
            os.kill(number, signal.SIGTERM)
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (143, "")
        assert not any(Path(f"/proc/{number}").exists() for number in started)
    content = {"spec": spec.canonical(), "code": "code"}
    state, _ = checkpoint.load(folder / "last.ckpt", content, torch.device("cpu"))
    assert state is not None
    assert 5 <= state["step"] < 400
    # what was saved is what one process has after as many steps
    one = trained(train_spec("original", steps=state["step"], batch=4), Run(tmp_path / "one", "toy"), files)
    weights, _ = storage.read(one / "model.safetensors")
    assert max(float((value - state["model"][name]).abs().max()) for name, value in weights.items()) < 10 * TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("dead", [0, 1])
def test_a_process_that_is_killed_ends_the_other_and_is_named(
    dead: int,
    train_spec: MakeSpec,
    files: Files,
    tmp_path: Path,
    start_until_saved: Callable[..., "subprocess.Popen[str]"],
) -> None:
    spec, folder = train_spec("original", steps=10000, batch=4, history=100), tmp_path / "run"
    process = start_until_saved(spec, command(files, folder), folder / "last.ckpt", 3)
    with bounded(process):
        started = children(process.pid)
        os.kill(started[dead], signal.SIGKILL)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 1 and "Traceback" not in error
        last = error.splitlines()[-1]
        assert "was killed (SIGKILL)" in last or "lost each other" in last
        assert "run it again: it goes on from its checkpoint" in last
        assert not any(Path(f"/proc/{number}").exists() for number in started)
    assert (folder / "last.ckpt").is_file()


@pytest.mark.slow
def test_what_a_user_can_mend_is_one_line_of_all_processes(train_spec: MakeSpec, files: Files, tmp_path: Path) -> None:
    spec = train_spec("original", steps=3, batch=3)
    done = subprocess.run(
        [sys.executable, "-m", *command(files, tmp_path / "run")],
        cwd=ROOT,
        input=spec.canonical(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "a batch of 3 is not divided by 2 processes times 1 parts" in line


def test_processes_that_nobody_launched_are_refused(train_spec: MakeSpec, files: Files, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--processes 2: this is one process; run the stage by its command line"):
        trained(train_spec("original"), Run(tmp_path / "run", "toy", processes=2), files)


def test_who_was_killed_is_named_before_who_aborted_when_it_was_lost() -> None:
    aborted, killed = (
        SimpleNamespace(exitcode=-number, timestamp=when, local_rank=rank, message="")
        for rank, (number, when) in enumerate(((signal.SIGABRT, 1), (signal.SIGKILL, 2)))
    )
    for failures in ({0: aborted, 1: killed}, {1: killed, 0: aborted}):
        with pytest.raises(UserError, match=r"process 2 of 2 was killed \(SIGKILL\)"):
            launching._tell(SimpleNamespace(failures=failures), 2)
