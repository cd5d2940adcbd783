"""The whole workflow on real photographs: from nothing to a table, killed in the middle, run again, nothing to do."""

import contextlib
import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from _repository import copied, keep_tables, snakemake

from pipeline.config import read
from pipeline.learning.lock import exclusive
from pipeline.planning.plan import Plan

CI = ("--config", "scale=ci")
CONTROLS = ["random_tmae", "random_cmae", "original_longer"]
ANSWERS = ["original_sharpened", "original_vgg_mix", "ground_truth"]
OURS = [*CONTROLS, *ANSWERS, "original_again"]
LOSSES = ["original", "vgg", "kmae", "ctmae", "ccmae", *OURS]
STEPS = 40
RUN = "results/ci/train/super_resolution_x2/photographs/edsr/original/0"


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with table 7, and table 3 cut to EDSR x2; one seed, a checkpoint after every step."""
    folder = copied(tmp_path_factory.mktemp("workflow"))
    table = folder / "config/tables/mae_loss/table3.yaml"
    values = yaml.safe_load(table.read_text(encoding="utf-8"))
    values["networks"] = ["edsr"]
    values["columns"] = {"x2": values["columns"]["x2"]}
    table.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    scale = folder / "config/scale/ci.yaml"
    values = yaml.safe_load(scale.read_text(encoding="utf-8"))
    values["seeds"] = [0]
    values["networks"]["edsr"]["recipe"]["steps"] = STEPS
    scale.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    keep_tables(folder, "mae_loss/table3", "mae_loss/table7")
    config = folder / "config/config.yaml"
    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump({**values, "checkpoint_minutes": 1e-9}), encoding="utf-8")
    return folder


def killed_training(folder: Path, target: str) -> str:
    """Run Snakemake until a training has saved itself a few times, kill that training, return what was printed."""
    command = [sys.executable, "-m", "snakemake", *CI, "--", target]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    checkpoint, seen = folder / RUN / "last.ckpt", set[int]()
    end = time.monotonic() + 300
    while len(seen) < 5:
        assert time.monotonic() < end, "no checkpoint"
        assert process.poll() is None, process.communicate()[0]
        if checkpoint.exists():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.002)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and trains(entry, folder):
            os.kill(int(entry.name), signal.SIGKILL)
    printed = process.communicate()[0]
    assert process.returncode != 0, printed
    return printed


def undisturbed(folder: Path, output: Path) -> bytes:
    """Return the weights of the run that was killed, trained without a break as its job would."""
    with contextlib.chdir(folder):
        config = Path("config")
        job = Plan.from_config({**read.values(config), "scale": "ci"}, config).job("train", RUN.split("/")[3:])
    command = [sys.executable, "-m", "pipeline.train", "--code", job.code, *shlex.split(job.options)]
    command += ["--output", str(output), "--label", "undisturbed"]
    subprocess.run(command, cwd=folder, input=job.spec.canonical(), text=True, check=True)
    return (output / "model.safetensors").read_bytes()


def trains(process: Path, folder: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"pipeline.train" in words and (process / "cwd").resolve() == folder.resolve()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the training's process in /proc")
def test_the_workflow_goes_from_nothing_to_a_table_through_a_kill(workflow: Path, tmp_path: Path) -> None:
    killed_training(workflow, f"{RUN}/model.safetensors")
    assert not (workflow / RUN / "model.safetensors").exists()

    code, printed = snakemake(workflow, *CI, "--", "all", "report")
    assert code == 0, printed
    log = (workflow / "results/ci/logs/train/super_resolution_x2/photographs/edsr/original/0.log").read_text()
    assert "resumes at step" in log
    assert not (workflow / RUN / "last.ckpt").exists()

    table = pd.read_csv(workflow / "results/ci/tables/mae_loss/table3.csv")
    assert list(table["loss"].unique()) == LOSSES
    # the ground truth has no distance to itself, neither in PSNR nor by the grid
    assert len(table) == len(LOSSES) * table["metric"].nunique() - 2
    assert set(table["metric"]) == {"psnr", "niqe", "grid"}
    assert (table["n_images"] == 6).all()
    assert (table["n_seeds"] == 1).all()
    assert table.loc[table["metric"].isin(["psnr", "niqe"]), "published"].isna().sum() == 2 * len(OURS) - 1
    assert table["value"].notna().all()
    sharpened = pd.read_csv(workflow / "results/ci/tables/mae_loss/table7.csv")
    assert list(sharpened["loss"].unique()) == ["original", "p_ctmae", "p_ccmae", "original_again"]
    assert set(sharpened["metric"]) == {"psnr", "ssim", "sam", "ergas"}
    assert sharpened[["value", "trivial", "trivial_gram_schmidt"]].notna().all(axis=None)
    assert sharpened["published"].notna().equals(sharpened["loss"] != "original_again")

    for ending in ("_wide.csv", ".md", ".tex", ".html"):
        assert (workflow / f"results/ci/tables/mae_loss/table3{ending}").stat().st_size > 500

    # the killed run ended where an undisturbed one ends
    assert (workflow / RUN / "model.safetensors").read_bytes() == undisturbed(workflow, tmp_path)

    code, printed = snakemake(workflow, *CI, "--", "all", "report")
    assert code == 0 and "Nothing to be done" in printed


def test_the_workflow_ends_in_a_report_of_every_claim(workflow: Path) -> None:
    page = (workflow / "results/ci/report/index.html").read_text(encoding="utf-8")
    claims = json.loads((workflow / "results/ci/report/claims.json").read_text(encoding="utf-8"))
    with (workflow / "config/claims/mae_loss.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # the tables' order, and the file's within a table
    asked: list[str] = []
    for number, metrics in ((3, ("psnr", "niqe", "grid")), (7, ("psnr", "ssim", "sam", "ergas"))):
        asked += [row["id"] for row in rows if row["table"] == f"mae_loss/table{number}"]
        asked += [f"again_{metric}" for metric in metrics]
    assert [claim["id"] for claim in claims] == asked
    verdicts = {claim["id"]: claim["verdict"] for claim in claims}
    # table 3 has its controls at this scale, table 7 has none
    assert verdicts["table3_ctmae_over_random_psnr"] != "not attempted"
    assert verdicts["table7_p_ctmae_over_p_random_tmae_psnr"] == "not attempted"
    harness = json.loads((workflow / "results/ci/harness.json").read_text(encoding="utf-8"))
    assert harness["passed"] and harness["rows"] > 100
    assert page.count("data:image/webp") > 10


def test_a_failed_run_leaves_a_report_that_names_it_and_why(workflow: Path) -> None:
    run = "results/ci/train/super_resolution_x2/photographs/edsr/ctmae/0"
    # what is finished further on would keep Snakemake from looking at the run
    for finished in ("report", "verdicts", "tables", run, run.replace("train", "evaluate", 1)):
        shutil.rmtree(workflow / "results/ci" / finished.removeprefix("results/ci/"))
    # as if another process still worked on it
    with exclusive(workflow / run):
        code, printed = snakemake(workflow, *CI, "--keep-going", "--", "report")
    assert code != 0
    assert "report of what is there" in printed
    page = (workflow / "results/ci/report/index.html").read_text(encoding="utf-8")
    verdict = json.loads((workflow / "results/ci/verdicts/mae_loss/table3.json").read_text(encoding="utf-8"))
    missing = {(cell["network"], cell["loss"]): cell["why"] for cell in verdict["missing"]}
    assert list(missing) == [("edsr", "ctmae")]
    why = missing["edsr", "ctmae"]
    assert why.startswith("train super_resolution_x2/photographs/edsr/ctmae/0 failed: ")
    assert "another process works on this run" in why
    assert "edsr/ctmae/0 failed" in page
    by_id = {claim["id"]: claim for claim in verdict["claims"]}
    assert by_id["table3_ctmae_psnr"]["reason"] == "no scores of ctmae"
    assert by_id["table3_ccmae_psnr"]["verdict"] != "not attempted"
    code, printed = snakemake(workflow, *CI, "--", "report")
    assert code == 0, printed
    verdict = json.loads((workflow / "results/ci/verdicts/mae_loss/table3.json").read_text(encoding="utf-8"))
    assert verdict["missing"] == []


def test_a_mistyped_loss_stops_at_planning_with_its_neighbour(workflow: Path) -> None:
    table = workflow / "config/tables/mae_loss/table3.yaml"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("- kmae", "- kmea"), encoding="utf-8")
    try:
        code, printed = snakemake(workflow, *CI, "--dry-run")
    finally:
        table.write_text(text, encoding="utf-8")
    assert code != 0
    assert "'kmea'" in printed and "did you mean 'kmae'?" in printed
