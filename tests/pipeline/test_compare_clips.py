"""Stage compare_clips: strips, slices and videos of every loss beside input and ground truth."""

import json
from pathlib import Path

import numpy as np
import pytest
from _clips import drifting, stored
from _clips_beside import LABELS, beside, kept, spec

from lossbench.errors import UserError
from lossbench.formats.video import frames
from lossbench.images import read_image
from pipeline import compare_clips
from pipeline.clips.panels import GAP, HEADER, Grid
from pipeline.clips.sheets import LABEL, scale_of
from pipeline.outputs.shown_clips import INDEX, ShownClips


def test_every_clip_has_a_strip_a_slice_and_a_video_of_all_versions(tmp_path: Path) -> None:
    versions = beside(tmp_path)
    folder = tmp_path / "clips"
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.mp4", "a_slice.png", "a_strip.png", "b.mp4", "b_slice.png", "b_strip.png", "clips.json"
    ]  # fmt: skip
    index = ShownClips.from_json((folder / INDEX).read_text())
    assert index.labels == LABELS and [clip.name for clip in index.clips] == ["a", "b"]
    for clip in index.clips:
        shown = versions[clip.name]
        count, height, width, _ = shown["vgg"].shape
        assert (clip.frames, clip.height, clip.width) == (count, height, width)
        assert clip.codec == "H.264"


def test_the_panels_of_the_decoded_video_are_the_versions(tmp_path: Path) -> None:
    for name, versions in beside(tmp_path).items():
        decoded = np.stack(list(frames(tmp_path / "clips" / f"{name}.mp4")))
        count, height, width, _ = versions["vgg"].shape
        grid = Grid(len(LABELS), height, width)
        assert decoded.shape == (count, *grid.size, 3) and not any(side % 2 for side in grid.size)
        for index, label in enumerate(LABELS):
            top, left = grid.place(index)
            assert top % 2 == left % 2 == 0
            panel = decoded[:, top:, left:][:, : height * grid.zoom : grid.zoom, : width * grid.zoom : grid.zoom]
            assert np.abs(panel.astype(int) - versions[label]).mean() < 3
            # dark letters on paper
            assert decoded[0, top - HEADER : top, left : left + 60].min() < 100


def test_a_slice_is_one_row_over_time_and_the_one_that_moves_most(tmp_path: Path) -> None:
    made = beside(tmp_path)
    for clip in ShownClips.from_json((tmp_path / "clips" / INDEX).read_text()).clips:
        versions = made[clip.name]
        truth = versions["ground truth"].astype(int)
        moved = np.abs(np.diff(truth, axis=0)).sum(axis=(0, 2, 3))
        assert clip.row == moved.argmax() and clip.why == "the row that moves most"
        sheet = read_image(tmp_path / "clips" / clip.slice)
        down, across = scale_of(clip.frames, clip.width)
        for index, label in enumerate(LABELS):
            top = HEADER + index * (clip.frames * down + GAP)
            line = sheet[top : top + clip.frames * down : down, LABEL::across]
            assert np.array_equal(line, versions[label][:, clip.row])


def test_a_strip_holds_four_frames_the_first_and_the_last_among_them(tmp_path: Path) -> None:
    versions = beside(tmp_path)["b"]
    sheet = read_image(tmp_path / "clips/b_strip.png")
    (count, height, width, _), zoom = versions["vgg"].shape, 4
    shown = [0, 3, 6, 9]
    assert count == 10 and sheet.shape[1] == LABEL + 4 * (width * zoom + GAP) - GAP
    for index, label in enumerate(LABELS):
        top = HEADER + index * (height * zoom + GAP)
        for place, number in enumerate(shown):
            left = LABEL + place * (width * zoom + GAP)
            frame = sheet[top : top + height * zoom : zoom, left : left + width * zoom : zoom]
            assert np.array_equal(frame, versions[label][number])


def test_the_same_clips_give_the_same_pictures_and_index_and_a_video_alike(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        beside(folder)
    for path in (first / "clips").iterdir():
        other = second / "clips" / path.name
        if path.suffix == ".mp4":
            decoded = [np.stack(list(frames(file))).astype(int) for file in (path, other)]
            assert np.abs(decoded[0] - decoded[1]).mean() < 1
        else:
            assert path.read_bytes() == other.read_bytes()


def test_a_still_is_the_truth_of_every_frame_and_a_large_clip_is_cut(tmp_path: Path) -> None:
    still = drifting(1, 300, 310)
    dark = np.repeat(still // 4, 3, axis=0)
    dark[:, 200:, 250:] = 0
    targets = stored(tmp_path, "target", {("test", "scene"): still})
    runs = [kept(tmp_path, loss, {"scene": clip}) for loss, clip in (("noisy_input", dark), ("original", dark * 2))]
    compare_clips.main(spec(("noisy_input", "original"), 1), "code", targets, runs, tmp_path / "clips")
    (clip,) = json.loads((tmp_path / "clips" / INDEX).read_text())["clips"]
    assert clip["why"] == "nothing moves, the row with most detail"
    assert clip["part"] == {"top": 40, "left": 48, "height": 256, "width": 256}
    decoded = next(frames(tmp_path / "clips/scene.mp4"))
    top, left = Grid(3, 256, 256).place(2)
    panel = decoded[top : top + 256, left : left + 256].astype(int)
    assert np.abs(panel - still[0, 40:296, 48:304]).mean() < 3


@pytest.mark.parametrize("wrong", ["missing", "damaged", "short"])
def test_a_kept_clip_that_does_not_fit_is_named(tmp_path: Path, wrong: str) -> None:
    runs = [kept(tmp_path, label, {"a": drifting(3, 20, 24)}) for label in LABELS[:2]]
    targets = stored(tmp_path, "target", {("test", "a"): drifting(3, 20, 24)})
    file = tmp_path / "original_pictures/a.npy"
    if wrong == "missing":
        file.unlink()
    elif wrong == "damaged":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        np.save(file, np.load(file)[:2])
    with pytest.raises(UserError, match=r"a\.npy can't be read|clip 'a': original has \(2, .*rerun"):
        compare_clips.main(spec(LABELS[:2]), "code", targets, runs, tmp_path / "clips")
    assert not (tmp_path / "clips" / INDEX).exists()
