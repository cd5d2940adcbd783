"""Small clips on disk, as video files and as folders of frames."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from lossbench.images import write_png


def moving(count: int = 6, height: int = 48, width: int = 64, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return noise (H, W, 3) of uint8 that moves by two pixels a frame; no two frames are equal."""
    wide = np.random.default_rng(seed).integers(0, 256, (height, width + 2 * count, 3), dtype=np.uint8)
    return [np.ascontiguousarray(wide[:, 2 * index : 2 * index + width]) for index in range(count)]


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8 | np.uint16]],
    codec: str = "ffv1",
    stored: str = "bgr0",
    *,
    times: Sequence[int] = (),
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write `frames` (H, W, 3) to `path`, without loss unless another codec is named; `times` are in milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=25, options=options or {})
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = stored
                if times:
                    stream.codec_context.time_base = Fraction(1, 1000)
                if rotation is not None:
                    stream.set_display_rotation(rotation)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24" if pixels.dtype == np.uint8 else "rgb48le")
            if times:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode())
    return path


def write_frames(folder: Path, frames: Iterable[NDArray[np.uint8]], extension: str = "png", first: int = 0) -> Path:
    """Write `frames` as 00000.png and so on; of JPEG as well as it can."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(frames, first):
        path = folder / f"{number:05d}.{extension}"
        if extension == "png":
            write_png(path, pixels)
        else:
            path.write_bytes(imagecodecs.jpeg_encode(pixels, level=95))
    return folder


def write_davis(
    root: Path, lists: Mapping[str, Sequence[str]], frames: Callable[[str, int], Iterable[NDArray[np.uint8]]]
) -> None:
    """Write DAVIS 2017 below `root`: its `lists` of sequences by name, and `frames` of a sequence and a seed."""
    for seed, (name, sequences) in enumerate(lists.items()):
        listed = root / f"DAVIS/ImageSets/2017/{name}.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        listed.write_text("".join(f"{sequence}\n" for sequence in sequences))
        for sequence in sequences:
            write_frames(root / "DAVIS/JPEGImages/480p" / sequence, frames(sequence, seed), "jpg")
