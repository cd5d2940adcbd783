"""What a loss is given by mistake: one line that says what is expected, and no number."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from _losses import EVERY, Build, pair, restarted, uniform
from PIL import Image
from torch import Tensor

import lossbench
from lossbench.errors import UserError
from lossbench.losses._inputs import InputError

PREDICTION = uniform(2, 3, 16, 16, seed=2)
TARGET = uniform(2, 3, 16, 16, seed=3)


def normalised(image: Tensor) -> Tensor:
    """Normalise by ImageNet's statistics."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (image - mean) / std


OUT_OF_RANGE = {
    "0..255": (TARGET * 255, "values .* to 25.* are not in .0, 1.; divide by the largest level, such as 255"),
    "0..1023": (TARGET * 1023, "divide by the largest level, such as 1023 of 10 bits"),
    "0..65535": (TARGET * 65535, "divide by the largest level, such as 65535"),
    "-1..1": (TARGET * 2 - 1, r"pictures in -1..1 become \(x \+ 1\) / 2"),
    "ImageNet": (normalised(TARGET), "undo the normalisation"),
    "NaN": (TARGET.clone().index_fill(3, torch.tensor([5]), float("nan")), "NaN or infinite"),
    "infinite": (TARGET.clone().index_fill(3, torch.tensor([5]), float("inf")), "NaN or infinite"),
}
NO_BATCH = {
    "uint8": ((TARGET * 255).byte(), "target: uint8 values; give floats"),
    "int64": ((TARGET * 255).long(), "target: int64 values"),
    "bool": (TARGET > 0.5, "target: bool values"),
    "complex": (TARGET + 0j, "target: complex64 values"),
    "numpy": (TARGET.numpy(), "target: numpy.ndarray is no tensor; give a torch tensor"),
    "PIL": (Image.fromarray(np.zeros((16, 16, 3), np.uint8)), "target: PIL.Image is no tensor"),
    "list": (TARGET.tolist(), "target: list is no tensor"),
    "none": (None, "target: NoneType is no tensor"),
    "shape": (TARGET[..., :8], r"\(2, 3, 16, 16\) and target \(2, 3, 16, 8\) differ in shape"),
    "sparse": (TARGET.to_sparse(), r"target: a tensor of layout sparse_coo; .*target.to_dense\(\)"),
    "device": (TARGET.to("meta"), "prediction on cpu and target on meta are on different devices"),
}


@EVERY
def test_a_target_that_is_not_in_0_to_1_is_refused(build: Build, name: str) -> None:
    loss = build(name)
    for target, message in OUT_OF_RANGE.values():
        with pytest.raises(UserError, match=f"target: .*{message}"):
            loss.terms(PREDICTION, target)
    # a target in range is taken by the same loss
    assert float(loss(PREDICTION, TARGET)) > 0


SHAPES = (
    ((16, 16), r"is not \(N, C, H, W\).*; give a batch$"),
    ((3, 16, 16), r"give a batch, a picture as a batch of one: image\[None\]"),
    ((16, 16, 3), r"give a batch"),
    ((2, 16, 24, 3), r"has its bands last; .*permute\(0, 3, 1, 2\)"),
    ((2, 4, 16, 24, 1), r"has its bands last; .*permute\(0, 1, 4, 2, 3\)"),
    ((0, 3, 16, 16), "an empty batch has no loss; leave it out"),
    ((2, 3, 0, 16), "an empty batch"),
)


@EVERY
@pytest.mark.parametrize("check_range", [True, False])
def test_what_is_no_batch_like_the_prediction_is_refused_at_every_call(
    build: Build, name: str, check_range: bool
) -> None:
    loss = build(name, check_range=check_range)
    loss(PREDICTION, TARGET)
    for target, message in NO_BATCH.values():
        with pytest.raises(UserError, match=message):
            loss(PREDICTION, target)


@EVERY
def test_a_shape_that_is_no_batch_of_pictures_is_refused(build: Build, name: str) -> None:
    loss = build(name)
    for shape, message in SHAPES:
        with pytest.raises(UserError, match=message):
            loss(torch.zeros(shape), torch.zeros(shape))


