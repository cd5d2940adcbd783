"""The controls: the encoders of the losses with random weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from _losses import (
    NETWORKS,
    uniform,
)

from lossbench import loss_networks, losses
from lossbench.errors import UserError

CONTROLS = pytest.mark.parametrize(
    ("name", "kind", "architecture"),
    [
        (f"{prefix}random_{kind}", network, NETWORKS[network])
        for prefix in ("", "p_")
        for kind, network in (("tmae", "mae"), ("cmae", "cnn_mae"))
    ],
)


def redrawn() -> dict[str, Any]:
    """Return a generator that draws the same patches each time."""
    return {"generator": torch.Generator().manual_seed(0)}


def fixed(name: str) -> dict[str, Any]:
    return redrawn() if name.startswith("p_") else {}


@CONTROLS
def test_a_control_depends_on_its_seed_alone(name: str, kind: str, architecture: dict[str, Any]) -> None:
    prediction, target = uniform(1, 3, 24, 24), uniform(1, 3, 24, 24, seed=2)
    values = []
    for number, seed in enumerate((0, 0, 1)):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        values.append(
            losses.build(name, architecture=architecture, seed=seed, **fixed(name))(prediction, target).item()
        )
        assert torch.equal(torch.get_rng_state(), before)
    assert values[0] == values[1]
    assert abs(values[0] - values[2]) > 1e-4
    assert losses.build(name, architecture=architecture, **fixed(name))(prediction, target).item() == values[0]


@CONTROLS
def test_a_control_has_the_weights_that_the_seed_draws(name: str, kind: str, architecture: dict[str, Any]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = loss_networks.build(kind, **architecture).state_dict()
    loss: Any = losses.build(name, architecture=architecture, seed=5)
    found = loss.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


@CONTROLS
def test_a_control_takes_the_architecture_of_a_stored_network_and_none_of_its_weights(
    name: str, kind: str, architecture: dict[str, Any], tmp_path: Path
) -> None:
    statistics = {"bands": 4, "mean": [0.1, 0.2, 0.3, 0.4], "std": [0.1, 0.1, 0.2, 0.2]}
    loss_networks.save(loss_networks.build(kind, **architecture, **statistics), tmp_path / "network", {})
    expected: Any = losses.build(name, architecture={**architecture, **statistics}, seed=5, **fixed(name))
    found: Any = losses.build(name, weights=tmp_path / "network", seed=5, **fixed(name))
    pair = uniform(1, 4, 24, 24), uniform(1, 4, 24, 24, seed=2)
    assert torch.equal(found(*pair), expected(*pair))
    with pytest.raises(UserError, match="give architecture or weights"):
        losses.build(name, weights=tmp_path / "network", architecture=architecture)


@CONTROLS
def test_a_control_reseeds_no_other_device(
    name: str, kind: str, architecture: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded_devices: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded_devices.append)
    losses.build(name, architecture=architecture, seed=5)
    assert seeded_devices == []


@CONTROLS
def test_an_unknown_setting_of_a_control_is_named(name: str, kind: str, architecture: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"loss network '{kind}' takes no argument 'band'; did you mean 'bands'"):
        losses.build(name, architecture={**architecture, "band": 4})


@pytest.mark.parametrize(
    ("name", "learned", "kind"), [("p_random_tmae", "p_ctmae", "mae"), ("p_random_cmae", "p_ccmae", "cnn_mae")]
)
def test_a_patch_control_differs_from_its_loss_in_the_weights_alone(
    name: str, learned: str, kind: str, tmp_path: Path
) -> None:
    control: Any = losses.build(name, architecture=NETWORKS[kind], seed=3, **redrawn())
    loss_networks.save(control.network, tmp_path / "network", {})
    loss = losses.build(learned, weights=tmp_path / "network", **redrawn())
    pair = uniform(2, 3, 32, 48), uniform(2, 3, 32, 48, seed=2)
    assert control.keep == 0.25
    assert float(control.terms(*pair)[name]) == float(loss.terms(*pair)[learned]) > 0
