"""The contract of traiNNer-redux, against a stand-in: no package index has it, so its own code is not run here.

What the stand-in does was read in its sources of 2023 to 2026: the registry knows classes by their names in lower case
and refuses a second one of a name, an entry of `losses` must have `loss_weight`, the losses of a model are kept by the
type of their entries, and the weight is applied by each loss in older versions and by the model in younger ones, whose
model takes the input as the target where it is negative. The counter rises with the last batch of a step.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lossbench
from lossbench.errors import UserError

OLDER, YOUNGER = False, True


class Registry:
    def __init__(self) -> None:
        self.held: dict[str, Any] = {}

    def register(self) -> Any:
        def held(kind: type) -> type:
            assert kind.__name__.lower() not in self.held
            self.held[kind.__name__.lower()] = kind
            return kind

        return held

    def get(self, name: str) -> Any:
        return self.held[name.lower()]


def own_l1(model_weighs: bool) -> type:
    class L1Loss(nn.Module):
        def __init__(self, loss_weight: float) -> None:
            super().__init__()
            self.loss_weight = loss_weight

        def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
            return (1.0 if model_weighs else self.loss_weight) * (prediction - target).abs().mean()

    return L1Loss


class Model:
    """Its training step, as far as losses go."""

    def __init__(self, registry: Registry, model_weighs: bool, accumulate: int, entries: list[dict[str, Any]]) -> None:
        self.model_weighs, self.accumulate = model_weighs, accumulate
        self.network = nn.Conv2d(3, 3, 1)
        self.losses = {}
        for entry in entries:
            assert "loss_weight" in entry
            kind = registry.get(entry["type"])
            self.losses[entry["type"].lower()] = kind(**{name: entry[name] for name in entry.keys() - {"type"}})

    def optimize_parameters(self, current_iter: int, current_accum_iter: int, apply_gradient: bool) -> float:
        low_quality, target = torch.rand((2, 1, 3, 16, 16), generator=torch.Generator().manual_seed(0))
        total = torch.tensor(0.0)
        for loss in self.losses.values():
            turned = self.model_weighs and loss.loss_weight < 0
            value = loss(self.network(low_quality), low_quality if turned else target)
            total = total + (value * abs(loss.loss_weight) if self.model_weighs else value) / self.accumulate
        total.backward()
        return total.item()


@pytest.fixture(params=[OLDER, YOUNGER], ids=["losses weigh", "the model weighs"])
def model_weighs(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, model_weighs: bool) -> Iterator[Registry]:
    """Let the stand-in be what `traiNNer` is, with a loss of its own, and the integration imported."""
    registry, module = Registry(), ModuleType("traiNNer.utils.registry")
    module.LOSS_REGISTRY = registry  # type: ignore[attr-defined]
    for name in ("traiNNer", "traiNNer.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "lossbench.integrations.trainner", raising=False)
    registry.register()(own_l1(model_weighs))
    import lossbench.integrations.trainner  # noqa: F401

    yield registry
    del sys.modules["lossbench.integrations.trainner"]


def entry(loss_network: Path, **options: Any) -> dict[str, Any]:
    return {"type": "LossbenchLoss", "name": "ccmae", "weights": str(loss_network), "loss_weight": 1.0, **options}


def test_the_weight_counts_once_whoever_applies_it(registry: Registry, model_weighs: bool, loss_network: Path) -> None:
    values = []
    for weight in (1.0, 0.25):
        torch.manual_seed(0)
        model = Model(registry, model_weighs, 1, [entry(loss_network, loss_weight=weight)])
        values.append(model.optimize_parameters(1, 0, apply_gradient=True))
    assert values[1] == pytest.approx(0.25 * values[0])
    torch.manual_seed(0)
    network = nn.Conv2d(3, 3, 1)
    low_quality, target = torch.rand((2, 1, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    own = lossbench.create_loss("ccmae", weights=loss_network)
    assert values[0] == pytest.approx(own(network(low_quality), target).item())


def test_a_negative_weight_is_for_a_model_that_weighs(
    registry: Registry, model_weighs: bool, loss_network: Path
) -> None:
    if not model_weighs:
        with pytest.raises(UserError, match=r"loss_weight: -0.5 is not a finite number >= 0"):
            Model(registry, model_weighs, 1, [entry(loss_network, loss_weight=-0.5)])
        return
    torch.manual_seed(0)
    model = Model(registry, model_weighs, 1, [entry(loss_network, loss_weight=-0.5)])
    low_quality = torch.rand((2, 1, 3, 16, 16), generator=torch.Generator().manual_seed(0))[0]
    own = lossbench.create_loss("ccmae", weights=loss_network)
    expected = 0.5 * own(model.network(low_quality), low_quality).item()
    assert model.optimize_parameters(1, 0, apply_gradient=True) == pytest.approx(expected)


def test_accumulated_batches_of_a_step_have_its_number(
    registry: Registry, model_weighs: bool, loss_network: Path
) -> None:
    from lossbench.integrations.trainner import tell_step

    class Told(Model):
        pass

    tell_step(Told)
    entries = [entry(loss_network, every=2), entry(loss_network, type="LossbenchPerceptualLoss", every=3)]
    model = Told(registry, model_weighs, 2, entries)
    steps, current_iter, current_accum_iter = [], 0, 0
    for _ in range(6):
        current_accum_iter += 1
        apply_gradient = current_accum_iter >= 2
        current_iter += apply_gradient
        current_accum_iter %= 2
        model.optimize_parameters(current_iter, current_accum_iter, apply_gradient)
        steps.append([loss.step for loss in model.losses.values()])
    assert steps == [[step, step] for step in (0, 0, 1, 1, 2, 2)]


@pytest.mark.parametrize("model_weighs", [YOUNGER], indirect=True)
def test_a_loss_built_before_its_own_are_registered_is_refused(registry: Registry, loss_network: Path) -> None:
    del registry.held["l1loss"]
    with pytest.raises(UserError, match=r"build losses by traiNNer\.losses\.build_loss"):
        Model(registry, YOUNGER, 1, [entry(loss_network)])
