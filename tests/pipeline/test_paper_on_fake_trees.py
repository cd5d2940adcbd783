"""The scale `paper` on fake trees of its published data sets: all of its data, tasks and tables, in two steps.

Networks are those of the scale `ci`; so are loss networks and classifiers, since published weights are no data set.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from _fake_trees import TREES, WNIDS, write_trees
from _repository import ROOT

from lossbench.datasets import _card as cards
from pipeline.command import recorded
from pipeline.config import read
from pipeline.planning.job import Job, closure
from pipeline.planning.plan import Plan

pytestmark = pytest.mark.slow
TAKEN = ("networks", "classifiers", "loss_networks", "losses", "metrics", "evaluation", "absent_controls")
"""Sections of `ci`, which are narrow and know no published weights; it leaves out what follows from measured steps."""

READERS = ("submit", "train_classifier", "train_distance")
"""Stages that read a data set as it lies there; `prepare` does for the others."""


def shortened(entry: Any) -> Any:
    """Return a section with trainings of two steps, and ImageNet of as many classes as the tree has."""
    if isinstance(entry, list):
        return [shortened(one) for one in entry]
    if not isinstance(entry, dict):
        return entry
    own = {"steps": 2} if "batch" in entry else {"classes": len(WNIDS)} if "classes" in entry else {}
    return {**{name: shortened(value) for name, value in entry.items()}, **own}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """Plan all tables at a scale of the user's, and work where its results go."""
    folder = tmp_path_factory.mktemp("paper")
    shutil.copytree(ROOT / "config", folder / "config")
    paper, ci = (yaml.safe_load((ROOT / f"config/scale/{name}.yaml").read_text("utf-8")) for name in ("paper", "ci"))
    small = {**paper, **{name: shortened(ci[name]) for name in TAKEN}, "seeds": [0], "gpus": 0, "full": False}
    # those who stand for public files there are trained on what the scale has
    small["loss_networks"]["mae_public"]["dataset"] = "div2k"
    small["loss_networks"]["video_mae_public"]["dataset"] = "davis"
    (folder / "config/scale/small.yaml").write_text(yaml.safe_dump(small), encoding="utf-8")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        write_trees(folder / "data", patch)
        os.chdir(folder)
        values = {**read.values(folder / "config"), "scale": "small", "data_root": str(folder / "data")}
        yield Plan.from_config(values, folder / "config")
        os.chdir(before)
    cards.card.cache_clear()


@pytest.fixture(scope="module")
def last(plan: Plan) -> dict[str, Job]:
    """Return the job that ends the smallest chain of every data set: a training of its own, or scores of a network."""
    found: dict[str, Job] = {}
    sizes: dict[str, int] = {}
    for stage in ("evaluate", "generate", "submit", "train_classifier", "train_distance"):
        for job in plan.jobs[stage].values():
            if not job.stage.startswith("train") and "model" not in job.reads:
                continue
            chain = [*closure(job)]
            for name in {each.key[-1] if each.stage in READERS else each.key[0] for each in chain if reads(each)}:
                if len(chain) < sizes.get(name, len(chain) + 1):
                    found[name], sizes[name] = job, len(chain)
    return found


def reads(job: Job) -> bool:
    """Return whether a job reads the files of a user's data set, which its key names."""
    return job.stage == "prepare" or (job.stage in READERS and job.key[-1] in TREES)


def options(job: Job) -> list[str]:
    """Return the command line of a job, as its rule has it."""
    outputs = job.outputs()
    files = {name: path for name, path in outputs.items() if name in ("scores", "pictures")}
    if job.stage not in ("evaluate", "generate"):
        files = {"output": str(Path(next(iter(outputs.values()))).parent)}
    if job.stage in ("pretrain", "train", "train_classifier", "train_distance"):
        files |= {"label": str(job), "checkpoint-seconds": "1000"}
    if job.stage in ("import_weights", "train_classifier"):
        files["weights-root"] = "weights"
    written = [text for name, value in files.items() for text in (f"--{name}", value)]
    return [*shlex.split(f"--code {job.code} {job.recording} {job.options}"), *written]


def run(job: Job) -> None:
    """Make the files of a job and of all that it rests on, where they are not there."""
    for each in closure(job):
        if not Path(each.record).exists():
            recorded(import_module(f"pipeline.{each.stage}").main, options(each), each.spec.canonical)
            assert all(Path(path).exists() for path in each.outputs().values()), str(each)


def test_nothing_of_the_fake_trees_is_missing(plan: Plan) -> None:
    assert plan.missing() == []


def test_every_data_set_of_the_scale_has_a_tree(last: dict[str, Job]) -> None:
    # ImageNet's validation pictures lie in its own tree
    assert set(last) == {*TREES, "imagenet_validation"}


@pytest.mark.parametrize("name", [*sorted(TREES), "imagenet_validation"])
def test_a_data_set_goes_through_its_whole_chain(last: dict[str, Job], name: str) -> None:
    run(last[name])