def test_a_prediction_of_another_kind_is_refused_too() -> None:
    loss = lossbench.create_loss("original")
    for prediction, message in (
        ((PREDICTION,), "prediction: tuple is no tensor"),
        (PREDICTION.byte(), "prediction: uint8 values"),
    ):
        with pytest.raises(UserError, match=message):
            loss(prediction, TARGET)


def test_tensors_without_numbers_are_refused() -> None:
    loss = lossbench.create_loss("original")
    with pytest.raises(UserError, match="on the device meta have no numbers"):
        loss(PREDICTION.to("meta"), TARGET.to("meta"))
    with pytest.raises(UserError, match="prediction: a tensor of layout sparse_coo"):
        loss(PREDICTION.to_sparse(), TARGET)


def test_the_error_is_a_value_error_as_those_of_torch_are() -> None:
    assert issubclass(InputError, ValueError)


@EVERY
def test_the_prediction_may_leave_the_range_and_the_target_may_be_dark(build: Build, name: str) -> None:
    for prediction, target in (
        (PREDICTION * 40 - 20, TARGET),
        (PREDICTION / 100, TARGET / 100),
        (PREDICTION, torch.zeros_like(TARGET)),
        # what resampling leaves
        (PREDICTION, TARGET * 1.3 - 0.15),
    ):
        assert float(build(name)(prediction, target)) > 0


def test_only_the_first_target_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    seen = Tensor.aminmax
    monkeypatch.setattr(Tensor, "aminmax", lambda self: (looked.append(self), seen(self))[1])
    loss = lossbench.create_loss("original")
    for _ in range(3):
        loss(PREDICTION, TARGET)
    assert len(looked) == 1
    assert float(loss(PREDICTION, TARGET * 255)) > 1
    copy.deepcopy(loss)(PREDICTION, TARGET)
    assert len(looked) == 1


@EVERY
def test_the_check_of_the_range_is_turned_off_and_changes_no_number(build: Build, name: str) -> None:
    unchecked = build(name, check_range=False)
    assert float(unchecked(PREDICTION, TARGET * 255)) > 0
    checked = build(name)
    expected = restarted(checked)(PREDICTION, TARGET)
    assert torch.equal(restarted(unchecked)(PREDICTION, TARGET), expected)
    assert torch.equal(restarted(checked)(PREDICTION, TARGET), expected)


@pytest.mark.parametrize("value", ["no", None, 1])
def test_the_switch_of_the_check_is_true_or_false(value: Any) -> None:
    with pytest.raises(UserError, match=f"check_range = {value!r} is neither True nor False"):
        lossbench.create_loss("original", check_range=value)


def test_no_values_are_looked_at_where_there_are_none() -> None:
    loss = lossbench.create_loss("original")
    each = torch.vmap(lambda image, target: loss(image[None], target[None]))(*pair(2, 3, 16, 16))
    assert each.shape == (2,)
    # that was no look
    with pytest.raises(UserError, match="not in"):
        loss(PREDICTION, TARGET * 255)


def test_a_compiled_loss_stays_one_graph_and_is_not_checked() -> None:
    loss = lossbench.create_loss("original")
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    assert torch.equal(compiled(PREDICTION, TARGET), loss(PREDICTION, TARGET))
    assert float(compiled(PREDICTION, TARGET * 255)) > 1


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((1, 2, 3, 32, 32), r"give the frames of a clip as a batch: clip.flatten\(0, 1\)"),
        ((2, 1, 32, 32), r"repeat the one band: image.expand\(-1, 3, -1, -1\)"),
        ((2, 4, 32, 32), "give weights of a loss network of 4 bands"),
    ],
)
def test_what_a_loss_network_does_not_take_is_refused_with_the_way_out(
    build: Build, shape: tuple[int, ...], remedy: str
) -> None:
    with pytest.raises(UserError, match=remedy):
        build("ctmae")(*pair(*shape))
