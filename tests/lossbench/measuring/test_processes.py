"""Pictures scored in several processes: the same numbers, notices and errors in the same order."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _restored import plant, save
from PIL import Image

from lossbench import __main__ as command_line
from lossbench.errors import UserError
from lossbench.measuring.processes import checked_jobs, score_all
from lossbench.measuring.progress import progress
from lossbench.measuring.scoring import units


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` on planted folders and gives its exit code, output and errors."""
    monkeypatch.chdir(plant(tmp_path, {"ours": 5.0}, pictures=4))
    monkeypatch.setattr("lossbench.measuring.processes.cores", lambda: 2)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lossbench", "measure", "ours", "target", "--metric", "psnr", *arguments])
        code = 0
        try:
            command_line.main()
        except SystemExit as stopped:
            code = int(str(stopped.code))
        output, said = capsys.readouterr()
        # processes may take longer to start than progress waits
        return code, output, "\n".join(line for line in said.splitlines() if "ETA" not in line)

    return run


def test_numbers_and_notices_do_not_depend_on_the_number_of_processes(outcome: Any) -> None:
    for name in ("p1", "p3"):
        Image.fromarray(np.full((12, 12, 4), 200, np.uint8)).save(f"ours/{name}.png")
    alone = outcome("--json")
    assert alone[0] == 0 and "alpha" in alone[2] and len(json.loads(alone[1])["pictures"]) == 4
    assert outcome("--json", "--jobs", "1") == outcome("--json", "--jobs", "2") == alone
    assert not {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} & set(os.environ)


def test_the_first_picture_that_does_not_fit_is_named_whatever_process_met_it(outcome: Any) -> None:
    for name in ("p2", "p3"):
        save(Path(f"ours/{name}.png"), np.zeros((11, 12, 3)))
    alone = outcome()
    assert alone[0] == 1 and "ours/p2.png: 11x12 pixels" in alone[2]
    assert outcome("--jobs", "2") == alone


def test_the_number_of_processes_is_a_whole_number_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossbench.measuring.processes.cores", lambda: 3)
    assert [checked_jobs(number) for number in (None, 1, "3")] == [None, 1, 3]
    for number in (0, -1, "two", "1.5", "", True, 2.5):
        with pytest.raises(UserError, match=r"^--jobs .*: not a whole number from 1; give the processes"):
            checked_jobs(number, "--jobs")


def test_there_are_no_more_processes_than_cores(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossbench.measuring.processes.cores", lambda: 1)
    monkeypatch.setattr("lossbench.measuring.processes._pool", lambda *_: pytest.fail("more processes than cores"))
    code, _, said = outcome("--jobs", "1000000")
    assert code == 0
    assert said == "warning: --jobs: 1000000 processes asked for; cores that this process may use: 1, as many are used"
    with pytest.raises(UserError) as caught:
        checked_jobs("9" * 5000)
    assert len(str(caught.value)) < 200


def test_networks_compute_in_one_thread_where_a_number_of_processes_is_given(
    outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    threads = []
    monkeypatch.setattr("lossbench.measuring.processes._has_network", lambda _: True)
    monkeypatch.setattr("lossbench.measuring.processes.scored", lambda *_: threads.append(torch.get_num_threads()))
    monkeypatch.setattr(torch, "get_num_threads", lambda: current[-1])
    monkeypatch.setattr(torch, "set_num_threads", lambda number: current.append(number))
    current, todo = [7], units(Path("ours"), Path("target"))
    for jobs in (None, 1):
        list(score_all(todo, [{"psnr": None}] * 4, None, jobs, lambda _: None))  # type: ignore[dict-item]
    assert threads == [7] * 4 + [1] * 4 and current[-1] == 7


def test_progress_names_the_verb_and_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 6.0, 7.0])
    done = progress(3, "compare", "comparisons", clock=lambda: next(times))
    done(1)
    done(2)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "compare  1/3 comparisons  ETA 0:00:12\n")
