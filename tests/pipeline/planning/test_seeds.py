"""Loss networks that are pre-trained or drawn have the seed of the run that learns by them; the rest is one for all."""

from dataclasses import replace
from typing import Any

import pytest
from _plans import at_ci, planned

from pipeline.planning.plan import Plan
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.train import TrainSpec

KEY = ("super_resolution_x2", "photographs", "edsr")


def with_seeds(*seeds: int, **arguments: Any) -> Plan:
    """Plan table 3 under `seeds`, with `arguments` of the random transformer."""
    read = at_ci()
    own = read.losses["random_tmae"]
    losses = {**read.losses, "random_tmae": own.model_copy(update={"arguments": {**own.arguments, **arguments}})}
    tables = {"mae_loss/table3": read.tables["mae_loss/table3"]}
    return Plan(replace(read, scale=read.scale.model_copy(update={"seeds": seeds}), tables=tables, losses=losses))


def loss_network(plan: Plan, loss: str, seed: int) -> tuple[str, Any]:
    """Return path and job of the loss network of one training."""
    path = str(plan.job("train", (*KEY, loss, str(seed))).inputs["weights"])
    return path.removeprefix("results/ci/"), plan.makers()[path].spec


@pytest.mark.parametrize(
    ("loss", "made"),
    [
        ("kmae", "mae_public{}/generic_photographs"),
        ("ctmae", "mae_task{}/photographs"),
        ("ccmae", "cnn_mae_task{}/photographs"),
    ],
)
def test_a_loss_network_is_trained_under_the_seed_of_the_run(loss: str, made: str) -> None:
    plan = with_seeds(3, 0, 5)
    for seed, suffix in ((3, ""), (0, "_seed0"), (5, "_seed5")):
        path, spec = loss_network(plan, loss, seed)
        # the scale's first seed has the plain name
        assert path == f"pretrain/{made.format(suffix)}/network.safetensors"
        assert isinstance(spec, PretrainSpec) and spec.seed == seed


def test_what_is_imported_or_serves_several_runs_is_one_for_all_seeds() -> None:
    plan = with_seeds(3, 0)
    paths = {loss_network(plan, "vgg", seed)[0] for seed in (3, 0)}
    assert paths == {"pretrain/vgg/public/network.safetensors"}
    # of its file the random encoder takes the architecture alone
    assert {loss_network(plan, "random_tmae", seed)[0] for seed in (3, 0)} == {loss_network(plan, "ctmae", 3)[0]}
    classifiers = planned("ci").jobs["train_classifier"]
    assert {job.spec.seed for job in classifiers.values()} == {0}  # type: ignore[attr-defined]


def test_a_random_encoder_is_drawn_by_the_seed_of_the_run_unless_another_is_named() -> None:
    plan = with_seeds(0, 7)
    for loss in ("random_tmae", "random_cmae"):
        found = [plan.job("train", (*KEY, loss, seed)).spec for seed in ("0", "7")]
        assert [spec.loss.arguments["seed"] for spec in found if isinstance(spec, TrainSpec)] == [0, 7]
    plan = with_seeds(0, 1, seed=11)
    for seed in ("0", "1"):
        spec = plan.job("train", (*KEY, "random_tmae", seed)).spec
        assert isinstance(spec, TrainSpec) and spec.loss.arguments["seed"] == 11


def test_the_table_says_what_is_made_anew_for_every_seed() -> None:
    said = "\n".join(with_seeds(0, 1).job("tabulate", ("mae_loss", "table3")).spec.settings)  # type: ignore[attr-defined]
    assert "schedule cosine, anew for every seed; source: He et al. 2022" in said
    assert "weights drawn at random, anew for every seed" in said
    assert "imported weights, anew" not in said
    alone = "\n".join(with_seeds(0).job("tabulate", ("mae_loss", "table3")).spec.settings)  # type: ignore[attr-defined]
    assert "anew" not in alone
