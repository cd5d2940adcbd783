"""What ships is what the command makes: of the configured recipe, seeing what its probe says, and never too large."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from _plans import FOLDER
from _repository import ROOT

import lossbench
from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.probe.degradations import blurred, noisy, shifted, to_psnr
from pipeline import prepare
from pipeline.config import read
from pipeline.outputs.arrays import Arrays
from pipeline.shipping import loss_networks as shipping
from pipeline.specs.prepare import PrepareSpec
from pipeline.specs.pretrain import PretrainSpec

SHIPPED = ROOT / shipping.FOLDER
EACH = pytest.mark.parametrize("name", sorted(shipping.SHIPPED))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the card of the photographs that the networks were trained on."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare.main(PrepareSpec(dataset=shipping.DATASET, root=None), "test", folder)
    return folder / "target.json"


@EACH
def test_it_is_what_the_command_would_make_of_the_demos_recipe(name: str) -> None:
    spec = shipping.spec_of(read.Configuration.read({**read.values(FOLDER), "scale": shipping.SCALE}, FOLDER), name)
    network, card = loss_networks.load(SHIPPED / f"{name}.safetensors")
    assert card["spec"] == spec.model_dump(mode="json"), f"run: {shipping.COMMAND}"
    described = loss_networks.described(network)
    assert described.name == spec.loss_network
    assert spec.architecture.items() <= described.architecture.items()


@EACH
def test_its_loss_ranks_degradations_as_the_shipped_probe_says(name: str, prepared: Path) -> None:
    with (SHIPPED / f"{name}_probe.csv").open(encoding="utf-8") as opened:
        rows = {row["degradation"]: row for row in csv.DictReader(opened)}
    loss = lossbench.create_loss(
        shipping.SHIPPED[name][0], pixel=None, weights=SHIPPED / f"{name}.safetensors", check_range=False
    )
    image = shipping.crops(
        Arrays(prepared), json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))["spec"]["recipe"]["patch"]
    )
    degradations = {"blur": blurred, "noise": noisy, "shift": shifted}
    found = {kind: float(loss(to_psnr(image, make(image), 30.0), image)) for kind, make in degradations.items()}
    said = {kind: float(row["feature_distance"]) for kind, row in rows.items()}
    assert sorted(found, key=found.__getitem__) == sorted(said, key=said.__getitem__)
    assert found == pytest.approx(said, rel=1e-3)


def test_a_network_is_halved_described_and_probed(prepared: Path, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    torch.manual_seed(0)
    network = loss_networks.build("cnn_mae", widths=[4, 4, 8, 8], blocks=[1, 1, 1, 1], decoder_width=8)
    own = {
        "spec": {"dataset": "toy", "seed": 3, "recipe": {"patch": 32}},
        **{"held_out_masked_error": 0.5, "seconds": 1.0, "device": "cpu", "precision": "float32", "versions": {}},
    }
    loss_networks.save(network, trained / "network.safetensors", own)
    shipping.ship("cnn_mae_task", trained, prepared, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"cnn_mae_task{ending}" for ending in shipping.ENDINGS
    )
    size = (tmp_path / "out/cnn_mae_task.safetensors").stat().st_size
    assert size < 0.75 * (trained / "network.safetensors").stat().st_size
    loaded, card = loss_networks.load(tmp_path / "out/cnn_mae_task.safetensors")
    assert (card["spec"]["seed"], card["spec"]["dataset"], card["losses"]) == (3, "toy", ["ccmae", "p_ccmae"])
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float())


def test_a_network_that_is_too_large_is_named_and_not_kept(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "LARGEST", 10)
    with pytest.raises(UserError, match=r"out/cnn_mae_task.safetensors: [\d,]+ bytes, 10 at most ship"):
        test_a_network_is_halved_described_and_probed(prepared, tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_the_command_trains_and_writes_all_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(FOLDER)
    # a recipe of two steps
    whole = shipping.spec_of

    def short(*given: Any) -> PretrainSpec:
        spec = whole(*given)
        assert spec.recipe is not None
        return spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"steps": 2})})

    monkeypatch.setattr(shipping, "spec_of", short)
    shipping.main()
    names = {f"{name}{ending}" for name in shipping.SHIPPED for ending in shipping.ENDINGS}
    made = {path.name for path in (tmp_path / shipping.FOLDER).iterdir()}
    assert made == names == {path.name for path in SHIPPED.iterdir()}
    assert max(path.stat().st_size for path in (tmp_path / shipping.FOLDER).iterdir()) <= shipping.LARGEST
