"""Stage evaluate: one row a picture and metric, the trivial answer, tiles, pictures, and models that don't fit."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lossbench import classifiers, loss_networks, networks, plugins, storage
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.loss_networks import vgg16
from lossbench.resize import resize_bicubic
from pipeline import compare, evaluate
from pipeline.outputs.arrays import Arrays, Entry, write_arrays
from pipeline.specs.evaluate import CompareSpec, EvaluateSpec, MetricSpec
from pipeline.specs.train import NetworkSpec, TaskSpec

TASK = TaskSpec(name="super_resolution", settings={"scale": 2})
NETWORK = NetworkSpec(name="edsr", arguments={"scale": 2, "channels": 4, "blocks": 1})
METRICS = (
    MetricSpec(name="psnr", file="psnr", colour="rgb", crop=2, rounding=True),
    MetricSpec(name="psnr", file="psnr", colour="y601", crop=0, rounding=False),
)
Evaluate = Callable[..., list[dict[str, str]]]


def spec(**changes: Any) -> EvaluateSpec:
    values: dict[str, Any] = {
        "network": None,
        "trivial": "bicubic",
        "metrics": METRICS,
        "keep_pictures": 1,
        "tile": None,
    }
    return EvaluateSpec(task=TASK, test_set="toy", split="test", **{**values, **changes})


@pytest.fixture
def evaluated(targets: Path, pairs: Path, tmp_path: Path) -> Evaluate:
    """Evaluate into `tmp_path` and return the rows of the scores."""

    def run(chosen: EvaluateSpec, model: Path | None = None, low: Path = pairs) -> list[dict[str, str]]:
        scores = tmp_path / "toy.csv"
        pictures = tmp_path / "toy_pictures"
        evaluate.main(chosen, "code", targets=targets, pairs=low, model=model, scores=scores, pictures=pictures)
        with scores.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return run


def stored(path: Path, network: NetworkSpec = NETWORK, value: float | None = None) -> Path:
    torch.manual_seed(0)
    module = networks.build(network.name, **network.arguments)
    if value is not None:
        torch.nn.init.constant_(next(module.parameters()), value)
    storage.save(path, module, network.model_dump(mode="json"))
    return path


def target_of(targets: Path, index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    arrays = Arrays(targets)
    pixels = arrays.read(arrays.split("test")[index])
    return pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]


def test_the_trivial_answer_gives_one_row_a_picture_and_metric_with_its_protocol(
    evaluated: Evaluate, targets: Path, pairs: Path
) -> None:
    rows = evaluated(spec())
    assert list(rows[0]) == ["image", "metric", "value", "colour", "crop", "rounding", "code"]
    found = [(row["image"], row["metric"], row["colour"], row["crop"], row["rounding"], row["code"]) for row in rows]
    assert found == [
        ("test0", "psnr", "rgb", "2", "True", "code"),
        ("test0", "psnr", "y601", "0", "False", "code"),
        ("test1", "psnr", "rgb", "2", "True", "code"),
        ("test1", "psnr", "y601", "0", "False", "code"),
    ]
    arrays = Arrays(pairs, "low_quality")
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
    write_arrays(wide, "low_quality", [_low("test0", 60, 50), _low("test1", 20, 40)], {"dataset": "wide"})
    write_arrays(wide, "target", [_low("test0", 120, 100), _low("test1", 40, 80)], {"dataset": "wide"})
    for tile in (None, 36):
        scores = tmp_path / f"{tile}.csv"
        evaluate.main(
            spec(network=NETWORK, keep_pictures=2, tile=tile),
            "code",
            targets=wide,
            pairs=wide,
            model=model,
            scores=scores,
            pictures=tmp_path / str(tile),
        )
        with scores.open(newline="", encoding="utf-8") as file:
            rows.append([float(row["value"]) for row in csv.DictReader(file)])
        pictures.append(read_image(tmp_path / str(tile) / "test0.png"))
    assert rows[0] == pytest.approx(rows[1], abs=1e-4)
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1


def _low(name: str, height: int, width: int) -> Entry:
    rows, columns = np.mgrid[:height, :width][..., None]
    pixels = (128 + 100 * np.sin(rows / height * 9 + columns / width * 7 + np.arange(3))).astype(np.uint8)
    return Entry(name, "test", pixels, f"{name}.png", "CC0")


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
    write_arrays(broken, "low_quality", [_low("test1", 20, 18)], {"dataset": "toy"})
    with pytest.raises(UserError, match=r"broken: 'test0' of split 'test' is missing; delete it and rerun"):
        evaluated(spec(), low=broken)
    data = broken / "low_quality.npy"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"broken: prepared data are incomplete"):
        evaluated(spec(), low=broken)
    assert not (tmp_path / "toy.csv").exists()


def test_the_protocol_of_a_row_is_the_one_that_was_used(
    evaluated: Evaluate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # a metric that has no rgb takes its usual colour, and the row must say so
    metric = plugins.load("metrics", "psnr")
    monkeypatch.setattr(metric, "colours", ("y601",))
    rows = evaluated(spec(metrics=METRICS[:1]))
    assert {row["colour"] for row in rows} == {"y601"}


def test_the_comparison_shows_every_loss_and_the_ground_truth(
    evaluated: Evaluate, targets: Path, pairs: Path, tmp_path: Path
) -> None:
    evaluated(spec(keep_pictures=2))
    chosen = CompareSpec(
        task=TASK,
        test_set="toy",
        split="test",
        network="edsr",
        trivial="bicubic",
        labels=("bicubic", "again"),
        pictures=2,
        crop=16,
    )
    output = tmp_path / "crops.png"
    compare.main(chosen, "code", targets, pairs, [tmp_path / "toy.csv"] * 2, output)
    sheet = read_image(output)
    # crops of 16 pixels twice as large, 4 pixels between, a header of 16
    assert sheet.shape == (16 + 2 * 36, 3 * 36, 3)
    first, second, truth = (sheet[16:48, left : left + 32] for left in (0, 36, 72))
    assert np.array_equal(first, second)
    crop = truth[::2, ::2]
    whole = target_of(targets, 0)
    places = [
        np.array_equal(whole[top : top + 16, left : left + 16], crop)
        for top in range(0, whole.shape[0] - 15)
        for left in range(0, whole.shape[1] - 15)
    ]
    assert sum(places) == 1


def test_a_second_evaluation_computes_only_what_is_new(
    evaluated: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    score = evaluate.metrics.score

    def counted(name: str, *arguments: Any, **changes: Any) -> float:
        computed.append(name)
        return score(name, *arguments, **changes)

    monkeypatch.setattr(evaluate.metrics, "score", counted)
    first = evaluated(spec())
    assert computed == ["psnr"] * 4
    assert evaluated(spec()) == first
    assert len(computed) == 4
    third = MetricSpec(name="sam", file="sam", colour="rgb", crop=0, rounding=False)
    added = evaluated(spec(metrics=(*METRICS, third)))
    assert computed[4:] == ["sam"] * 2
    assert [row for row in added if row["metric"] == "psnr"] == first
    # another version of the metric, and a damaged file
    monkeypatch.setattr("pipeline.outputs.metric_cache._version", lambda metric: "new")
    assert evaluated(spec()) == first
    assert computed[6:] == ["psnr"] * 4
    (tmp_path / ".toy.cache.json").write_text("[3", encoding="utf-8")
    assert evaluated(spec()) == first
    assert len(computed) == 14


def test_scores_of_another_prediction_are_not_reused(evaluated: Evaluate, tmp_path: Path) -> None:
    trivial = evaluated(spec())
    model = stored(tmp_path / "model.safetensors")
    restored = evaluated(spec(network=NETWORK), model)
    assert all(ours["value"] != theirs["value"] for ours, theirs in zip(restored, trivial, strict=True))


def test_a_metric_that_rests_on_a_network_gets_its_weights(
    targets: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = loss_networks.build("robust_lpips", widths=[4, 6, 8, 8, 8])
        loss_networks.save(network, tmp_path / f"{seed}.safetensors", {})
    metric = MetricSpec(
        name="perceived", file="r_lpips", colour="rgb", crop=0, rounding=True, loss_network="robust_lpips"
    )
    chosen = spec(metrics=(*METRICS, metric))

    def run(weights: Path) -> list[float]:
        scores, pictures = tmp_path / "toy.csv", tmp_path / "toy_pictures"
        evaluate.main(
            chosen, "code", targets=targets, pairs=pairs, model=None, scores=scores, pictures=pictures,
            metric_weights=[weights],
        )  # fmt: skip
        with scores.open(newline="", encoding="utf-8") as file:
            return [float(row["value"]) for row in csv.DictReader(file) if row["metric"] == "perceived"]

    first, second = run(tmp_path / "0.safetensors"), run(tmp_path / "1.safetensors")
    # another network is another metric, kept scores or not
    assert len(first) == 2 and all(ours != theirs for ours, theirs in zip(first, second, strict=True))
    # the same weights in another place are the same
    (tmp_path / "0.safetensors").replace(tmp_path / "moved.safetensors")
    run(tmp_path / "moved.safetensors")

    def never(*arguments: Any, **keywords: Any) -> float:
        raise AssertionError("computed again")

    monkeypatch.setattr(evaluate.metrics, "score", never)
    assert run(tmp_path / "moved.safetensors") == first


ERROR = MetricSpec(
    name="error", file="classification_error", colour="rgb", crop=0, rounding=True, loss_network="classifier"
)
LABELLED = ("0-a~00", "0-a~01", "3-b~00", "4-c~00")


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, float]]:
    """Return a function from the name of a test set to the errors of a classifier of five classes on four pictures."""
    monkeypatch.setattr(vgg16, "WIDTHS", ((4,), (4,)))
    monkeypatch.setitem(classifiers.CHANNELS, "vgg16", ("pool2", 4))
    torch.manual_seed(0)
    file = tmp_path / "classifier.safetensors"
    classifiers.save(classifiers.build("vgg16", 5, {"layout": "torchvision"}, "pooled"), file, {})
    for role, side in (("target", 32), ("low_quality", 16)):
        sizes = [(side, side * count) for count in range(1, len(LABELLED) + 1)]
        entries = [_low(name, *size) for name, size in zip(LABELLED, sizes, strict=True)]
        write_arrays(tmp_path, role, entries, {"dataset": "toy"})

    def run(test_set: str) -> dict[str, float]:
        chosen = spec(metrics=(METRICS[0], ERROR), keep_pictures=4).model_copy(update={"test_set": test_set})
        scores = tmp_path / "toy.csv"
        evaluate.main(
            chosen, "code", targets=tmp_path, pairs=tmp_path, model=None, scores=scores,
            pictures=tmp_path / "pictures", metric_weights=[file],
        )  # fmt: skip
        with scores.open(newline="", encoding="utf-8") as csv_file:
            rows = [row for row in csv.DictReader(csv_file) if row["metric"] == "error"]
        assert tuple(row["image"] for row in rows) == LABELLED
        return {row["image"]: float(row["value"]) for row in rows}

    return run


def test_the_test_set_says_the_class_that_a_prediction_is_compared_with(
    errors: Callable[[str], dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: dict[str, list[int | None]] = {"psnr": [], "classification_error": []}
    score = evaluate.metrics.score

    def watched(name: str, *arguments: Any, label: int | None, **keywords: Any) -> float:
        compared[name].append(label)
        return score(name, *arguments, label=label, **keywords)

    monkeypatch.setattr(evaluate.metrics, "score", watched)
    # places among the sorted classes, since this set says nothing else
    found = errors("exemplar_crops")
    assert compared == {"psnr": [None] * 4, "classification_error": [0, 0, 1, 2]}
    model, _ = classifiers.load(tmp_path / "classifier.safetensors")
    for name, label in zip(LABELLED, (0, 0, 1, 2), strict=True):
        picture = read_image(tmp_path / "pictures" / f"{name}.png").astype(np.float32) / 255
        best = int(model(torch.from_numpy(picture).permute(2, 0, 1)[None]).argmax())
        assert found[name] == (0.0 if best == label else 100.0)
    # the classes that this one says, and what was known of other classes is not taken for them
    errors("labelled_photographs")
    assert compared["classification_error"][4:] == [3, 4]
    assert len(compared["psnr"]) == 4
    errors("labelled_photographs")
    assert len(compared["classification_error"]) == 6


def test_a_test_set_without_classes_has_no_classification_error(
    errors: Callable[[str], dict[str, float]], tmp_path: Path
) -> None:
    for role, side in (("target", 32), ("low_quality", 16)):
        write_arrays(tmp_path, role, [_low("astronaut", side, side)], {"dataset": "toy"})
    with pytest.raises(UserError, match="error scores labelled test sets only, not 'photographs': 'astronaut' says no"):
        errors("photographs")
    assert not (tmp_path / "toy.csv").exists()


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["3", "0", "4"], r"3 classes, test set 'exemplar_crops' has 3; number 0 is '3' there and '0' here"),
        (["0", "3", "4", "5"], r"4 classes, test set 'exemplar_crops' has 3; take"),
    ],
)
def test_a_classifier_of_other_classes_than_the_test_set_is_refused(
    errors: Callable[[str], dict[str, float]], tmp_path: Path, classes: list[str], said: str
) -> None:
    file = tmp_path / "classifier.safetensors"
    model, _ = classifiers.load(file)
    classifiers.save(model, file, {"classes": ["0", "3", "4"]})
    expected = errors("exemplar_crops")
    classifiers.save(model, file, {"classes": classes})
    (tmp_path / "toy.csv").unlink()
    with pytest.raises(UserError, match=f"classifier.safetensors was trained on {said}"):
        errors("exemplar_crops")
    assert not (tmp_path / "toy.csv").exists()
    assert set(expected) == set(LABELLED)
