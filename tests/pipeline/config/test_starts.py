"""Trainings that begin from trained weights: of the run under a loss, or out of a file whose SHA-256 counts."""

import shutil
from pathlib import Path
from typing import Any

import torch
from _config import PlanOf, both, place, refused
from _plans import train_spec
from safetensors.torch import save_file

from lossbench import networks, storage
from lossbench.files import sha256
from pipeline.config import starts
from pipeline.config.losses import SEED_OFFSET
from pipeline.planning.job import File
from pipeline.planning.plan import Plan

KEY = ("super_resolution_x2", "photographs", "edsr")
SMALL = {"channels": 4, "blocks": 1, "scale": 2}


def stored(file: Path, name: str = "edsr", **arguments: Any) -> Path:
    """Write a network with random weights as a training leaves it."""
    torch.manual_seed(1)
    arguments = {**SMALL, **arguments} if name == "edsr" else arguments
    network = networks.build(name, **arguments)
    storage.save(file, network, {"name": name, "arguments": arguments})
    return file


def initial(plan: Plan, loss: str, seed: str = "0") -> Any:
    file = plan.job("train", (*KEY, loss, seed)).reads.get("initial")
    return file.job.key if isinstance(file, File) else file


def test_every_run_but_that_under_the_loss_itself_begins_from_its_run_of_the_same_seed(plan_of: PlanOf) -> None:
    plan = plan_of(place("scale.networks.edsr.start", "original"))
    for seed in ("0", "1"):
        assert initial(plan, "ctmae", seed) == (*KEY, "original", seed)
        assert initial(plan, "original", seed) is None
    assert train_spec(plan, *KEY, "ctmae", "0").start == "loss original"
    # the A/A row of the loss that is begun from is that again, from random weights of other seeds
    assert initial(plan, "original_again") is None
    for loss in ("original", "original_again"):
        spec = train_spec(plan, *KEY, loss, "0")
        assert spec.start is None and "start" not in spec.canonical()
    # another network of the table is as it was
    assert train_spec(plan, *KEY[:2], "rfdn", "ctmae", "0").start is None


def test_an_a_a_row_begins_from_a_run_of_other_seeds_than_what_it_is_held_against(plan_of: PlanOf) -> None:
    changes = both(
        place("scale.networks.edsr.start", "l2"),
        place("table.columns", {"x2": {"task": KEY[0], "dataset": "div2k", "test_set": {"dataset": "div2k"}}}),
        place("table.metrics.psnr.crop", 2), place("table.metrics.niqe.crop", 2), place("table.metrics.grid.crop", 2),
    )  # fmt: skip
    plan = plan_of(changes)
    assert initial(plan, "original") == (*KEY, "l2", "0")
    assert initial(plan, "original_again") == (*KEY, "l2", str(SEED_OFFSET))


def test_a_task_may_begin_otherwise(plan_of: PlanOf) -> None:
    own = place("scale.networks.edsr.start_per_task", {"super_resolution_x4": None})
    plan = plan_of(both(place("scale.networks.edsr.start", "original"), own))
    assert train_spec(plan, "super_resolution_x4", *KEY[1:], "ctmae", "0").start is None
    assert train_spec(plan, *KEY, "ctmae", "0").start == "loss original"


def test_the_table_says_what_its_trainings_begin_from(plan_of: PlanOf, tmp_path: Path) -> None:
    table: Any = plan_of(place("scale.networks.edsr.start", "original")).job("tabulate", ("mae_loss", "table3")).spec
    said = "; trainings begin from the run under original of the same seed, whose steps come on top of theirs"
    assert [line.split(":")[0] for line in table.settings if said in line] == ["edsr"]
    file = stored(tmp_path / "edsr.safetensors")
    start = {"super_resolution_x2": str(file)}
    table = plan_of(place("scale.networks.edsr.start_per_task", start)).job("tabulate", ("mae_loss", "table3")).spec
    said = f"; for super_resolution_x2 trainings begin from {file} (sha256:{sha256(file)[:12]})"
    assert [line.split(":")[0] for line in table.settings if said in line] == ["edsr"]


def test_a_files_content_decides_the_runs_and_not_its_place(plan_of: PlanOf, tmp_path: Path) -> None:
    first = stored(tmp_path / "it's first.safetensors")
    moved = Path(shutil.copy(first, tmp_path / "moved.safetensors"))
    jobs = [
        plan_of(place("scale.networks.edsr.start_per_task", {KEY[0]: str(file)})).job("train", (*KEY, "ctmae", "0"))
        for file in (first, moved)
    ]
    assert [job.spec.start for job in jobs] == [f"sha256:{sha256(first)}"] * 2  # type: ignore[attr-defined]
    assert jobs[0].digest == jobs[1].digest and jobs[0].options == jobs[1].options
    assert jobs[1].given_options == f"--initial {moved}" and "'\"'\"'" in jobs[0].given_options
    stored(moved)
    torch.manual_seed(2)
    storage.save(moved, networks.build("edsr", **SMALL), {"name": "edsr", "arguments": SMALL})
    changed = plan_of(place("scale.networks.edsr.start_per_task", {KEY[0]: str(moved)}))
    assert changed.job("train", (*KEY, "ctmae", "0")).digest != jobs[0].digest


def test_what_can_not_be_begun_from_is_refused_at_planning(plan_of: PlanOf, tmp_path: Path) -> None:
    where = "config/scale/ci.yaml: networks.edsr.start"

    def start(value: object) -> Any:
        return place("scale.networks.edsr.start", str(value))

    refused(plan_of, (start("orignal"), f"{where}: 'orignal' is neither a loss nor a file; did you mean 'original'?"))
    other = stored(tmp_path / "other.safetensors", channels=8)
    refused(plan_of, (start(other), f"{where}: {other} holds 'edsr' with channels 8, not 4; make them equal"))
    rfdn = stored(tmp_path / "rfdn.safetensors", "rfdn", scale=2, channels=8, blocks=1)
    refused(plan_of, (start(rfdn), f"{where}: {rfdn} holds the network 'rfdn', not 'edsr'"))
    for file in (tmp_path / "notes.txt", tmp_path / "cut.safetensors"):
        file.touch()
        refused(plan_of, (start(file), f"{where}: {file} holds no trained network; give the model.safetensors of a"))
    encoder = tmp_path / "encoder.safetensors"
    storage.save(encoder, torch.nn.Linear(1, 1), {"name": "edsr"}, "loss_network")
    refused(plan_of, (start(encoder), f"{where}: {encoder} holds no trained network"))


def test_what_another_project_saved_is_begun_from_and_its_content_counts(plan_of: PlanOf, tmp_path: Path) -> None:
    state = networks.build("edsr", **SMALL).state_dict()
    pickled, plain = tmp_path / "net_g_latest.pth", tmp_path / "model.safetensors"
    torch.save({"params": state}, pickled)
    save_file(state, plain)
    for file in (pickled, plain):
        plan = plan_of(place("scale.networks.edsr.start", str(file)))
        assert train_spec(plan, *KEY, "ctmae", "0").start == f"sha256:{sha256(file)}"


def test_the_words_that_mark_a_file_of_ours_are_those_of_the_storage() -> None:
    assert storage.KINDS.keys() == starts.OURS
