"""How seeds are found in the names of folders, and which folders can't be compared."""

from pathlib import Path

import pytest

from lossbench.comparing.folders import Method, methods, reference_of
from lossbench.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*folders: str) -> None:
    for folder in folders:
        Path(folder).mkdir(parents=True)


def found(folders: list[str], seeds: str | None = None) -> dict[str, dict[str, str]]:
    return {
        method.label: {seed: path.as_posix() for seed, path in method.runs.items()}
        for method in methods([Path(folder) for folder in folders], seeds)
    }


def refused(folders: list[str], seeds: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        methods([Path(folder) for folder in folders], seeds)
    return str(caught.value)


def test_folders_without_seeds_are_called_by_what_tells_them_apart(here: Path) -> None:
    make("x/out", "y/out", "z")
    assert found(["x/out", "z"]) == {"out": {"": "x/out"}, "z": {"": "z"}}
    assert list(found(["x/out", "y/out", "z/"])) == ["x/out", "y/out", "z"]


@pytest.mark.parametrize(("form", "folders", "pattern"), [
    ("{}_seed{}", ["A", "B"], "_seed{{seed}}"),
    ("{}/{}", ["A", "B"], "{{seed}}"),
    ("{}/{}", ["A/", "B"], "/{{seed}}"),
    ("{}/{}", ["A", "B"], "{{folder}}/{{seed}}"),
    ("{}/seed{}", ["A", "B"], "seed{{seed}}"),
    ("{}/run_{}/pictures", ["A", "B"], "run_{{seed}}/pictures"),
    ("{}_{}", ["A", "B"], "{{folder}}_{{seed}}"),
    ("{}_{}", ["A", "B"], "A_{{seed}}"),
    ("{}_{}", ["A_{{seed}}", "B_{{seed}}"], None),
    ("{}_s{}", ["A_s2", "B_s2", "A_s10", "B_s10"], "_s{{seed}}"),
    ("out/{}_s{}", ["out/A_s2", "out/A_s10", "out/B_s2", "out/B_s10"], "{{folder}}_s{{seed}}"),
])  # fmt: skip
def test_seeds_are_found_within_and_beside_folders(
    here: Path, form: str, folders: list[str], pattern: str | None
) -> None:
    make(*(form.format(name, seed) for name in "AB" for seed in (10, 2)))
    given = [folder.format() for folder in folders]
    runs = found(given, None if pattern is None else pattern.format())
    assert runs == {name: {str(seed): form.format(name, seed) for seed in (2, 10)} for name in "AB"}
    assert list(runs["A"]) == ["2", "10"]


def test_a_pattern_that_fits_nothing_or_two_places_is_named(here: Path) -> None:
    make("A", "B", "A_s0", "B_s0", "A/_s0")
    assert "--seeds _seed{seed}: there is no folder A/_seed{seed} or A_seed{seed}" in refused(["A", "B"], "_seed{seed}")
    assert "say which by {folder}" in refused(["A", "B"], "_s{seed}")
    assert "give a pattern with the field {seed} once" in refused(["A", "B"], "_s")
    make("A_s1")
    assert "A_s0, A_s1: seeds of one method" in refused(["A_s0", "A_s1"], "_s{seed}")
    assert "no folder is called so" in refused(["A_t{seed}", "B"])


def test_methods_have_the_same_seeds(here: Path) -> None:
    make("A/0", "A/1", "B/0", "C/0", "C/1", "C/7")
    assert "A/1: B has no seed 1 (0); compare seeds that all have" in refused(["A", "B"], "{seed}")
    assert "C/7: A has no seed 7 (0, 1)" in refused(["A", "C"], "{seed}")


def test_a_folder_is_there_and_is_given_once(here: Path) -> None:
    make("A", "B")
    Path("link").symlink_to("A")
    Path("file.png").touch()
    assert "A is given twice" in refused(["A", "A"])
    assert "A is given twice" in refused(["A", "B", "A/"])
    assert "link is given twice, and is the folder A" in refused(["A", "link"])
    assert "none is missing" in refused(["A", "none"])
    assert "file.png is a file; give folders" in refused(["A", "file.png"])
    assert "A: nothing to compare it with" in refused(["A"])
    make("A_s0", "B_s0")
    assert "B_s1 is missing" in refused(["A_s0", "B_s0", "B_s1"], "_s{seed}")


def test_the_reference_is_named_by_its_path_or_label() -> None:
    some = [Method("A", Path("x/A"), {"": Path("x/A")}), Method("B", Path("x/B"), {"": Path("x/B")})]
    assert [reference_of(some, name) for name in (None, Path("B"), Path("x/B/"))] == ["A", "B", "B"]
    with pytest.raises(UserError, match="--reference b: none of the folders to compare; did you mean 'B'"):
        reference_of(some, Path("b"))
