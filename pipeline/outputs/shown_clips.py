"""What lies in a folder of clips side by side, as its index says: written by one stage, read by another."""

from pydantic import NonNegativeInt, PositiveInt

from lossbench.records import Strict

INDEX = "clips.json"


class ShownPart(Strict):
    """The part of all frames that a strip and a video show, in pixels."""

    top: NonNegativeInt
    left: NonNegativeInt
    height: PositiveInt
    width: PositiveInt


class ShownClip(Strict):
    """One clip in all versions."""

    name: str
    strip: str
    """Name of a file beside the index, as the two that follow."""
    slice: str
    video: str
    codec: str
    frames: PositiveInt
    height: PositiveInt
    """Of a frame, as `width`."""
    width: PositiveInt
    row: NonNegativeInt
    """The row of pixels that the slice shows."""
    why: str
    """Why that one."""
    part: ShownPart


class ShownClips(Strict):
    """All clips of a folder."""

    labels: tuple[str, ...]
    """Of the versions, in their order."""
    frames_a_second: PositiveInt
    clips: tuple[ShownClip, ...]
