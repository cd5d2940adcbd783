"""Video files: the right frames, all their bits, or one line that names the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from _videos import moving, write_frames, write_video
from numpy.typing import NDArray

from lossbench.errors import UserError
from lossbench.formats import video

Y4M = b"YUV4MPEG2 W6 H4 F25:1 Ip A1:1 C444\n"


def read(path: Path, **keywords: Any) -> NDArray[Any]:
    return np.stack(list(video.frames(path, **keywords)))


@pytest.mark.parametrize("count", [1, 5, 6])
def test_frames_come_as_they_were_written_whatever_their_number(tmp_path: Path, count: int) -> None:
    frames = moving(count, 47, 63)
    found = read(write_video(tmp_path / "a.mkv", frames))
    assert found.dtype == np.uint8 and np.array_equal(found, frames)


def test_a_part_of_the_frames_is_that_part(tmp_path: Path) -> None:
    frames = moving(8)
    path = write_video(tmp_path / "a.mkv", frames)
    assert np.array_equal(read(path, first=3), frames[3:])
    assert np.array_equal(read(path, first=2, stop=5), frames[2:5])
    assert len(read(path, stop=8)) == 8


def test_no_more_frames_are_decoded_than_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mkv", moving(8))
    decoded: list[int] = []
    upright = video._upright

    def counted(pixels: Any, frame: Any, path: Path) -> Any:
        decoded.append(frame.pts)
        return upright(pixels, frame, path)

    monkeypatch.setattr(video, "_upright", counted)
    found = video.frames(path)
    assert isinstance(found, Iterator)
    next(found)
    next(found)
    assert len(decoded) == 2


def test_frames_of_uneven_times_are_neither_doubled_nor_left_out(tmp_path: Path) -> None:
    frames = moving(5)
    path = write_video(tmp_path / "a.mkv", frames, times=(0, 40, 50, 400, 1000))
    assert np.array_equal(read(path), frames)


def test_ten_bits_are_scaled_to_sixteen(tmp_path: Path) -> None:
    levels = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    frame = np.stack([levels, levels[::-1], np.full_like(levels, 1023)], axis=-1)
    found = read(write_video(tmp_path / "a.mkv", [frame << 6], stored="gbrp10le"))
    assert found.dtype == np.uint16
    assert np.abs(found[0] - frame * (65535 / 1023)).max() <= 1


def test_luma_and_chroma_of_ten_bits_are_those_of_eight_in_more_levels(tmp_path: Path) -> None:
    smooth = np.stack(np.broadcast_arrays(np.arange(64)[None] * 4, np.arange(48)[:, None] * 5, 90), -1).astype(np.uint8)
    eight, ten = (
        read(write_video(tmp_path / f"{stored}.mkv", [smooth], stored=stored)) for stored in ("yuv444p", "yuv444p10le")
    )
    assert ten.dtype == np.uint16
    assert np.abs(ten / 257 - smooth).max() < 2.5 and np.abs(ten / 257 - eight).max() < 2.5


def test_the_matrix_that_a_file_names_makes_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    for name, expected in (("bt709", 1), ("smpte170m", 6)):
        write_video(path, [np.full((16, 16, 3), 100, np.uint8)], stored="yuv444p")
        # pure chroma, told to be of either matrix
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv444p"
            stream.codec_context.colorspace = expected
            frame = av.VideoFrame.from_ndarray(
                np.stack([np.full((16, 16), level, np.uint8) for level in (81, 90, 240)]), format="yuv444p"
            )
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        green = int(read(path)[0, 0, 0, 1])
        # (81 - 16) * 1.164 - (90 - 128) * kb - (240 - 128) * kr
        kb, kr = {"bt709": (0.213, 0.533), "smpte170m": (0.392, 0.813)}[name]
        assert green == pytest.approx(max(0, 65 * 1.164 + 38 * kb - 112 * kr), abs=2)


@pytest.mark.parametrize("turn", [90, 180, 270, -90])
def test_frames_are_turned_as_the_file_says(tmp_path: Path, turn: int) -> None:
    frames = moving(2)
    path = write_video(tmp_path / "a.mov", frames, "png", "rgb24", rotation=turn)
    assert np.array_equal(read(path), np.rot90(frames, turn // 90, axes=(1, 2)))


def test_another_turn_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mov", moving(2), "png", "rgb24", rotation=30)
    with pytest.raises(UserError, match=r"a\.mov is to be shown turned by some \d+ degrees; encode it upright"):
        read(path)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mpg", "mpeg2video")])
def test_an_interlaced_file_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    options = {"x264-params": "tff=1"} if codec == "libx264" else {"flags": "+ildct+ilme"}
    path = write_video(tmp_path / name, moving(4), codec, "yuv420p", options=options)
    with pytest.raises(UserError, match=rf"{name} is interlaced \(frame 0\).*make frames of its fields first"):
        read(path)


@pytest.mark.parametrize(
    ("name", "codec", "stored"),
    [
        ("end.mp4", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, name: str, codec: str, stored: str, share: float) -> None:
    path = write_video(tmp_path / name, moving(10), codec, stored)
    assert len(read(path)) == 10
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=rf"{name} is (not a readable video|cut short)") as caught:
        read(path)
    assert "get or encode the file again" in str(caught.value) and "\n" not in str(caught.value)


def test_a_damaged_frame_is_not_made_up(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving(10), "libx264", "yuv420p", options={"bf": "0", "g": "1"})
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.mp4 is not a readable video \(damaged"):
        read(path)


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{height}.mpg", moving(3, height, 64), "mpeg2video", "yuv420p").read_bytes()
        for height in (48, 32)
    ]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(parts))
    with pytest.raises(UserError, match=r"both\.mpg: frame \d has 32 x 64 pixels .* where frame 0 has 48 x 64"):
        read(path)


def test_a_clip_that_is_too_short_is_named_with_both_numbers(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", moving(3))
    assert len(read(path, least=3)) == 3
    with pytest.raises(UserError, match=r"a\.mkv: 3 frames from frame 0 on, 5 are needed; give a longer clip"):
        read(path, least=5)
    with pytest.raises(UserError, match=r"a\.mkv: 2 frames from frame 1 on, 4 are needed"):
        read(path, first=1, stop=5)


def test_raw_frames_are_read_and_a_part_of_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.y4m"
    path.write_bytes(Y4M + b"".join(b"FRAME\n" + bytes([level]) * 24 + b"\x80" * 48 for level in (16, 126, 235)))
    found = read(path)
    assert found.shape == (3, 4, 6, 3) and found[[0, 1, 2], 0, 0, 0].tolist() == [0, 128, 255]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"a\.y4m is (not a readable video|cut short)"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>", "it is a web page"),
        (b"no video at all " * 99, r"damaged or cut short: Invalid data"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.mp4 is not .*{message}"):
        read(path)
    with pytest.raises(UserError, match=r"b\.mp4 is missing"):
        read(tmp_path / "b.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UserError, match=r"a\.mkv is not a readable video \(it has no video\)"):
        read(path)


def test_a_name_with_a_colon_or_a_sign_of_numbering_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http:a.mkv", "a%03d.mkv"):
        assert len(read(write_video(tmp_path / name, moving(2)).relative_to(tmp_path))) == 2


def test_without_the_library_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mkv", moving(2))

    def absent(name: str) -> None:
        raise ModuleNotFoundError(name, name="av")

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(UserError, match=r'reading .*a\.mkv needs the package av; install it by `pip install "lossb'):
        read(path)


def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving(50), "mpeg4", "yuv420p")
    content = bytearray(path.read_bytes())
    # the duration of the one edit, in milliseconds
    place = content.index(b"elst") + 12
    content[place : place + 4] = (int.from_bytes(content[place : place + 4]) // 2).to_bytes(4)
    path.write_bytes(content)
    assert 20 <= len(read(path)) < 50


def test_a_last_frame_may_be_held_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "bgr0"
        packets = [
            packet
            for pixels in moving(4)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        ]
        packets += stream.encode()
        packets[-1].duration *= 200
        for packet in packets:
            container.mux(packet)
    assert len(read(path)) == 4


def test_a_picture_by_another_name_is_no_video(tmp_path: Path) -> None:
    write_frames(tmp_path, moving(1))
    (tmp_path / "00000.png").rename(tmp_path / "a.mp4")
    with pytest.raises(UserError, match=r"a\.mp4 is not a readable video \(it is a picture\)"):
        read(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"")
    with pytest.raises(UserError, match=r"b\.mp4 is not a readable video \(it is empty\)"):
        read(tmp_path / "b.mp4")
