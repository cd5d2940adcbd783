"""One job twice at the same time: whole files, or a line for whoever comes second."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from _forked import run_jobs
from _repository import ROOT
from _stage_jobs import STAGES, Stage, preparation, visible

TIMES = 2


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_job_twice_at_once_leaves_whole_files(stage: Stage, targets: Path, pairs: Path, tmp_path: Path) -> None:
    made = stage(tmp_path, targets, pairs)
    jobs = [made(tmp_path / "both")] * TIMES
    with ThreadPoolExecutor(2) as pool:
        ended = [each for group in pool.map(run_jobs, (jobs, jobs), (ROOT, ROOT)) for each in group]
    refused = [each.printed for each in ended if each.code]
    assert [printed for printed in refused if "/both: another process works on this run" not in printed] == []
    assert stage is preparation or not refused
    whole, last = run_jobs([made(tmp_path / "alone"), made(tmp_path / "both")], ROOT)
    assert visible(last.files) == visible(whole.files)
    for each in ended:
        assert {name: each.files[name] for name in visible(each.files)}.items() <= visible(whole.files).items()
