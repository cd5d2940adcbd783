"""What a checkpoint must have been written under: the same inputs, and the arithmetic in which the run began."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _runs import assert_same_run, card, cut_off, run_of

from lossbench import networks, storage
from pipeline import train
from pipeline.learning import loop
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.specs.train import TrainSpec

MakeSpec = Callable[..., TrainSpec]


def trained(spec: TrainSpec, targets: Path, pairs: Path, output: Path) -> Path:
    place = run_of(output, "toy", {"checkpoint_seconds": 0})
    train.main(spec, "code", place, targets=targets, pairs=pairs)
    return output


def begun(spec: TrainSpec, targets: Path, pairs: Path, output: Path) -> Path:
    """Begin a run and cut it off after four steps."""
    with cut_off(loop, "_descend", 4):
        trained(spec, targets, pairs, output)
    assert (output / "last.ckpt").exists()
    return output


def load(path: Path) -> tuple[Any, dict[str, Any]]:
    state, description = storage.read(path)
    network = networks.build(description["name"], **description["arguments"])
    storage.fill(network, state, path)
    return network, description


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)], ids=["without", "with"])
def test_a_run_goes_on_in_the_arithmetic_in_which_it_began(
    first: bool,
    second: bool,
    targets: Path,
    pairs: Path,
    train_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = train_spec(precision="auto")
    monkeypatch.setattr("lossbench.device.cpu_multiplies_bfloat16", lambda: first)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    whole = trained(spec, targets, pairs, tmp_path / "whole")
    resumed = begun(spec, targets, pairs, tmp_path / "resumed")
    monkeypatch.setattr("lossbench.device.cpu_multiplies_bfloat16", lambda: second)
    trained(spec, targets, pairs, resumed)
    began, here = ("bfloat16", "float32") if first else ("float32", "bfloat16")
    assert f"goes on in {began}, as it began; here it would begin in {here}" in capsys.readouterr().out
    assert card(resumed)["precision"] == began and card(resumed)["resumed_at"] == 4
    assert_same_run(resumed, whole, "model.safetensors", load)


def test_a_run_whose_prepared_data_changed_begins_anew(
    targets: Path, pairs: Path, train_spec: MakeSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = train_spec()
    output = begun(spec, targets, pairs, tmp_path / "run")
    brighter = Path(shutil.copytree(targets.parent, tmp_path / "brighter"))
    arrays = Arrays(targets)
    entries = [
        Entry(item.name, item.split, np.minimum(arrays.read(item), 200), item.origin, item.licence)
        for item in arrays.items
    ]
    write_arrays(brighter, "target", entries, {"dataset": "toy", "code": "code"})
    trained(spec, brighter / "target.json", pairs, output)
    assert "belongs to another input: refused, the run starts anew" in capsys.readouterr().out
    assert card(output)["resumed_at"] == 0


def test_what_wrote_the_prepared_data_does_not_count(
    targets: Path, pairs: Path, train_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = train_spec()
    output = begun(spec, targets, pairs, tmp_path / "run")
    same = Path(shutil.copytree(targets.parent, tmp_path / "same"))
    text = (same / "target.json").read_text(encoding="utf-8")
    (same / "target.json").write_text(text.replace('"code": "', '"code": "other'), encoding="utf-8")
    trained(spec, same / "target.json", pairs, output)
    assert card(output)["resumed_at"] == 4
