"""Stage train: what it writes, and that kills, signals, damage and full disks never change or fake a result."""

import io
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _runs import UNFINISHED, card, history, names, run_of

from lossbench import networks, storage
from lossbench.errors import UserError
from pipeline import command, train
from pipeline.learning.run import Run
from pipeline.specs.train import TrainSpec

MakeSpec = Callable[..., TrainSpec]
Start = Callable[[TrainSpec, list[str], Path, int], "subprocess.Popen[str]"]
Limit = Callable[[int], AbstractContextManager[None]]
OUTPUTS = {"model.safetensors", "history.csv", "card.json"}
LABEL = "train/toy"


@dataclass
class Data:
    """Where the inputs of a run lie."""

    targets: Path
    pairs: Path
    weights: Path

    def run(self, spec: TrainSpec, output: Path, **changes: Any) -> Path:
        """Train in this process and return `output`."""
        weights = self.weights if spec.loss.loss_network else None
        place = run_of(output, LABEL, changes)
        train.main(spec, "code", place, targets=self.targets, pairs=self.pairs, weights=weights, **changes)
        return output

    def command(self, spec: TrainSpec, output: Path) -> list[str]:
        """Return the same as arguments of `python -m`, saving after every step."""
        arguments = ["--code", "code", "--targets", self.targets, "--pairs", self.pairs]
        arguments += ["--weights", self.weights] if spec.loss.loss_network else []
        arguments += ["--output", output, "--label", LABEL, "--checkpoint-seconds", "0"]
        return ["pipeline.train", *map(str, arguments)]


@pytest.fixture(scope="module")
def data(targets: Path, pairs: Path, loss_network: Path) -> Data:
    return Data(targets, pairs, loss_network)


def assert_same_result(first: Path, second: Path) -> None:
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert (first / "history.csv").read_bytes() == (second / "history.csv").read_bytes()


def test_a_run_leaves_model_history_and_card_and_no_checkpoint(
    data: Data, train_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = train_spec("ccmae", ema=0.9)
    folder = data.run(spec, tmp_path / "run", checkpoint_seconds=0)
    assert names(folder) == {*OUTPUTS, "run.lock"}
    state, description = storage.read(folder / "model.safetensors")
    assert description == spec.network.model_dump(mode="json")
    network = networks.build(spec.network.name, **spec.network.arguments)
    storage.fill(network, state, folder / "model.safetensors")
    written = card(folder)
    assert written["spec"] == spec.model_dump(mode="json")
    assert written["code"] == "code"
    assert written["parameters"] == networks.parameter_count(network)
    assert (written["precision"], written["resumed_at"]) == ("float32", 0)
    assert written["loss_weights"] == {"pixel": 1.0, "ccmae": 1.0}
    assert written["peak_memory_mib"] > 50
    assert torch.__version__.startswith(written["versions"]["torch"])
    rows = history(folder)
    assert [row["step"] for row in rows] == ["0", "2", "4", "6", "7"]
    columns = ["step", "learning_rate", "total", "pixel", "ccmae", "ccmae_gradient_ratio", "gradient_norm"]
    assert list(rows[0]) == columns
    assert float(rows[0]["total"]) == pytest.approx(float(rows[0]["pixel"]) + float(rows[0]["ccmae"]), rel=1e-5)


def test_the_total_falls(data: Data, train_spec: MakeSpec, tmp_path: Path) -> None:
    spec = train_spec(steps=60, batch=4, learning_rate=1e-2, history=59)
    first, last = history(data.run(spec, tmp_path / "run"))
    assert float(last["total"]) < 0.5 * float(first["total"])


def test_the_seed_alone_decides_the_result(data: Data, train_spec: MakeSpec, tmp_path: Path) -> None:
    spec = train_spec(steps=4)
    torch.manual_seed(11)
    first = data.run(spec, tmp_path / "first")
    torch.manual_seed(12)
    assert_same_result(first, data.run(spec, tmp_path / "second"))
    other = data.run(spec.model_copy(update={"seed": 4}), tmp_path / "other")
    assert (first / "model.safetensors").read_bytes() != (other / "model.safetensors").read_bytes()


@dataclass
class Killed:
    """A run that was killed, and the same run left alone."""

    spec: TrainSpec
    folder: Path
    whole: Path

    def copy(self, target: Path) -> Path:
        """Return a copy of the killed run's folder."""
        shutil.copytree(self.folder, target)
        return target


@pytest.fixture(scope="module", params=["float32", "bfloat16 with a running mean and a loss network"])
def killed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    data: Data,
    train_spec: MakeSpec,
    start_until_saved: Start,
) -> Killed:
    changes: dict[str, Any] = {"steps": 100, "history": 7, "schedule": {"name": "one_cycle", "warm_up": 0.3}}
    if request.param == "float32":
        spec = train_spec(**changes)
    else:
        spec = train_spec("ccmae", **changes, precision="bfloat16", ema=0.9, clip=1.0)
    root = tmp_path_factory.mktemp("killed")
    count = random.randint(1, 30)
    process = start_until_saved(spec, data.command(spec, root / "killed"), root / "killed" / "last.ckpt", count)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, f"ended by itself after {count} checkpoints"
    return Killed(spec, root / "killed", data.run(spec, root / "whole"))


