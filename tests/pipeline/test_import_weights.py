"""Public weights become a stored loss network, or nothing at all is written."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from _loss_networks import TINY

from lossbench import loss_networks
from lossbench.assets import embedded
from lossbench.assets.weight_files import checked_digest
from lossbench.errors import UserError
from lossbench.files import sha256
from lossbench.loss_networks import mae, vgg16
from pipeline.import_weights import main
from pipeline.specs.pretrain import PretrainSpec


def spec(loss_network: str, file: str, digest: str, **architecture: Any) -> PretrainSpec:
    weights = {"file": file, "digest": digest}
    content = {"loss_network": loss_network, "architecture": architecture, "dataset": "public", "seed": 0}
    return PretrainSpec.parse({**content, "weights": weights}, "test")


@pytest.fixture(scope="module")
def onnx_digest() -> str:
    try:
        return f"sha256:{sha256(embedded.locate(vgg16.EMBEDDED))}"
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Store an encoder as the MAE authors do."""
    torch.manual_seed(3)
    state = mae.build(**TINY["mae"]).state_dict()
    path = tmp_path / "weights" / "mae_pretrain.pth"
    path.parent.mkdir()
    torch.save({"model": {name: state[name] for name in state if "decoder" not in name and name != "mask_token"}}, path)
    return path


def refused(chosen: PretrainSpec, root: Path, output: Path, message: str) -> None:
    with pytest.raises(UserError, match=message):
        main(chosen, "c0de", root, output)
    assert not output.exists()


def test_embedded_weights_become_a_loss_network_with_their_digest(tmp_path: Path, onnx_digest: str) -> None:
    chosen = spec("vgg16", vgg16.EMBEDDED, onnx_digest[:15])
    main(chosen, "c0de", tmp_path, tmp_path / "output")
    assert sorted(file.name for file in (tmp_path / "output").iterdir()) == ["card.json", "network.safetensors"]
    network: Any
    network, card = loss_networks.load(tmp_path / "output" / "network.safetensors")
    assert card == json.loads((tmp_path / "output" / "card.json").read_text())
    assert card["weights_digest"] == onnx_digest
    assert card["code"] == "c0de"
    assert PretrainSpec.parse(card["spec"], "card") == chosen
    expected = vgg16.build()
    vgg16.import_weights(expected, embedded.locate(vgg16.EMBEDDED))
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in expected.state_dict().items())


def test_a_released_encoder_gives_the_same_file_each_time(tmp_path: Path, released: Path) -> None:
    chosen = spec("mae", released.name, f"sha256:{sha256(released)}", **TINY["mae"])
    found = []
    for name in ("first", "second"):
        main(chosen, "c0de", released.parent, tmp_path / name)
        network, _ = loss_networks.load(tmp_path / name / "network.safetensors")
        found.append(network.state_dict())
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())
    encoder = torch.load(released, weights_only=True)["model"]
    assert all(torch.equal(found[0][name], tensor) for name, tensor in encoder.items())


def test_a_wrong_digest_is_refused(tmp_path: Path, released: Path) -> None:
    chosen = spec("mae", released.name, "sha256:0123456789", **TINY["mae"])
    full = sha256(released)
    refused(chosen, released.parent, tmp_path / "output", f"{released} has sha256:{full}, expected sha256:0123456789")


def test_a_digest_that_checks_too_little_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(b"abc")
    assert checked_digest(path, "md5:900150") == "md5:900150983cd24fb0d6963f7d28e17f72"
    for digest in ("sha256:", "sha256:ba781", "900150983cd24fb0d6963f7d28e17f72", "crc32:352441c2", "md5:90015G"):
        with pytest.raises(UserError, match=f"digest: '{digest}' of file.pth; write sha256: or md5:"):
            checked_digest(path, digest)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    refused(spec("vgg19", path.name, "sha256:dcbb9e9d"), tmp_path, tmp_path / "output", f"{path} is missing")


def test_a_file_of_another_network_is_refused(tmp_path: Path, released: Path) -> None:
    digest = f"sha256:{sha256(released)}"
    for name, architecture, message in (
        ("mae", {**TINY["mae"], "dimension": 24}, f"{released} does not fit the network .wrong"),
        ("vgg19", {}, f"{released} does not fit the network .missing conv1_1.bias"),
        ("vgg16", {}, f"{released} is not a whole ONNX file"),
        ("cnn_mae", {}, "loss network 'cnn_mae' takes no public weights"),
        ("vgg11", {}, "unknown loss network 'vgg11'"),
    ):
        refused(spec(name, released.name, digest, **architecture), released.parent, tmp_path / "output", message)


def test_a_spec_with_a_recipe_is_refused(tmp_path: Path, released: Path) -> None:
    trained = spec("mae", released.name, "sha256:012345").model_copy(update={"weights": None})
    refused(trained, tmp_path, tmp_path / "output", "the spec names no weights")


def test_a_failed_write_leaves_nothing_half_written(
    tmp_path: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(module: object, temporary: Path, metadata: object) -> None:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lossbench.storage.save_file", full)
    chosen = spec("mae", released.name, f"sha256:{sha256(released)}", **TINY["mae"])
    with pytest.raises(UserError, match=r"network\.safetensors: No space left"):
        main(chosen, "c0de", released.parent, tmp_path / "output")
    assert list((tmp_path / "output").iterdir()) == []
