"""Videos and folders of frames: frame by frame what the library gives, with the times and the sound of the source."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from _models import Verb, levels, save_model
from _videos import moving, write_frames, write_video
from numpy.typing import NDArray

from lossbench.formats import png, video
from lossbench.formats.video_writing import times
from lossbench.images import read_picture
from lossbench.video.restore import Settings, clip_restorer

SMALL = {"channels": 4, "frame_channels": 6}


@pytest.fixture
def denoiser(tmp_path: Path) -> Path:
    return save_model(tmp_path / "fastdvdnet.safetensors", "fastdvdnet", SMALL)


def expected(model: Path, frames: list[NDArray[Any]], sigma: float) -> list[NDArray[Any]]:
    restored = clip_restorer("fastdvdnet", SMALL, model, Settings(), 1)
    given = (frame.astype(np.float32) / 255 for frame in frames)
    return [np.rint(frame * 255).astype(int) for frame in restored(given, sigma / 255)]


def alike(found: list[NDArray[Any]], wanted: list[NDArray[Any]]) -> bool:
    return all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(found, wanted, strict=True))


def test_a_folder_of_frames_is_a_clip_to_a_network_of_clips(tmp_path: Path, denoiser: Path, restore: Verb) -> None:
    frames = moving(6, 20, 24)
    write_frames(tmp_path / "clips" / "one", frames)
    write_frames(tmp_path / "clips" / "two", moving(5, 20, 24, seed=1))
    command = (tmp_path / "clips", tmp_path / "out", "--model", denoiser, "--sigma", "25")
    found = restore.json(*command)
    assert [(Path(row["output"]).name, row["frames"]) for row in found["made"]] == [("one", 6), ("two", 5)]
    results = [read_picture(path).pixels for path in sorted((tmp_path / "out" / "one").iterdir())]
    assert alike(results, expected(denoiser, frames, 25))
    assert len(restore.json(*command)["kept"]) == 2
    # a frame fewer in the result, and then in the source
    for removed in ("out/one/00003.png", "clips/one/00002.png"):
        (tmp_path / removed).unlink()
        assert [Path(row["output"]).name for row in restore.json(*command)["made"]] == ["one"]
    assert not (tmp_path / "out/one/00002.png").exists()
    assert len(restore.json(*command)["kept"]) == 2
    assert "was made otherwise" in restore.error(*command[:-1], "50")


def test_a_network_of_clips_takes_a_video_and_is_told_the_noise(tmp_path: Path, denoiser: Path, restore: Verb) -> None:
    frames = moving(5, 20, 24)
    source = write_video(tmp_path / "a.mkv", frames)
    assert "is told the noise; give --sigma" in restore.error(source, tmp_path / "b.mkv", "--model", denoiser)
    restore(source, tmp_path / "b.mkv", "--model", denoiser, "--sigma", "10")
    assert alike(list(video.frames(tmp_path / "b.mkv")), expected(denoiser, frames, 10))


def test_a_video_is_written_without_loss_or_as_frames(tmp_path: Path, identity: Path, restore: Verb) -> None:
    frames = moving(5)
    source = write_video(tmp_path / "in" / "a.mkv", frames, times=[0, 40, 100, 180, 200])
    restore(tmp_path / "in", tmp_path / "out", "--model", identity, "--video", "mkv")
    np.testing.assert_array_equal(list(video.frames(tmp_path / "out" / "a.mkv")), frames)
    assert times(tmp_path / "out" / "a.mkv") == times(source) == [0, 40, 100, 180, 200]
    command = (source, tmp_path / "out", "--model", identity, "--video", "png")
    assert restore(*command) == f"made {tmp_path / 'out' / 'a'} (64 x 48, 5 frames)\n"
    files = sorted((tmp_path / "out" / "a").iterdir())
    np.testing.assert_array_equal([read_picture(path).pixels for path in files], frames)
    assert restore(*command).startswith("kept")


def test_frames_of_a_video_are_one_result(tmp_path: Path, identity: Path, restore: Verb) -> None:
    source = write_video(tmp_path / "a.mkv", moving(4, 16, 16))
    command = (source, tmp_path / "out", "--model", identity, "--video", "png")
    restore(*command)
    # what a killed run was writing is none of them
    (tmp_path / "out" / "a" / ".00001.4321.partial.png").write_bytes(png.SIGNATURE)
    assert restore(*command).startswith("kept")
    write_video(source, moving(2, 16, 16, seed=1))
    assert restore(*command).startswith("made")
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["00000.png", "00001.png"]
    assert restore(*command).startswith("kept")
    foreign = tmp_path / "out" / "a" / "mine.png"
    png.write_levels(foreign, levels(4, 4))
    assert "mine.png is there and is none of" in restore.error(*command)
    assert f"{foreign} is no frame of lossbench restore's; move it" in restore.error(*command, "--overwrite")


def test_frames_and_pictures_of_one_folder_are_named(tmp_path: Path, identity: Path, restore: Verb) -> None:
    source = write_video(tmp_path / "in" / "a.mkv", moving(2, 16, 16))
    write_frames(tmp_path / "in" / "a", moving(2, 16, 16))
    out = tmp_path / "out"
    line = restore.error(tmp_path / "in", out, "--model", identity, "--video", "png")
    assert line.startswith(f"{source} becomes {out / 'a'}, where the result of {tmp_path / 'in/a/00000.png'} is to go")
    assert not out.exists()


def test_all_bits_of_a_video_are_kept_without_loss(tmp_path: Path, identity: Path, restore: Verb) -> None:
    frames = [levels(16, 18, deep=True, seed=number) for number in range(3)]
    source = write_video(tmp_path / "a.mkv", frames, stored="gbrp16le")
    restore(source, tmp_path / "b.mkv", "--model", identity)
    np.testing.assert_array_equal(list(video.frames(tmp_path / "b.mkv")), frames)


@pytest.mark.parametrize("height", [48, 47])
def test_by_default_a_video_becomes_one_that_players_take(
    tmp_path: Path, height: int, identity: Path, restore: Verb
) -> None:
    rows = np.arange(height)[:, None, None] * 3
    smooth = [np.broadcast_to(rows + 10 * number, (height, 64, 3)).astype(np.uint8) for number in range(4)]
    source = write_video(tmp_path / "in" / "a.mkv", smooth)
    command = (source, tmp_path / "out", "--model", identity)
    (tmp_path / "out").mkdir()
    restore(*command)
    result = tmp_path / "out" / "a.mp4"
    with av.open(str(result)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 25)
    found = np.stack(list(video.frames(result))).astype(int)
    assert np.abs(found - np.stack(smooth)).mean() < 2
    assert restore(*command).startswith("kept")
    result.write_bytes(result.read_bytes()[:200])
    assert f"{result} is there and is none of lossbench restore's, or not whole" in restore.error(*command)
    assert restore(*command, "--overwrite").startswith("made")


def test_sound_is_carried(tmp_path: Path, identity: Path, restore: Verb) -> None:
    source = tmp_path / "a.mkv"
    with av.open(str(source), "w") as container:
        pictures, sound = container.add_stream("ffv1", rate=25), container.add_stream("flac", rate=8000)
        pictures.height, pictures.width, pictures.pix_fmt = 16, 16, "bgr0"  # type: ignore[attr-defined]
        for number in range(5):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(levels(16, 16, seed=number), format="rgb24")))  # type: ignore[attr-defined]
            part = av.AudioFrame.from_ndarray(np.full((1, 320), number * 100, np.int16), "s16", "mono")
            part.rate, part.pts, part.time_base = 8000, 320 * number, Fraction(1, 8000)
            container.mux(sound.encode(part))  # type: ignore[attr-defined]
        for stream in (pictures, sound):
            container.mux(stream.encode())  # type: ignore[attr-defined]
    restore(source, tmp_path / "b.mp4", "--model", identity)
    heard = []
    for path in (source, tmp_path / "b.mp4"):
        with av.open(str(path)) as container:
            heard.append(np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1))
    np.testing.assert_array_equal(*heard)


def test_sound_that_mp4_does_not_take_is_said(tmp_path: Path, identity: Path, restore: Verb) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        pictures, sound = container.add_stream("ffv1", rate=25), container.add_stream("pcm_s16le", rate=8000)
        pictures.height, pictures.width, pictures.pix_fmt = 16, 16, "bgr0"  # type: ignore[attr-defined]
        container.mux(pictures.encode(av.VideoFrame.from_ndarray(levels(16, 16), format="rgb24")))  # type: ignore[attr-defined]
        part = av.AudioFrame.from_ndarray(np.zeros((1, 320), np.int16), "s16", "mono")
        part.rate = 8000
        container.mux(sound.encode(part))  # type: ignore[attr-defined]
        container.mux(pictures.encode())  # type: ignore[attr-defined]
    notes = restore.json(tmp_path / "a.mkv", tmp_path / "b.mp4", "--model", identity)["notes"]
    assert "its sound (pcm_s16le) is left out, which MP4 does not take; --video mkv keeps it" in notes[0]


def test_clips_that_can_not_be_restored_are_named(tmp_path: Path, denoiser: Path, restore: Verb) -> None:
    model = ("--model", denoiser, "--sigma", "10")
    frames = write_frames(tmp_path / "clip", moving(3, 20, 24))
    one = frames / "00000.png"
    assert "is one picture, the network restores clips" in restore.error(one, tmp_path / "out", *model)
    png.write_levels(frames / "00002.png", levels(20, 22))
    line = restore.error(frames, tmp_path / "out", *model)
    assert "00002.png: 20 x 22 pixels" in line and "replace the frame" in line
    for number in (1, 2):
        (frames / f"0000{number}.png").unlink()
    assert f"{frames}: 1 frames, the network needs 2" in restore.error(frames, tmp_path / "out2", *model)


def test_places_of_a_video_are_checked(tmp_path: Path, identity: Path, restore: Verb) -> None:
    source = write_video(tmp_path / "a.mkv", moving(2, 16, 16))
    model = ("--model", identity)
    assert "a video is written to .mp4 or .mkv, or to a folder" in restore.error(source, tmp_path / "b.avi", *model)
    line = restore.error(source, tmp_path / "b.mp4", *model, "--video", "mkv")
    assert line == f"--video mkv: {tmp_path / 'b.mp4'} ends in .mp4; leave one of both out"
    upper = tmp_path / "B.MKV"
    restore(source, upper, *model)
    assert restore(source, upper, *model).startswith("kept")
    assert "was made otherwise" in restore.error(source, upper, *model, "--tile", "64")
    source.write_bytes(source.read_bytes()[:60])
    assert "a.mkv is not a readable video" in restore.error(source, tmp_path / "c.mp4", *model)
    assert not list(tmp_path.glob("*c*.mp4"))
