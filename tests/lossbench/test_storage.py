"""Stored networks: what goes in comes out, and files that are not whole, not ours or not fitting are named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lossbench import storage
from lossbench.errors import UserError

DESCRIPTION = {"name": "edsr", "arguments": {"channels": 3}}


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1, bias=False))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "model.safetensors"


def assert_equal(module: nn.Module, state: dict[str, Tensor]) -> None:
    assert module.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("kind", sorted(storage.KINDS))
def test_a_stored_network_comes_back_bit_for_bit(path: Path, kind: str) -> None:
    module, other = network(), network(seed=1)
    storage.save(path, module, DESCRIPTION, kind)
    state, description = storage.read(path, kind)
    assert description == DESCRIPTION
    assert_equal(module, state)
    storage.fill(other, state, path)
    assert_equal(other, state)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_equal_networks_give_equal_files_in_any_memory_order(path: Path) -> None:
    storage.save(path, network(), DESCRIPTION)
    again = path.with_name("again.safetensors")
    turned: Any = network().to(memory_format=torch.channels_last)
    storage.save(again, turned, dict(reversed(DESCRIPTION.items())))
    assert again.read_bytes() == path.read_bytes()


def test_a_failed_save_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.save(path, network(), DESCRIPTION)
    before = path.read_bytes()

    def full(state: dict[str, Tensor], temporary: Path, metadata: dict[str, str]) -> None:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "save_file", full)
    with pytest.raises(UserError, match="No space left"):
        storage.save(path, network(seed=1), DESCRIPTION)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_of_the_other_kind_is_named_with_what_it_holds(path: Path) -> None:
    storage.save(path, network(), {"name": "mae"}, "loss_network")
    with pytest.raises(UserError, match=f"^{path} holds the loss network 'mae'; give the file of a restoration netw"):
        storage.read(path)
    storage.save(path, network(), DESCRIPTION)
    with pytest.raises(UserError, match=f"^{path} holds the restoration network 'edsr'; give the file of a loss netw"):
        storage.read(path, "loss_network")


def test_a_missing_file_and_a_folder_are_named(path: Path) -> None:
    with pytest.raises(UserError, match=f"{path} is missing; check the path; docs/use-a-loss.md says where"):
        storage.read(path)
    path.mkdir(parents=True)
    with pytest.raises(UserError, match=f"{path} is not a whole safetensors file"):
        storage.read(path)


def test_a_damaged_file_is_named(path: Path) -> None:
    storage.save(path, network(), DESCRIPTION)
    whole = path.read_bytes()
    for size in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(
            UserError, match=rf"{path} is not a whole safetensors file \(it is .*\); give one of lossbench"
        ):
            storage.read(path)
    torch.save(network().state_dict(), path)
    with pytest.raises(UserError, match=f"{path} is not a whole safetensors file"):
        storage.read(path)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"format": "pt"},
        {"network": "not JSON"},
        {"network": "[]"},
        {"network": '{"arguments": {}}'},
        {"nets": '{"name": "edsr"}'},
        {"network": '{"name": "edsr"}', "loss_network": '{"name": "mae"}'},
    ],
)
def test_safetensors_that_this_pipeline_did_not_store_are_named(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(3)}, path, metadata=metadata)
    with pytest.raises(UserError, match=f"{path} is no network stored by this pipeline"):
        storage.read(path)


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    state = {**network(seed=1).state_dict(), **{name.replace("_", ".", 1): tensor for name, tensor in changes.items()}}
    return {name: tensor for name, tensor in state.items() if tensor is not None}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (changed(**{"2_weight": None, "3_weight": torch.zeros(1)}), "missing 2.weight; unexpected 3.weight"),
        (changed(**{"0_bias": torch.zeros(5)}), r"wrong 0.bias is float32 \(5,\), expected float32 \(4,\)"),
        (changed(**{"0_bias": torch.zeros(4).double()}), r"wrong 0.bias is float64 \(4,\), expected float32 \(4,\)"),
        ({}, r"missing 0.bias, 0.weight, 1.bias and 5 more"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(state: dict[str, Tensor], message: str) -> None:
    module, path = network(), Path("runs/model.safetensors")
    with pytest.raises(UserError, match=rf"^{path} does not fit the network \({message}\); give the file"):
        storage.fill(module, state, path)
    assert_equal(module, network().state_dict())


def test_a_part_of_the_names_can_be_filled_alone() -> None:
    module, state = network(), changed(**{"0_weight": None, "0_bias": None})
    storage.fill(module, state, Path("part"), expected=state)
    assert_equal(module, {**network().state_dict(), **state})
    with pytest.raises(UserError, match=r"unexpected 0\.bias, 0\.weight"):
        storage.fill(module, network().state_dict(), Path("whole"), expected=state)


def test_a_network_without_storage_takes_the_tensors(path: Path) -> None:
    storage.save(path, network(), DESCRIPTION)
    with torch.device("meta"):
        module = network()
    storage.fill(module, storage.read(path)[0], path)
    assert not any(tensor.is_meta for tensor in module.state_dict().values())
    assert_equal(module, network().state_dict())


def test_other_readers_find_plain_tensors_and_one_line_of_metadata(path: Path) -> None:
    storage.save(path, network(), DESCRIPTION)
    assert_equal(network(), load_file(path))
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert {key: json.loads(text) for key, text in header["__metadata__"].items()} == {"network": DESCRIPTION}
