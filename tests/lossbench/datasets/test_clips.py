"""The embedded clips: which frames of which file, no shot in two splits."""

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench import datasets
from lossbench.datasets import Source, Streamed, clips
from lossbench.datasets._clips import reduced
from lossbench.formats import video


def test_the_shots_are_four_one_and_two() -> None:
    found = clips.DATASET.locate(None)
    assert {split: [source.name for source in sources] for split, sources in found.items()} == {
        "train": ["bigbuckbunny", "bikes_1", "bikes_2", "bikes_3"],
        "val": ["bikes_4"],
        "test": ["bikes_5", "carphone"],
    }
    assert datasets.missing("clips", None) is None
    spans = sorted(span for shots in clips.SHOTS.values() for span in shots.values())
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans))
    assert sum(stop - first for _, first, stop in spans) == 494


def test_the_frames_of_a_shot_are_those_of_its_file() -> None:
    second = clips.DATASET.locate(None)["train"][2]
    ours = list(islice(stream(second), 2))
    theirs = list(reduced(video.frames(second.path, 29, 32), clips.SHORT_SIDE))
    assert ours[0].shape == (144, 339, 3) and np.array_equal(ours, theirs[1:])
    # what follows the cut is another shot
    before, after = (np.abs(a.astype(float) - b).mean() for a, b in ((theirs[1], theirs[0]), (theirs[1], theirs[2])))
    assert before > 5 * after


def test_a_whole_file_is_a_shot_too() -> None:
    carphone = clips.DATASET.read(clips.DATASET.locate(None)["test"][1])
    assert carphone.shape == (120, 144, 176, 3)


def stream(source: Source) -> Iterator[NDArray[Any]]:
    assert isinstance(clips.DATASET, Streamed)
    return clips.DATASET.frames(source)
