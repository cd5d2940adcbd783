"""A trial of one loss against another: its files, its run, and its answer."""

from __future__ import annotations

import argparse
import codecs
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lossbench import tasks
from lossbench.errors import UserError, tell
from pipeline.config import read
from pipeline.config.read import Configuration
from pipeline.planning.parts import recipe
from pipeline.planning.plan import Plan
from pipeline.trying import files
from pipeline.trying.answer import answered, answers, page_of
from pipeline.trying.asked import Asked, asked_for, check_pictures
from pipeline.trying.budget import Budget, budget

CONFIG = Path("config")
CHECKPOINT_MINUTES = 1
"""Between two checkpoints of a run: what an interruption costs at most."""
LOCKED = b"LockException"
"""What Snakemake calls a folder that another one works in."""
PAUSE = 0.1
"""Seconds between two looks at what Snakemake printed."""
CHUNK = 2**16


def tried(given: argparse.Namespace) -> None:
    """Write, run and answer; what is there already is gone on with.

    Raises UserError for what is not known, for a time that is too short, and where a job fails.
    """
    asked = asked_for(vars(given), CONFIG)
    # also of one that goes on: what was there may be gone
    check_pictures(asked)
    if files.is_chosen(CONFIG, asked.name):
        there = files.scale_file(CONFIG, asked.name)
        tell(f"try  goes on with {there}, whose steps were chosen before; delete it to choose them anew")
    else:
        with _taken_back(files.all_files(CONFIG, asked.name)):
            _choose(asked)
    if given.dry_run:
        command = shlex.join(_snakemake(asked))
        tell(f"try  nothing is run; it would be: {command}")
        if given.json:
            written = [str(file) for file in files.all_files(CONFIG, asked.name)]
            print(json.dumps({"name": asked.name, "files": written, "command": command}, indent=1))
        return
    _run(asked)
    rows = [answered(asked, row) for row in answers(asked) if row["kind"] == "ours"]
    if given.json:
        print(json.dumps({"name": asked.name, "answers": rows, "page": page_of(asked)}, indent=1))
        return
    for row in rows:
        print(row["sentence"])
    print(f"page: {page_of(asked)}")


def _choose(asked: Asked) -> None:
    """Write the files of a trial with as many steps as end in its time, by what they cost here."""
    # torch takes seconds to import, and neither the help nor a mistake needs it
    from pipeline.trying import costs

    gpus = costs.gpus()
    files.write_scale(CONFIG, asked, gpus)
    files.write_question(CONFIG, asked, 0)
    task = _configuration(asked).config.tasks[asked.task]
    if (scale := tasks.load(task.name).scale(task.settings)) > 1:
        files.write_question(CONFIG, asked, scale)
    configuration = _configuration(asked)
    plan = Plan(configuration)
    _check_losses_differ(asked, plan)
    _require_data(plan)
    found = costs.runs(plan)
    usual = recipe(configuration, asked.network, asked.task)
    trainings = [replace(one, factor=one.steps / usual.steps) for one in found.pop("train")]
    loss_networks = found.pop("pretrain", [])
    others = [one for each in found.values() for one in each]
    lanes = 1 if gpus else costs.cores()
    scorings = len(plan.jobs["evaluate"])
    chosen = budget(asked.minutes, lanes, trainings, loss_networks, others, scorings, costs.scoring_seconds(plan))
    length = files.Length(
        costs.with_steps(usual, chosen.steps),
        costs.pretraining_steps(configuration, asked, chosen.pretraining_share),
        f"steps chosen for {asked.minutes:g} minutes, {lanes} jobs beside each other; all else as in {asked.extends}",
    )
    files.write_scale(CONFIG, asked, gpus, length)
    _say(asked, chosen, sum(one.count for one in trainings), length)


def _say(asked: Asked, chosen: Budget, runs: int, length: files.Length) -> None:
    """Say what is done with the time, and where it is written."""
    minutes = {
        f"{runs} trainings of {chosen.steps:,} steps": chosen.training_seconds,
        "loss networks": chosen.pretraining_seconds,
        "scoring": chosen.scoring_seconds,
    }
    said = ", ".join(f"{what} {seconds / 60:.1f}" for what, seconds in minutes.items() if seconds)
    tell(f"try  of {asked.time} {chosen.seconds / 60:.1f} are planned: {said}; the rest is for surprises")
    for name, steps in length.pretraining.items():
        tell(f"try  to leave time for the trainings, the loss network {name} has {steps:,} steps alone")
    tell(f"try  written: {', '.join(map(str, files.all_files(CONFIG, asked.name)))}")


def _configuration(asked: Asked) -> Configuration:
    return Configuration.read({**read.values(CONFIG), "scale": asked.name, "tables": [asked.table]}, CONFIG)


def _snakemake(asked: Asked) -> list[str]:
    """Return the command that makes the table, judges it and writes the page; it makes nothing anew that is there."""
    given = [f"scale={asked.name}", f'tables=["{asked.table}"]', f"checkpoint_minutes={CHECKPOINT_MINUTES}"]
    return [sys.executable, "-m", "snakemake", "report", "--config", *given]


def _require_data(plan: Plan) -> None:
    """Raise UserError on one line for all that is missing."""
    try:
        plan.require_data()
    except UserError as error:
        first, *rest = map(str.strip, str(error).splitlines())
        raise UserError(f"{first} {'; '.join(rest)}") from None


def _check_losses_differ(asked: Asked, plan: Plan) -> None:
    """Raise UserError where two names stand for one loss, whose runs would be the same to the bit."""
    specs = {key[3]: job.spec for key, job in plan.jobs["train"].items() if key[4] == "0"}
    if specs[asked.loss] == specs[asked.against]:
        raise UserError(
            f"--against {asked.against}: it is the same loss as {asked.loss} for {asked.network}; name another, or "
            f"{asked.against}_again for how far two runs of it lie apart"
        )


def _run(asked: Asked) -> None:
    """Run Snakemake, and pass what it prints on to standard error.

    Raises UserError where a job fails, or where the folder is locked. After Ctrl-C, which Snakemake gets too, its end
    is waited for, and what it says of the jobs that were stopped is left out.
    """
    stopped = False
    # a file and no pipe: whoever kills this process alone leaves Snakemake something to write to
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(_snakemake(asked), stdout=printed, stderr=subprocess.STDOUT)
        passed = _passing_on(printed.fileno())
        while (code := process.poll()) is None:
            try:
                time.sleep(PAUSE)
                if not stopped:
                    next(passed)
            except KeyboardInterrupt:
                stopped = True
                tell("try  stops once the trainings have saved themselves; Ctrl-C again ends them at once")
        locked = LOCKED in (next(passed) if not stopped else b"")
    if stopped:
        tell("try  stopped; the same command goes on where it ended")
        raise KeyboardInterrupt
    if locked:
        raise UserError(
            "another Snakemake works in this folder, or one was killed and left its lock; where none runs, say "
            f"{shlex.join([*_snakemake(asked), '--unlock'])} and then the same command again"
        )
    if code:
        raise UserError("the run has failed, as is said above; mend that, and the same command goes on where it ended")


def _passing_on(file: int) -> Iterator[bytes]:
    """Print on standard error what was added to `file`, a time for each value asked of it; give all that it holds."""
    whole, text = b"", codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        while added := os.pread(file, CHUNK, len(whole)):
            whole += added
            sys.stderr.write(text.decode(added))
        sys.stderr.flush()
        yield whole


@contextmanager
def _taken_back(written: list[Path]) -> Iterator[None]:
    """Delete the files `written` where the block ends badly: half of a trial is none."""
    try:
        yield
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
