"""EfficientNet-Lite0 on photographs whose class is known, and the crops of them."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lossbench.assets import embedded
from lossbench.classifiers import efficientnet_lite0
from lossbench.datasets import photographs as trained_on
from lossbench.datasets._crops import (
    EMBEDDED,
    HELD_OUT,
    SHORT_SIDES,
    Photograph,
    centre_crop,
    crops,
    embedded_photographs,
    label_of,
)
from lossbench.errors import UserError
from lossbench.networks import parameter_count

PACKAGE = embedded.catalogue()[efficientnet_lite0.EMBEDDED].package


def installed() -> bool:
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        return False
    return True


needs_package = pytest.mark.skipif(not installed(), reason=f"needs {PACKAGE}; run: uv sync --group embedded")


@pytest.fixture(scope="module")
def classifier() -> efficientnet_lite0.EfficientNetLite0:
    return efficientnet_lite0.load()


@pytest.fixture
def untrained() -> Iterator[efficientnet_lite0.EfficientNetLite0]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield efficientnet_lite0.EfficientNetLite0().eval()


@needs_package
def test_the_embedded_classifier_knows_the_photographs(classifier: efficientnet_lite0.EfficientNetLite0) -> None:
    from PIL import Image

    shown = list(embedded_photographs(EMBEDDED))
    labels = torch.tensor([photograph.label for photograph in shown])
    squeezed = [np.asarray(Image.fromarray(p.pixels).resize((224, 224), Image.Resampling.BICUBIC)) for p in shown]
    images = np.stack(squeezed)
    with torch.no_grad():
        best = classifier(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255).topk(5).indices
    assert int((best[:, 0] == labels).sum()) == 17
    assert int((best == labels[:, None]).any(1).sum()) == 20
    assert (~classifier.errors(images, labels.tolist())).sum() == 17


@needs_package
def test_the_centre_crops_are_told_apart_and_so_are_most_crops(
    classifier: efficientnet_lite0.EfficientNetLite0,
) -> None:
    centres = np.stack([centre_crop(photograph.pixels) for photograph in embedded_photographs()])
    labels = [label_of(path) for path in HELD_OUT]
    assert classifier.errors(centres, labels).sum() == 0
    found = list(crops(embedded_photographs(), (256,)))
    wrong = classifier.errors(np.stack([crop.pixels for crop in found]), [crop.label for crop in found])
    assert len(wrong) == 9 * 8 and wrong.mean() < 0.25


@needs_package
def test_every_released_tensor_has_one_place(classifier: efficientnet_lite0.EfficientNetLite0) -> None:
    released = torch.load(embedded.locate(efficientnet_lite0.EMBEDDED), weights_only=True)
    names = efficientnet_lite0._names()
    assert sorted(names) == sorted(released) and len(set(names.values())) == len(names) == 296
    state = classifier.network.state_dict()
    assert sorted(names.values()) == sorted(state)
    assert all(torch.equal(released[name], state[ours]) for name, ours in names.items())


@needs_package
def test_the_classifier_is_frozen_and_lets_gradients_through(
    classifier: efficientnet_lite0.EfficientNetLite0,
) -> None:
    assert not classifier.training and parameter_count(classifier) == 0
    image = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)).requires_grad_()
    classifier(image)[0, 3].backward()
    assert image.grad is not None and image.grad.abs().sum() > 0


def test_the_network_has_the_published_size() -> None:
    with torch.device("meta"):
        network = efficientnet_lite0.EfficientNetLite0()
    # Lite0 is published with 4.7 million parameters
    assert parameter_count(network) == 4_652_008


def test_a_file_of_another_network_is_refused(untrained: efficientnet_lite0.EfficientNetLite0, tmp_path: Path) -> None:
    path = tmp_path / "released.pth"
    names = {ours: name for name, ours in efficientnet_lite0._names().items()}
    state = {names[name]: tensor for name, tensor in untrained.network.state_dict().items()}
    torch.save(state, path)
    efficientnet_lite0.import_weights(untrained, path)
    for change, message in (
        ({"_fc.bias": torch.zeros(10)}, "wrong classifier.bias is float32 \\(10,\\)"),
        ({"_fc.extra": torch.zeros(1)}, "unexpected _fc.extra"),
    ):
        torch.save({**state, **change}, path)
        with pytest.raises(UserError, match=f"released.pth does not fit the network .*{message}"):
            efficientnet_lite0.import_weights(untrained, path)
    torch.save({name: tensor for name, tensor in state.items() if name != "_fc.bias"}, path)
    with pytest.raises(UserError, match=r"missing classifier\.bias"):
        efficientnet_lite0.load(path)


def test_errors_are_counted_crop_by_crop(untrained: efficientnet_lite0.EfficientNetLite0) -> None:
    images = np.random.default_rng(0).integers(0, 256, (35, 224, 224, 3), dtype=np.uint8)
    images[:, :112] //= 4
    with torch.no_grad():
        logits = [untrained(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255) for image in images]
    best = [int(values.argmax()) for values in logits]
    # every third label is another class
    labels = [(found + (i % 3 == 0)) % 1000 for i, found in enumerate(best)]
    wrong = untrained.errors(images, labels)
    assert wrong.dtype == np.bool_ and wrong.tolist() == [i % 3 == 0 for i in range(35)]
    assert untrained.errors(images[:0], []).shape == (0,)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((1, 3, 224, 224), np.uint8), [0], r"uint8 \(1, 3, 224, 224\); give 8-bit crops of shape"),
        (np.zeros((1, 224, 224, 3)), [0], "images: float64"),
        (np.zeros((2, 224, 224, 3), np.uint8), [0], "labels: 1 for 2 crops"),
        (np.zeros((1, 224, 224, 3), np.uint8), [1000], "1000 to 1000; classes are 0 to 999"),
    ],
)
def test_what_is_no_labelled_crop_is_named(
    untrained: efficientnet_lite0.EfficientNetLite0, images: Any, labels: list[int], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        untrained.errors(images, labels)


def test_the_crops_are_a_grid_of_each_size() -> None:
    rows, columns = np.mgrid[:448, :672].astype(np.uint16)
    # a smooth picture tells where a crop lies: half of red is its row, half of green its column
    pixels = np.stack([rows // 2, columns // 3, rows * 0], axis=-1).astype(np.uint8)
    found = list(crops([Photograph("one", 7, pixels), Photograph("two", 8, pixels)], (224, 256), 3))
    assert len(found) == 2 * (3 + 9)
    assert [crop.label for crop in found] == [7] * 12 + [8] * 12 and found[12].photograph == "two"
    for crop in found:
        assert crop.pixels.shape == (224, 224, 3) and crop.pixels.dtype == np.uint8
    # at 224 the width is 336: crops begin at 0, 56 and 112, which were 0, 112 and 224
    assert [int(crop.pixels[112, 112, 1]) for crop in found[:3]] == pytest.approx([224 // 3, 336 // 3, 448 // 3], abs=1)
    # at 256 the rows begin at 0, 16 and 32 and the columns, of 384, at 0, 80 and 160
    tops = [int(crop.pixels[112, 112, 0]) for crop in found[3:12:3]]
    assert tops == pytest.approx([112 * 7 / 8, 128 * 7 / 8, 144 * 7 / 8], abs=1)
    again = list(crops([Photograph("one", 7, pixels)], (224, 256), 3))
    assert all(np.array_equal(first.pixels, second.pixels) for first, second in zip(found, again, strict=False))


def test_a_picture_of_the_size_of_a_crop_is_left_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    [crop] = crops([Photograph("one", 0, pixels)], (224,))
    assert np.array_equal(crop.pixels, pixels) and np.array_equal(centre_crop(pixels), pixels)


@pytest.mark.parametrize(("sides", "grid"), [((200,), 3), ((), 3), ((224,), 0)])
def test_crops_that_cannot_be_cut_are_refused(sides: tuple[int, ...], grid: int) -> None:
    with pytest.raises(UserError, match="give sides of 224 px or more"):
        list(crops([], sides, grid))


def test_the_photographs_held_out_are_in_no_split_of_the_data_set() -> None:
    assert len(EMBEDDED) == len(set(EMBEDDED)) == 20 and len(HELD_OUT) == 8
    assert set(EMBEDDED) <= set(embedded.catalogue()) and min(SHORT_SIDES) == 224
    assert not set(HELD_OUT) & {path for paths in trained_on.FILES.values() for path in paths}
    assert [label_of(path) for path in HELD_OUT] == [741, 471, 129, 99, 251, 22, 317, 305]
    for photograph in embedded_photographs(HELD_OUT[:1]):
        assert (photograph.name, photograph.label, photograph.pixels.shape) == ("imagenet_12_741", 741, (512, 512, 3))


@pytest.mark.parametrize("path", ["a/imagenet_3.jpg", "a/photo_3_7.jpg", "a/imagenet_3_1000.jpg"])
def test_a_name_without_a_class_is_refused(path: str) -> None:
    with pytest.raises(UserError, match="names no class"):
        label_of(path)
