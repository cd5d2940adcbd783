"""Stage pretrain: what it writes and judges, and that a killed run ends with the same bytes."""

import csv
import json
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _runs import names, run_of

from lossbench import loss_networks
from lossbench.errors import UserError
from lossbench.images import read_image
from pipeline import pretrain
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.specs.pretrain import PretrainSpec, PublicWeights

MakeSpec = Callable[..., PretrainSpec]
Start = Callable[[PretrainSpec, list[str], Path, int], "subprocess.Popen[str]"]
LABEL = "pretrain/toy"
OUTPUTS = {"network.safetensors", "card.json", "history.csv", "probe.csv", "reconstructions.png"}


def run(spec: PretrainSpec, targets: Path, output: Path, **changes: Any) -> Path:
    pretrain.main(spec, "code", run_of(output, LABEL, changes), targets=targets, **changes)
    return output


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, targets: Path, pretrain_spec: MakeSpec) -> Path:
    return run(pretrain_spec(history=3), targets, tmp_path_factory.mktemp("pretrain") / "run")


def test_a_run_leaves_network_card_history_probe_and_picture(finished: Path, pretrain_spec: MakeSpec) -> None:
    assert names(finished) == {*OUTPUTS, "run.lock"}
    network, stored = loss_networks.load(finished / "network.safetensors")
    card = json.loads((finished / "card.json").read_text(encoding="utf-8"))
    assert stored == card
    assert card["spec"] == pretrain_spec(history=3).model_dump(mode="json")
    assert card["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert card["probe_chance"] == pytest.approx(1 / 3, abs=1e-4)
    assert 0 <= card["probe_accuracy"] <= 1
    assert 0 < card["held_out_masked_error"] < 10
    rows = table(finished / "history.csv")
    assert [row["step"] for row in rows] == ["0", "3", "6", "7"]
    assert list(rows[0]) == ["step", "learning_rate", "total", "masked_error", "gradient_norm"]
    assert all(row["total"] == row["masked_error"] for row in rows)


def test_the_probe_compares_three_degradations_at_30_db(finished: Path) -> None:
    rows = table(finished / "probe.csv")
    assert [row["degradation"] for row in rows] == ["blur", "noise", "shift"]
    assert [float(row["psnr"]) for row in rows] == pytest.approx([30.0] * 3, abs=0.1)
    card = json.loads((finished / "card.json").read_text(encoding="utf-8"))
    assert np.mean([float(row["recognised"]) for row in rows]) == pytest.approx(card["probe_accuracy"], abs=1e-4)


def test_the_picture_shows_original_masked_input_and_reconstruction(finished: Path) -> None:
    sheet = read_image(finished / "reconstructions.png").astype(int)
    # 8 crops of 32 pixels beside each other, in 3 rows
    assert sheet.shape == (96, 256, 3)
    original, masked, restored = sheet[:32], sheet[32:64], sheet[64:]
    kept = (original == masked).all(axis=2)
    # one cell of four stays visible in each crop
    assert kept.mean() == pytest.approx(0.25, abs=0.03)
    assert np.array_equal(restored[kept], original[kept])
    assert not np.array_equal(restored, original)


def test_the_masked_error_falls(targets: Path, pretrain_spec: MakeSpec, tmp_path: Path) -> None:
    spec = pretrain_spec(steps=60, batch=4, learning_rate=1e-2, history=59)
    first, last = table(run(spec, targets, tmp_path / "run") / "history.csv")
    assert float(last["total"]) < 0.85 * float(first["total"])


def test_masks_depend_on_seed_and_step_alone_and_not_on_the_crops() -> None:
    network = loss_networks.build("cnn_mae", widths=[4, 4], blocks=[1, 1], decoder_width=4)
    drawn = pretrain._noise(network, 2, (32, 48), 3, 5)
    assert drawn.shape == (2, 6)
    assert np.array_equal(drawn, pretrain._noise(network, 2, (32, 48), 3, 5))
    assert not np.array_equal(drawn, pretrain._noise(network, 2, (32, 48), 3, 6))
    assert not np.array_equal(drawn, pretrain._noise(network, 2, (32, 48), 4, 5))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_killed_run_resumes_and_ends_with_the_same_bytes(
    ema: float | None,
    targets: Path,
    pretrain_spec: MakeSpec,
    tmp_path: Path,
    start_until_saved: Start,
    capsys: pytest.CaptureFixture[str],
) -> None:
    precision = "bfloat16" if ema else "float32"
    schedule = {"name": "cosine", "warm_up": 0.2}
    spec = pretrain_spec(steps=100, history=7, ema=ema, precision=precision, schedule=schedule)
    whole, folder = run(spec, targets, tmp_path / "whole"), tmp_path / "killed"
    arguments = ["--code", "code", "--targets", str(targets), "--output", str(folder)]
    arguments += ["--label", LABEL, "--checkpoint-seconds", "0"]
    process = start_until_saved(spec, ["pipeline.pretrain", *arguments], folder / "last.ckpt", random.randint(1, 30))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not names(folder) & OUTPUTS
    capsys.readouterr()
    run(spec, targets, folder)
    assert f"{LABEL}  resumes at step " in capsys.readouterr().out
    for name in ("history.csv", "probe.csv", "reconstructions.png"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    (ours, _), (theirs, _) = (loss_networks.load(path / "network.safetensors") for path in (folder, whole))
    for name, value in ours.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name
    assert names(folder) == {*OUTPUTS, "run.lock"}


def only(targets: Path, splits: set[str], folder: Path) -> Path:
    """Write the pictures of `splits` alone."""
    arrays = Arrays(targets)
    kept = [item for item in arrays.items if item.split in splits]
    entries = [Entry(item.name, item.split, arrays.read(item), item.origin, item.licence) for item in kept]
    write_arrays(folder, "target", entries, {"dataset": "part"})
    return folder / "target.json"


def test_without_validation_pictures_the_test_pictures_judge_and_the_card_says_so(
    targets: Path, pretrain_spec: MakeSpec, tmp_path: Path
) -> None:
    splits = {}
    for name, kept in (("whole", {"train", "val", "test"}), ("part", {"train", "test"})):
        folder = run(pretrain_spec(steps=1), only(targets, kept, tmp_path / name), tmp_path / f"{name}_run")
        splits[name] = json.loads((folder / "card.json").read_text(encoding="utf-8"))["held_out_split"]
    assert splits == {"whole": "val", "part": "test"}


def test_a_data_set_without_held_out_pictures_is_refused_before_training(
    targets: Path, pretrain_spec: MakeSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="data set 'part' has no split 'test'"):
        run(pretrain_spec(), only(targets, {"train"}, tmp_path / "data"), tmp_path / "run")
    assert "step" not in capsys.readouterr().out


def test_public_weights_are_not_trained(targets: Path, pretrain_spec: MakeSpec, tmp_path: Path) -> None:
    weights = PublicWeights(file="vgg.onnx", digest="sha256:00")
    spec = PretrainSpec(loss_network="vgg16", architecture={}, dataset="public", seed=0, weights=weights)
    with pytest.raises(UserError, match=r"the spec has no recipe; weights from elsewhere go through"):
        run(spec, targets, tmp_path / "run")
