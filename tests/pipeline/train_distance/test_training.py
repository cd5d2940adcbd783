"""Stage train_distance: what it writes, that heads learn to rank, and that it resumes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _distance import ARCHITECTURE, LABEL, OUTPUTS, SIDE, WIDTHS, MakeSpec, run
from _runs import UNFINISHED, assert_same_run, card, cut_off, history, names
from torch import Tensor

from lossbench import loss_networks
from lossbench.loss_networks import robust_lpips
from pipeline import train_distance
from pipeline.learning.judgements import DISTORTIONS
from pipeline.learning.ranking import perturb_triplets
from pipeline.specs.distance import DistanceSpec

ATTACK = {"radius": 0.3, "steps": 2}


def heads(folder: Path) -> list[Tensor]:
    network: Any = loss_networks.load(folder / "network.safetensors")[0]
    return [head.weight for head in network.heads]


def mean(folder: Path, column: str) -> float:
    return float(np.mean([scores[column] for scores in card(folder)["two_afc"].values()]))


TRAINED = {"steps": 60, "batch": 24, "learning_rate": 2e-2, "history": 6}


@pytest.fixture(scope="module")
def standard(
    tmp_path_factory: pytest.TempPathFactory, trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec
) -> Path:
    folder = tmp_path_factory.mktemp("distance") / "standard"
    return run(make_spec(TRAINED, held_out=40, initial=True), folder, trunk, targets=targets, initial=deepest)


def test_a_run_leaves_network_card_and_history(standard: Path, trunk: Path) -> None:
    assert names(standard) == OUTPUTS
    network: Any
    network, stored_card = loss_networks.load(standard / "network.safetensors")
    found = card(standard)
    assert stored_card == found
    assert network.loss_network == "robust_lpips" and network.architecture == ARCHITECTURE
    assert found["judgements"] == "pseudo" and found["code"] == "code"
    assert DistanceSpec.parse(found["spec"], "card").side == SIDE
    assert found["parameters"] == sum(WIDTHS) + 5 * 32 + 32 + 32 * 32 + 32 + 32 + 1
    assert list(found["two_afc"]) == list(DISTORTIONS)
    for scores in found["two_afc"].values():
        assert list(scores) == ["clean", "triplets"] and scores["triplets"] == 40
    given = loss_networks.load(trunk)[0].state_dict()
    assert all(torch.equal(value, given[name]) for name, value in network.trunk.state_dict().items())
    rows = history(standard)
    assert list(rows[0]) == ["step", "learning_rate", "total", "ranking", "agreement", "gradient_norm"]
    assert all(row["total"] == row["ranking"] for row in rows)


def test_heads_learn_to_rank_better_than_chance_and_than_those_that_they_began_as(
    standard: Path, trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec({"steps": 1, "learning_rate": 1e-12}, held_out=40, initial=True)
    untrained = run(spec, tmp_path / "untrained", trunk, targets=targets, initial=deepest)
    assert mean(untrained, "clean") < 0.75
    assert mean(standard, "clean") > max(0.9, mean(untrained, "clean") + 0.15)
    rows = [float(row["ranking"]) for row in history(standard)]
    assert np.mean(rows[-3:]) < 0.7 * rows[0]


def test_heads_are_never_negative_though_they_would_be_without_the_clamp(
    standard: Path,
    trunk: Path,
    targets: Path,
    deepest: Path,
    make_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert min(float(head.min()) for head in heads(standard)) == 0
    # some have grown in every layer
    assert all(float(head.max()) > 0 for head in heads(standard))
    monkeypatch.setattr(robust_lpips.RobustLPIPS, "clamp_heads", lambda self: None)
    spec = make_spec({"steps": 10, "batch": 24, "learning_rate": 2e-2}, held_out=1, initial=True)
    free = run(spec, tmp_path / "free", trunk, targets=targets, initial=deepest)
    assert min(float(head.min()) for head in heads(free)) < 0


def test_heads_trained_against_attacks_withstand_them_better_than_others(
    trunk: Path, targets: Path, deepest: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacks: list[tuple[Any, ...]] = []

    def noted(*arguments: Any) -> Tensor:
        attacks.append(arguments[3:])
        return perturb_triplets(*arguments)

    recipe = {**TRAINED, "steps": 40, "learning_rate": 3e-2}
    spec = make_spec(recipe, held_out=16, initial=True, attack={"radius": 0.3, "steps": 3})
    monkeypatch.setattr(train_distance, "perturb_triplets", noted)
    robust = run(spec, tmp_path / "robust", trunk, targets=targets, initial=deepest)
    assert attacks == [(0.3, 3, None)] * 40
    monkeypatch.setattr(train_distance, "perturb_triplets", lambda model, images, *_: images)
    plain = run(spec, tmp_path / "plain", trunk, targets=targets, initial=deepest)
    for folder in (robust, plain):
        for scores in card(folder)["two_afc"].values():
            assert list(scores) == ["clean", "attacked", "attacked_directly", "triplets"]
        assert mean(folder, "clean") > 0.9
        assert mean(folder, "attacked") < mean(folder, "clean") - 0.1
    assert mean(robust, "attacked_directly") > mean(plain, "attacked_directly") + 0.05


def test_the_radius_grows_in_the_warm_up(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[float, float | None]] = []

    def noted(_: object, images: Tensor, __: Tensor, radius: float, ___: int, length: float | None) -> Tensor:
        sizes.append((radius, length))
        return images

    monkeypatch.setattr(train_distance, "perturb_triplets", noted)
    for name, attack in (("warm", {**ATTACK, "step": 0.1, "warm_up": 0.5}), ("cold", {**ATTACK, "step": 0.1})):
        run(make_spec(attack=attack, held_out=1), tmp_path / name, trunk, targets=targets)
    grown = [(0.3 * share, 0.1 * share) for share in (0.25, 0.5, 0.75)]
    for found, expected in zip(sizes, [*grown, *[(0.3, 0.1)] * 13], strict=True):
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(("precision", "cut"), [("float32", 5), ("bfloat16", 1)])
def test_a_run_that_was_cut_off_resumes_and_ends_with_the_same_bytes(
    precision: str,
    cut: int,
    trunk: Path,
    targets: Path,
    make_spec: MakeSpec,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec({"precision": precision, "learning_rate": 5e-2, "augment": True}, attack=ATTACK, held_out=2)
    whole, folder = run(spec, tmp_path / "whole", trunk, targets=targets), tmp_path / "cut"
    with cut_off(train_distance, "perturb_triplets", cut):
        run(spec, folder, trunk, targets=targets, checkpoint_seconds=0)
    assert names(folder) == UNFINISHED
    capsys.readouterr()
    run(spec, folder, trunk, targets=targets)
    assert f"{LABEL}  resumes at step {cut}/8" in capsys.readouterr().out
    assert names(folder) == OUTPUTS
    assert_same_run(folder, whole, "network.safetensors", loss_networks.load)
    assert card(folder)["precision"] == precision


def test_the_mask_of_dropout_depends_on_the_seed_and_the_step_alone(
    trunk: Path, targets: Path, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[Tensor] = []

    def noted(module: torch.nn.Module, given: tuple[Tensor], _: Tensor) -> Tensor | None:
        if not module.training:
            return None
        found = torch.nn.functional.dropout(given[0], 0.5)
        masks.append(found != 0)
        return found

    built = loss_networks.build

    def build(name: str, **architecture: Any) -> Any:
        network: Any = built(name, **architecture)
        if name == "robust_lpips":
            network.dropout = torch.nn.Dropout(0.0)
            network.dropout.register_forward_hook(noted)
        return network

    monkeypatch.setattr(loss_networks, "build", build)
    run(make_spec({"steps": 2}), tmp_path / "run", trunk, targets=targets)
    # two distances of five layers a step
    first, second = masks[:10], masks[10:]
    assert len(second) == 10
    assert not torch.equal(first[0], first[5]) and not torch.equal(first[0], second[0])
    masks.clear()
    # with an attack, whose passes drop nothing
    run(make_spec({"steps": 2}, attack={"radius": 1e-6, "steps": 1}), tmp_path / "again", trunk, targets=targets)
    kept = [(mine == other).float().mean() for mine, other in zip(first, masks, strict=False)]
    assert len(masks) == 20 and min(kept) > 0.95
