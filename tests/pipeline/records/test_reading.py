"""A job refuses what is not what was made, and marks it; what it made itself is recorded."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.records import Strict
from pipeline.command import recorded
from pipeline.outputs.layout import Place, makers, path_of, record_of
from pipeline.records import reading
from pipeline.records.reading import check_given
from pipeline.records.record import read_record

RUN = {"task": "t", "dataset": "d", "network": "n", "loss": "l", "seed": "0"}


class ScoresSpec(Strict):
    """A spec that names files."""

    scores: tuple[str, ...] = ()


def prepare(spec: ScoresSpec, code: str, output: Path) -> None:
    """Write an array with its card."""
    for name in ("target.json", "target.npy"):
        (output / name).write_text(name, encoding="utf-8")


def evaluate(spec: ScoresSpec, code: str, scores: Path, pictures: Path, targets: Path) -> None:
    """Write scores with a picture."""
    pictures.mkdir()
    for file in (scores, pictures / "a.png"):
        file.write_text(file.name, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The results folder of a scale in which a data set was prepared and scored."""
    monkeypatch.chdir(tmp_path)
    for folder in ("prepare/d", "evaluate/t/d/n/l/0"):
        (tmp_path / "results/ci" / folder).mkdir(parents=True)
    root = "results/ci"
    record = record_of(root, "prepare", {"dataset": "d"})
    recorded(prepare, ["--code", "c", "--output", f"{root}/prepare/d", "--record", record, "1"], lambda: "{}")
    run_evaluate(root)
    return root


def run_evaluate(root: str) -> None:
    wildcards = {**RUN, "test_set": "d"}
    files = [f"--{name}={path_of(root, 'evaluate', name, wildcards)}" for name in ("scores", "pictures")]
    record = record_of(root, "evaluate", wildcards)
    targets = f"--targets={root}/prepare/d/target.json"
    recorded(evaluate, ["--code", "c", *files, targets, "--record", record, "2"], lambda: "{}")


def check(root: str, **values: Any) -> None:
    check_given(Place(root, "tabulate", {"paper": "p", "table": "t"}), values)


def test_what_a_job_made_is_recorded(root: str) -> None:
    (record,) = Path(root, "records/evaluate").rglob("*.json")
    files = read_record(record)["files"]
    assert list(files) == ["evaluate/t/d/n/l/0/d.csv", "evaluate/t/d/n/l/0/d_pictures/a.png"]
    for name, file in files.items():
        status = Path(root, name).stat()
        assert file == {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256(Path(root, name))}


@pytest.mark.parametrize("name", ["prepare/d/target.json", "prepare/d/target.npy"])
def test_a_bit_that_flipped_is_named_marked_and_refused_before_the_job_begins(root: str, name: str) -> None:
    file = Path(root, name)
    before, true = file.stat(), sha256(file)
    file.write_text(file.read_text(encoding="utf-8").upper(), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    Path(root, "evaluate/t/d/n/l/0/d_pictures/a.png").unlink()
    Path(root, "evaluate/t/d/n/l/0/d_pictures").rmdir()
    with pytest.raises(UserError, match=f"^{file} has SHA-256 {sha256(file)}, not {true}, .*run snakemake again"):
        run_evaluate(root)
    assert not Path(root, "evaluate/t/d/n/l/0/d_pictures").exists()
    record = json.loads(Path(root, "records/prepare/d.json").read_text(encoding="utf-8"))
    assert record["damaged"] == name and record["digest"] == "1" and len(record["files"]) == 2


def test_files_that_a_spec_names_are_compared_and_each_is_read_once(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scores, read = f"{root}/evaluate/t/d/n/l/0/d.csv", []
    monkeypatch.setattr(reading, "sha256", lambda path: read.append(path.name) or sha256(path))
    check(root, spec=ScoresSpec(scores=(scores, scores)), table=Path(scores), cards={"a": Path(scores)})
    assert read == ["d.csv", "a.png"]
    Path(scores).unlink()
    with pytest.raises(UserError, match=f"{scores} is missing, so it is not what was made"):
        check(root, spec=ScoresSpec(scores=(scores,)))


def test_what_no_record_tells_of_is_taken_as_it_is(root: str) -> None:
    scores = Path(root, "evaluate/t/d/n/l/0/d.csv")
    scores.write_text("another", encoding="utf-8")
    for record in Path(root, "records").rglob("*.json"):
        record.write_text(json.dumps({"digest": "1"}), encoding="utf-8")
    check(root, scores=scores, elsewhere=Path("elsewhere.csv"))


def test_results_that_can_not_be_written_to_are_named_all_the_same(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(reading, "mark", closed)
    scores = Path(root, "evaluate/t/d/n/l/0/d.csv")
    scores.write_text("another", encoding="utf-8")
    with pytest.raises(UserError, match="is not what was made"):
        check(root, scores=scores)


def test_a_file_is_looked_up_under_every_name_that_it_may_have() -> None:
    found = list(makers("results/ci", "results/ci/pretrain/vgg/public/card.json"))
    assert [(place.stage, name) for place, name in found] == [("import_weights", "card"), ("pretrain", "card")]
    assert not list(makers("results/ci", "results/cities/harness.json"))
