"""Tables of auto-encoders: what does not fit them, or a figure of theirs, is refused at planning with its entry."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from _repository import ROOT

from lossbench.errors import UserError
from pipeline.config import read
from pipeline.config.read import Configuration
from pipeline.config.table import Table
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

CONFIG = ROOT / "config"
SWEEP, SCATTER, GALLERY = (f"log_cosh/{name}" for name in ("figure6", "figure10", "samples"))


@cache
def configured() -> Configuration:
    return Configuration.read({**read.values(CONFIG), "scale": "ci", "tables": [SWEEP, SCATTER, GALLERY]}, CONFIG)


def changed(name: str, **changes: Any) -> Configuration:
    """Return the configuration with one table alone, some of whose entries are others."""
    # the A/A row stands among the losses already
    values = {**configured().tables[name].model_dump(), "again": None}
    table = Table.parse({**values, **changes}, name)
    return replace(configured(), tables={name: table})


def refusal(configuration: Configuration) -> str:
    with pytest.raises(UserError) as caught:
        Plan(configuration)
    return str(caught.value)


def column(name: str, **changes: Any) -> dict[str, Any]:
    """Return the first column of a table with other entries."""
    label, found = next(iter(configured().tables[name].columns.items()))
    return {label: {**found.model_dump(), **changes}}


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        (
            SWEEP,
            {"networks": ["noise2noise"]},
            "networks: 'noise2noise' is no auto-encoder, and the table",
        ),
        (SCATTER, {"networks": ["vae"]}, "networks: 'vae' is an auto-encoder, and the table compares restorations"),
        (
            SWEEP,
            {"columns": column(SWEEP, task="text_removal")},
            "columns.mnist.task: 'text_removal' is for",
        ),
        (
            SCATTER,
            {"columns": column(SCATTER, task="generation_mnist")},
            "columns.text.task: 'generation_mnist' is",
        ),
        (
            GALLERY,
            {"losses": ["l2_2", "vgg"]},
            "losses: 'vgg' compares features, and the bound",
        ),
        (
            SWEEP,
            {"columns": configured().tables[GALLERY].columns},
            "figure.kind: sweep shows one of the columns",
        ),
        (SCATTER, {"figure": configured().tables[SWEEP].figure}, "figure.kind: sweep shows what auto-encoders make"),
        (SCATTER, {"figure": {"kind": "gallery"}}, "figure.kind: gallery shows what auto-encoders make; take scatter"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_table(name: str, changes: dict[str, Any], words: str) -> None:
    said = refusal(changed(name, **changes))
    assert said.startswith(f"config/tables/{name}.yaml: ") and words in said


@pytest.mark.parametrize("part", ["arguments", "arguments_per_task"])
def test_an_argument_that_contradicts_the_task_is_refused(part: str) -> None:
    found = configured()
    vae = found.scale.networks["vae"]
    own = {**vae.arguments, "side": 64} if part == "arguments" else {"generation_mnist": {"side": 64}}
    networks = {**found.scale.networks, "vae": vae.model_copy(update={part: own})}
    said = refusal(replace(found, scale=found.scale.model_copy(update={"networks": networks})))
    place = part if part == "arguments" else f"{part}.generation_mnist"
    assert f"networks.vae.{place}.side: 64, but the task generation_mnist says 32; leave it out" in said


def test_no_training_depends_on_how_much_text_is_tested_with() -> None:
    found = configured()
    task = found.config.tasks["text_removal"]
    other = task.model_copy(update={"settings": {**task.settings, "test_occupancy": 0.3}})
    config = found.config.model_copy(update={"tasks": {**found.config.tasks, "text_removal": other}})
    plans = [
        Plan(replace(one, tables={SCATTER: found.tables[SCATTER]})) for one in (found, replace(found, config=config))
    ]
    before, after = ({key: job.spec for key, job in plan.jobs["train"].items()} for plan in plans)
    assert before == after and all(isinstance(spec, TrainSpec) for spec in before.values())
    assert plans[0].jobs["degrade"].popitem()[1].spec != plans[1].jobs["degrade"].popitem()[1].spec


def test_two_tables_that_score_one_run_in_two_ways_are_told_what_differs() -> None:
    found = configured()
    fewer = {name: metric for name, metric in found.tables[SWEEP].metrics.items() if name != "frechet_vgg16"}
    less = found.tables[SWEEP].model_copy(update={"metrics": fewer})
    said = refusal(replace(found, tables={**found.tables, SWEEP: less}))
    assert said.startswith("two tables ask for generate jobs 'generation_mnist/digits/vae/")
    assert "that differ in metrics; give the task of one table a second name in config.yaml, under tasks" in said
