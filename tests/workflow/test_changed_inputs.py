"""What decides a result decides its rerun: the user's own files, a run that failed, what the results have become."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from _repository import copied, edited, keep_tables, planned_jobs
from PIL import Image
from snakemake.persistence.file import FilePersistence  # type: ignore[import-untyped]

TABLE = "mae_loss/table3"
RUN = "super_resolution_x2/folder/edsr/original/0"
SCORES = f"results/ci/evaluate/{RUN}/folder.csv"
CI = ("--config", "scale=ci", "--", SCORES)
PREPARED = {"Prepare folder", "Degrade folder for super_resolution_x2"}
SCORED = {"Evaluate edsr under original: super_resolution_x2, folder, seed 0"}
TRAINED = {"Train edsr under original: super_resolution_x2, folder, seed 0"} | SCORED
PICTURES = "data/folder"


def picture(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), np.uint8)
    Image.fromarray(pixels).save(file)


def changed(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the values of a configuration file in place."""
    file = folder / "config" / name
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    change(values)
    file.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the user's own pictures, and one finished run on them with its scores."""
    folder = copied(tmp_path_factory.mktemp("own_pictures"))
    keep_tables(folder, TABLE)

    def own_pictures(scale: dict[str, Any]) -> None:
        photographs = scale["stand_ins"].pop("photographs")
        scale["stand_ins"]["folder"] = photographs
        scale.update(seeds=[0], control_tables=[])

    def one_cell(table: dict[str, Any]) -> None:
        table.update(networks=["edsr"], losses=["original"], columns={"x2": table["columns"]["x2"]})
        table["metrics"] = {"psnr": table["metrics"]["psnr"]}

    changed(folder, "scale/ci.yaml", own_pictures)
    changed(folder, f"tables/{TABLE}.yaml", one_cell)
    for number, name in enumerate(("train/target/a", "train/target/b", "test/target/c")):
        picture(folder / PICTURES / f"{name}.png", number)
    ran = run(folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Make the scores, with all that they need."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", *CI]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path})


def planned(folder: Path) -> set[str]:
    return set(planned_jobs(folder, *CI))


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished folder, times and Snakemake's memory included."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture
def brought(copy: Path) -> Path:
    """The finished folder as it comes from elsewhere, without hidden folders."""
    shutil.rmtree(copy / ".snakemake")
    return copy


def test_what_is_finished_stays(copy: Path) -> None:
    for name in (".hidden.png", "Thumbs.db"):
        (copy / PICTURES / "train/target" / name).touch()
    assert planned(copy) == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda pictures: picture(pictures / "train/target/a.png", 9),
        lambda pictures: picture(pictures / "train/target/d.png", 9),
        lambda pictures: (pictures / "train/target/b.png").unlink(),
        lambda pictures: (pictures / "train/target/b.png").rename(pictures / "train/target/e.png"),
        lambda pictures: picture(pictures / "test/low_quality/c.png", 9),
    ],
    ids=["edited", "added", "removed", "renamed", "low-quality partner"],
)
def test_a_change_of_the_users_pictures_reruns_what_reads_them(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy / PICTURES)
    assert planned(copy) == PREPARED | TRAINED


def longer(text: str) -> str:
    return text.replace("steps: 6", "steps: 7", 1)


def test_a_rerun_that_failed_is_still_to_be_done(copy: Path) -> None:
    scale, loss = copy / "config/scale/ci.yaml", copy / "lossbench/losses/original.py"
    scale.write_text(longer(scale.read_text(encoding="utf-8")), encoding="utf-8")
    with edited(loss, lambda text: text.replace("def build(", "raise SystemExit(9)\n\n\ndef build(", 1)):
        assert run(copy).returncode != 0
    assert (copy / SCORES).exists()
    assert planned(copy) == TRAINED


def test_results_without_snakemakes_memory_stay_where_nothing_changed(brought: Path) -> None:
    assert planned(brought) == set()


@pytest.mark.parametrize(
    ("file", "change", "jobs", "why"),
    [
        ("config/scale/ci.yaml", longer, TRAINED, "model.safetensors is made again: recipe.steps: 6, now 7"),
        ("lossbench/metrics/psnr.py", lambda text: f"{text}\nNEW = 1\n", SCORED, "is made again: its code differs"),
    ],
    ids=["steps", "metric"],
)
def test_results_without_snakemakes_memory_are_compared_with_the_plan(
    brought: Path, file: str, change: Callable[[str], str], jobs: set[str], why: str
) -> None:
    with edited(brought / file, change):
        assert planned(brought) == jobs
    assert why in (brought / "snakemake.log").read_text(encoding="utf-8")


