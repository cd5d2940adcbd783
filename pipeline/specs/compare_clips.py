"""What the strips, slices and videos of restored clips depend on."""

from pydantic import PositiveInt

from lossbench.records import Strict


class CompareClipsSpec(Strict):
    """Side-by-side clips of one network under all losses."""

    test_set: str
    split: str
    network: str
    trivial: str
    labels: tuple[str, ...]
    """One a folder of restored clips, in the order in which they are shown; the first is the input."""
    clips: PositiveInt
    """How many clips of the split are shown, the first ones."""
