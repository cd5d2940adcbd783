"""Prepared clips: what is scored, stills as targets, and clips that are too short."""

import numpy as np
import pytest

from lossbench.errors import UserError
from lossbench.video import clips


def test_the_first_85_frames_are_scored_at_most() -> None:
    clip = np.arange(100).reshape(100, 1, 1, 1)
    assert clips.SCORED_FRAMES == 85
    assert np.array_equal(clips.scored(clip), clip[:85]) and len(clips.scored(clip[:7])) == 7
    assert len(clips.scored(clip, 3)) == 3


def test_a_still_is_the_target_of_every_frame_and_is_not_copied() -> None:
    still = np.arange(12).reshape(1, 2, 2, 3)
    found = clips.truth(still, 5)
    assert found.shape == (5, 2, 2, 3) and np.shares_memory(found, still) and (found == still).all()
    clip = np.zeros((4, 2, 2, 3))
    assert np.shares_memory(clips.truth(clip, 4), clip)
    with pytest.raises(ValueError, match="4 frames are no target of 5"):
        clips.truth(clip, 5)


def test_a_clip_that_is_too_short_is_named() -> None:
    clips.require_frames("bikes_1", 5, 5)
    with pytest.raises(UserError, match="clip 'bikes_6' has 8 frames, 13 are needed; give a longer clip or remove it"):
        clips.require_frames("bikes_6", 8, 13)
