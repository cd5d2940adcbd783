"""Frames to a short video file that browsers play."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.files import written_atomically

Frames = Sequence[NDArray[np.uint8]]
"""Each (H, W, 3)."""

PIXELS = "yuv420p"
"""The one layout that every player of H.264 takes; colour has half the resolution."""
LIMITED, BT601 = 1, 6
"""How FFmpeg makes it of red, green and blue, in the numbers of its standard; a player has to be told."""


@dataclass(frozen=True)
class Encoder:
    """One way to encode."""

    name: str
    """What FFmpeg calls it."""
    codec: str
    """What it makes."""
    options: dict[str, str]


ENCODERS = (
    Encoder("libx264", "H.264", {"preset": "medium", "crf": "20"}),
    Encoder("libvpx-vp9", "VP9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "2"}),
    Encoder("mpeg4", "MPEG-4 part 2", {"qmin": "2", "qmax": "4"}),
)
"""In the order of preference; browsers play the first two. A build of FFmpeg may lack the first for its licence."""


def encoder() -> Encoder:
    """Return the first of `ENCODERS` that this machine's FFmpeg has; raises UserError where it has none."""
    av = imported("av", "writing videos")
    for one in ENCODERS:
        try:
            av.codec.Codec(one.name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        return one
    names = ", ".join(one.name for one in ENCODERS)
    raise UserError(f"this PyAV encodes no video (none of {names}); install PyAV from its own wheels: uv sync")


def write_video(path: Path, frames: Frames, rate: int) -> Encoder:
    """Write `frames` of one even size to the MP4 file `path`, atomically, and return how; `rate` is frames a second.

    Raises UserError where nothing encodes, and ValueError for odd sides.
    """
    av, chosen = imported("av", f"writing {path}"), encoder()
    height, width = frames[0].shape[:2]
    if height % 2 or width % 2:
        raise ValueError(f"{height} x {width} pixels (height x width) are not even")
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with (
        written_atomically(path) as temporary,
        av.open(f"file:{temporary}", "w", format="mp4", options=options) as container,
    ):
        stream: Any = container.add_stream(chosen.name, rate=rate, options={**chosen.options, "flags": "+bitexact"})
        stream.height, stream.width, stream.pix_fmt = height, width, PIXELS
        stream.codec_context.color_range, stream.codec_context.colorspace = LIMITED, BT601
        # what several threads make depends on their number
        stream.codec_context.thread_count = 1
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode())
    return chosen