def test_a_killed_run_resumes_and_ends_with_the_same_bytes(
    killed: Killed, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not names(killed.folder) & OUTPUTS
    folder = killed.copy(tmp_path / "run")
    # what a process leaves that dies while it saves
    (folder / ".last.1.partial.ckpt").write_bytes(b"half")
    data.run(killed.spec, folder)
    resumed_at = card(folder)["resumed_at"]
    assert 0 < resumed_at < 100
    assert f"{LABEL}  resumes at step {resumed_at}/100" in capsys.readouterr().out
    assert_same_result(folder, killed.whole)
    # neither the checkpoint nor a half-written one of the killed process stays
    assert names(folder) == {*OUTPUTS, "run.lock"}


def test_a_truncated_checkpoint_is_refused_in_one_line_and_the_result_is_the_same(
    killed: Killed, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = killed.copy(tmp_path / "run")
    saved = folder / "last.ckpt"
    saved.write_bytes(saved.read_bytes()[:-100])
    data.run(killed.spec, folder)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"{LABEL}  checkpoint {saved} is truncated or damaged: refused, the run starts anew"
    assert card(folder)["resumed_at"] == 0
    assert_same_result(folder, killed.whole)
    assert not saved.exists()


def test_the_checkpoint_of_another_spec_is_not_used(
    killed: Killed, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = killed.copy(tmp_path / "run")
    changed = killed.spec.recipe.model_copy(update={"steps": 3})
    data.run(killed.spec.model_copy(update={"recipe": changed}), folder)
    assert "belongs to another spec: refused, the run starts anew" in capsys.readouterr().out
    assert card(folder)["resumed_at"] == 0
    assert len(history(folder)) == 2


def test_a_second_process_is_refused_and_sigterm_saves_and_leaves_with_143(
    data: Data, train_spec: MakeSpec, tmp_path: Path, start_until_saved: Start
) -> None:
    spec, folder = train_spec(steps=100_000), tmp_path / "run"
    process = start_until_saved(spec, data.command(spec, folder), folder / "last.ckpt", 2)
    try:
        with pytest.raises(UserError) as caught:
            data.run(spec, folder)
        holder = rf"\(process {process.pid} on .+\)"
        said = rf"{re.escape(str(folder))}: another process works on this run {holder}; wait for it or stop it"
        assert re.fullmatch(said, str(caught.value))
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 143
    assert errors == ""
    assert names(folder) == UNFINISHED


def test_an_exploding_learning_rate_ends_with_one_line_and_leaves_the_batch(
    data: Data,
    train_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = train_spec(learning_rate=1e30)
    monkeypatch.setattr(sys, "argv", data.command(spec, tmp_path / "run"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(spec.canonical()))
    with pytest.raises(SystemExit) as left:
        command.run(train.main)
    assert left.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {LABEL}: loss term pixel is not finite at step 1; its batch is in ")
    assert not names(tmp_path / "run") & OUTPUTS
    with np.load(tmp_path / "run" / "bad_batch.npz") as batch:
        assert [batch[name].shape for name in batch] == [(2, 8, 8, 3), (2, 16, 16, 3)]


@pytest.mark.parametrize(("seconds", "named"), [(0, "last.ckpt"), (300, "model.safetensors")])
def test_a_full_disk_ends_in_one_line_and_leaves_nothing_that_looks_finished(
    seconds: float, named: str, data: Data, train_spec: MakeSpec, tmp_path: Path, files_limited_to: Limit
) -> None:
    folder = tmp_path / "run"
    with files_limited_to(2000), pytest.raises(UserError) as caught:
        data.run(train_spec(), folder, checkpoint_seconds=seconds)
    assert str(caught.value) == f"{folder / named}: File too large; make room there and rerun"
    assert not names(folder) - {"history.csv", "run.lock"}
    assert data.run(train_spec(), folder).joinpath("model.safetensors").exists()


def test_pictures_smaller_than_the_patch_are_named(data: Data, train_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\d\.png: .* is smaller than the training patch of 21 pixels"):
        data.run(train_spec(patch=21), tmp_path / "run")


def test_a_loss_that_needs_weights_says_so(data: Data, train_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="loss 'ccmae' needs weights=PATH of a cnn_mae or unet_mae loss network"):
        train.main(train_spec("ccmae"), "code", Run(tmp_path / "run", LABEL), targets=data.targets, pairs=data.pairs)
