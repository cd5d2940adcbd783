"""An empty folder to work in, and one for what is fetched."""

from pathlib import Path

import pytest

from lossbench.weights import finding, places


@pytest.fixture(autouse=True)
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder, with folders of its own for what is fetched and what ships."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("LOSSBENCH_WEIGHTS", str(tmp_path / "fetched"))
    monkeypatch.setattr(places, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(finding, "_told", set())
    return tmp_path / "fetched"
