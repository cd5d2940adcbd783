"""The ranking network, the attack on triplets, and the 2AFC score: norms, modes, and hand-made numbers."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench import loss_networks
from lossbench.attacks.targeted import norms
from lossbench.device import Device
from pipeline.learning import ranking
from pipeline.learning.ranking import Ranker, agreement, perturb_triplets, score, triplets
from pipeline.specs.distance import DistanceAttackSpec

WIDTHS = [4, 6, 8, 8, 8]
SIDE = 20
RADIUS = 0.6


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model() -> Ranker:
    torch.manual_seed(0)
    return Ranker(loss_networks.build("robust_lpips", widths=WIDTHS)).train()


def drawn(count: int, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    generator = np.random.default_rng(seed)
    images = [generator.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8) for _ in range(3)]
    return [*images, generator.integers(0, 3, count).astype(np.float32) / 2]


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    return triplets(drawn(4), torch.device("cpu"))


def cross_entropy(model: Ranker, images: Tensor, judge: Tensor) -> Tensor:
    """Return that of each triplet, in evaluation mode."""
    modes = [module.training for module in model.modules()]
    with torch.no_grad():
        found = F.binary_cross_entropy_with_logits(model.eval()(images), judge, reduction="none")
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    return found


def test_the_ranking_network_is_that_of_lpips(model: Ranker) -> None:
    sizes = [tuple(parameter.shape) for parameter in model.network.parameters()]
    assert sizes == [(32, 5), (32,), (32, 32), (32,), (1, 32), (1,)]
    first, second = torch.tensor([0.3, 0.1]), torch.tensor([0.2, 0.5])
    values = np.array([[0.3, 0.2, 0.1, 0.3 / 0.3, 0.2 / 0.4], [0.1, 0.5, -0.4, 0.1 / 0.6, 0.5 / 0.2]])
    weights = [parameter.detach().numpy() for parameter in model.network.parameters()]
    for weight, bias in ((weights[0], weights[1]), (weights[2], weights[3])):
        values = values @ weight.T + bias
        values = np.where(values > 0, values, 0.2 * values)
    expected = (values @ weights[4].T + weights[5]).squeeze(1)
    with torch.no_grad():
        np.testing.assert_allclose(model.logits(first, second), expected, rtol=1e-4, atol=1e-6)


def test_distances_of_triplets_are_those_of_the_loss_network(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    model.eval()
    reference, one, other = batch[0].chunk(3)
    with torch.no_grad():
        first, second = model.distances(batch[0])
        np.testing.assert_allclose(first, model.distance.distances(reference, one), rtol=1e-5)
        np.testing.assert_allclose(second, model.distance.distances(reference, other), rtol=1e-5)
        assert torch.equal(model(batch[0]), model.logits(first, second))


def test_the_trunk_sees_each_image_once(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    seen: list[int] = []
    model.distance.trunk.conv1_1.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    model.distances(batch[0])
    assert seen == [12]


def test_under_autocast_the_trunk_alone_is_bfloat16(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    kinds: list[torch.dtype] = []
    model.distance.trunk.conv3_1.register_forward_hook(lambda *found: kinds.append(found[2].dtype))
    exact = torch.stack(model.eval().distances(batch[0])).detach()
    with torch.autocast("cpu", torch.bfloat16):
        found = model.distances(batch[0])
        logits = model.logits(*found)
    assert kinds == [torch.float32, torch.bfloat16]
    assert {tensor.dtype for tensor in (*found, logits)} == {torch.float32}
    np.testing.assert_allclose(torch.stack(found).detach(), exact, rtol=0.1)
    # heads in bfloat16 would round a distance to 8 bits
    assert not torch.equal(found[0].bfloat16().float(), found[0])


def test_the_trunk_is_frozen_and_in_evaluation_mode(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    assert model.training and model.distance.dropout.training and not model.distance.trunk.training
    model.eval()
    assert not model.distance.dropout.training
    model.train()
    before = {name: value.clone() for name, value in model.distance.trunk.state_dict().items()}
    error = F.binary_cross_entropy_with_logits(model(batch[0]), batch[1])
    error.backward()
    assert all(parameter.grad is None for parameter in model.distance.trunk.parameters())
    learning = [*model.distance.heads.parameters(), *model.network.parameters()]
    assert all(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in learning)
    assert [p for p in model.parameters() if p.requires_grad] == learning
    assert all(torch.equal(value, before[name]) for name, value in model.distance.trunk.state_dict().items())


@pytest.mark.parametrize("step_size", [None, 0.02, 5.0])
@pytest.mark.parametrize(("radius", "direct"), [(RADIUS, False), (RADIUS, True), (20.0, False)])
def test_the_attack_stays_in_each_ball_and_in_range(
    model: Ranker, batch: tuple[Tensor, Tensor], radius: float, direct: bool, step_size: float | None
) -> None:
    batch = batch[0], torch.tensor([0.0, 1.0, 0.8, 0.0])
    changed = perturb_triplets(model, *batch, radius, 6, step_size, direct)
    assert changed.shape == batch[0].shape and not changed.requires_grad
    assert float(norms(changed - batch[0]).max()) <= radius + 1e-5
    assert float(changed.min()) >= 0 and float(changed.max()) <= 1
    # reference and both variants: none is spared
    assert float(norms(changed - batch[0]).min()) > 0


def test_the_attack_raises_the_cross_entropy_of_every_triplet(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    images, judge = batch[0], torch.tensor([0.0, 1.0, 1.0, 0.0])
    before = cross_entropy(model, images, judge)
    weak, strong = (
        cross_entropy(model, perturb_triplets(model, images, judge, radius, 10), judge) for radius in (0.2, RADIUS)
    )
    assert bool((weak > before).all()) and bool((strong > weak).all())


def test_the_direct_attack_moves_the_chosen_variant_away_whatever_the_ranking_network_is(
    model: Ranker, batch: tuple[Tensor, Tensor]
) -> None:
    images, judge = batch[0], torch.tensor([0.0, 1.0, 0.5, 0.8])
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.zero_()
    # it has nothing to climb
    assert torch.equal(perturb_triplets(model, images, judge, RADIUS, 5), images)
    changed = perturb_triplets(model, images, judge, RADIUS, 5, direct=True)
    assert torch.equal(changed, perturb_triplets(model.eval(), images, judge, RADIUS, 5, direct=True))
    with torch.no_grad():
        before, after = (second - first for first, second in map(model.distances, (images, changed)))
    assert after[0] < before[0] and after[1] > before[1] and after[3] > before[3]
    # where as many chose either there is nothing to win
    assert torch.equal(changed[2::4], images[2::4])


def test_the_attack_is_that_of_its_formula(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    images, judge = batch
    expected = images.clone()
    model.eval()
    for _ in range(3):
        current = expected.clone().requires_grad_(True)
        F.binary_cross_entropy_with_logits(model(current), judge, reduction="sum").backward()
        assert current.grad is not None
        for place, gradient in enumerate(current.grad):
            moved = current[place].detach() + 2 * RADIUS / 3 * gradient / gradient.norm()
            change = moved - images[place]
            expected[place] = (images[place] + change * min(1.0, RADIUS / float(change.norm()))).clamp(0, 1)
    np.testing.assert_allclose(perturb_triplets(model, images, judge, RADIUS, 3), expected, atol=1e-4)


def test_triplets_of_a_batch_do_not_influence_each_other(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    images, judge = batch
    together = perturb_triplets(model, images, judge, RADIUS, 3)
    for place in range(4):
        alone = perturb_triplets(model, images[place::4], judge[place : place + 1], RADIUS, 3)
        np.testing.assert_allclose(alone, together[place::4], atol=1e-4)


def test_the_attack_leaves_the_model_as_it_was(model: Ranker, batch: tuple[Tensor, Tensor]) -> None:
    model.network[0].eval()
    modes = {name: module.training for name, module in model.named_modules()}
    trainable = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    seen: list[bool] = []
    model.distance.dropout.register_forward_hook(lambda module, *_: seen.append(module.training))
    state = torch.get_rng_state()
    perturb_triplets(model, *batch, RADIUS, 2)
    assert seen and not any(seen)
    assert torch.equal(torch.get_rng_state(), state)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert [name for name, parameter in model.named_parameters() if parameter.requires_grad] == trainable
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match="Target size"):
        perturb_triplets(model, batch[0], batch[1][:2], RADIUS, 2)
    assert {name: module.training for name, module in model.named_modules()} == modes


def test_equal_variants_are_attacked_without_a_breakdown(model: Ranker) -> None:
    flat = torch.full((3, 3, SIDE, SIDE), 0.5)
    changed = perturb_triplets(model, flat, torch.tensor([1.0]), RADIUS, 3)
    assert bool(changed.isfinite().all())


def test_agreement_weighs_by_the_share_of_people_and_halves_ties() -> None:
    first, second = torch.tensor([1.0, 2.0, 1.0, 1.0]), torch.tensor([2.0, 1.0, 2.0, 1.0])
    judge = torch.tensor([0.2, 0.2, 1.0, 0.2])
    assert agreement(first, second, judge).tolist() == pytest.approx([0.8, 0.2, 0.0, 0.5])


def test_scores_are_means_of_each_validation_set(
    model: Ranker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ranking, "PROGRESS_SECONDS", -1.0)
    chosen = Device(torch.device("cpu"), torch.float32)
    batches = [("a", drawn(5, 1)), ("a", drawn(3, 2)), ("b", drawn(4, 3))]
    attack = DistanceAttackSpec(radius=RADIUS, steps=3)
    torch.manual_seed(5)
    other = Ranker(loss_networks.build("robust_lpips", widths=WIDTHS))
    found = score(model, batches, attack, chosen, "label", other)
    assert list(found) == ["a", "b"]
    model.eval()
    for name, kept in (("a", batches[:2]), ("b", batches[2:])):
        expected: dict[str, list[float]] = {"clean": [], "attacked": [], "attacked_directly": [], "released": []}
        for _, data in kept:
            images, judge = triplets(data, torch.device("cpu"))
            changed, moved = (perturb_triplets(model, images, judge, RADIUS, 3, None, direct) for direct in (0, 1))
            with torch.no_grad():
                for kind, ranker, seen in (
                    ("clean", model, images),
                    ("attacked", model, changed),
                    ("attacked_directly", model, moved),
                    ("released", other.eval(), images),
                ):
                    expected[kind] += agreement(*ranker.distances(seen), judge).tolist()
        means = {kind: float(np.mean(values)) for kind, values in expected.items()}
        means["difference"] = means["clean"] - means["released"]
        assert found[name] == pytest.approx({**means, "triplets": len(expected["clean"])}, abs=1e-4)
        assert found[name]["attacked_directly"] < found[name]["clean"]
    assert re.search(r"^label  scored for \d s  b: clean", capsys.readouterr().out, re.MULTILINE)
    plain = score(model, batches, None, chosen, "label")
    assert {name: list(columns) for name, columns in plain.items()} == {name: ["clean", "triplets"] for name in "ab"}


def test_a_logit_is_that_of_the_share_who_choose_the_second() -> None:
    # a network whose logit is the difference of the distances prefers the second variant where it is nearer
    torch.manual_seed(0)
    model = Ranker(loss_networks.build("robust_lpips", widths=WIDTHS))
    for parameter in model.network.parameters():
        parameter.data.zero_()
    with torch.no_grad():
        model.network[0].weight[0, 2] = model.network[2].weight[0, 0] = model.network[4].weight[0, 0] = 1
    with torch.no_grad():
        logits = model.logits(torch.tensor([0.7, 0.1]), torch.tensor([0.1, 0.7]))
    assert logits.tolist() == pytest.approx([0.6, -0.6 * 0.2 * 0.2])
    error = F.binary_cross_entropy_with_logits(logits[:1], torch.tensor([1.0]))
    assert float(error) == pytest.approx(math.log(1 + math.exp(-0.6)))
