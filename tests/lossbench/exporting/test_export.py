"""Exported networks: what other programs compute with them is what torch does, and the file says what it is."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from _models import EDSR, Verb, save_identity, save_model
from _networks import SMALL
from _video_networks import SMALL as VIDEO
from safetensors import safe_open
from torch import Tensor

import lossbench
from lossbench import storage
from lossbench.errors import UserError
from lossbench.exporting.export import REFUSED

SLOW = {"drbn", "mprnet", "sfinet"}
"""Networks of many layers, which take seconds to write."""


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("export", monkeypatch, capsys)


def pictures(model: Path, *shape: int) -> Tensor:
    network: Any = lossbench.load_network(model)
    return torch.rand(shape[0], network.in_channels, *shape[1:], generator=torch.Generator().manual_seed(1))


def by_onnx(file: Path, image: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"low_quality": image.numpy()})[0])


def names(refused: bool, format: str) -> list[Any]:
    """Return image networks that can, or can't, be written, those of many layers marked as slow."""
    found = [name for name in SMALL if (format in REFUSED.get(name, {})) == refused]
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in found]


@pytest.mark.parametrize("name", names(False, "onnx"))
def test_onnx_is_what_torch_is_at_any_size(name: str, tmp_path: Path, export: Verb) -> None:
    model, file = save_model(tmp_path / "model.safetensors", name, SMALL[name]), tmp_path / "network.onnx"
    found = export.json(model, file)
    assert found["largest_difference"] <= 1e-4 and found["format"] == "onnx"
    side = (found["minimum"],) * 2 if name == "vae" else (96, 64)
    image = pictures(model, 3, *side)
    torch.testing.assert_close(by_onnx(file, image), lossbench.load_network(model)(image), rtol=0, atol=1e-4)
    said = {entry.key: entry.value for entry in onnx.load(str(file)).metadata_props}
    assert (said["name"], json.loads(said["arguments"])) == (name, SMALL[name])
    assert {key: int(said[key]) for key in ("scale", "multiple", "in_channels", "out_channels")} == {
        key: found[key] for key in ("scale", "multiple", "in_channels", "out_channels")
    }
    assert said["lossbench"] == lossbench.__version__


@pytest.mark.parametrize("name", names(False, "torchscript"))
def test_torchscript_is_what_torch_is_at_any_size(name: str, tmp_path: Path, export: Verb) -> None:
    model, file = save_model(tmp_path / "model.safetensors", name, SMALL[name]), tmp_path / "network.pt"
    found = export.json(model, file)
    image = pictures(model, 3, *(32, 32) if name == "vae" else (96, 64))
    extra = {"lossbench.json": ""}
    torch.testing.assert_close(
        torch.jit.load(str(file), _extra_files=extra)(image), lossbench.load_network(model)(image), rtol=0, atol=1e-4
    )
    said = json.loads(extra["lossbench.json"])
    assert said == {key: found[key] for key in said} and said["name"] == name


@pytest.mark.parametrize("format", ["onnx", "torchscript"])
def test_networks_that_a_format_can_not_hold_are_refused_with_the_reason(
    format: str, tmp_path: Path, export: Verb
) -> None:
    for name in (name for name, why in REFUSED.items() if format in why):
        model = save_model(tmp_path / f"{name}.safetensors", name, {**SMALL, **VIDEO}[name])
        line = export.error(model, tmp_path / "out", "--format", format)
        assert line.startswith(f"{model}: network '{name}' can't be written as {format}: it ")
        assert line.endswith("; take safetensors") and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["edsr", "innformer", "fastdvdnet"])
def test_safetensors_are_the_same_bits_and_are_loaded_again(name: str, tmp_path: Path, export: Verb) -> None:
    model = save_model(tmp_path / "model.safetensors", name, {**SMALL, **VIDEO}[name])
    file = tmp_path / "out.safetensors"
    assert "largest difference to torch: 0.0" in export(model, file)
    ours, theirs = lossbench.load_network(file).state_dict(), lossbench.load_network(model).state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    with safe_open(file, framework="pt") as opened:
        said = json.loads(opened.metadata()["network"])
    assert said["multiple"] == lossbench.load_network(model).multiple and said["lossbench"] == lossbench.__version__


