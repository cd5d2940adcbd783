"""Clips of one network side by side, the input, every loss and the ground truth: strips, slices, videos. No torch."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lossbench.errors import UserError, room_for
from lossbench.files import write_text
from lossbench.images import displayed, write_png
from lossbench.names import fitting
from lossbench.video.clips import truth
from pipeline.clips.encoding import write_video
from pipeline.clips.panels import Clip, side_by_side
from pipeline.clips.sheets import chosen_part, chosen_row, cut_out, slices, strip
from pipeline.command import run
from pipeline.outputs.arrays import Arrays, Item
from pipeline.outputs.shown_clips import INDEX, ShownClip, ShownClips
from pipeline.specs.compare_clips import CompareClipsSpec

TRUTH = "ground truth"
RATE = 10
"""Frames a second of the videos."""


def main(spec: CompareClipsSpec, code: str, targets: Path, scores: list[Path], output: Path) -> None:
    """Write `<clip>_strip.png`, `<clip>_slice.png` and `<clip>.mp4` of the first clips to the folder `output`.

    `scores` name the runs whose kept clips are shown, in the order of the labels. What each file shows is said in
    `clips.json`, which is written last. Raises UserError for a kept clip that is missing, damaged or of another size
    than the others, where nothing encodes videos, and for a full disk.
    """
    arrays = Arrays(targets)
    folders = {label: path.with_name(f"{path.stem}_pictures") for label, path in zip(spec.labels, scores, strict=True)}
    made = []
    with room_for(output):
        output.mkdir(parents=True, exist_ok=True)
        for item in arrays.split(spec.split)[: spec.clips]:
            kept = {label: folder / fitting(item.name, ".npy") for label, folder in folders.items()}
            made.append(_written(item.name, _versions(item, arrays.read(item), kept), spec.trivial, output))
        content = ShownClips(labels=(*spec.labels, TRUTH), frames_a_second=RATE, clips=tuple(made))
        write_text(output / INDEX, content.model_dump_json(indent=1) + "\n")
    print(f"{output}: {len(made)} clips, {made[0].codec}")


def _written(name: str, versions: Mapping[str, Clip], trivial: str, output: Path) -> ShownClip:
    """Write the files of one clip and return what they are and show."""
    row, part = chosen_row(versions[TRUTH]), chosen_part(versions[trivial], versions[TRUTH])
    shown = {label: cut_out(part, clip) for label, clip in versions.items()}
    files = {"strip": fitting(name, "_strip.png"), "slice": fitting(name, "_slice.png"), "video": fitting(name, ".mp4")}
    write_png(output / files["strip"], strip(shown))
    write_png(output / files["slice"], slices(versions, row))
    codec = write_video(output / files["video"], list(side_by_side(shown)), RATE).codec
    frames, height, width, _ = versions[TRUTH].shape
    return ShownClip(
        name=name,
        **files,
        codec=codec,
        frames=frames,
        height=height,
        width=width,
        row=row.number,
        why=row.why,
        part=part,
    )


def _versions(item: Item, target: Clip, kept: Mapping[str, Path]) -> dict[str, Clip]:
    """Return the `kept` clips (T, H, W, 3) by label, and the ground truth of as many frames out of `target`."""
    found = {label: _read(path) for label, path in kept.items()}
    first, *_ = found.values()
    # a still is the truth of every frame
    frames = truth(target, len(first)) if len(target) == 1 else target[: len(first)]
    found[TRUTH] = np.stack([displayed(np.asarray(frame)) for frame in frames])
    for label, clip in found.items():
        if clip.shape != first.shape:
            place = kept[label].parent if label in kept else "what is prepared"
            raise UserError(
                f"clip '{item.name}': {label} has {clip.shape} (frames, height, width, bands), {next(iter(kept))} has "
                f"{first.shape}; delete {place} and rerun"
            )
    return found


def _read(path: Path) -> Clip:
    try:
        clip: Clip = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} can't be read ({error}); delete its folder and rerun") from None
    if clip.dtype != np.uint8 or clip.ndim != 4 or not len(clip):
        raise UserError(f"{path}: {clip.dtype} {clip.shape} is no kept clip; delete its folder and rerun")
    return np.stack([displayed(frame) for frame in clip])


if __name__ == "__main__":
    run(main)
