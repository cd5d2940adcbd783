"""The command line of the library, run in this process."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from lossbench import __main__ as command_line


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `measure` and gives its JSON and the lines on standard error."""

    def values(*arguments: Path | str) -> tuple[Any, list[str]]:
        monkeypatch.setattr(sys, "argv", ["lossbench", "measure", *map(str, arguments), "--json"])
        command_line.main()
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err.splitlines()

    return values
