"""Stage generate, and the stage train of what it scores: an auto-encoder's numbers and its sheets of pictures."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _runs import card, history, run_of
from PIL import Image

from lossbench import networks, storage
from lossbench.errors import UserError
from pipeline import generate, train
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.specs.generate import GenerateSpec
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec, TrainSpec

TASK = TaskSpec(name="generation", settings={"side": 32, "bands": 1})
NETWORK = NetworkSpec(name="vae", arguments={"side": 32, "bands": 1, "width": 2, "latent": 3})
RECIPE: dict[str, Any] = {"steps": 4, "batch": 4, "patch": 32, "learning_rate": 1e-3, "augment": False, "history": 2}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    generator = np.random.default_rng(0)
    entries = [
        Entry(f"{split}{n}", split, generator.integers(0, 256, (28, 28, 1), dtype=np.uint8), "made", "CC0")
        for split, count in (("train", 6), ("test", 9))
        for n in range(count)
    ]
    write_arrays(folder, "target", entries, {"dataset": "digits", "code": "code"})
    return folder / "target.json"


def trained(targets: Path, output: Path, **changes: Any) -> Path:
    """Train a tiny VAE and return its folder."""
    loss = LossSpec(name="log_cosh", arguments={"a": 10.0}, loss_network=None)
    values = {"task": TASK, "dataset": "digits", "network": NETWORK, "loss": loss, "recipe": RECIPE, "seed": 1}
    spec = TrainSpec.model_validate({**values, **changes})
    train.main(spec, "code", run_of(output, "vae", {}), targets=targets)
    return output


def scored(targets: Path, output: Path, model: Path | None, **changes: Any) -> dict[str, dict[str, float]]:
    """Return the scores by metric and image."""
    values = {
        "task": TASK,
        "test_set": "digits",
        "split": "test",
        "metrics": (),
        "samples": 5,
        "seed": 0,
        "sheets": True,
    }
    spec = GenerateSpec.model_validate({**values, "network": NETWORK if model else None, **changes})
    scores = output / "digits.csv"
    generate.main(spec, "code", targets=targets, scores=scores, pictures=output / "digits_pictures", model=model)
    found: dict[str, dict[str, float]] = {}
    with scores.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["metric"], {})[row["image"]] = float(row["value"])
    return found


def test_a_trained_autoencoder_is_scored_picture_by_picture(targets: Path, tmp_path: Path) -> None:
    folder = trained(targets, tmp_path / "run")
    assert card(folder)["parameters"] == networks.parameter_count(networks.build("vae", **NETWORK.arguments))
    rows = history(folder)
    assert {"reconstruction", "kl", "squared_error"} < set(rows[0])
    for row in rows:
        assert float(row["total"]) == pytest.approx(float(row["reconstruction"]) + float(row["kl"]), rel=1e-5)
    found = scored(targets, tmp_path / "scores", folder / "model.safetensors")
    assert {name: len(values) for name, values in found.items()} == {"squared_error": 9, "kl": 9}
    network: Any = networks.load_network(folder / "model.safetensors")
    arrays = Arrays(targets)
    pixels = np.pad(arrays.read(arrays.split("test")[3]), ((2, 2), (2, 2), (0, 0)))
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    mean, log_variance = network.encode(picture)
    by_hand = float((network.decode(mean) - picture).square().sum())
    assert found["squared_error"]["test3"] == pytest.approx(by_hand, rel=1e-4)
    divergence = float(0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum())
    assert found["kl"]["test3"] == pytest.approx(divergence, rel=1e-3)
    sheets = {path.stem: Image.open(path).size for path in (tmp_path / "scores/digits_pictures").iterdir()}
    assert set(sheets) == {"originals", "reconstructions", "samples", "interpolations"}
    assert sheets["samples"] == (8 * 32, 32)


def test_a_training_is_the_same_again_and_another_under_another_seed(targets: Path, tmp_path: Path) -> None:
    models = [
        storage.read(trained(targets, tmp_path / name, seed=seed) / "model.safetensors")[0]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    key = "moments.weight"
    assert torch.equal(models[0][key], models[1][key]) and not torch.equal(models[0][key], models[2][key])


def test_the_trivial_answer_is_the_mean_of_the_training_pictures(targets: Path, tmp_path: Path) -> None:
    found = scored(targets, tmp_path, None)
    arrays = Arrays(targets)
    mean = np.mean([arrays.read(item) / 255 for item in arrays.split("train")], axis=0)
    test = arrays.read(arrays.split("test")[0]) / 255
    assert found["squared_error"]["test0"] == pytest.approx(float(((test - mean) ** 2).sum()), rel=1e-4)
    assert set(found["kl"].values()) == {0.0}


def test_what_is_no_autoencoder_is_refused_by_name(targets: Path, tmp_path: Path) -> None:
    network = NetworkSpec(name="dncnn", arguments={"bands": 1, "channels": 4, "depth": 3})
    with pytest.raises(UserError, match="task 'generation' with the network 'dncnn' needs --pairs"):
        trained(targets, tmp_path / "run", network=network)
    model = tmp_path / "model.safetensors"
    storage.save(model, networks.build("dncnn", **network.arguments), network.model_dump(mode="json"))
    with pytest.raises(UserError, match="network 'dncnn' is no auto-encoder"):
        scored(targets, tmp_path, model, network=network)


def test_no_picture_is_kept_where_a_licence_allows_numbers_only(targets: Path, tmp_path: Path) -> None:
    assert set(scored(targets, tmp_path, None, sheets=False)) == {"squared_error", "kl"}
    assert list((tmp_path / "digits_pictures").iterdir()) == []


def test_pictures_are_laid_in_rows_of_eight() -> None:
    pictures = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    sheet = generate.sheet(pictures)
    assert sheet.shape == (8, 32, 3)
    assert (sheet[0, ::4, 0] == np.arange(8)).all() and (sheet[4, ::4, 0] == [8, 9, 0, 0, 0, 0, 0, 0]).all()
