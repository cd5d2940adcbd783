"""Whoever comes second to a run is told which process works on it."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.learning.lock import exclusive

OTHER = "import sys, pathlib, pipeline.learning.lock as lock; lock.exclusive(pathlib.Path(sys.argv[1])).__enter__()"


def test_another_process_on_a_run_is_named_with_its_machine(tmp_path: Path) -> None:
    output = tmp_path / "run"
    with exclusive(output):
        # a second refusal does not wipe out what the first one read
        for _ in range(2):
            command = [sys.executable, "-c", OTHER, str(output)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            holder = f"process {os.getpid()} on {platform.node()}"
            assert f"{output}: another process works on this run ({holder}); wait for it or stop it" in done.stderr


def test_a_lock_that_names_nobody_is_one_all_the_same(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        (tmp_path / "run.lock").write_text("", encoding="utf-8")
        with pytest.raises(UserError, match="another process works on this run; wait for it"), exclusive(tmp_path):
            pass
    with exclusive(tmp_path):
        pass
