"""The loss networks that ship with the library: small, described, and usable at once."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from _losses import pair

import lossbench
from lossbench import loss_networks, losses
from lossbench.assets.embedded import catalogue
from lossbench.files import sha256

FOLDER = Path(lossbench.__file__).parent / "assets" / "loss_networks"
NAMES = {"mae_task": ("mae", ["ctmae", "p_ctmae"]), "cnn_mae_task": ("cnn_mae", ["ccmae", "p_ccmae"])}
EACH = pytest.mark.parametrize("name", sorted(NAMES))
LARGEST = 3_000_000
ALLOWED = ("CC0", "public domain", "no known copyright restrictions")


def file(name: str) -> Path:
    return FOLDER / f"{name}.safetensors"


def card(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_there_are_two_and_each_loss_finds_its_own() -> None:
    endings = (".json", ".safetensors", "_probe.csv")
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}{ending}" for name in NAMES for ending in endings}
    stored = losses.stored(FOLDER)
    assert stored == {kind: [str(file(name))] for name, (kind, _) in sorted(NAMES.items())}


@EACH
def test_it_is_small_and_the_card_is_that_of_the_file(name: str) -> None:
    assert file(name).stat().st_size <= LARGEST
    network, own = loss_networks.load(file(name))
    told = card(name)
    assert told.pop("sha256") == sha256(file(name))
    assert told == own
    assert loss_networks.described(network).name == NAMES[name][0]
    assert {tensor.dtype for tensor in network.state_dict().values()} == {torch.float32}


@EACH
def test_the_card_says_command_data_licence_and_seed(name: str) -> None:
    told = card(name)
    assert told["command"] == "uv run python -m pipeline.shipping.loss_networks"
    assert (told["losses"], told["licence"]) == (NAMES[name][1], "MIT")
    assert (told["spec"]["dataset"], told["spec"]["seed"]) == ("open_photographs", 0)
    # each picture with the licence that the catalogue states, which lets what was learned from it be passed on
    licences = {Path(asset.path).stem: asset.licence for asset in catalogue().values()}
    assert len(told["pictures"]) == 9
    for picture in told["pictures"]:
        assert picture["licence"] == licences[picture["name"]]
        assert picture["licence"].startswith(ALLOWED)
    assert not {picture["name"] for picture in told["pictures"]} & set(told["held_out"])


@EACH
def test_rounding_its_weights_changes_the_loss_by_less_than_a_thousandth(name: str) -> None:
    stored = card(name)["stored"]
    assert stored["type"] == "float16"
    assert stored["loss_error"] < 1e-3
    assert stored["gradient_cosine"] > 0.9999


@EACH
def test_its_probe_tells_blur_noise_and_shift_apart(name: str) -> None:
    with (FOLDER / f"{name}_probe.csv").open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["degradation"] for row in rows] == ["blur", "noise", "shift"]
    shares = [float(row["recognised"]) for row in rows]
    assert sum(shares) / 3 == pytest.approx(card(name)["probe_accuracy"], abs=1e-4)
    assert card(name)["probe_accuracy"] > card(name)["probe_chance"] + 0.2


@pytest.mark.parametrize(("name", "loss"), [(name, loss) for name, (_, own) in NAMES.items() for loss in own])
def test_a_loss_is_made_of_it_and_leads_to_the_target(name: str, loss: str) -> None:
    made = lossbench.create_loss(loss, weights=file(name))
    prediction, target = pair(2, 3, 64, 48)

    def value(image: torch.Tensor) -> torch.Tensor:
        # the same patches each time
        torch.manual_seed(0)
        return made(image, target)

    before = value(prediction)
    (gradient,) = torch.autograd.grad(before, prediction)
    assert before.item() > (prediction - target).abs().mean().item()
    nearer = (prediction - 1e-3 * gradient / gradient.abs().mean()).detach()
    assert value(nearer).item() < before.item()
