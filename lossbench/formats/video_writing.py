"""Frames to a video file, one by one: with the times, the sound and the shape of pixels of the file that they were."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.assets.optional import imported
from lossbench.errors import Notice, UserError
from lossbench.files import written_atomically
from lossbench.formats.video import REMEDY, WANTED, stream_of

VERSIONS_OF = ("av",)
LIMITED, BT601 = 1, 6
"""How FFmpeg makes luma and chroma of red, green and blue, in the numbers of its standard; a player has to be told."""
H264 = {"crf": "14", "preset": "medium"}
"""Without a loss that is seen; a lower `crf` is nearer."""
SOUNDS_OF_MP4 = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
COMMENT = "comment"
RATE = Fraction(25)
"""Frames a second where the source says none."""

Frame = NDArray[Any]


def times(path: Path) -> list[int]:
    """Return when the frames of the video `path` are shown, in order, in units of its stream; nothing is decoded.

    Frames that say no time are numbered.
    """
    av = imported("av", f"reading {path}")
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            stream = stream_of(container)
            if stream is None:
                raise UserError(f"{path} is not {WANTED} (no video); {REMEDY}")
            found = [packet.pts for packet in container.demux(stream) if packet.size]
    except av.FFmpegError as error:
        raise UserError(f"{path} is not {WANTED} ({error.strerror}); {REMEDY}") from None
    return list(range(len(found))) if None in found else sorted(found)


def comment_of(path: Path) -> str | None:
    """Return the comment in the video `path`, empty where there is none; None where it is no whole video."""
    av = imported("av", f"reading {path}")
    try:
        with av.open(f"file:{path}", metadata_errors="replace") as container:
            return str({word.lower(): said for word, said in container.metadata.items()}.get(COMMENT, ""))
    except av.FFmpegError:
        return None


def write_video(path: Path, frames: Iterator[Frame], source: Path, comment: str) -> None:
    """Write `frames` (H, W, 3), of uint8 or uint16, to the MP4 or Matroska file `path`, atomically, as they come.

    MP4 is H.264 with a loss that is not seen, of 8 bits, or 10 where frames have more, and of colour at half the
    resolution where both sides are even. Matroska is FFV1, without loss. Times, sound, and the shape of pixels are
    those of `source`. Raises UserError where the encoder is missing, and what `frames` raises.
    """
    av = imported("av", f"writing {path}")
    first = next(frames)
    shown = times(source)
    is_mp4 = path.suffix.lower() == ".mp4"
    with (
        written_atomically(path) as temporary,
        av.open(f"file:{source}", metadata_errors="replace") as read,
        av.open(f"file:{temporary}", "w", format="mp4" if is_mp4 else "matroska") as container,
    ):
        container.metadata[COMMENT] = comment
        base = stream_of(read)
        stream = _stream(av, container, base, first, lossless=not is_mp4)
        packets = _sound(container, read, source, path)
        waiting = next(packets, None)
        # numbers are no times: such frames follow each other at the rate of the source
        timed = shown != list(range(len(shown)))
        if timed:
            stream.codec_context.time_base = base.time_base
        for number, pixels in enumerate(chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24" if pixels.dtype == np.uint8 else "rgb48le")
            if timed and number < len(shown):
                frame.pts, frame.time_base = shown[number] - min(shown[0], 0), base.time_base
            while waiting is not None and frame.pts is not None and _seconds(waiting) <= frame.pts * base.time_base:
                container.mux(waiting)
                waiting = next(packets, None)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for packet in chain([waiting] if waiting else [], packets):
            container.mux(packet)


def _seconds(packet: Any) -> Fraction:
    return Fraction(packet.dts or 0) * Fraction(packet.time_base)


def _stream(av: Any, container: Any, base: Any, first: Frame, lossless: bool) -> Any:
    """Return the stream of a video of frames such as `first`, whose source was `base`."""
    height, width = first.shape[:2]
    deep, even = first.dtype == np.uint16, height % 2 == width % 2 == 0
    codec = "ffv1" if lossless else "libx264"
    try:
        options = {} if lossless else dict(H264)
        stream = container.add_stream(codec, rate=base.average_rate or RATE, options=options)
    except av.codec.codec.UnknownCodecError:
        raise UserError(f"this PyAV has no encoder {codec}; take --video png, or PyAV from its own wheels") from None
    stream.height, stream.width = height, width
    if lossless:
        stream.pix_fmt = "gbrp16le" if deep else "bgr0"
    else:
        stream.pix_fmt = f"yuv{'420' if even else '444'}p{'10le' if deep else ''}"
        stream.codec_context.color_range, stream.codec_context.colorspace = LIMITED, BT601
    shape = base.codec_context.sample_aspect_ratio
    if shape and shape != 1 and height * base.codec_context.width == width * base.codec_context.height:
        stream.codec_context.sample_aspect_ratio = shape
    return stream


def _sound(container: Any, read: Any, source: Path, path: Path) -> Iterator[Any]:
    """Give the packets of sound of a file in their order, each for a stream of its own in `container`."""
    copied = {}
    for each in read.streams.audio:
        name = each.codec_context.name
        if path.suffix.lower() == ".mp4" and name not in SOUNDS_OF_MP4:
            what = f"its sound ({name}) is left out, which MP4 does not take; --video mkv keeps it"
            warnings.warn(Notice(source, what), stacklevel=2)
        else:
            copied[each.index] = container.add_stream_from_template(each)
    return _packets(read, copied)


def _packets(read: Any, copied: dict[int, Any]) -> Iterator[Any]:
    if copied:
        for packet in read.demux(*(each for each in read.streams.audio if each.index in copied)):
            if packet.dts is not None:
                packet.stream = copied[packet.stream.index]
                yield packet
