"""Files that other projects released: harmless options beside the weights, averages of them, and what is refused."""

import argparse
import json
import os
import pathlib
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lossbench import loss_networks, storage
from lossbench.errors import Notice, UserError
from lossbench.formats import state_dicts

STATE = {"weight": torch.arange(3.0)}
AVERAGED = {"weight": torch.zeros(3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "released.pth"


def read(path: Path, content: Any, places: tuple[str | None, ...] = state_dicts.CHECKPOINT) -> dict[str, torch.Tensor]:
    torch.save(content, path)
    return state_dicts.read(path, places)


def test_options_of_a_command_line_and_numbers_of_numpy_are_harmless(path: Path) -> None:
    numbers = [kind(1) for kind in (np.float64, np.float32, np.float16, np.int64, np.int32, np.uint8, np.bool_)]
    options = argparse.Namespace(lr=np.float64(0.1), nested=argparse.Namespace(epochs=3), betas=(0.9, 0.95))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(path, {"model": STATE, "args": options, "epoch": 3, "numbers": numbers})
    assert torch.equal(found["weight"], STATE["weight"])
    # nothing is allowed for longer than that
    assert argparse.Namespace not in torch.serialization.get_safe_globals()


def test_what_the_user_has_allowed_stays_allowed(path: Path) -> None:
    with torch.serialization.safe_globals([argparse.Namespace]):
        read(path, {"model": STATE, "args": argparse.Namespace()})
        assert argparse.Namespace in torch.serialization.get_safe_globals()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (pathlib.PurePosixPath("a"), "pathlib.PurePosixPath"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (types.SimpleNamespace(a=1), "types.SimpleNamespace"),
        (print, "print"),
        (np.str_("a"), "numpy.dtypes.StrDType"),
        (np.complex64(1), "numpy.dtypes.Complex64DType"),
        (np.arange(3.0), r"numpy\._?core\.multiarray\._reconstruct"),
    ],
)
def test_an_object_that_is_refused_is_named(path: Path, value: Any, name: str) -> None:
    message = (
        rf"{path} .*holds more than weights .*; download it again, or save its weights alone: '{name}' in it could run"
    )
    with pytest.raises(UserError, match=message) as refused:
        read(path, {"model": STATE, "config": value})
    assert "damaged" not in str(refused.value)


@pytest.mark.parametrize("part", [0.2, 0.4, 0.6, 0.8])
def test_a_file_of_before_the_archives_is_called_cut_short_and_not_dangerous(path: Path, part: float) -> None:
    torch.save(
        {f"layer.{number}.weight": torch.zeros(1) for number in range(20)}, path, _use_new_zipfile_serialization=False
    )
    content = path.read_bytes()
    # the numbers of the tensors lie behind the pickles
    path.write_bytes(content[: int(part * (len(content) - 20 * 12))])
    with pytest.raises(UserError, match=r"\(it is cut short\); download it again") as refused:
        state_dicts.read(path)
    assert "run code" not in str(refused.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_tensors_that_are_not_finite_are_named(path: Path, value: float) -> None:
    state = {**STATE, "steps": torch.tensor(3), "head.bias": torch.tensor([0.0, value])}
    with pytest.raises(UserError, match=rf"{path}: tensor 'head\.bias' has NaN or infinite values"):
        read(path, {"model": state})
    for kind in (torch.bfloat16, torch.float16):
        with pytest.raises(UserError, match="has NaN or infinite values"):
            read(path, {"bias": torch.tensor([value]).to(kind)})


def test_a_stored_loss_network_that_is_not_finite_is_refused(tmp_path: Path, loss_network: Path) -> None:
    state, description = storage.read(loss_network, "loss_network")
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name].flatten()[0] = float("nan")
    content = load_file(loss_network) | state
    save_file(content, tmp_path / "bad.safetensors", metadata={"loss_network": json.dumps(description)})
    with pytest.raises(UserError, match=rf"bad\.safetensors: tensor '{name}' has NaN or infinite values"):
        loss_networks.load(tmp_path / "bad.safetensors")


def test_a_pipe_is_refused_and_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    for read_file in (state_dicts.read, loss_networks.load):
        with pytest.raises(UserError, match=r"released\.pth is a pipe or device, no regular file"):
            read_file(path)
    for read_file in (state_dicts.read, loss_networks.load):
        with pytest.raises(UserError, match=r"is no path .embedded null"):
            read_file(Path("a\0.pth"))


@pytest.mark.parametrize(
    ("taken", "other"),
    [("state_dict", "state_dict_ema"), ("model", "model_ema"), ("params", "params_ema"), ("model", "ema")],
)
def test_averages_beside_the_weights_are_told(path: Path, taken: str, other: str) -> None:
    with pytest.warns(
        Notice,
        match=rf"released.pth: it holds .*'{taken}' was taken, not '{other}'; for another: torch\.save\(.*'{other}'",
    ):
        found = read(path, {other: AVERAGED, taken: STATE, "optimizer": {"state": {}, "step": 1}})
    assert torch.equal(found["weight"], STATE["weight"])


def test_weights_under_another_name_are_named(path: Path) -> None:
    with pytest.raises(UserError, match=r"no named weights.*; those under 'params_ema' may be meant: torch\.save"):
        read(path, {"params_ema": STATE})
    with pytest.raises(UserError, match=r"no named weights under 'model'; those under 'net' or 'ema' may be meant"):
        read(path, {"net": STATE, "ema": AVERAGED}, ("model",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<html><title>404</title></html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (None, "cut short or damaged"),
    ],
)
def test_what_is_no_checkpoint_is_named_for_what_it_is(path: Path, content: bytes | None, message: str) -> None:
    if content is None:
        torch.save(STATE, path)
        content = path.read_bytes()[:-100]
    for name in ("released.pth", "released.safetensors"):
        file = path.with_name(name)
        file.write_bytes(content)
        with pytest.raises(UserError, match=message if file == path else "is no whole safetensors file"):
            state_dicts.read(file)
