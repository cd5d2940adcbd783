"""What metrics that compare two pictures in windows refuse."""

from dataclasses import replace

from lossbench.errors import UserError
from lossbench.metrics._protocol import Colour, Floats, Pixels, Protocol

Pair = tuple[Floats, Floats]


def compared(
    name: str,
    prediction: Pixels,
    target: Pixels,
    protocol: Protocol,
    colours: tuple[Colour, ...],
    side: int,
    exact_luma: bool = False,
) -> Pair:
    """Return what `Protocol.pair` returns, (C, H, W) in 0..255, for the metric `name`.

    With `exact_luma` gray is not rounded, whatever the protocol says.
    Raises UserError as it does, for a colour that the metric is not defined for, and for pictures with fewer than
    `side` pixels on a side after the crop.
    """
    if protocol.colour not in colours:
        allowed = ", ".join(f"'{colour}'" for colour in colours)
        raise UserError(f"{name} is not defined for the protocol '{protocol.colour}'; use {allowed}")
    pair = replace(protocol, exact_luma=exact_luma).pair(prediction, target)
    height, width = pair[0].shape[1:]
    if min(height, width) < side:
        raise UserError(
            f"prediction: {height}x{width} pixels after the crop, {name} needs {side}x{side}; use larger pictures"
        )
    return pair
