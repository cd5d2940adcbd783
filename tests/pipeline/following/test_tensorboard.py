"""Histories as event files of TensorBoard, read back by TensorBoard itself."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lossbench.errors import UserError
from pipeline import __main__ as command_line
from pipeline.following import command
from pipeline.following.events import STATE, write
from pipeline.following.histories import TRAININGS, History, read, sources
from pipeline.learning import checkpoint
from pipeline.learning.loop import Identity, StepLoss, fit
from pipeline.learning.outcome import write_history
from pipeline.outputs.layout import FILES
from pipeline.specs.recipe import Recipe

ROWS = [
    {"step": 0, "learning_rate": 1e-4, "total": 0.1 + 0.2, "pixel": 0.25, "ccmae": 0.5, "gradient_norm": 2.0},
    # a step that leaves a term out
    {"step": 50, "learning_rate": 1e-4, "total": 0.125, "pixel": 0.125, "gradient_norm": 1.0},
    {"step": 99, "learning_rate": 5e-5, "total": 1 / 3, "pixel": 0.0625, "ccmae": 0.25, "gradient_norm": 0.5},
]
RUN = "train/super_resolution/photographs/edsr/ccmae/1"


def finished(root: Path, name: str = RUN, rows: list[Any] = ROWS, seconds: Any = 40.0) -> Path:
    """Write what a finished training leaves; return its folder."""
    write_history(root / name / "history.csv", rows)
    (root / name / "card.json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    return root / name


def under_way(root: Path, rows: list[Any], name: str = RUN) -> Path:
    """Write the checkpoint of a training that is under way; return its file."""
    (root / name).mkdir(parents=True, exist_ok=True)
    state = {"step": 60, "seconds": 20.0, "history": rows, "model": {"weight": torch.zeros(3)}}
    checkpoint.save(root / name / "last.ckpt", state, {"spec": "{}"})
    return root / name / "last.ckpt"


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard reads in `folder`: steps and values by their names."""
    read = EventAccumulator(str(folder)).Reload()
    return {name: [(event.step, event.value) for event in read.Scalars(name)] for name in read.Tags()["scalars"]}


def single(value: float) -> float:
    """Return `value` as events hold it: in float32."""
    return torch.tensor(value, dtype=torch.float32).item()


def test_tensorboard_reads_the_history_of_every_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [RUN, "pretrain/mae_task/photographs", "train_distance/lpips_task/bapps", "train_classifier/x/digits"]
    for name in names:
        finished(tmp_path / "demo", name)
    command.main(tmp_path / "demo", tmp_path / "runs")
    for name in names:
        found = scalars(tmp_path / "runs/demo" / name)
        assert found == {
            "learning_rate": [(row["step"], single(row["learning_rate"])) for row in ROWS],
            "gradient/gradient_norm": [(row["step"], row["gradient_norm"]) for row in ROWS],
            "loss/total": [(row["step"], single(row["total"])) for row in ROWS],
            "loss/pixel": [(row["step"], row["pixel"]) for row in ROWS],
            "loss/ccmae": [(0, 0.5), (99, 0.25)],
        }
    assert sorted(line.split()[0] for line in capsys.readouterr().out.splitlines()) == sorted(names)


def test_trainings_of_two_scales_lie_beside_each_other(tmp_path: Path) -> None:
    for scale, rows in (("demo", ROWS), ("ci", ROWS[:2])):
        finished(tmp_path / scale, rows=rows)
        command.main(tmp_path / scale, tmp_path / "runs")
    assert len(scalars(tmp_path / "runs/demo" / RUN)["loss/total"]) == 3
    assert len(scalars(tmp_path / "runs/ci" / RUN)["loss/total"]) == 2


def test_the_times_are_those_of_the_training(tmp_path: Path) -> None:
    folder = finished(tmp_path / "demo")
    command.main(tmp_path / "demo", tmp_path / "runs")
    times = [
        event.wall_time for event in EventAccumulator(str(tmp_path / "runs/demo" / RUN)).Reload().Scalars("loss/total")
    ]
    ended = (folder / "history.csv").stat().st_mtime
    assert times == pytest.approx([ended - 40, ended - 40 * 49 / 99, ended], abs=1e-3)


@pytest.mark.parametrize("seconds", [None, "long", float("nan")])
def test_a_card_without_a_time_costs_the_times_alone(tmp_path: Path, seconds: Any) -> None:
    finished(tmp_path / "demo", seconds=seconds)
    command.main(tmp_path / "demo", tmp_path / "runs")
    assert len(scalars(tmp_path / "runs/demo" / RUN)["loss/total"]) == 3


def test_a_second_time_adds_nothing_and_touches_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = finished(tmp_path / "demo")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    command.main(tmp_path / "demo", tmp_path / "runs")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs/demo" / RUN).iterdir()}
    command.main(tmp_path / "demo", tmp_path / "runs")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs/demo" / RUN).iterdir()} == files
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "3 new rows, to step 99, finished",
        "0 new rows, to step 99, finished",
    ]


