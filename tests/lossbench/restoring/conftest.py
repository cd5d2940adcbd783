"""The verb `restore`, and a network whose prediction is its input."""

from pathlib import Path

import pytest
from _models import Verb, save_identity


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("restore", monkeypatch, capsys)


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return save_identity(tmp_path / "identity.safetensors")
