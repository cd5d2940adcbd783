"""A trial from its command to its answer: what is written, what runs, and that nothing of another one is lost."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from _own_pairs import write_pairs
from _repository import ROOT, copied

from lossbench import networks
from lossbench.errors import UserError
from lossbench.storage import save
from pipeline.config import places, read
from pipeline.config.read import Configuration
from pipeline.planning.plan import Plan
from pipeline.trying import command, costs, trial
from pipeline.trying.budget import Budget

SECONDS = 0.01


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration in the working directory, where every step takes as long as another."""
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=shutil.ignore_patterns(places.MINE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costs, "seconds_of", lambda *_: SECONDS)
    monkeypatch.setattr(costs, "cores", lambda: 2)
    monkeypatch.setattr(costs, "gpus", lambda: 0)
    return tmp_path


def given(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.options(parser)
    return parser.parse_args([*arguments, "--extends", "ci"])


def planned(name: str) -> Plan:
    config = Path("config")
    asked = {**read.values(config), "scale": name, "tables": [f"mine/{name}"]}
    return Plan(Configuration.read(asked, config))


def written(clone: Path) -> dict[str, str]:
    return {str(file): file.read_text() for file in sorted((clone / "config/mine").rglob("*")) if file.is_file()}


def steps(plan: Plan) -> set[int]:
    return {job.spec.recipe.steps for job in plan.jobs["train"].values()}  # type: ignore[attr-defined]


def test_a_dry_run_writes_what_is_planned_and_says_what_it_would_do(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.tried(given("l2", "--seeds", "2", "--minutes", "4", "--dry-run"))
    [scale] = (clone / "config/mine/scale").iterdir()
    plan = planned(scale.stem)
    assert {key[3:] for key in plan.jobs["train"]} == {(loss, seed) for loss in ("original", "l2") for seed in "01"}
    [length] = steps(plan)
    said = capsys.readouterr().err
    assert "try  of 4 minutes " in said and f"4 trainings of {length:,} steps " in said
    assert f"report --config scale={scale.stem} 'tables=[\"mine/{scale.stem}\"]'" in said
    # as many as end in the time: two lanes, two runs each
    assert 4 * 60 / 3 < length * SECONDS * 2 < 4 * 60
    assert [claim.metric for claim in plan.configuration.claims[f"mine/{scale.stem}"]] == ["psnr", "ssim"]
    table: Any = plan.jobs["tabulate"]["mine", scale.stem].spec
    assert all("border of 2 px" in metric.protocol for metric in table.metrics)
    before = written(clone)
    # the same once more chooses nothing anew
    trial.tried(given("l2", "--seeds", "2", "--minutes", "4", "--dry-run", "--json"))
    printed = capsys.readouterr()
    assert "goes on with" in printed.err and written(clone) == before
    planned_files = json.loads(printed.out)["files"]
    assert sorted(planned_files) == sorted(str(Path(name).relative_to(clone)) for name in before)
    # and another one leaves it as it is
    trial.tried(given("l2", "--seeds", "2", "--minutes", "5", "--dry-run"))
    assert before.items() < written(clone).items()


def test_pairs_of_ones_own_are_one_of_the_data(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_pairs(clone / "my photos", 2)
    trial.tried(given("charbonnier", "--data", str(root), "--seeds", "1", "--minutes", "4", "--dry-run"))
    [scale] = (clone / "config/mine/scale").iterdir()
    plan = planned(scale.stem)
    assert {key[:2] for key in plan.jobs["train"]} == {("paired", "folder")}
    # one seed alone tells nothing of what two runs differ by
    assert {key[3:] for key in plan.jobs["train"]} == {
        ("charbonnier", "0"), ("original", "0"), ("original", "1"), ("original", "2")
    }  # fmt: skip
    assert plan.configuration.data_root("folder") == str(root)
    assert plan.config.tasks["paired"].settings == {"scale": 2}


def test_a_loss_network_gets_fewer_steps_where_there_is_little_time(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "seconds_of", lambda stage, *_: 30.0 if stage == "pretrain" else SECONDS)
    with pytest.raises(UserError, match=r"^--minutes 4: too short for runs of 50 steps; give \d+ or more"):
        trial.tried(given("ctmae", "--seeds", "1", "--minutes", "4", "--dry-run"))
    assert not written(clone), "half of a trial is none"
    file = clone / "config/scale/ci.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("steps: 4\n", "steps: 4000\n").replace("steps: 6\n", "steps: 6000\n"), encoding="utf-8"
    )
    monkeypatch.setattr(costs, "seconds_of", lambda stage, *_: 0.1 if stage == "pretrain" else SECONDS)
    trial.tried(given("ctmae", "--seeds", "1", "--minutes", "10", "--dry-run"))
    assert "the loss network mae_task has " in capsys.readouterr().err
    [scale] = (clone / "config/mine/scale").iterdir()
    [pretrained] = planned(scale.stem).jobs["pretrain"].values()
    assert pretrained.spec.recipe.steps < 4000  # type: ignore[attr-defined]


def test_two_names_of_one_loss_are_not_tried(clone: Path) -> None:
    with pytest.raises(
        UserError, match="--against original: it is the same loss as l1 for edsr; name another, or orig"
    ):
        trial.tried(given("l1", "--seeds", "2", "--minutes", "4", "--dry-run"))
    assert not written(clone)


@pytest.mark.parametrize("start", ["original", "../trained.safetensors"])
def test_networks_that_begin_from_weights_are_timed_and_run(clone: Path, start: str) -> None:
    arguments = {"scale": 2, "channels": 16, "blocks": 1}
    save(clone / "trained.safetensors", networks.build("edsr", **arguments), {"name": "edsr", "arguments": arguments})
    own = clone / "config/mine/scale/begun.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(f"extends: ci\ntitle: begun\nnetworks: {{edsr: {{start: {start.removeprefix('../')}}}}}\n")
    trial.tried(given("l2", "--minutes", "4", "--dry-run", "--extends", "begun"))
    assert len(list(own.parent.iterdir())) == 2


def test_a_step_that_fails_names_its_loss_and_no_file_that_is_gone(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> float:
        raise UserError(
            "step: loss term l2 is not finite at step 0; its batch is in /tmp/x/bad_batch.npz; lower the rate"
        )

    monkeypatch.setattr(costs, "seconds_of", failing)
    with pytest.raises(UserError, match=r"^a step of edsr .*: loss term l2 is not finite at step 0; lower the rate$"):
        trial.tried(given("l2", "--minutes", "4", "--dry-run"))
    assert not written(clone)


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ("LockException: locked", 1, "one was killed and left its lock; where none runs, say .* --unlock and then the"),
        ("a job failed", 1, "the run has failed, as is said above"),
    ],
)
def test_a_run_that_fails_says_how_to_go_on(
    lines: str,
    code: int,
    message: str,
    clone: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [sys.executable, "-c", f"import sys; print({lines!r}); sys.exit({code})"]
    monkeypatch.setattr(trial, "_snakemake", lambda _: words)
    with pytest.raises(UserError, match=message):
        trial.tried(given("l2", "--minutes", "4"))
    assert lines in capsys.readouterr().err


def test_a_partner_that_is_missing_is_told_of_a_trial_that_goes_on(clone: Path) -> None:
    root = write_pairs(clone / "my photos", 2)
    asked = ("charbonnier", "--data", str(root), "--seeds", "1", "--minutes", "4", "--dry-run")
    trial.tried(given(*asked))
    next((root / "train/low_quality").iterdir()).unlink()
    with pytest.raises(UserError, match=r"^--data: .*partner"):
        trial.tried(given(*asked))


def test_data_that_are_not_there_leave_nothing_behind(clone: Path) -> None:
    with pytest.raises(UserError, match=r"^these are missing; nothing was started: data set 'set5' [^\n]*$"):
        trial.tried(given("l2", "--data", "set5", "--dry-run"))
    assert not written(clone)
    with pytest.raises(UserError, match="data set 'generic_photographs' has no picture of split 'test', which is used"):
        trial.tried(given("l2", "--data", "generic_photographs", "--dry-run"))
    assert not written(clone)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_a_trial_that_is_stopped_goes_on_to_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = copied(tmp_path / "clone")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(costs, "seconds_of", lambda *_: SECONDS)
    monkeypatch.setattr(trial, "budget", lambda *_: Budget(300, 1.0, 0.0, 1.0, 1.0))
    asked = ("l2", "--seeds", "2", "--json")
    trial.tried(given(*asked, "--dry-run"))
    [scale] = (folder / "config/mine/scale").iterdir()
    words = ["-m", "pipeline", "try", *asked, "--extends", "ci"]
    process = subprocess.Popen([sys.executable, *words], cwd=folder, stderr=subprocess.PIPE, start_new_session=True)
    results = folder / f"results/{scale.stem}"
    end = time.monotonic() + 240
    # written when a training has ended; what is being written has a hidden name
    while not (ended := list((results / "records/train").glob("**/[!.]*.json"))):
        assert time.monotonic() < end and process.poll() is None, "no training has ended"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1].decode()
    assert process.returncode == 130 and "the same command goes on where it ended" in said, said
    after = said.partition("try  stops once the trainings have saved themselves")[2]
    assert after.count("\n") == 3, after
    cards = [results / "train" / record.relative_to(results / "records/train").with_suffix("") for record in ended]
    done = {card / "card.json": (card / "card.json").stat().st_mtime_ns for card in cards}
    assert 0 < len(done) < 4 and not (results / "report").exists()
    capfd.readouterr()
    trial.tried(given(*asked))
    found = json.loads(capfd.readouterr().out)
    assert all(card.stat().st_mtime_ns == made for card, made in done.items())
    assert [row["metric"] for row in found["answers"]] == ["psnr", "ssim"]
    for row in found["answers"]:
        assert row["answer"] in ("better", "worse", "undecided") and row["low"] <= row["difference"] <= row["high"]
        assert (row["seeds"], row["pictures"]) == (2, 6) and row["could_have_found"] > 0
    page = (folder / found["page"]).read_text(encoding="utf-8")
    assert "l2 against original: edsr, super_resolution_x2 (a trial)" in page
