"""Clips made of photographs: windows that move in a straight line, within the picture."""

import numpy as np
import pytest

from lossbench import datasets
from lossbench.datasets import Streamed, generic_photographs, panned_photographs


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_window_moves_over_each_photograph(split: str) -> None:
    found = datasets.load("panned_photographs").locate(None)[split]
    assert [source.name for source in found] == [
        source.name for source in generic_photographs.DATASET.locate(None)[split]
    ]
    assert isinstance(panned_photographs.DATASET, Streamed)
    for source in found[:2]:
        frames = list(panned_photographs.DATASET.frames(source))
        side = panned_photographs.SIDE
        assert {frame.shape for frame in frames} == {(side, side, 3)} and len(frames) == panned_photographs.FRAMES
        assert any(not np.array_equal(frames[0], frame) for frame in frames[1:])
        again = list(panned_photographs.DATASET.frames(source))
        assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
