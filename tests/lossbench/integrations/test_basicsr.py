"""The losses in BasicSR's own code: the package basicsr-volta, its registry and its `SRModel`."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from basicsr.losses import build_loss
from basicsr.models.sr_model import SRModel
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.integrations.basicsr import tell_step


class Told(SRModel):  # type: ignore[misc]
    """BasicSR's model with the step told, so that SRModel itself stays as other tests expect it."""


tell_step(Told)


def options(**losses: Any) -> dict[str, Any]:
    """Return the options of a small network that trains on the CPU."""
    network = {"type": "EDSR", "num_in_ch": 3, "num_out_ch": 3, "num_feat": 4, "num_block": 1, "upscale": 2}
    train = {"optim_g": {"type": "Adam", "lr": 1e-3}, "scheduler": {"type": "MultiStepLR", "milestones": [9]}, **losses}
    options = {"num_gpu": 0, "dist": False, "is_train": True, "path": {}, "network_g": network, "train": train}
    return deepcopy(options)


def batch() -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        "lq": torch.rand((1, 3, 16, 16), generator=random),
        "gt": torch.rand((1, 3, 32, 32), generator=random),
    }


def test_its_registry_builds_the_loss(loss_network: Path) -> None:
    loss = build_loss({"type": "LossbenchLoss", "name": "ccmae", "weights": str(loss_network), "loss_weight": 0.5})
    own = lossbench.create_loss("ccmae", weights=loss_network)
    first, second = torch.rand((2, 1, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    assert loss.to("cpu")(first, second).item() == pytest.approx(0.5 * own(first, second).item())
    with pytest.raises(UserError, match="did you mean 'ccmae'"):
        build_loss({"type": "LossbenchLoss", "name": "ccmea", "weights": str(loss_network)})


def test_its_model_takes_the_step_that_the_loss_says(loss_network: Path) -> None:
    entry = {"type": "LossbenchLoss", "name": "ccmae", "weights": str(loss_network), "loss_weight": 2.0}
    model = SRModel(options(pixel_opt=entry))
    model.feed_data(batch())
    network = deepcopy(model.net_g)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    own = lossbench.create_loss("ccmae", weights=loss_network)
    (2.0 * own(network(model.lq), model.gt)).backward()
    optimizer.step()
    model.optimize_parameters(1)
    for name, weight in model.net_g.state_dict().items():
        assert torch.equal(weight, network.state_dict()[name]), name
    assert model.get_current_log()["l_pix"] > 0


def test_a_perceptual_loss_stands_beside_its_pixel_loss_in_every_second_step(loss_network: Path) -> None:
    perceptual = {"type": "LossbenchPerceptualLoss", "name": "ccmae", "weights": str(loss_network), "every": 2}
    model = Told(options(pixel_opt={"type": "L1Loss"}, perceptual_opt=perceptual))
    logged, steps = [], []
    for current_iter in range(1, 5):
        model.feed_data(batch())
        model.optimize_parameters(current_iter)
        logged.append(model.get_current_log())
        steps.append(model.cri_perceptual.step)
    assert steps == [0, 1, 2, 3]
    assert [entry["l_percep"] > 0 for entry in logged] == [True, False, True, False]
    assert all(entry["l_pix"] > 0 and "l_style" not in entry for entry in logged)


def test_its_model_as_it_is_stops_at_once_where_every_needs_the_step(loss_network: Path) -> None:
    entry = {"type": "LossbenchLoss", "name": "ccmae", "weights": str(loss_network), "every": 2}
    model = SRModel(options(pixel_opt=entry))
    model.feed_data(batch())
    with pytest.raises(UserError, match=r"from lossbench\.integrations\.basicsr import tell_step; tell_step"):
        model.optimize_parameters(1)
