"""Restored clips of a table on the page: strips and slices as pictures, and videos that play without a network."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lossbench import plugins, tasks
from lossbench.images import read_image
from pipeline.outputs.layout import path_of
from pipeline.outputs.shown_clips import INDEX, ShownClips
from pipeline.pages.inputs import Table, entry
from pipeline.pages.pictures import Pixels, data_uri
from pipeline.specs.tabulate import Cell

QUALITIES = (90, 84, 78, 70, 60, 50)
"""Of WebP, best first."""
LARGEST_VIDEO = 1_000_000
"""Bytes of a video that becomes part of the page; of a larger one the page says where it lies."""
PLAYED = ("H.264", "VP9")
"""What browsers play."""


@dataclass(frozen=True)
class Picture:
    """One picture of a clip."""

    source: str
    """Data URI."""
    width: int
    height: int


@dataclass(frozen=True)
class Video:
    """One video of a clip in all versions."""

    source: str
    """Data URI; empty for one that the page does not hold."""
    file: str
    """Where it lies, from the page's folder."""
    why: str
    """Why the page does not hold it, or how it may fail to play; empty where it plays."""


@dataclass(frozen=True)
class MovingClip:
    """One clip in all versions."""

    name: str
    role: str
    """Why it was chosen."""
    labels: Sequence[str]
    captions: Mapping[str, str]
    shown: str
    """Which part of it strip and video show."""
    row: str
    """Which row of pixels the slice shows, and why that."""
    strip: Picture | None
    slices: Picture | None
    video: Video | None


def is_of_clips(table: Table, cells: Sequence[Cell]) -> bool:
    """Return whether what the runs `cells` restore are clips: by the task on a card, or by what evaluation kept."""
    for cell in cells:
        name = entry(table.cards.get(str(cell.card), {}), "spec", "task", "name")
        if isinstance(name, str) and name in plugins.names(tasks.FOLDER):
            return tasks.of_clips(name)
    return any(any(kept_in(table, cell).glob("*.npy")) for cell in cells)


def kept_in(table: Table, cell: Cell) -> Path:
    """Return the folder of what evaluation kept of a run."""
    return Path(path_of(table.root, "evaluate", "pictures", cell.model_dump()))


def compared(table: Table, place: str, cells: Sequence[Cell]) -> ShownClips | None:
    """Return what lies side by side of the runs `cells`; None, with a gap named `place`, where nothing does."""
    folder = folder_of(table, cells[0])
    if not folder.is_dir() and not any(any(kept_in(table, cell).glob("*.npy")) for cell in cells):
        # some licences allow numbers only
        table.gaps.note(table.name, f"clips of {place}", kept_in(table, cells[0]), "no clip kept")
        return None
    return table.gaps.read(table.name, f"clips of {place}", folder / INDEX, _index)


def shown(
    table: Table, found: ShownClips, folder: Path, name: str, role: str, captions: Mapping[str, str], room: int
) -> MovingClip:
    """Return the clip `name` of what was `found` in `folder`; its pictures take `room` bytes each where they can.

    What can't be read is noted and left out.
    """
    clip = next(one for one in found.clips if one.name == name)
    read, of = table.gaps.read, f"of the clip {name}"
    size, part = f"{clip.width} x {clip.height}", clip.part
    whole = (part.width, part.height) == (clip.width, clip.height)
    cut = f"{part.width} x {part.height} of {size} pixels, where the input is worst"
    return MovingClip(
        name=name,
        role=role,
        labels=found.labels,
        captions=captions,
        shown=f"{clip.frames} frames, {f'all {size} pixels' if whole else cut}",
        row=f"row {clip.row}: {clip.why}",
        strip=read(table.name, f"strip {of}", folder / clip.strip, lambda path: _picture(path, room)),
        slices=read(table.name, f"slice {of}", folder / clip.slice, lambda path: _picture(path, room)),
        video=read(table.name, f"video {of}", folder / clip.video, lambda path: _video(table, path, clip.codec)),
    )


def folder_of(table: Table, cell: Cell) -> Path:
    """Return the folder of the clips of a run's network side by side."""
    names = {"paper": table.spec.paper, "table": table.spec.table}
    return Path(path_of(table.root, "compare_clips", "clips", {**cell.model_dump(), **names}))


def _index(path: Path) -> ShownClips:
    return ShownClips.from_json(path.read_text(encoding="utf-8"))


def _picture(path: Path, room: int) -> Picture:
    pixels: Pixels = read_image(path)
    for quality in QUALITIES:
        source = data_uri(pixels, quality)
        if len(source) <= room:
            break
    return Picture(source, pixels.shape[1], pixels.shape[0])


def _video(table: Table, path: Path, codec: str) -> Video:
    content = path.read_bytes()
    file = os.path.relpath(path, Path(path_of(table.root, "report", "page", {})).parent)
    if len(content) > LARGEST_VIDEO:
        return Video("", file, f"{len(content) / 1e6:.1f} MB are too much for this page")
    doubt = "" if codec in PLAYED else f"{codec}, which browsers may not play"
    return Video(f"data:video/mp4;base64,{base64.b64encode(content).decode()}", file, doubt)
