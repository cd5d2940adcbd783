"""The workflow through a real Slurm: numbers of a local run, GPUs that are not shared, a time limit, a failing job."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from _cluster import CI, MARKS, SLOWLY, changed, name_the_cluster, submit
from _repository import copied, keep_tables, snakemake
from _slurm import Cluster

pytestmark = MARKS
TABLES = ("mae_loss/table3", "mae_loss/table5", "log_cosh/figure6")
TARGETS = tuple(name.replace("/", "_") for name in TABLES)
LONG = "train/super_resolution_x2/photographs/edsr/original/0"
FAILING = "train/video_denoising/clips/fastdvdnet/original/0"

NOTE = """

@contextmanager
def _noted(label: str) -> Iterator[None]:
    import json
    import os

    began = time.time()
    try:
        yield
    finally:
        note = {"label": label, "began": began, "ended": time.time(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
        with open("notes.txt", "a") as file:
            file.write(json.dumps(note) + "\\n")
"""


def cut(folder: Path) -> Path:
    """Copy the repository with three small tables, trainings that note their GPU, and a GPU for each of them."""
    copied(folder)
    keep_tables(folder, *TABLES)
    tables = folder / "config/tables"
    values = yaml.safe_load((tables / "mae_loss/table3.yaml").read_text(encoding="utf-8"))
    columns = {"x2": values["columns"]["x2"]}
    few: dict[str, Any] = {"controls": [], "again": None}
    metrics = {"psnr": values["metrics"]["psnr"]}
    losses = ["original", "ctmae"]
    changed(tables / "mae_loss/table3.yaml", columns=columns, networks=["edsr"], losses=losses, metrics=metrics,
            answers={}, warnings=[], **few)  # fmt: skip
    values = yaml.safe_load((tables / "mae_loss/table5.yaml").read_text(encoding="utf-8"))
    columns, metrics = {"davis": values["columns"]["davis"]}, {"psnr": values["metrics"]["psnr"]}
    changed(tables / "mae_loss/table5.yaml", columns=columns, networks=["fastdvdnet"], losses=losses, metrics=metrics,
            warnings=[], **few)  # fmt: skip
    values = yaml.safe_load((tables / "log_cosh/figure6.yaml").read_text(encoding="utf-8"))
    metrics = {name: values["metrics"][name] for name in ("squared_error", "kl")}
    figure = {"kind": "sweep", "abscissa": "curvature at 0", "curves": {"log-cosh": {"2": "l2_2", "9": "log_cosh_10"}}}
    changed(tables / "log_cosh/figure6.yaml", losses=["l2_2", "log_cosh_10"], metrics=metrics, figure=figure)
    changed(folder / "config/scale/ci.yaml", seeds=[0], gpus=1)
    loop = folder / "pipeline/learning/loop.py"
    text = loop.read_text(encoding="utf-8")
    text = text.replace("            data = draw(state.step)\n", SLOWLY)
    text = text.replace("with _terminable() as", "with _noted(identity.label), _terminable() as") + NOTE
    loop.write_text(text, encoding="utf-8")
    # no claim is judged
    for file in (folder / "config/claims").glob("*.csv"):
        file.write_text(file.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")
    # only a signal saves
    changed(folder / "config/config.yaml", checkpoint_minutes=60)
    return folder


class Done(NamedTuple):
    """What a run of Snakemake left."""

    folder: Path
    code: int
    printed: str


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the tables on this machine."""
    made = cut(tmp_path_factory.mktemp("local"))
    code, printed = snakemake(made, "--resources", "gpu=2", *CI, *TARGETS)
    assert code == 0, printed
    return made


@pytest.fixture(scope="module")
def long(local: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let one training of a copy be long, and one fail; the long one is made on this machine."""
    folder = tmp_path_factory.mktemp("long") / "made"
    shutil.copytree(local, folder, symlinks=True)
    scale = folder / "config/scale/ci.yaml"
    networks = yaml.safe_load(scale.read_text(encoding="utf-8"))["networks"]
    networks["edsr"]["recipe"]["steps"] = 200
    networks["fastdvdnet"]["recipe"]["learning_rate"] = 1e30
    changed(scale, networks=networks)
    code, printed = snakemake(folder, *CI, f"results/ci/{LONG}/model.safetensors")
    assert code == 0, printed
    return folder


@pytest.fixture(scope="module")
def runs(local: Path, long: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Done]:
    """Make the tables, and the long training, through one cluster at the same time."""
    root = tmp_path_factory.mktemp("cluster")
    tables, limited = cut(root / "tables"), root / "limited"
    name_the_cluster(tables, "gpu", 1)
    shutil.copytree(long, limited, symlinks=True)
    shutil.rmtree(limited / "results/ci" / LONG)
    (limited / "notes.txt").unlink()
    # a minute is the limit of that partition
    name_the_cluster(limited, "short", 1 / 60)
    with Cluster(root / "slurm") as cluster:
        models = [f"results/ci/{name}/model.safetensors" for name in (LONG, FAILING)]
        second = submit(limited, cluster, *models, slow=0.5)
        first = submit(tables, cluster, *TARGETS, slow=1.5)
        try:
            codes = [process.wait(400) for process in (first, second)]
        finally:
            for process in (first, second):
                process.kill()
        printed = [(folder / "printed.txt").read_text(encoding="utf-8") for folder in (tables, limited)]
    return Done(tables, codes[0], printed[0]), Done(limited, codes[1], printed[1])


def numbers(folder: Path) -> dict[str, bytes]:
    """Return all scores and drawn numbers, and the weights of all trainings."""
    kinds = ("evaluate/**/*.csv", "generate/**/*.csv", "figures/**/*.csv", "train/**/model.safetensors")
    found = [file for kind in kinds for file in (folder / "results/ci").glob(kind)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def test_an_image_a_video_and_an_autoencoder_table_have_the_numbers_of_a_local_run(
    runs: tuple[Done, Done], local: Path
) -> None:
    folder, code, printed = runs[0]
    assert code == 0, printed
    assert all((folder / f"results/ci/tables/{name}.csv").is_file() for name in TABLES)
    assert len(numbers(local)) == 16 and numbers(folder) == numbers(local)
    code, printed = snakemake(folder, "--dry-run", *CI, *TARGETS)
    assert code == 0 and "Nothing to be done" in printed, printed


def test_jobs_that_overlap_have_gpus_of_their_own(runs: tuple[Done, Done]) -> None:
    notes = [json.loads(line) for done in runs for line in (done.folder / "notes.txt").read_text().splitlines()]
    assert {note["gpu"] for note in notes} == {"0", "1", "2"}
    pairs = [
        {one["gpu"], other["gpu"]}
        for one, other in combinations(notes, 2)
        if one["began"] < other["ended"] and other["began"] < one["ended"]
    ]
    assert pairs and all(len(gpus) == 2 for gpus in pairs)


def test_a_training_longer_than_the_limit_goes_on_in_the_next_job_to_the_same_weights(
    runs: tuple[Done, Done], long: Path
) -> None:
    folder, _, printed = runs[1]
    assert "TIMEOUT" in printed, printed
    log = (folder / "results/ci/logs" / f"{LONG}.log").read_text(encoding="utf-8")
    assert "resumes at step" in log, log
    assert not (folder / "results/ci" / LONG / "last.ckpt").exists()
    model = f"results/ci/{LONG}/model.safetensors"
    assert (folder / model).read_bytes() == (long / model).read_bytes()


def test_a_failing_job_is_told_with_its_log(runs: tuple[Done, Done]) -> None:
    _, code, printed = runs[1]
    assert code != 0
    assert f"results/ci/logs/{FAILING}.log" in printed, printed
    assert "is not finite" in printed, printed
