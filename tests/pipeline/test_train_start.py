"""Stage train from trained weights: it begins with them, resumes to the bit, and refuses others in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from _runs import assert_same_run, card, cut_off

from lossbench import networks, storage
from lossbench.errors import UserError
from lossbench.files import sha256
from pipeline import train
from pipeline.learning import loop
from pipeline.learning.run import Run
from pipeline.specs.train import TrainSpec

MakeSpec = Callable[..., TrainSpec]
STILL = 1e-12


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, train_spec: MakeSpec) -> Path:
    """Return a stored network of the tests' architecture."""
    chosen, file = train_spec().network, tmp_path_factory.mktemp("start") / "model.safetensors"
    torch.manual_seed(99)
    storage.save(file, networks.build(chosen.name, **chosen.arguments), chosen.model_dump(mode="json"))
    return file


def begun_from(spec: TrainSpec, start: str) -> TrainSpec:
    return spec.model_copy(update={"start": start})


def test_a_training_begins_with_the_weights_of_the_file(
    train_spec: MakeSpec, start: Path, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    spec = begun_from(train_spec(steps=1, learning_rate=STILL), f"sha256:{sha256(start)}")
    train.main(spec, "code", Run(tmp_path, "train/toy"), targets=targets, pairs=pairs, initial=start)
    trained, _ = storage.read(tmp_path / "model.safetensors")
    before, _ = storage.read(start)
    assert trained.keys() == before.keys()
    for name, weights in trained.items():
        torch.testing.assert_close(weights, before[name], rtol=0, atol=1e-9)
    said = card(tmp_path)
    assert (said["spec"]["start"], said["start_file"]) == (spec.start, str(start))


def test_a_run_that_is_cut_off_goes_on_to_the_bit(
    train_spec: MakeSpec, start: Path, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    spec = begun_from(train_spec(steps=6), "loss original")
    read: dict[str, Any] = {"targets": targets, "pairs": pairs, "initial": start}
    train.main(spec, "code", Run(tmp_path / "whole", "train/toy"), **read)
    resumed = Run(tmp_path / "resumed", "train/toy", checkpoint_seconds=0)
    with cut_off(loop, "_descend", 3):
        train.main(spec, "code", resumed, **read)
    train.main(spec, "code", resumed, **read)
    assert card(tmp_path / "resumed")["resumed_at"] == 3
    assert_same_run(tmp_path / "resumed", tmp_path / "whole", "model.safetensors", loaded)
    # and not what random weights give
    train.main(train_spec(steps=6), "code", Run(tmp_path / "random", "train/toy"), targets=targets, pairs=pairs)
    weights = [(tmp_path / folder / "model.safetensors").read_bytes() for folder in ("whole", "random")]
    assert weights[0] != weights[1]


def loaded(path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    return networks.load_network(path), {}


def test_a_checkpoint_of_another_start_is_not_used(
    train_spec: MakeSpec, start: Path, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    spec = begun_from(train_spec(steps=6), "loss original")
    run = Run(tmp_path / "run", "train/toy", checkpoint_seconds=0)
    with cut_off(loop, "_descend", 3):
        train.main(spec, "code", run, targets=targets, pairs=pairs, initial=start)
    other = tmp_path / "other.safetensors"
    torch.manual_seed(5)
    storage.save(other, networks.build("edsr", **spec.network.arguments), spec.network.model_dump(mode="json"))
    train.main(spec, "code", run, targets=targets, pairs=pairs, initial=other)
    assert card(tmp_path / "run")["resumed_at"] == 0


def test_what_is_not_the_planned_file_or_network_is_one_line(
    train_spec: MakeSpec, start: Path, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    spec, run = train_spec(steps=1), Run(tmp_path / "run", "train/toy")

    def refusal(changed: TrainSpec, initial: Path | None) -> str:
        with pytest.raises(UserError) as caught:
            train.main(changed, "code", run, targets=targets, pairs=pairs, initial=initial)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    planned = begun_from(spec, f"sha256:{'0' * 64}")
    assert f"{start} has sha256:{sha256(start)}, not {planned.start}" in refusal(planned, start)
    wider = spec.network.model_copy(update={"arguments": {**spec.network.arguments, "channels": 6}})
    said = refusal(begun_from(spec, "loss original").model_copy(update={"network": wider}), start)
    assert said.startswith(f"{start} does not fit the network (wrong ") and "expected float32 (6, " in said
    assert "give them as --initial" in refusal(begun_from(spec, "loss original"), None)
    broken = tmp_path / "broken.safetensors"
    state, held = storage.read(start)
    module = networks.build("edsr", **held["arguments"])
    name = next(iter(state))
    module.load_state_dict({**state, name: torch.full_like(state[name], float("nan"))})
    storage.save(broken, module, held)
    assert f"tensor '{name}' has NaN" in refusal(begun_from(spec, "loss original"), broken)
    assert json.dumps(held)


@pytest.mark.parametrize("kept", ["params_ema", "state_dict", None])
def test_what_another_project_saved_is_begun_from(
    train_spec: MakeSpec, start: Path, targets: Path, pairs: Path, tmp_path: Path, kept: str | None
) -> None:
    spec = begun_from(train_spec(steps=1, learning_rate=STILL), "loss original")
    before, _ = storage.read(start)
    # as several GPUs leave it
    state = {f"module.{name}": weights for name, weights in before.items()}
    file = tmp_path / "net_g_latest.pth"
    torch.save({kept: state, "iter": 3} if kept else state, file)
    train.main(spec, "code", Run(tmp_path / "run", "train/toy"), targets=targets, pairs=pairs, initial=file)
    trained, _ = storage.read(tmp_path / "run" / "model.safetensors")
    for name, weights in trained.items():
        torch.testing.assert_close(weights, before[name], rtol=0, atol=1e-9)
    state.popitem()
    torch.save(state, file)
    with pytest.raises(UserError, match=r"net_g_latest.pth does not fit the network \(missing "):
        train.main(spec, "code", Run(tmp_path / "other", "train/toy"), targets=targets, pairs=pairs, initial=file)
