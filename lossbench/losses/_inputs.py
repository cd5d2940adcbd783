"""What a loss may be given: two tensors that can be compared, the target in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.errors import UserError

STRAY = 0.25
"""How far a target may leave [0, 1]: resampling overshoots by less, pictures in -1..1 or 0..255 by more."""
LEAST_SIDE, MOST_BANDS = 8, 4
"""A last axis of at most `MOST_BANDS` behind two of at least `LEAST_SIDE` pixels is that of the bands."""
SHAPE = "(N, C, H, W), or (N, T, C, H, W) of a clip"


class InputError(UserError, ValueError):
    """What a loss can't compare; a ValueError too, as torch's own losses raise."""


def check_pair(prediction: object, target: object) -> None:
    """Raise InputError unless both are tensors of floats, of one shape with a batch, on one device.

    Nothing looks at values, so that it costs nothing and a compiled graph stays whole.
    """
    for role, image in (("prediction", prediction), ("target", target)):
        _check_kind(role, image)
    assert isinstance(prediction, Tensor) and isinstance(target, Tensor)
    if prediction.shape != target.shape:
        raise InputError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape; "
            "give both of the same size and number of bands"
        )
    _check_shape(target)
    if prediction.device != target.device:
        raise InputError(
            f"prediction on {prediction.device} and target on {target.device} are on different devices; "
            "move one: target.to(prediction.device)"
        )
    if target.is_meta:
        raise InputError("prediction and target on the device meta have no numbers; give tensors of cpu or cuda")


def values_known(image: Tensor) -> bool:
    """Say whether the values of `image` can be looked at here: not while a graph is compiled or captured."""
    return not (torch.compiler.is_compiling() or (image.is_cuda and torch.cuda.is_current_stream_capturing()))


def versions(*images: Tensor) -> list[int]:
    """Return of each image how often it was written into; none where nobody counts.

    That is while a graph is compiled, and of tensors of `torch.inference_mode`.
    """
    if torch.compiler.is_compiling() or any(image.is_inference() for image in images):
        return []
    return [image._version for image in images]


def check_unwritten(owner: str, before: list[int], *images: Tensor) -> None:
    """Raise UserError naming the loss `owner` where one of prediction and target was written into since `before`."""
    for role, image, version in zip(("prediction", "target"), images, before, strict=False):
        if image._version != version:
            raise UserError(
                f"{owner} writes into the {role} that it is given, which others use; have it write into a copy, "
                f"such as {role}.clamp(0, 1) in the place of {role}.clamp_(0, 1)"
            )


def check_range(target: Tensor) -> bool:
    """Raise InputError unless `target` is finite and in [0, 1], give or take `STRAY`.

    Returns whether it could be told: functions that torch transforms (`vmap`) have no numbers to look at.
    """
    try:
        low, high = (float(bound) for bound in target.detach().aminmax())
    except RuntimeError:
        return False
    # NaN is neither below nor above
    if not (low - low == 0 and high - high == 0):
        raise InputError("target: NaN or infinite values; the file or what prepares the batch is at fault")
    if low < -STRAY or high > 1 + STRAY:
        raise InputError(
            f"target: values {low:.4g} to {high:.4g} are not in [0, 1]; {_remedy(low, high)}; "
            "check_range=False turns this check off"
        )
    return True


def _check_kind(role: str, image: object) -> None:
    if not isinstance(image, Tensor):
        kind = type(image)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}."
        raise InputError(f"{role}: {module}{kind.__name__} is no tensor; give a torch tensor {SHAPE}, floats in [0, 1]")
    if image.layout != torch.strided:
        layout = str(image.layout).removeprefix("torch.")
        raise InputError(f"{role}: a tensor of layout {layout}; give all its numbers: {role}.to_dense()")
    if not image.is_floating_point():
        name = str(image.dtype).removeprefix("torch.")
        raise InputError(f"{role}: {name} values; give floats in [0, 1], for 8 bit: {role}.float() / 255")


def _check_shape(image: Tensor) -> None:
    shape = tuple(image.shape)
    if image.ndim not in (4, 5):
        remedy = "" if image.ndim != 3 else ", a picture as a batch of one: image[None]"
        raise InputError(f"shape {shape} is not {SHAPE}; give a batch{remedy}")
    if 0 in shape:
        raise InputError(f"shape {shape}: an empty batch has no loss; leave it out")
    if shape[-1] <= MOST_BANDS and min(shape[-3:-1]) >= LEAST_SIDE:
        order = "0, 3, 1, 2" if image.ndim == 4 else "0, 1, 4, 2, 3"
        raise InputError(f"shape {shape} has its bands last; give {SHAPE}: image.permute({order})")


def _remedy(low: float, high: float) -> str:
    if low >= 0:
        bits = next((bits for bits in (8, 10, 12, 14) if high <= 2**bits - 1), 16)
        return f"divide by the largest level, such as {2**bits - 1} of {bits} bits"
    if low >= -1 - STRAY and high <= 1 + STRAY:
        return "pictures in -1..1 become (x + 1) / 2"
    return "undo the normalisation (x * std + mean), the loss network's own is applied inside"
