"""Which frames of a clip a network of video looks at, as indices.

A network with a window of W frames gives the middle one: W // 2 frames on both sides of it are looked at. Beside the
ends of a clip these are its own frames mirrored about the first and the last, which are not repeated, as the codes of
FastDVDnet and PaCNet have it.
"""

from lossbench.errors import UserError


def mirrored(index: int, count: int) -> int:
    """Return the frame of a clip of `count` frames that stands at `index`, which may lie beside its ends.

    Clips shorter than what is asked for go forth and back: 0 1 2 1 0 1. Raises UserError for a clip of one frame.
    """
    if 0 <= index < count:
        return index
    if count < 2:
        raise UserError("a clip of one frame has none to mirror at its ends; give 2 or more")
    period = 2 * (count - 1)
    index %= period
    return min(index, period - index)


def around(middle: int, count: int, window: int) -> tuple[int, ...]:
    """Return the `window` frames of a clip of `count` frames that are looked at for the frame `middle`.

    Raises UserError for an even window and for a clip of one frame.
    """
    half = _checked(window) // 2
    return tuple(mirrored(index, count) for index in range(middle - half, middle + half + 1))


def all_windows(count: int, window: int) -> list[tuple[int, ...]]:
    """Return what `around` does for each frame of a clip of `count` frames."""
    return [around(middle, count, window) for middle in range(count)]


def frames_for(outputs: int, window: int) -> int:
    """Return how many frames in a row give `outputs` restored ones in a row, none of them mirrored.

    Raises UserError for an even window and for fewer than one output.
    """
    if outputs < 1:
        raise UserError(f"outputs: {outputs}; give 1 or more")
    return outputs + _checked(window) - 1


def consecutive(outputs: int, window: int) -> list[range]:
    """Return the frames of each of the windows that `frames_for(outputs, window)` frames in a row hold."""
    return [range(first, first + window) for first in range(frames_for(outputs, window) - window + 1)]


def check_even(outputs: int) -> int:
    """Return `outputs`, the frames that a loss of video compares; raises UserError unless it is even and not zero.

    Such losses compare pairs of frames, and would leave the last of an odd number out without a word.
    """
    if outputs < 1 or outputs % 2:
        nearest = f"{outputs - 1} or {outputs + 1}" if outputs > 1 else "2"
        raise UserError(f"outputs: {outputs} frames; a loss of video compares pairs of frames, give {nearest}")
    return outputs


def _checked(window: int) -> int:
    if window < 1 or window % 2 == 0:
        raise UserError(f"window: {window} frames have no middle one; give an odd number")
    return window
