"""Stage evaluate: one row a picture and metric, the trivial answer, tiles, pictures, and models that don't fit."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _evaluated import METRICS, NETWORK, Evaluate, evaluate_into, low, spec, stored, target_of

from lossbench import networks, plugins, storage
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.resize import resize_bicubic
from pipeline.outputs.arrays import Arrays, write_arrays
from pipeline.specs.train import NetworkSpec


def test_the_trivial_answer_gives_one_row_a_picture_and_metric_with_its_protocol(
    evaluated: Evaluate, targets: Path, pairs: Path
) -> None:
    rows = evaluated(spec())
    assert list(rows[0]) == ["image", "metric", "value", "colour", "crop", "rounding", "code", "picture"]
    found = [(row["image"], row["metric"], row["colour"], row["crop"], row["rounding"], row["code"]) for row in rows]
    assert found == [
        ("test0", "psnr", "rgb", "2", "True", "code"),
        ("test0", "psnr", "y601", "0", "False", "code"),
        ("test1", "psnr", "rgb", "2", "True", "code"),
        ("test1", "psnr", "y601", "0", "False", "code"),
    ]
    arrays = Arrays(pairs)
    for index, item in enumerate(arrays.split("test")):
        bicubic = resize_bicubic(np.array(arrays.read(item)), Fraction(2)).astype(float)
        # the first picture has odd sides: what the low-quality one does not cover is not scored
        error = (bicubic - target_of(targets, index))[2:-2, 2:-2]
        assert float(rows[2 * index]["value"]) == pytest.approx(10 * math.log10(255**2 / np.mean(error**2)), abs=1e-6)


def test_the_first_pictures_are_written_and_no_more(evaluated: Evaluate, tmp_path: Path, targets: Path) -> None:
    evaluated(spec(keep_pictures=1))
    assert [path.name for path in (tmp_path / "toy_pictures").iterdir()] == ["test0.png"]
    assert read_image(tmp_path / "toy_pictures" / "test0.png").shape == target_of(targets, 0).shape
    evaluated(spec(keep_pictures=0))
    evaluated(spec(keep_pictures=9))
    assert len(list((tmp_path / "toy_pictures").iterdir())) == 2


def test_a_model_is_scored_on_the_picture_that_is_written(evaluated: Evaluate, targets: Path, tmp_path: Path) -> None:
    model = stored(tmp_path / "model.safetensors")
    rows = evaluated(spec(network=NETWORK, keep_pictures=2), model)
    for index in range(2):
        picture = read_image(tmp_path / "toy_pictures" / f"test{index}.png").astype(float)
        error = (picture - target_of(targets, index))[2:-2, 2:-2]
        # rounded to 8 bit in both
        assert float(rows[2 * index]["value"]) == pytest.approx(10 * math.log10(255**2 / np.mean(error**2)), abs=1e-6)


def test_tiles_give_the_same_scores_and_pictures(evaluated: Evaluate, tmp_path: Path) -> None:
    model = stored(tmp_path / "model.safetensors")
    rows, pictures = [], []
    # tiles share 32 pixels, so 36 cuts nothing but long sides
    wide = tmp_path / "wide"
    write_arrays(wide, "low_quality", [low("test0", 60, 50), low("test1", 20, 40)], {"dataset": "wide"})
    write_arrays(wide, "target", [low("test0", 120, 100), low("test1", 40, 80)], {"dataset": "wide"})
    cards = [wide / f"{role}.json" for role in ("target", "low_quality")]
    for tile in (None, 36):
        folder = tmp_path / str(tile)
        folder.mkdir()
        found = evaluate_into(folder, spec(network=NETWORK, keep_pictures=2, tile=tile), *cards, model)
        rows.append([float(row["value"]) for row in found])
        pictures.append(read_image(folder / "toy_pictures/test0.png"))
    assert rows[0] == pytest.approx(rows[1], abs=1e-4)
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1


@pytest.mark.parametrize(
    ("changes", "arguments"),
    [
        # the same tensors, another function
        ({}, {"scale": 2, "channels": 4, "blocks": 1, "residual_scale": 0.1}),
        ({}, {"scale": 2, "channels": 5, "blocks": 1}),
        ({"name": "rfdn"}, {"scale": 2, "channels": 8, "blocks": 1}),
    ],
)
def test_a_model_of_another_network_or_of_other_arguments_is_refused_by_name(
    changes: dict[str, Any], arguments: dict[str, Any], evaluated: Evaluate, tmp_path: Path
) -> None:
    other = NetworkSpec(**{"name": "edsr", **changes, "arguments": arguments})
    model = stored(tmp_path / "model.safetensors", other)
    with pytest.raises(UserError, match=r"model\.safetensors holds the network .*, not .*'edsr'") as caught:
        evaluated(spec(network=NETWORK), model)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "toy.csv").exists()


def test_a_model_whose_description_lies_is_refused(evaluated: Evaluate, tmp_path: Path) -> None:
    module = networks.build("edsr", scale=2, channels=5, blocks=1)
    storage.save(tmp_path / "model.safetensors", module, NETWORK.model_dump(mode="json"))
    with pytest.raises(UserError, match=r"model\.safetensors .*\(5,\), expected .*\(4,\)"):
        evaluated(spec(network=NETWORK), tmp_path / "model.safetensors")


def test_a_missing_a_damaged_and_an_unnamed_model_are_refused(evaluated: Evaluate, tmp_path: Path) -> None:
    model = stored(tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="network 'edsr' needs --model"):
        evaluated(spec(network=NETWORK))
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"model\.safetensors is not a .*delete it and rerun"):
        evaluated(spec(network=NETWORK), model)
    model.unlink()
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        evaluated(spec(network=NETWORK), model)


def test_a_model_that_gives_nan_has_no_scores(evaluated: Evaluate, tmp_path: Path) -> None:
    model = stored(tmp_path / "model.safetensors", value=math.nan)
    with pytest.raises(UserError, match=r"psnr of test0: prediction: NaN or infinite values"):
        evaluated(spec(network=NETWORK), model)
    assert not (tmp_path / "toy.csv").exists()
    assert list((tmp_path / "toy_pictures").iterdir()) == []


def test_damaged_and_missing_inputs_are_named(evaluated: Evaluate, pairs: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    write_arrays(broken, "low_quality", [low("test1", 20, 18)], {"dataset": "toy"})
    with pytest.raises(UserError, match=r"low_quality\.json: 'test0' of split 'test' is missing; delete it and rerun"):
        evaluated(spec(), low=broken / "low_quality.json")
    data = broken / "low_quality.npy"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"broken: prepared data are incomplete"):
        evaluated(spec(), low=broken / "low_quality.json")
    assert not (tmp_path / "toy.csv").exists()


def test_the_protocol_of_a_row_is_the_one_that_was_used(
    evaluated: Evaluate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # a metric that has no rgb takes its usual colour, and the row must say so
    metric = plugins.load("metrics", "psnr")
    monkeypatch.setattr(metric, "colours", ("y601",))
    rows = evaluated(spec(metrics=METRICS[:1]))
    assert {row["colour"] for row in rows} == {"y601"}


def test_a_grey_target_is_luma_already(tmp_path: Path) -> None:
    small, target = low("p", 12, 14), low("p", 24, 28)
    band = target.pixels[..., :1]
    for grey in (True, False):
        entries = {
            "target": replace(target, pixels=np.repeat(band, 3, axis=-1), grey=grey),
            "low_quality": replace(small, pixels=np.repeat(small.pixels[..., :1], 3, axis=-1)),
        }
        for role, entry in entries.items():
            write_arrays(tmp_path, role, [entry], {"dataset": "toy"})
        rows = evaluate_into(tmp_path, spec(), tmp_path / "target.json", tmp_path / "low_quality.json")
        error = resize_bicubic(small.pixels[..., :1], Fraction(2)).astype(float) - band
        full = 10 * math.log10(255**2 / np.mean(error**2))
        # Y of a grey picture that was repeated to RGB has 219 levels
        gain = 0 if grey else 20 * math.log10(255 / 219)
        assert float(rows[1]["value"]) == pytest.approx(full + gain, abs=1e-6)
        inside = 10 * math.log10(255**2 / np.mean(error[2:-2, 2:-2] ** 2))
        assert float(rows[0]["value"]) == pytest.approx(inside, abs=1e-6)


def test_tiles_of_a_scene_are_scored_with_their_places(tmp_path: Path) -> None:
    entries = [replace(low(f"t{index}", 24, 20), place=(index, 0)) for index in range(2)]
    write_arrays(tmp_path, "target", entries, {"dataset": "toy"})
    write_arrays(tmp_path, "low_quality", [low(f"t{index}", 12, 10) for index in range(2)], {"dataset": "toy"})
    assert [item.place for item in Arrays(tmp_path / "target.json").items] == [(0, 0), (1, 0)]
    rows = evaluate_into(tmp_path, spec(), tmp_path / "target.json", tmp_path / "low_quality.json")
    assert [row["place"] for row in rows] == ["0 0", "0 0", "1 0", "1 0"]
