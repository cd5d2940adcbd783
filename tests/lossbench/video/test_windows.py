"""Frames that a window holds, by their indices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossbench.errors import UserError
from lossbench.video.windows import all_windows, around, check_even, consecutive, frames_for, mirrored


def test_the_frames_beside_the_ends_are_mirrored_and_the_ends_not_repeated() -> None:
    assert all_windows(6, 5) == [
        (2, 1, 0, 1, 2),
        (1, 0, 1, 2, 3),
        (0, 1, 2, 3, 4),
        (1, 2, 3, 4, 5),
        (2, 3, 4, 5, 4),
        (3, 4, 5, 4, 3),
    ]


def test_a_clip_shorter_than_the_window_goes_forth_and_back() -> None:
    assert all_windows(2, 5) == [(0, 1, 0, 1, 0), (1, 0, 1, 0, 1)]
    assert around(0, 3, 7) == (1, 2, 1, 0, 1, 2, 1)


@given(st.integers(-200, 200), st.integers(2, 9))
def test_what_is_mirrored_moves_by_one_frame_at_a_time(index: int, count: int) -> None:
    here, there = mirrored(index, count), mirrored(index + 1, count)
    assert 0 <= here < count
    assert abs(here - there) == 1


def test_a_clip_of_one_frame_has_none_to_mirror() -> None:
    assert around(0, 1, 1) == (0,)
    with pytest.raises(UserError, match="a clip of one frame has none to mirror at its ends; give 2 or more"):
        around(0, 1, 3)


@given(st.integers(1, 40), st.integers(0, 5))
def test_consecutive_outputs_need_the_frames_of_their_windows_and_no_more(outputs: int, half: int) -> None:
    window = 2 * half + 1
    count = frames_for(outputs, window)
    found = consecutive(outputs, window)
    assert len(found) == outputs
    assert {frame for each in found for frame in each} == set(range(count))
    # as in a clip of that length, away from its ends
    assert [tuple(each) for each in found] == [around(half + i, count, window) for i in range(outputs)]


def test_four_frames_of_fastdvdnet_need_eight() -> None:
    assert frames_for(4, 5) == 8
    assert list(map(list, consecutive(2, 3))) == [[0, 1, 2], [1, 2, 3]]


@pytest.mark.parametrize("window", [0, 2, -1])
def test_a_window_without_a_middle_is_refused(window: int) -> None:
    for call in (lambda: around(0, 9, window), lambda: frames_for(2, window), lambda: consecutive(2, window)):
        with pytest.raises(UserError, match=f"window: {window} frames have no middle one"):
            call()


def test_less_than_one_output_is_refused() -> None:
    with pytest.raises(UserError, match="outputs: 0; give 1 or more"):
        frames_for(0, 5)


@pytest.mark.parametrize(("outputs", "remedy"), [(0, "give 2"), (1, "give 2"), (5, "give 4 or 6")])
def test_a_loss_of_video_takes_even_numbers_of_frames(outputs: int, remedy: str) -> None:
    assert check_even(4) == 4
    with pytest.raises(UserError, match=f"outputs: {outputs} frames; .* pairs of frames, {remedy}$"):
        check_even(outputs)
