"""Stage prepare, second step: the degraded inputs of one task, shipped with the data set or made from its targets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lossbench import datasets, tasks
from lossbench.datasets import Source, Streamed, check_pair_sizes, read_source, stream_source
from lossbench.errors import UserError
from lossbench.names import version as versioned
from lossbench.tasks import Pixels
from pipeline.command import run
from pipeline.learning.lock import exclusive
from pipeline.outputs.arrays import Arrays, Entry, Item, write_arrays
from pipeline.specs.prepare import DegradeSpec


def main(spec: DegradeSpec, code: str, targets: Path, output: Path) -> None:
    """Write `low_quality.npy` and `low_quality.json` of the task to `output`, one item a target.

    `targets` is the card of the prepared data. Raises UserError naming both files when a shipped pair does not fit
    together, and for a full disk.
    """
    task = tasks.load(spec.task)
    arrays = Arrays(targets)
    dataset = datasets.load(spec.dataset)
    root = Path(spec.root) if spec.root else None
    # None where the data set ships none for this task
    splits = datasets.located_low_quality(dataset, root, spec.task, task.scale(spec.settings))
    shipped = {(split, source.name): source for split, sources in (splits or {}).items() for source in sources}

    def entries() -> Iterator[Entry]:
        for item in arrays.items:
            whole = arrays.read(item)
            if splits is None:
                yield from _degraded(task, whole, spec, item)
                continue
            if (item.split, item.name) not in shipped:
                raise UserError(f"{item.origin} (split {item.split}) has no low-quality partner")
            source = shipped[item.split, item.name]
            if isinstance(dataset, Streamed):
                stream = stream_source(dataset.frames_low_quality, source, item.split)
                frames = _fitting(task, whole, stream, spec, item, source)
                yield Entry(item.name, item.split, frames, source.path.name, item.licence)
                continue
            stored = read_source(dataset.read_low_quality, source, item.split)
            pixels = _fitted(task, whole, stored, spec, item, source)
            yield Entry(item.name, item.split, pixels, source.path.name, item.licence)

    card = {"dataset": spec.dataset, "task": spec.task, "settings": spec.settings, "code": code}
    with exclusive(output):
        write_arrays(output, "low_quality", entries(), card)


def _degraded(task: tasks.Task, whole: Pixels, spec: DegradeSpec, item: Item) -> Iterator[Entry]:
    """Make what the data set does not ship: one version of a picture, or several where the task asks for them."""
    if whole.dtype != np.uint8 and getattr(task, "EIGHT_BIT", False):
        raise UserError(
            f"{item.origin} (split {item.split}): {8 * whole.dtype.itemsize} bit, and the task '{spec.task}' makes low "
            "quality of 8-bit pictures alone; convert them, or give pairs"
        )
    target = task.reference(whole, spec.settings)
    count = task.versions(spec.settings) if item.split == "train" else 1
    for version in range(count):
        name = versioned(item.name, version)
        # one stream of random numbers an item, so that adding a picture leaves the others as they were
        generator = np.random.default_rng(list(f"{item.split}/{name}".encode()))
        yield Entry(
            name,
            item.split,
            _made(task, target, spec.settings, generator),
            f"{spec.task} of {item.origin}",
            item.licence,
            target=item.name if version else None,
        )


def _made(
    task: tasks.Task, target: Pixels, settings: tasks.TaskSettings, generator: np.random.Generator
) -> Pixels | Iterator[Pixels]:
    if isinstance(task, tasks.StreamedTask):
        return task.degrade_frames(target, settings, generator)
    return task.degrade(target, settings, generator)


def _fitting(
    task: tasks.Task, whole: Pixels, shipped: Iterator[Pixels], spec: DegradeSpec, item: Item, source: Source
) -> Iterator[Pixels]:
    """Give the frames of the partner of a clip, which are of its size and, unless it is a still, of its number."""
    count = 0
    for frame in shipped:
        if count == 0:
            _fitted(task, whole, frame[None], spec, item, source)
        count += 1
        yield frame
    if len(whole) not in (1, count):
        raise UserError(
            f"split {item.split}: {source.path} has {count} frames where {item.origin} has {len(whole)}; get both again"
        )


def _fitted(task: tasks.Task, whole: Pixels, shipped: Pixels, spec: DegradeSpec, item: Item, source: Source) -> Pixels:
    """Return what the data set ships, combined with the target where the task does that, else as it is."""
    try:
        if isinstance(task, tasks.CombiningTask):
            return task.combine(whole, shipped, spec.settings)
        target = task.reference(whole, spec.settings)
        check_pair_sizes(target.shape, shipped.shape, task.scale(spec.settings), (item.origin, str(source.path)))
    except UserError as error:
        raise UserError(f"split {item.split}: {source.path} does not fit {item.origin}: {error}") from None
    return shipped


if __name__ == "__main__":
    run(main)
