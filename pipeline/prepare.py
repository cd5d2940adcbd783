"""Stage prepare, first step: decode a data set once, into memory-mapped arrays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lossbench import datasets
from lossbench.datasets import Dataset, Source, Streamed, read_source, stream_source
from lossbench.images import stored_grey
from pipeline.command import run
from pipeline.learning.lock import exclusive
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.specs.prepare import PrepareSpec


def main(spec: PrepareSpec, code: str, output: Path) -> None:
    """Write `target.npy` and `target.json` of the data set to `output`.

    Raises UserError naming the file and its split when one is missing, damaged or not the catalogued one, and for a
    full disk.
    """
    dataset = datasets.load(spec.dataset)
    splits = datasets.located(dataset, Path(spec.root) if spec.root else None)
    total = sum(len(sources) for sources in splits.values())

    def entries() -> Iterator[Entry]:
        done = 0
        for split, sources in splits.items():
            for source in sources:
                pixels, grey = _pixels(dataset, source, split)
                yield Entry(
                    source.name,
                    split,
                    pixels,
                    source.path.name,
                    source.licence,
                    picture=source.picture,
                    group=source.group,
                    place=source.place,
                    grey=grey,
                )
                done += 1
                if done % 50 == 0 or done == total:
                    print(f"prepare/{spec.dataset}  {done}/{total} files", flush=True)

    with exclusive(output):
        write_arrays(output, "target", entries(), {"dataset": spec.dataset, "code": code})


def _pixels(dataset: Dataset, source: Source, split: str) -> tuple[NDArray[Any] | Iterator[NDArray[Any]], bool]:
    """Return a picture and whether it is of one band, or a clip frame by frame."""
    if isinstance(dataset, Streamed):
        return stream_source(dataset.frames, source, split), False
    pixels = read_source(dataset.read, source, split)
    return pixels, stored_grey(source.path, pixels)


if __name__ == "__main__":
    run(main)
