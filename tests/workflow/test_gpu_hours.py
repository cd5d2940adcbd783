"""The benchmark behind the plan's GPU-hours: it times what the stages do, skips what is known, survives failures."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from _repository import ROOT
from torch import nn

from lossbench.errors import UserError
from pipeline import train
from pipeline.config.read import values
from pipeline.learning.loop import Identity, StepLoss
from pipeline.planning.measured_steps import CPU_FILE, FILE, key_of, read
from pipeline.planning.plan import Plan
from pipeline.specs.recipe import Recipe
from pipeline.timing import steps

BENCHMARK = ROOT / "benchmarks/gpu_hours.py"
LACKING = ("imagecodecs", "snakemake", "pyrtools", "pyiqa", "skimage", "sklearn", "matplotlib", "h5py")
"""Packages without which a GPU machine measures all the same."""
RUN = """
import json, runpy, sys
sys.argv[0] = "benchmarks/gpu_hours.py"
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as stopped:
    print(json.dumps([stopped.code, sorted({name.split(".")[0] for name in sys.modules})]))
"""
ONE_OF_EACH = (
    r"^pre-training of cnn_mae \(blocks"
    r"|^distance .*attacked"
    r"|^classifier resnet50 .*attacked"
    r"|^edsr .*scale 4\) under (vgg|random_tmae) "
    r"|^drbn .*own loss under original"
)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_hours", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(ROOT)
    return module


def run(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the benchmark in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["gpu_hours.py", "--scale", "ci", *arguments])
    with pytest.raises(SystemExit) as stopped:
        benchmark.main()
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.mark.slow
def test_each_kind_of_stage_is_measured_once_with_few_packages(tmp_path: Path) -> None:
    output = tmp_path / "steps.csv"
    arguments = ["--scale", "ci", "--output", str(output), "--only", ONE_OF_EACH]
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    code, modules = json.loads(last)
    assert code == 0, done.stdout
    assert not set(LACKING) & set(modules)
    measured = read(output)
    assert len(measured) == 6
    assert {one.what.split()[0] for one in measured.values()} == {
        "pre-training",
        "distance",
        "classifier",
        "edsr",
        "drbn",
    }
    for one in measured.values():
        assert one.seconds is not None and 0 < one.seconds < 30
        assert one.torch == torch.__version__
        # one line a kind
        assert sum(one.what in line for line in lines) == 1


def test_the_loop_of_the_stages_is_what_is_timed(make_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    drawn: list[int] = []

    def draw(step: int) -> list[Any]:
        drawn.append(step)
        return []

    def loss(step: int, data: list[Any]) -> StepLoss:
        # the first steps are slow, as where kernels are compiled
        time.sleep(0.2 if step < steps.WARM_UP else 0.02)
        error = model.weight.square().sum()
        return StepLoss(error, {"error": error})

    model = nn.Linear(2, 2)
    before = model.weight.detach().clone()
    job = Identity("toy", {"spec": "s", "code": "c"}, tmp_path / "last.ckpt")
    with pytest.raises(steps.Timed) as timed:
        steps.timing_fit(model, make_recipe(optimizer="sgd"), job, draw, loss, torch.device("cpu"))
    assert 0.02 <= timed.value.seconds < 0.06
    assert drawn == [0]
    assert torch.allclose(model.weight, before, rtol=0, atol=1e-6)
    assert not list(tmp_path.iterdir())


def test_of_a_loss_in_every_fourth_step_whole_cycles_are_timed(
    make_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    now = 0.0

    def loss(step: int, data: list[Any]) -> StepLoss:
        nonlocal now
        now += 9.0 if step % 4 == 0 else 1.0
        error = model.weight.square().sum()
        return StepLoss(error, {"error": error})

    model = nn.Linear(2, 2)
    given = (model, make_recipe(), Identity("toy", {}, tmp_path / "last.ckpt"), lambda step: [], loss)
    with pytest.raises(steps.Timed) as timed:
        steps.timing_fit(*given, torch.device("cpu"), clock=lambda: now, every=4)
    assert timed.value.seconds == 3.0


def test_a_step_that_does_not_fit_the_device_is_recorded_and_the_rest_goes_on(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []

    def small(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        if len(calls) == 2:
            raise RuntimeError("CUDA error: misaligned address")
        raise steps.Timed(0.25)

    monkeypatch.setattr(steps, "timing_fit", small)
    output = tmp_path / "steps.csv"
    only = ["--output", str(output), "--only", r"^edsr .*scale 2\) under (original|vgg|ccmae) "]
    assert run(benchmark, monkeypatch, *only) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("out of memory  edsr")
    assert lines[2].startswith("failed: edsr") and "misaligned address" in lines[2]
    assert lines[3].startswith("0.2500 s  edsr")
    assert sorted(str(one.seconds) for one in read(output).values()) == ["0.25", "None"]
    # what failed is tried again, what did not fit is known
    assert run(benchmark, monkeypatch, *only) == 0
    assert len(calls) == 4
    assert len(read(output)) == 3
    capsys.readouterr()
    assert run(benchmark, monkeypatch, *only) == 0
    assert capsys.readouterr().out.startswith(f"3 kinds of steps, 3 of them in {output} already\n")
    assert len(calls) == 4


def test_a_limit_leaves_the_rest_for_another_time(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "steps.csv"
    assert run(benchmark, monkeypatch, "--output", str(output), "--limit-seconds", "-1", "--only", "^edsr") == 0
    assert "-1 s are over: 17 kinds are left; run again" in capsys.readouterr().out
    assert not output.exists()


def test_a_stage_whose_loop_has_another_name_is_no_silent_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_spec: Callable[..., Any]
) -> None:
    monkeypatch.setattr(train, "main", lambda *_, **__: None)
    with pytest.raises(UserError, match="never came to its training loop"):
        steps.seconds_of("train", train_spec(), None, tmp_path, tmp_path, 1)


@pytest.mark.parametrize("name", [FILE, CPU_FILE])
def test_the_shipped_measurements_can_be_read(name: str) -> None:
    found = read(ROOT / "config" / name)
    assert found and all(key == key_of(one.what) and one.seconds for key, one in found.items())


def test_on_a_cpu_the_time_of_the_process_is_what_counts(make_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    model, repeated = nn.Linear(2, 2), []

    def loss(step: int, data: list[Any]) -> StepLoss:
        repeated.append(step)
        # as if another process had the CPU
        time.sleep(0.02)
        error = model.weight.square().sum()
        return StepLoss(error, {"error": error})

    job = Identity("toy", {"spec": "s", "code": "c"}, tmp_path / "last.ckpt")
    given = (model, make_recipe(optimizer="sgd"), job, lambda step: [], loss, torch.device("cpu"))
    with pytest.raises(steps.Timed) as timed:
        steps.timing_fit(*given, clock=time.process_time, repetitions=2, chosen=min)
    assert 0 < timed.value.seconds < 0.01
    # the pace, and each repetition after a warm-up of its own
    assert repeated.count(0) == 3


def test_on_a_cpu_the_steps_that_decide_lengths_are_measured_and_the_plan_takes_them(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / CPU_FILE).unlink()
    monkeypatch.chdir(tmp_path)
    asked = {**values(folder), "scale": "demo"}
    with pytest.raises(
        UserError, match=r"benchmarks/gpu_hours\.py --scale demo --cpu --tables mae_loss/table3 mae"
    ) as no:
        Plan.from_config(asked, folder)
    # a step under the original loss takes one second, any other two
    monkeypatch.setattr(steps, "seconds_of", lambda stage, spec, network, *_: 1.0 if network is None else 2.0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    tables = str(no.value).split("--tables ")[1].split("`")[0].split()
    # the last of the given scales counts
    assert run(benchmark, monkeypatch, "--scale", "demo", "--cpu", "--tables", *tables) == 0
    # with those of the pre-training that the demo does not pay for
    assert capsys.readouterr().out.startswith(f"12 kinds of steps, 0 of them in config/{CPU_FILE} already\n")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    plan = Plan.from_config(asked, folder)
    for loss in ("original", "original_longer"):
        length = plan.job("train", ("super_resolution_x4", "photographs", "rfdn", loss, "0")).spec.recipe.steps  # type: ignore[attr-defined]
        assert length == (1200 if loss == "original_longer" else 600)


@pytest.mark.slow
def test_a_step_is_measured_on_a_cpu(tmp_path: Path, benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "steps.csv"
    only = ["--scale", "demo", "--cpu", "--only", "^edsr .*scale 2. under original", "--output", str(output)]
    assert run(benchmark, monkeypatch, *only) == 0
    [one] = read(output).values()
    assert one.seconds is not None and 0.001 < one.seconds < 1
    assert one.peak_memory_mib is None and "CPU" in one.device
