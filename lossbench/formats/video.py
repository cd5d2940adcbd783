"""A video file, frame by frame: all its bits, upright, each frame once whatever its time, and no more than one held."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.errors import UserError
from lossbench.formats.beginning import beginning, unreadable

VERSIONS_OF = ("av",)
EXTENSIONS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".y4m"})
PICTURE = "_pipe"
"""How the names end that FFmpeg has for files of one picture."""
RAW = "yuv4mpegpipe"
"""What FFmpeg calls a y4m file."""
WANTED = "a readable video"
REMEDY = "get or encode the file again"

Frame = NDArray[Any]
"""(H, W, 3) of red, green and blue, uint8 or uint16, whose largest value stands for 1."""


def frames(path: Path, first: int = 0, stop: int | None = None, least: int = 1) -> Iterator[Frame]:
    """Give the frames `first` up to `stop` (excluded; the end when None) of the video `path`, decoded one by one.

    Eight bits come as uint8 and more as uint16, scaled so that the largest value stands for 1. Frames are turned as
    the file says, and have the pixels that are stored: none is doubled or left out for its time, and none is stretched
    where pixels are not square. Luma and chroma become red, green and blue by the matrix that the file names, else that
    of BT.601, as other readers of FFmpeg do. Raises UserError naming the file when it is missing, closed, no video,
    damaged or cut short, interlaced, of frames of two sizes or of more than 16 bits, and for fewer than `least` frames.
    """
    beginning(path, WANTED)
    av = imported("av", f"reading {path}")
    given = 0
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            stream = stream_of(container)
            if stream is None:
                raise unreadable(path, "it has no video", WANTED)
            if container.format.name.endswith(PICTURE):
                raise unreadable(path, "it is a picture", WANTED)
            # a decoder makes up what is lost, unless it is told to stop there
            stream.codec_context.options = {"err_detect": "explode"}
            for number, frame in enumerate(_decoded(container, stream, path, stop)):
                pixels = _pixels(frame, path)
                if number == 0:
                    size = pixels.shape, pixels.dtype
                _check_alike(path, number, (pixels.shape, pixels.dtype), size)
                if number >= first:
                    given += 1
                    yield pixels
    except av.FFmpegError as error:
        raise UserError(f"{path} is not {WANTED} (damaged or cut short: {error.strerror}); {REMEDY}") from None
    if given < least or (stop is not None and given < stop - first):
        wanted = max(least, 0 if stop is None else stop - first)
        raise UserError(f"{path}: {given} frames from frame {first} on, {wanted} are needed; give a longer clip")


def stream_of(container: Any) -> Any:
    """Return the first video of a file that is not the one picture of a record's cover; None where there is none."""
    videos = (each for each in container.streams.video if "attached_pic" not in str(each.disposition).lower())
    return next(videos, None)


def _decoded(container: Any, stream: Any, path: Path, stop: int | None) -> Iterator[Any]:
    """Give decoded frames up to `stop`; raises UserError where there are fewer than the file itself says."""
    packets = count = read = 0
    lasts = 0.0
    end, gap = 0.0, float(1 / stream.average_rate) if stream.average_rate else 0.0
    for packet in container.demux(stream):
        if packet.size:
            packets, read = packets + 1, (packet.pos or 0) + packet.size
            lasts = float((packet.duration or 0) * packet.time_base)
        for frame in packet.decode():
            if frame.is_corrupt or packet.is_corrupt:
                raise UserError(f"{path} is not {WANTED} (damaged at frame {count}); {REMEDY}")
            if frame.interlaced_frame:
                raise UserError(
                    f"{path} is interlaced (frame {count}): lines of one frame are of two times; make frames of its"
                    " fields first, as by ffmpeg -vf bwdif"
                )
            if frame.time is not None:
                gap, end = max(gap, frame.time - end), frame.time
            count += 1
            yield frame
            if count == stop:
                return
    if not count:
        raise UserError(f"{path} is not {WANTED} (it has no whole frame); {REMEDY}")
    # an edit list leaves out frames on purpose, as that of a phone that trims
    if packets < stream.frames and _stored(path) < stream.frames:
        raise UserError(f"{path} is cut short: {packets} of {stream.frames} frames; {REMEDY}")
    # where no number of frames is stored, the time is; what a last frame lasts often is not
    said = _seconds(stream)
    if said - end > 1.5 * (max(gap, lasts) or said):
        raise UserError(f"{path} is cut short: {count} frames end at {end:.3f} s of {said:.3f} s; {REMEDY}")
    # raw frames say nothing of their number, but are all that there is
    if container.format.name == RAW and read != path.stat().st_size:
        raise UserError(f"{path} is cut short within frame {count}; {REMEDY}")


def _stored(path: Path) -> int:
    """Return how many frames a file really holds, those that its edit list leaves out among them; none is decoded."""
    av = imported("av", f"reading {path}")
    with av.open(f"file:{path}", metadata_errors="replace", options={"ignore_editlist": "1"}) as container:
        return sum(1 for packet in container.demux(stream_of(container)) if packet.size)


def _seconds(stream: Any) -> float:
    """Return how long a stream of a Matroska file says to be; 0 of other files."""
    with suppress(ValueError):
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return 0.0


def _pixels(frame: Any, path: Path) -> Frame:
    bits = max(component.bits for component in frame.format.components)
    if bits > 16:
        raise UserError(f"{path}: {bits}-bit values ({frame.format.name}); encode it with 16 bits or fewer")
    pixels: Frame = frame.to_ndarray(format="rgb24" if bits <= 8 else "rgb48le")
    return _upright(pixels, frame, path)


def _upright(pixels: Frame, frame: Any, path: Path) -> Frame:
    """Return the pixels turned and mirrored as the frame's display matrix says: a, b; c, d of (x, y) to (x', y')."""
    stored = next((bytes(data) for data in frame.side_data.keys() if data.type.name == "DISPLAYMATRIX"), None)  # noqa: SIM118
    if stored is None:
        return pixels
    a, b, _, c, d, *_ = (value / 65536 for value in struct.unpack("=9i", stored))
    straight, crossed = (abs(a), abs(d)), (abs(b), abs(c))
    if {straight, crossed} != {(0, 0), (1, 1)}:
        raise UserError(f"{path} is to be shown turned by some {frame.rotation} degrees; encode it upright")
    turned = pixels.swapaxes(0, 1) if crossed == (1, 1) else pixels
    return np.ascontiguousarray(turned[:: -1 if b + d < 0 else 1, :: -1 if a + c < 0 else 1])


def _check_alike(path: Path, number: int, found: Any, first: Any) -> None:
    if found != first:
        (shape, dtype), (first_shape, first_dtype) = found, first
        raise UserError(
            f"{path}: frame {number} has {shape[0]} x {shape[1]} pixels of {dtype} (height x width) where frame 0 has"
            f" {first_shape[0]} x {first_shape[1]} of {first_dtype}; give frames of one size"
        )
