"""The verb `tensorboard`: the histories of a results folder as event files, once or as long as trainings run."""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.files import check_readable_folder, check_writable
from lossbench.measuring.progress import progress

TEXT = "histories of trainings, finished and under way, as event files of TensorBoard"
EXAMPLE = "python -m pipeline tensorboard results/demo runs"
SECONDS = 10.0
"""Between two looks at the files: far below the time between two checkpoints of a training."""


Seen = dict[str, tuple[Path, int]]
"""File and time of what was looked at last, by training."""


@dataclass(frozen=True)
class News:
    """What was written of one training."""

    training: str
    rows: int
    """That were new."""
    step: int
    """The last one that is logged."""
    finished: bool

    def in_words(self) -> str:
        """Return it as a line."""
        state = "finished" if self.finished else "under way"
        return f"{self.training}  {self.rows} new rows, to step {self.step}, {state}"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument("results", type=Path, help="results folder of a scale, such as results/demo")
    parser.add_argument("logs", type=Path, help="folder for the event files, which `tensorboard --logdir` is given")
    parser.add_argument("--follow", action="store_true", help="go on while trainings run, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print JSON, a line for each training with something new")


def run(given: argparse.Namespace) -> None:
    """Write the event files; print a line for each training that has something new."""
    main(given.results, given.logs, given.follow, given.json)


def main(results: Path, logs: Path, follow: bool = False, as_json: bool = False) -> None:
    """Write what the trainings below `results` have logged, with `follow` again and again.

    Each has a folder of its own in `logs`, below the name of the results folder.

    Nothing of a training changes by it, and none is made again. Raises UserError for folders that are none, where there
    is no training, for a history that is no table of numbers and where TensorBoard is not installed.
    """
    from pipeline.following.histories import TRAININGS, sources

    imported("tensorboard", "the verb tensorboard")
    check_readable_folder(results, "results")
    check_writable(logs, "logs")
    if not follow and not any(sources(results)):
        raise UserError(
            f"results: {results} holds no training that has logged anything (no {', '.join(TRAININGS)}); give the "
            "folder of a scale, such as results/demo, or wait for trainings by --follow"
        )
    seen: Seen = {}
    while True:
        for news in _look(results, logs, seen):
            print(json.dumps(asdict(news)) if as_json else news.in_words(), flush=True)
        if not follow:
            return
        time.sleep(SECONDS)


def _look(results: Path, logs: Path, seen: Seen) -> Iterator[News]:
    """Write what is new since the files in `seen`, by training, were of these times, and give it."""
    from pipeline.following import events, histories

    found = list(histories.sources(results))
    done = progress(len(found), "tensorboard", "trainings")
    for number, (name, path) in enumerate(found):
        if number:
            done(number)
        try:
            state = path, path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
        if seen.get(name) == state:
            continue
        seen[name] = state
        history = histories.read(path)
        if history is not None and history.rows:
            # trainings of two scales have the same names
            rows = events.write(logs / results.resolve().name / name, history)
            yield News(name, rows, int(history.rows[-1]["step"]), path.name == histories.HISTORY)
