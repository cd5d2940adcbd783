"""What the files of a job are, and which of them are no longer that."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.records import made
from pipeline.records.made import Made, as_plain, from_plain, looked_at

NEVER: Callable[[Path, float], bool] = lambda path, mtime: False  # noqa: E731


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, str]:
    """An array with its card, scores with their pictures, and a model, by name."""
    found = {name: tmp_path / name for name in ("card", "array", "scores", "model", "pictures")}
    found["pictures"].mkdir()
    (tmp_path / "pictures/.hidden").touch()
    for file in (*list(found.values())[:4], tmp_path / "pictures/a.png", tmp_path / "pictures/b.png"):
        file.write_text(f"content of {file.name}", encoding="utf-8")
    return {name: str(path) for name, path in found.items()}


def of(outputs: dict[str, str]) -> dict[str, Made]:
    return made.made(Path(outputs["card"]).parent, map(Path, outputs.values()))


def test_every_file_is_recorded_and_comes_back(outputs: dict[str, str]) -> None:
    files = of(outputs)
    assert list(files) == ["card", "array", "scores", "model", "pictures/a.png", "pictures/b.png"]
    assert files["card"].size == len("content of card")
    assert from_plain(as_plain(files)) == files


@pytest.mark.parametrize("plain", [None, [], "x", {"a": 1}, {"a": {"size": 1}}, {"a": {"size": [], "mtime_ns": 1}}])
def test_what_says_nothing_of_files_tells_of_none(plain: object) -> None:
    assert from_plain(plain) == {}


def test_whole_files_are_not_read_and_touched_ones_once(
    outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, root, read = of(outputs), Path(outputs["card"]).parent, []
    monkeypatch.setattr(made, "sha256", lambda path: read.append(path.name) or files[path.name].sha256)
    assert looked_at(root, files, outputs, NEVER) == (None, files) and not read
    os.utime(outputs["model"], (1, 1))
    assert looked_at(root, files, outputs, lambda path, mtime: mtime == 1.0) == (None, files) and not read
    wrong, seen = looked_at(root, files, outputs, NEVER)
    assert wrong is None and read == ["model"] and seen["model"].mtime_ns == 10**9
    assert looked_at(root, seen, outputs, NEVER) == (None, seen) and read == ["model"]


@pytest.mark.parametrize("name", ["card", "array", "model", "pictures/b.png"])
def test_another_content_is_found_by_time_or_size_or_suspicion(outputs: dict[str, str], name: str) -> None:
    files, root = of(outputs), Path(outputs["card"]).parent
    text = (root / name).read_text(encoding="utf-8")
    for other, seen_at_once in ((text[:-1], True), (text.upper(), False)):
        (root / name).write_text(other, encoding="utf-8")
        os.utime(root / name, ns=(0, files[name].mtime_ns))
        assert (looked_at(root, files, outputs, NEVER)[0] == name) == seen_at_once
        assert looked_at(root, files, outputs, NEVER, suspected=name)[0] == name
    os.utime(root / name)
    assert looked_at(root, files, outputs, NEVER)[0] == name


@pytest.mark.parametrize(
    ("deleted", "missed"),
    [(("model",), None), (("array",), "array"), (("card", "array"), None), (("pictures/a.png",), "pictures/a.png")],
)
def test_a_file_that_is_gone_counts_where_another_one_stands_for_it(
    outputs: dict[str, str], deleted: tuple[str, ...], missed: str | None
) -> None:
    files, root = of(outputs), Path(outputs["card"]).parent
    for name in deleted:
        (root / name).unlink()
    assert looked_at(root, files, outputs, NEVER)[0] == missed
