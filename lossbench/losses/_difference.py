"""Arithmetic on a tensor and a small change of it, kept apart so that rounding is relative to the change."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

PRODUCTS = frozenset({"linear", "conv2d", "conv3d"})
"""Affine maps with weights: of the change they are linear, and the bias belongs to the base."""
MOVES = frozenset(
    {
        *("__getitem__", "cat", "expand", "flatten", "flip", "gather", "permute", "reshape", "transpose", "unflatten"),
        *("contiguous", "to", "neg", "__neg__", "chunk", "split", "unbind", "repeat_interleave"),
        *("pad", "interpolate", "unfold"),
    }
)
"""Linear maps that move values or mix neighbours."""
SUMS = frozenset({"add", "__add__", "__radd__", "sub", "__sub__", "__rsub__"})
QUOTIENTS = frozenset({"mul", "__mul__", "__rmul__", "div", "__truediv__"})
"""Linear too, as long as only the first factor changes."""
OPERATORS = ("__getitem__", "__matmul__", "__neg__", "__pow__", *sorted(n for n in SUMS | QUOTIENTS if "__" in n))
"""What Python looks up in a class, never in an object."""


class Difference:
    """A tensor whose value is `base + change`; the rounding of `base` never reaches `change`.

    Functions and methods of torch take it in a tensor's place, so that a network runs on it as it is. Products with
    weights are computed in the type of the weights, once for the base and once for the change, all else in float32; any
    function g that is not linear gives g(base + change) - g(base). The base carries no graph.
    """

    def __init__(self, base: Tensor, change: Tensor) -> None:
        """Join two tensors of the same shape."""
        self.base, self.change = base, change

    def __len__(self) -> int:
        """Return the size of the first axis."""
        return len(self.base)

    def __getattr__(self, name: str) -> Any:
        """Return the base's attribute `name`, such as its shape, or the method of that name on base and change."""
        found = getattr(self.base, name)
        method = getattr(Tensor, name)
        return (lambda *given, **settings: applied(method, (self, *given), settings)) if callable(found) else found

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, given: Sequence[Any] = (), settings: Any = None
    ) -> Any:
        """Take the place of a tensor among the arguments of `function`."""
        return applied(function, given, settings or {})


def _operator(name: str) -> Callable[..., Any]:
    return lambda self, *others: applied(getattr(Tensor, name), (self, *others), {})


for _name in OPERATORS:
    setattr(Difference, _name, _operator(_name))


def applied(function: Callable[..., Any], given: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    """Return `function` of torch where differences stand for tensors: differences where it returns tensors."""
    name = function.__name__
    if name in PRODUCTS:
        return _product(function, *given, **settings)
    if name in SUMS:
        base = function(*_each(given, _base))
        change = function(*(part.change if isinstance(part, Difference) else 0 for part in given)).expand_as(base)
        return Difference(base, change)
    if name in MOVES or (name in QUOTIENTS and not isinstance(given[1], Difference)):
        # what is put beside a difference does not change
        part_of = _change_or_zeros if name == "cat" else _change
        return _joined(function(*_each(given, _base), **settings), function(*_each(given, part_of), **settings))
    # before the base, which a function may work on in place
    moved = function(*_each(given, _moved), **settings)
    base = function(*_each(given, _base), **settings)
    if isinstance(base, Tensor):
        return Difference(base, moved - base)
    return _joined(base, [other - one for one, other in zip(base, moved, strict=True)]) if _tensors(base) else base


def _joined(base: Any, change: Any) -> Any:
    if isinstance(base, Tensor):
        return Difference(base, change)
    return [Difference(one, other) for one, other in zip(base, change, strict=True)]


def _tensors(found: Any) -> bool:
    return isinstance(found, tuple | list) and all(isinstance(part, Tensor) for part in found)


def _product(
    function: Callable[..., Tensor],
    image: Difference,
    weight: Tensor,
    bias: Tensor | None = None,
    *given: Any,
    **settings: Any,
) -> Difference:
    base = function(image.base.to(weight.dtype), weight, bias, *given, **settings)
    change = function(image.change.to(weight.dtype), weight, None, *given, **settings)
    return Difference(base.to(image.base.dtype), change.to(image.change.dtype))


def _each(given: Sequence[Any], part_of: Callable[[Any], Any]) -> list[Any]:
    """Map arguments, and those in a list such as that of `torch.cat`."""
    return [list(map(part_of, part)) if isinstance(part, list) else part_of(part) for part in given]


def _base(part: Any) -> Any:
    return part.base if isinstance(part, Difference) else part


def _change(part: Any) -> Any:
    return part.change if isinstance(part, Difference) else part


def _moved(part: Any) -> Any:
    return part.base + part.change if isinstance(part, Difference) else part


def _change_or_zeros(part: Any) -> Any:
    return torch.zeros_like(part) if isinstance(part, Tensor) else _change(part)