def test_results_that_others_were_copied_over_are_made_again(copy: Path) -> None:
    record = copy / f"results/ci/records/train/{RUN}.json"
    content = json.loads(record.read_text(encoding="utf-8"))
    content["spec"]["recipe"]["steps"] = 5
    record.write_text(json.dumps({**content, "digest": "of another run"}), encoding="utf-8")
    assert planned(copy) == TRAINED
    assert "is made again: recipe.steps: 5, now 6" in (copy / "snakemake.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "[1]", '{"digest": 1}', '{"spec": null}', "[" * 100_000])
def test_a_damaged_record_counts_as_none(brought: Path, text: str) -> None:
    (brought / f"results/ci/records/train/{RUN}.json").write_text(text, encoding="utf-8")
    assert planned(brought) == TRAINED


def test_a_run_that_outlived_snakemake_and_finished_stays(copy: Path) -> None:
    folder = copy / f"results/ci/train/{RUN}"
    memory = FilePersistence(nolock=True, path=copy / ".snakemake")
    for name in ("model.safetensors", "card.json", "history.csv"):
        key = f"results/ci/train/{RUN}/{name}"
        memory._delete_record(key)
        memory._mark_incomplete(key, None)
    before = (folder / "model.safetensors").stat().st_mtime_ns
    ran = run(copy)
    assert ran.returncode == 0 and "Nothing to be done" in ran.stdout + ran.stderr
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


YEAR = 365 * 24 * 3600


def dated(folder: Path, stages: str, seconds: float) -> None:
    """Let all files of `stages` be of a time, as if the clock had been set when they were made."""
    for file in (folder / "results/ci").glob(f"{stages}/**/*"):
        os.utime(file, (seconds, seconds))


@pytest.mark.parametrize(("stages", "years"), [("*", 1), ("*", -20), ("prepare", 1), ("evaluate", -20)])
def test_times_of_a_clock_that_was_moved_rerun_nothing(copy: Path, stages: str, years: int) -> None:
    dated(copy, stages, time.time() + years * YEAR)
    assert planned(copy) == set()


def test_a_clock_that_was_set_back_between_two_jobs_ends_in_no_circle(copy: Path) -> None:
    dated(copy, "prepare", time.time() + YEAR)
    (copy / SCORES).unlink()
    ran = run(copy)
    assert ran.returncode == 0 and "is of the future" in ran.stderr, ran.stdout + ran.stderr
    assert planned(copy) == set()


def test_results_that_nothing_is_known_of_are_made_again(brought: Path) -> None:
    shutil.rmtree(brought / "results/ci/records/train")
    assert planned(brought) == TRAINED


def test_whoever_asks_for_times_alone_accepts_what_is_there(brought: Path) -> None:
    with edited(brought / "config/scale/ci.yaml", longer):
        assert planned_jobs(brought, "--rerun-triggers", "mtime", *CI) == []


def flipped(file: Path) -> None:
    """Change one bit near the end of `file` as a failing disk does: size and time stay."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("name", "cut", "jobs"),
    [
        (f"train/{RUN}/model.safetensors", 8, {"Train edsr under original: super_resolution_x2, folder, seed 0"}),
        ("prepare/folder/target.json", 1, {"Prepare folder"}),
        (f"evaluate/{RUN}/folder.csv", 2, SCORED),
        (f"evaluate/{RUN}/folder_pictures/c.png", 3, SCORED),
    ],
    ids=["weights", "card", "scores", "kept picture"],
)
def test_a_file_that_was_cut_off_is_named_and_made_again(copy: Path, name: str, cut: int, jobs: set[str]) -> None:
    file = copy / "results/ci" / name
    file.write_bytes(file.read_bytes()[:-cut])
    assert planned(copy) == jobs
    said = (copy / "snakemake.log").read_text(encoding="utf-8")
    assert f"results/ci/{name} was changed or damaged since it was made" in said


def test_edited_scores_and_an_array_that_rotted_are_named_and_made_again_and_nothing_else_is(copy: Path) -> None:
    scores, array = copy / SCORES, copy / "results/ci/prepare/folder/target.npy"
    true, pixels = scores.read_text(encoding="utf-8"), array.read_bytes()
    names, values = (line.split(",") for line in true.splitlines()[:2])
    scores.write_text(true.replace(values[names.index("value")], "99.0"), encoding="utf-8")
    flipped(array)
    first = run(copy)
    said = first.stdout + first.stderr
    assert first.returncode != 0
    assert f"{SCORES} was changed or damaged since it was made: it is made again" in said
    assert "error: results/ci/prepare/folder/target.npy has SHA-256" in said and "run snakemake again" in said
    assert planned(copy) == {"Prepare folder"} | SCORED
    second = run(copy)
    assert second.returncode == 0, second.stdout + second.stderr
    assert scores.read_text(encoding="utf-8") == true and array.read_bytes() == pixels
    assert planned(copy) == set()


def test_results_with_other_times_stay_and_are_read_once(brought: Path) -> None:
    for file in (brought / "results").rglob("*"):
        os.utime(file, (1e9, 1e9))
    assert planned(brought) == set()
    assert run(brought).returncode == 0
    array = brought / "results/ci/prepare/folder/target.npy"
    record = json.loads((brought / "results/ci/records/prepare/folder.json").read_text(encoding="utf-8"))
    assert record["files"]["prepare/folder/target.npy"]["mtime_ns"] == array.stat().st_mtime_ns


def test_results_of_a_version_that_recorded_no_files_are_taken_as_they_are(copy: Path) -> None:
    for record in (copy / "results/ci/records").rglob("*.json"):
        content = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps({**content, "files": "unknown"}), encoding="utf-8")
    flipped(copy / "results/ci/prepare/folder/target.npy")
    assert planned(copy) == set()