def test_a_training_is_followed_from_its_checkpoint_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, runs = under_way(tmp_path / "demo", ROWS[:1]), tmp_path / "runs"
    seen: list[Any] = []

    def slept(_: float) -> None:
        """Let the training go on while the command waits."""
        seen.append([event[0] for event in scalars(runs / "demo" / RUN)["loss/total"]])
        if len(seen) == 1:
            under_way(tmp_path / "demo", ROWS[:2])
        elif len(seen) == 2:
            finished(tmp_path / "demo")
            path.unlink()
        elif len(seen) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", slept)
    with pytest.raises(KeyboardInterrupt):
        command.main(tmp_path / "demo", runs, follow=True)
    assert seen == [[0], [0, 50], [0, 50, 99], [0, 50, 99]]
    assert len(list((runs / "demo" / RUN).glob("events.*"))) == 3
    words = [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert words == [
        "1 new rows, to step 0, under way",
        "1 new rows, to step 50, under way",
        "1 new rows, to step 99, finished",
    ]


def test_a_checkpoint_of_the_loop_holds_what_its_history_will(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    model, path = torch.nn.Linear(2, 2), tmp_path / "last.ckpt"

    def loss(step: int, data: Any) -> StepLoss:
        if step == 3 and not path.exists():
            raise AssertionError("no checkpoint was written")
        if step == 3:
            raise InterruptedError
        terms = {"pixel": model(torch.ones(1, 2)).square().mean()}
        return StepLoss(terms["pixel"], terms)

    job = Identity("toy", {"spec": "{}"}, path, checkpoint_seconds=0.0)
    with pytest.raises(InterruptedError):
        fit(model, make_recipe(steps=9, history=2), job, lambda step: [], loss, torch.device("cpu"))
    history = read(path)
    assert history is not None and history.seconds > 0
    assert [row["step"] for row in history.rows] == [0, 2]
    assert list(history.rows[0]) == ["step", "learning_rate", "total", "pixel", "gradient_norm"]


def test_another_training_in_the_same_place_replaces_the_old_one(tmp_path: Path) -> None:
    finished(tmp_path / "demo")
    command.main(tmp_path / "demo", tmp_path / "runs")
    for rows in ([{**row, "pixel": 0.75} for row in ROWS], ROWS[:2]):
        finished(tmp_path / "demo", rows=rows)
        command.main(tmp_path / "demo", tmp_path / "runs")
        assert scalars(tmp_path / "runs/demo" / RUN)["loss/pixel"] == [(row["step"], row["pixel"]) for row in rows]


@pytest.mark.parametrize("state", ["", "{}", '{"rows": 2, "digest": 3}', '{"rows": -1, "digest": ""}', "[]"])
def test_a_damaged_record_of_what_is_written_has_it_written_again(tmp_path: Path, state: str) -> None:
    history = History([dict(row) for row in ROWS], 0.0, 1e9)
    write(tmp_path, history)
    (tmp_path / STATE).write_text(state, encoding="utf-8")
    assert write(tmp_path, history) == 3
    assert [step for step, _ in scalars(tmp_path)["loss/total"]] == [0, 50, 99]


def test_a_cut_off_writing_leaves_nothing_that_tensorboard_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.following.events.os.replace", full)
    with pytest.raises(UserError, match="No space left on device; make room there"):
        write(tmp_path / "run", History([dict(row) for row in ROWS], 0.0, 1e9))
    assert list((tmp_path / "run").iterdir()) == []


def test_a_history_counts_for_more_than_a_checkpoint_beside_it(tmp_path: Path) -> None:
    finished(tmp_path)
    under_way(tmp_path, ROWS[:1])
    assert list(sources(tmp_path)) == [(RUN, tmp_path / RUN / "history.csv")]


def test_a_damaged_checkpoint_is_said_and_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = under_way(tmp_path / "demo", ROWS, name="train/a/b/c/d/1")
    path.write_bytes(path.read_bytes()[:-9])
    finished(tmp_path / "demo")
    command.main(tmp_path / "demo", tmp_path / "runs")
    said = capsys.readouterr()
    assert said.out.startswith(f"{RUN}  3 new rows") and len(said.out.splitlines()) == 1
    assert f"warning: checkpoint {path} is truncated or damaged" in said.err


@pytest.mark.parametrize("text", ["", "step,total\n", "step,total\n0,much\n", "total\n1\n", "step,total\n0,1,2\n"])
def test_a_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    path = finished(tmp_path / "demo") / "history.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"{path}: .*delete it to have the run made again"):
        command.main(tmp_path / "demo", tmp_path / "runs")


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"results: {tmp_path / 'absent'} is missing; give a folder"):
        command.main(tmp_path / "absent", tmp_path / "runs")
    with pytest.raises(UserError, match=r"holds no training that has logged anything.*results/demo.*--follow"):
        command.main(tmp_path / "empty", tmp_path / "runs")
    finished(tmp_path / "demo")
    with pytest.raises(UserError, match=f"logs: {tmp_path / 'file'} is a file; give a folder"):
        command.main(tmp_path / "demo", tmp_path / "file")


def test_without_tensorboard_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(tmp_path / "demo")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match=r'pip install "lossbench\[tensorboard\]"'):
        command.main(tmp_path / "demo", tmp_path / "runs")


def test_the_verb_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path / "demo")
    monkeypatch.setattr(
        sys, "argv", ["pipeline", "tensorboard", str(tmp_path / "demo"), str(tmp_path / "runs"), "--json"]
    )
    command_line.main()
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"training": RUN, "rows": 3, "step": 99, "finished": True}


def test_a_long_conversion_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        finished(tmp_path / "demo", f"train/a/b/c/d/{seed}")
    monkeypatch.setattr("lossbench.measuring.progress.QUIET", 0.0)
    command.main(tmp_path / "demo", tmp_path / "runs")
    told = capsys.readouterr().err.splitlines()
    assert [line.partition("  ETA ")[0] for line in told] == [
        "tensorboard  1/3 trainings",
        "tensorboard  2/3 trainings",
    ]


def test_every_stage_that_leaves_a_history_is_looked_at() -> None:
    assert {stage for stage, files in FILES.items() if "history" in files} <= set(TRAININGS) <= FILES.keys()


def test_the_verb_has_help_with_an_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["pipeline", "tensorboard", "--help"])
    with pytest.raises(SystemExit):
        command_line.main()
    assert f"example: {command.EXAMPLE}" in " ".join(capsys.readouterr().out.split())
