"""What is kept of files that were read: the same as reading them again, whatever becomes of what is kept."""

from pathlib import Path

import pytest

from pipeline.code import source
from pipeline.code.source import Import, Kept, read

TEXT = '"""A module."""\nimport a.b\nfrom ..c import d, e\n\nVERSIONS_OF = ("lib",)\n\nx = 1  # one\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_text(TEXT)
    return path


def test_what_is_kept_is_what_is_read(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(file)
    assert found.imports == (Import(0, "a.b", ()), Import(2, "c", ("d", "e")))
    assert found.versions_of == ("lib",) and "module" not in found.code
    assert Kept(tmp_path / "new/kept").read(file) == found
    monkeypatch.setattr(source, "read", lambda *_: pytest.fail("read again"))
    assert Kept(tmp_path / "new/kept").read(file) == found


def test_an_edit_of_the_same_size_and_time_is_seen(file: Path, tmp_path: Path) -> None:
    import os

    kept, times = tmp_path / "kept", file.stat()
    before = Kept(kept).read(file)
    file.write_text(TEXT.replace("x = 1", "x = 2"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Kept(kept).read(file) == read(file) != before


@pytest.mark.parametrize("place", [10, 80, 200, -20])
def test_a_damaged_line_is_passed_over(file: Path, tmp_path: Path, place: int) -> None:
    kept = tmp_path / "kept"
    Kept(kept).read(file)
    content = bytearray(kept.read_bytes())
    content[place] ^= 1
    kept.write_bytes(content)
    assert Kept(kept).read(file) == read(file)
    kept.write_bytes(content[: len(content) // 2])
    assert Kept(kept).read(file) == read(file)


def test_a_place_that_can_not_be_written_only_costs_time(file: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").write_text("")
    assert Kept(tmp_path / "closed/kept").read(file) == read(file)


def test_what_grew_too_large_is_begun_anew(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"x" * 100)
    monkeypatch.setattr(source, "LARGEST", 99)
    assert Kept(kept).read(file) == read(file)
    assert len(kept.read_bytes().splitlines()) == 1 and b"xxx" not in kept.read_bytes()