@pytest.mark.slow
def test_a_network_of_clips_is_written_with_its_noise(tmp_path: Path, export: Verb) -> None:
    model, file = save_model(tmp_path / "m.safetensors", "fastdvdnet", VIDEO["fastdvdnet"]), tmp_path / "m.onnx"
    export(model, file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    frames, sigma = torch.rand(1, 5, 3, 24, 28), torch.tensor([0.2])
    found = session.run(None, {"low_quality": frames.numpy(), "sigma": sigma.numpy()})[0]
    np.testing.assert_allclose(found, lossbench.load_network(model)(frames, sigma), rtol=0, atol=1e-4)


def test_a_result_that_differs_from_torch_is_not_kept(
    tmp_path: Path, export: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    monkeypatch.setattr("lossbench.exporting.export.MOST_DIFFERENCE", -1.0)
    assert "it differs from torch by" in export.error(model, tmp_path / "out.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_safetensors_are_run_before_they_are_kept(
    tmp_path: Path, export: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out = save_model(tmp_path / "model.safetensors", "edsr", EDSR), tmp_path / "out.safetensors"
    other = lossbench.load_network(save_model(tmp_path / "other.safetensors", "edsr", EDSR, seed=1))
    monkeypatch.setattr("lossbench.exporting.export.load_network", lambda _: other)
    assert "as safetensors it differs from torch by" in export.error(model, out)
    assert not out.exists()


def test_a_network_that_is_not_finite_or_says_no_arguments_is_named(tmp_path: Path, export: Verb) -> None:
    lost = save_identity(tmp_path / "lost.safetensors", value=np.nan)
    assert "lost.safetensors: tensor '" in (line := export.error(lost, tmp_path / "out.safetensors")), line
    assert "has NaN or infinite values" in line and not (tmp_path / "out.safetensors").exists()
    bare, network = tmp_path / "bare.safetensors", lossbench.load_network(lost)
    for description in ({"name": "red30"}, {"name": "red30", "arguments": [2]}, {"name": 30, "arguments": {}}):
        storage.save(bare, network, description)
        words = "bare.safetensors does not say the name and arguments of its network; give the model.safetensors of a"
        assert words in export.error(bare, tmp_path / "out.onnx")
        with pytest.raises(UserError, match=words):
            lossbench.load_network(bare)


def test_a_file_that_is_there_is_replaced_on_demand(tmp_path: Path, export: Verb) -> None:
    model, out = save_model(tmp_path / "model.safetensors", "edsr", EDSR), tmp_path / "out.safetensors"
    out.write_bytes(b"letters to a friend")
    assert f"OUT: {out} is there; give another file, or --overwrite" in export.error(model, out)
    assert out.read_bytes() == b"letters to a friend"
    assert "wrote" in export(model, out, "--overwrite")
    assert "ends as onnx does" in export.error(model, tmp_path / "a.onnx", "--format", "torchscript")


def test_an_absent_library_is_named_before_the_work(
    tmp_path: Path, export: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    line = export.error(model, tmp_path / "out.onnx")
    assert 'needs the package onnxruntime; install it by `pip install "lossbench[export]"`' in line


def test_places_and_models_that_can_not_be_are_named(tmp_path: Path, export: Verb) -> None:
    model = save_model(tmp_path / "model.safetensors", "edsr", EDSR)
    assert "has no ending that says a format; give --format onnx" in export.error(model, tmp_path / "out")
    assert "is a folder; give a file such as" in export.error(model, tmp_path, "--format", "onnx")
    assert "is the model itself; give another file" in export.error(model, model)
    assert "MODEL: " in export.error(tmp_path / "none", tmp_path / "out.onnx")
    (tmp_path / "page").write_text("<html>", encoding="utf-8")
    assert "is not a whole safetensors file" in export.error(tmp_path / "page", tmp_path / "out.onnx")
    (tmp_path / "file").touch()
    assert "OUT: " in export.error(model, tmp_path / "file" / "out.onnx")
