"""Stage evaluate on labelled pictures: which class a prediction is compared with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _evaluated import METRICS, evaluate_into, low, spec

from lossbench import classifiers
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.loss_networks import vgg16
from pipeline import evaluate
from pipeline.outputs.arrays import write_arrays
from pipeline.specs.evaluate import MetricSpec

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
        entries = [
            low(name, *size, picture=name.partition("~")[0], group=name.partition("-")[0])
            for name, size in zip(LABELLED, sizes, strict=True)
        ]
        write_arrays(tmp_path, role, entries, {"dataset": "toy"})

    def run(test_set: str) -> dict[str, float]:
        chosen = spec(metrics=(METRICS[0], ERROR), keep_pictures=4).model_copy(update={"test_set": test_set})
        cards = (tmp_path / f"{role}.json" for role in ("target", "low_quality"))
        rows = evaluate_into(tmp_path, chosen, *cards, metric_weights={"error": file})
        rows = [row for row in rows if row["metric"] == "error"]
        assert tuple(row["image"] for row in rows) == LABELLED
        assert [row["picture"] for row in rows] == ["0-a", "0-a", "3-b", "4-c"]
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
        picture = read_image(tmp_path / "toy_pictures" / f"{name}.png").astype(np.float32) / 255
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
        write_arrays(tmp_path, role, [low("astronaut", side, side)], {"dataset": "toy"})
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
