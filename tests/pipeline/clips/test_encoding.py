"""Frames to a video file: how, by what where that is not there, and what of them comes back."""

from pathlib import Path

import av
import numpy as np
import pytest
from _clips import drifting

from lossbench.errors import UserError
from lossbench.formats.video import frames
from pipeline.clips import encoding


@pytest.mark.parametrize("first", range(3), ids=[one.name for one in encoding.ENCODERS])
def test_what_is_encoded_comes_back_whichever_encoder_there_is(
    tmp_path: Path, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = encoding.Encoder("no_such_encoder", "nothing", {})
    monkeypatch.setattr(encoding, "ENCODERS", (absent, *encoding.ENCODERS[first:]))
    clip = drifting(5, 48, 64)
    used = encoding.write_video(tmp_path / "a.mp4", list(clip), 10)
    assert used.codec == ("H.264", "VP9", "MPEG-4 part 2")[first]
    assert np.abs(np.stack(list(frames(tmp_path / "a.mp4"))).astype(int) - clip).mean() < 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.pix_fmt, stream.frames, stream.average_rate) == ("yuv420p", 5, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_without_an_encoder_one_line_says_so_and_no_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "ENCODERS", encoding.ENCODERS[:0])
    with pytest.raises(UserError, match=r"encodes no video.*install PyAV"):
        encoding.write_video(tmp_path / "a.mp4", list(drifting(2, 16, 16)), 10)
    assert not list(tmp_path.iterdir())


def test_odd_sides_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="15 x 16 pixels"):
        encoding.write_video(tmp_path / "a.mp4", list(drifting(2, 15, 16)), 10)
